"""The runs below a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from runstudio import _limits
from runstudio._ids import new_run_id
from runstudio._metadata import text_of_tags
from runstudio._run.finding import find_runs
from runstudio._run.record import RunRecord, unseen
from runstudio.errors import UserErrorException

if TYPE_CHECKING:
    from runstudio._experiment import Experiment
    from runstudio._run.run import Run
    from runstudio._run.script_run import ScriptRun
    from runstudio._script_run_config import ScriptRunConfig


class HasChildren(RunRecord):
    """Each has a status of its own: a completed parent may have children that run or have failed."""

    @property
    def experiment(self) -> Experiment:
        from runstudio._experiment import Experiment  # it makes runs

        document = {"name": self._document["experiment"], "experiment_id": self._document["experiment_id"]}
        return Experiment._of(self._workspace, document)

    _parent: Any  # a run, or one that is only known to have children: this one

    @property
    def parent(self) -> Run | None:
        """The run that this is a child of, read once; None at the top."""
        from runstudio._run.run import Run  # it has children

        parent_id = self._document["parent_run_id"]
        if parent_id is None:
            return None
        if "_parent" not in self.__dict__:
            self._parent = Run.get(self._workspace, parent_id)
        return self._parent

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: str | bool | None = None) -> Run:
        """
        Start a child run that this process logs to, and that ends with it unless it is ended before.

        Args:
            name: what the pages show.
            run_id: an id of your own.
            outputs: a folder to store when the child ends; none when left out.
        """
        from runstudio._run.run import Run  # it has children

        outputs = False if outputs is None else outputs
        child = Run._start(self.experiment, name=name, run_id=run_id, outputs=outputs, parent=self)
        child._parent = self
        return child

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: Sequence[Any] | None = None
    ) -> list[Run]:
        """
        Start many child runs in one request. They end when somebody completes them, here or elsewhere.

        Args:
            count: how many; each gets the tag `azureml.batch_child_number`, from "0" on.
            tag_key, tag_values: or one child for each value of a tag.

        Raises:
            UserErrorException: neither or both, or more than 100.
        """
        from runstudio._run.run import Run  # it has children

        specs = [{"run_id": new_run_id(), "tags": tags} for tags in _batch(count, tag_key, tag_values)]
        if not specs:
            return []
        body = {"experiment": self._document["experiment"], "parent": self.id, "runs": specs}
        answer = self._session.sender.act("POST", "/runs/batch", body)
        known = answer["items"] if answer else [self._unseen_child(spec) for spec in specs]
        children = [Run._of(self._workspace, document, is_of_this_process=True) for document in known]
        for child in children:
            child._parent = self
        return children

    def _unseen_child(self, spec: dict[str, Any]) -> dict[str, Any]:
        return unseen(self._document["experiment"], self._document["workspace"], {**spec, "parent": self.id})

    def submit_child(self, config: ScriptRunConfig, tags: dict[str, Any] | None = None, **kwargs: Any) -> ScriptRun:
        """Submit a script as a child of this run; arguments and errors as of `Experiment.submit`."""
        from runstudio._submission import submit  # it makes runs

        return submit(self.experiment, config, tags, parent=self, **kwargs)

    def get_children(
        self,
        recursive: bool = False,
        tags: str | dict[str, Any] | None = None,
        properties: str | dict[str, Any] | None = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """
        The child runs, the newest first, read as they are asked for.

        Args:
            recursive: those below them as well, at any depth.
            tags, properties, type, status: as of `Run.list`.
        """
        return find_runs(
            self._workspace,
            self._path("children"),
            recursive=recursive or None,
            tags=tags,
            properties=properties,
            type=type,
            status=status,
            rehydrates=_rehydrate_runs,
        )


def _batch(count: int | None, tag_key: str | None, tag_values: Sequence[Any] | None) -> list[dict[str, str | None]]:
    if count is not None and tag_key is None and tag_values is None:
        pairs: list[tuple[str, Any]] = [("azureml.batch_child_number", str(number)) for number in range(count)]
    elif count is None and tag_key is not None and tag_values is not None:
        pairs = [(tag_key, value) for value in tag_values]
    else:
        raise UserErrorException("create_children takes either count, or both tag_key and tag_values.")
    if len(pairs) > _limits.CHILDREN_PER_CALL:
        raise UserErrorException(
            f"create_children makes up to {_limits.CHILDREN_PER_CALL} runs at a time, not {len(pairs):,}. "
            "Call it several times."
        )
    return [text_of_tags({key: value}) for key, value in pairs]
