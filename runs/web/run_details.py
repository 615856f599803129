"""What the tab Details shows of a run: its figures, inputs, origin and relatives."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from runs import datasets, lineage, logged_models, logs, registry
from runs.metrics import summaries
from runs.metrics.summaries import SummaryRow
from runs.models import Agent, DatasetUse, Direction, LoggedModel, LogStream, ModelStatus, ModelVersion, Run, ValueKind
from runs.web import sketches
from runs.web.metric_groups import MACHINE
from runs.web.run_logs import FIRST_SHOWN

METRICS_SHOWN = 12
CHILDREN_SHOWN = 6
PARAMETERS_SHOWN = 60
MODELS_SHOWN = 50
DATASETS_SHOWN = 100
FIGURES_SHOWN = 6  # metrics and parameters of a logged model
VALUE_SHOWN = 200  # characters of a parameter or property; a longer one unfolds
TRACEBACK_LINES = 12

# Where clients write down which source a run came from; the first that is there is shown.
_GIT = {
    "branch": ("azureml.git.branch", "mlflow.source.git.branch", "git.branch"),
    "commit": ("azureml.git.commit", "mlflow.source.git.commit", "git.commit"),
    "dirty": ("azureml.git.dirty", "git.dirty"),
    "repository": ("azureml.git.repository_uri", "mlflow.source.git.repoURL"),
}
# What MLflow's clients write into tags about a project, in the order of the page.
_PROJECT = {
    "mlflow.project.entryPoint": gettext_lazy("entry point"),
    "mlflow.project.backend": gettext_lazy("backend"),
    "mlflow.project.env": gettext_lazy("environment"),
    "mlflow.docker.image.name": gettext_lazy("image"),
}


@dataclass(frozen=True)
class Metric:
    """A row of the summary table."""

    summary: SummaryRow
    trend: SafeString

    @property
    def is_text(self) -> bool:
        return self.summary.kind == ValueKind.TEXT

    @property
    def has_extremes(self) -> bool:
        """Truth has none."""
        return self.summary.kind != ValueKind.BOOLEAN


@dataclass(frozen=True)
class Pair:
    """A key with its value as text; `is_long` when it is better unfolded than shown."""

    key: str
    value: str

    @property
    def is_long(self) -> bool:
        return len(self.value) > VALUE_SHOWN

    @property
    def short(self) -> str:
        return self.value[:VALUE_SHOWN]


@dataclass(frozen=True)
class Logged:
    """A logged model as the table shows it: made by the run, at a step, or read by it."""

    model: LoggedModel
    step: int | None
    is_input: bool
    metrics: dict[str, float]  # the latest of each; NaN as such
    first_file: str  # the path of one that can be shown; empty before there is one

    @property
    def figures(self) -> list[tuple[str, float]]:
        return sorted(self.metrics.items())[:FIGURES_SHOWN]

    @property
    def parameters(self) -> list[Pair]:
        return [Pair(key, value) for key, value in sorted(self.model.parameters.items())[:FIGURES_SHOWN]]

    @property
    def more(self) -> int:
        """How many metrics and parameters are left out."""
        return sum(max(0, len(one) - FIGURES_SHOWN) for one in (self.metrics, self.model.parameters))

    @property
    def is_pending(self) -> bool:
        return self.model.status == ModelStatus.PENDING

    @property
    def is_bad(self) -> bool:
        return self.model.status == ModelStatus.FAILED


class Details:
    """Everything beside the head. Looked up when a template asks, as a part of the page asks for little of it."""

    def __init__(self, run: Run) -> None:
        self.run = run

    # Figures

    @cached_property
    def metrics(self) -> list[Metric]:
        """The first metrics by name."""
        found = self._summaries
        chosen = sorted(found)[:METRICS_SHOWN]
        trends = sketches.trends(self.run, [name for name in chosen if found[name].min is not None])
        return [Metric(found[name], trends.get(name, SafeString())) for name in chosen]

    @cached_property
    def metric_count(self) -> int:
        return len(self._summaries)

    @cached_property
    def _summaries(self) -> dict[str, SummaryRow]:
        """Less the machine's own, which have a tab of their own."""
        found = summaries.of([self.run]).get(self.run.pk, {})
        return {name: one for name, one in found.items() if not name.startswith(MACHINE)}

    # What went wrong

    @cached_property
    def error(self) -> dict[str, str]:
        """The message's first line and the rest, the code, the traceback's end, and the whole of it where that is longer."""
        error = self.run.error or {}
        lines = (error.get("traceback") or "").rstrip().splitlines()
        title, _, more = (error.get("message") or "").strip().partition("\n")
        return {
            "title": title,
            "more": more.strip(),
            "code": error.get("code") or "",
            "traceback": "\n".join(lines[-TRACEBACK_LINES:]),
            "whole": "\n".join(lines) if len(lines) > TRACEBACK_LINES else "",
            "lines": str(len(lines)),
        }

    @cached_property
    def log(self) -> LogStream | None:
        """What the script printed, or the first log there is."""
        streams = list(logs.streams(self.run))
        return next((stream for stream in streams if stream.name == FIRST_SHOWN), streams[0] if streams else None)

    # Inputs and origin

    @property
    def parameters(self) -> list[Pair]:
        return [Pair(key, _text(value)) for key, value in sorted(self.run.parameters.items())[:PARAMETERS_SHOWN]]

    @property
    def parameters_hidden(self) -> list[Pair]:
        return [Pair(key, _text(value)) for key, value in sorted(self.run.parameters.items())[PARAMETERS_SHOWN:]]

    @property
    def properties(self) -> list[Pair]:
        return [Pair(key, value) for key, value in sorted(self.run.properties.items())]

    @cached_property
    def models(self) -> list[ModelVersion]:
        """The newest versions of registered models whose files the run keeps, in the order of their making."""
        return list(registry.of_run(self.run).reverse()[:MODELS_SHOWN])[::-1]

    @cached_property
    def logged_models(self) -> list[Logged]:
        """The newest models that the run made and those that it read, in the order of their making."""
        uses = logged_models.of_run(self.run)
        made = list(logged_models.made_by(self.run).reverse()[:MODELS_SHOWN])[::-1]
        read = [use.model for use in uses if use.direction == Direction.INPUT and use.model not in made]
        latest = logged_models.latest_metrics([model.pk for model in (*made, *read)])
        files = logged_models.first_files([model.pk for model in (*made, *read)])
        steps = {use.model_id: use.step for use in uses if use.direction == Direction.OUTPUT}
        return [
            Logged(model, steps.get(model.pk), model in read, latest.get(model.pk, {}), files.get(model.pk, ""))
            for model in (*made, *read[:MODELS_SHOWN])
        ]

    @cached_property
    def datasets(self) -> list[DatasetUse]:
        """What the run read, in the order in which it said so."""
        return datasets.of_run(self.run)[:DATASETS_SHOWN]

    @cached_property
    def agent(self) -> Agent | None:
        """The agent that executes, or last executed, a submitted run."""
        lease = self.run.leases.select_related("agent").order_by("-pk").first() if self.run.is_submitted else None
        return lease.agent if lease else None

    @property
    def environment(self) -> dict[str, Any]:
        """What a submitted script asks to run with: the name, the interpreter, the packages; empty when it asks for nothing."""
        asked = self.run.definition.get("environment") or {}
        conda = asked.get("conda") or {}
        packages = [*(asked.get("requirements") or ())]
        for each in conda.get("dependencies") or () if isinstance(conda, dict) else ():
            packages += (each.get("pip") or ()) if isinstance(each, dict) else [each]
        if not packages and not asked.get("python"):
            return {}
        return {"name": asked.get("name") or "", "python": asked.get("python") or "", "packages": packages}

    @property
    def source(self) -> dict[str, str]:
        """Repository, branch, commit and whether there were changes, as the client found them."""
        found = {name: _first(self.run.properties, keys) or _first(self.run.tags, keys) for name, keys in _GIT.items()}
        return found if found["branch"] or found["commit"] else {}

    @property
    def user(self) -> str:
        """Who ran the script, as MLflow's client found it: a name of the machine's, which need not be one of ours."""
        return self.run.tags.get("mlflow.user") or ""

    @property
    def origin(self) -> dict[str, str]:
        """The script or notebook that logged, as MLflow's client found it, and which of these it is."""
        kind = (self.run.tags.get("mlflow.source.type") or "").lower()
        return {
            "name": self.run.tags.get("mlflow.source.name") or "",
            "kind": "" if kind == "unknown" else kind,
        }

    @property
    def project(self) -> list[tuple[str, str]]:
        """The parts of an MLflow project, each with what it is."""
        return [(str(said), value) for key, said in _PROJECT.items() if (value := self.run.tags.get(key))]

    @property
    def reproduce(self) -> str:
        """The command that submits a script of this kind again; empty for a run that was not submitted."""
        if not self.run.is_submitted or not self.run.script:
            return self.run.definition.get("command", "") if self.run.is_submitted else ""
        words = ["studio", "run", "submit-script", "-e", self.run.experiment.name]
        words += ["--target", self.run.target, self.run.script]
        return shlex.join([*words, *map(_text, self.run.definition.get("arguments", []))])

    @property
    def reading(self) -> str:
        """The run from Python."""
        name = self.run.workspace.name
        return (
            "from runstudio import Run, Workspace\n\n"
            f"run = Run.get(Workspace.get({json.dumps(name)}), {json.dumps(self.run.run_id)})\n"
            "run.get_metrics()"
        )

    # Relatives

    @cached_property
    def relatives(self) -> list[Run]:
        """The first child runs, oldest first."""
        return list(lineage.children(self.run).order_by("pk")[: CHILDREN_SHOWN + 1])

    @property
    def children(self) -> list[Run]:
        return self.relatives[:CHILDREN_SHOWN]

    @property
    def has_more_children(self) -> bool:
        return len(self.relatives) > CHILDREN_SHOWN


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _first(texts: Mapping[str, str | None], keys: tuple[str, ...]) -> str:
    return next((text for key in keys if (text := texts.get(key))), "")
