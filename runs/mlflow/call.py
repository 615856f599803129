"""A request of an MLflow client: its fields, and the run or experiment that they name, refused in MLflow's words."""

import math
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from django.http import HttpRequest

from runs import access, experiments, limits
from runs.access import Caller
from runs.errors import NotFound
from runs.mlflow.errors import Refused, invalid, missing, not_found
from runs.models import Experiment, Run

_LONGEST_QUOTED: Final = 200
_FIELDS_MOST: Final = 10_000  # of a query
_decode = msgspec.json.Decoder().decode


class Call:
    """
    Args:
        caller: who asks; of paths that need no sign-in there is none, and nobody looks.
        request: as it came; its body is not read yet.
        path: what the address names, such as `{"model_id": "m-…"}`.
    """

    __slots__ = ("_body", "_raw", "_run_id", "caller", "method", "path", "request")

    def __init__(self, caller: Caller, request: HttpRequest, path: dict[str, str]) -> None:
        self.caller = caller
        self.request = request
        self.method = request.method
        self.path = path
        self._raw: bytes | None = None
        self._body: dict[str, Any] | None = None
        self._run_id: str | None = None

    @property
    def is_json(self) -> bool:
        return str(self.request.META.get("CONTENT_TYPE", "")).lower().startswith("application/json")

    @property
    def raw(self) -> bytes:
        """
        The whole body.

        Raises:
            Refused: it is larger than a request may be that is no file.
        """
        if self._raw is None:
            # Not `request.body`, which takes no more than a form.
            self._raw = self.request.read(limits.METRIC_BATCH_BYTES + 1)
            if len(self._raw) > limits.METRIC_BATCH_BYTES:
                raise invalid(f"A request holds at most {limits.METRIC_BATCH_BYTES:,} bytes. Send several.")
        return self._raw

    @property
    def body(self) -> dict[str, Any]:
        """The fields. Those of a query are lists of text where they are repeated, else text."""
        if self._body is None:
            self._body = self._of_query() if self.method == "GET" else self._of_json()
        return self._body

    def _of_query(self) -> dict[str, Any]:
        query = self.request.META.get("QUERY_STRING", "")
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=_FIELDS_MOST)
        return {name: given[0] if len(given) == 1 else given for name, given in fields.items()}

    def _of_json(self) -> dict[str, Any]:
        if not self.raw.strip():
            return {}
        if not self.is_json:
            given = self.request.META.get("CONTENT_TYPE") or "nothing"
            raise invalid(f"Bad Request. Content-Type must be application/json, not {given}.")
        try:
            body = _decode(self.raw)
            if isinstance(body, str):
                body = _decode(body)  # old clients encode twice
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise invalid(f"The body is not JSON: {error}.") from None
        if not isinstance(body, dict):
            raise invalid("The body must be a JSON object.")
        return body

    # Fields

    def text(self, *names: str, is_required: bool = True, most: int = limits.MB) -> str:
        """The text of the first of these fields that is there; empty when none is and none is required."""
        for name in names:
            value = self.body.get(name)
            if value is not None and value != "":
                return checked_text(value, name, most=most)
        if is_required:
            raise missing(names[0])
        return ""

    def integer(self, name: str, default: int | None = None) -> int | None:
        """A whole number, which some clients send as text."""
        return integer(self.body.get(name), name, default)

    def objects(self, name: str) -> list[dict[str, Any]]:
        """A list of objects; none when it is left out."""
        given = self.body.get(name)
        if given is None:
            return []
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise wrong(given, name)
        return given

    def texts(self, name: str) -> list[str]:
        """Text, repeated; none when it is left out."""
        given = self.body.get(name)
        if given is None:
            return []
        each = given if isinstance(given, list) else [given]
        return [checked_text(one, name) for one in each]

    def pairs(self, name: str) -> list[tuple[str, Any]]:
        """`[{"key", "value"}]` as pairs, in their order."""
        found = []
        for index, one in enumerate(self.objects(name)):
            if one.get("key") is None:
                raise missing(f"{name}[{index}].key")
            found.append((checked_key(one["key"], f"{name}[{index}].key"), one.get("value")))
        return found

    # What the fields name

    def run(self, *, brief: bool = False) -> Run:
        """The run that `run_id` or `run_uuid` names, deleted or not."""
        run_id = self.run_id
        try:
            return access.run_for(self.caller, run_id, brief=brief)
        except NotFound:
            raise not_found(f"Run with id={run_id} not found") from None

    @property
    def run_id(self) -> str:
        """The run that the request names."""
        return self._run_id or self.text("run_id", "run_uuid")

    def names_run(self, run_id: str | None) -> None:
        """What a decoder of its own found in the body."""
        if not run_id:
            raise missing("run_id")
        self._run_id = checked_text(run_id, "run_id")

    def active_run(self, *, brief: bool = False) -> Run:
        """As `run`; a deleted one is refused."""
        return must_be_active(self.run(brief=brief))

    def experiment(self, *names: str) -> Experiment:
        """The experiment that `experiment_id` names, deleted or not."""
        return experiment_of(self.caller, self.text(*(names or ("experiment_id",))))


def experiment_of(caller: Caller, experiment_id: str) -> Experiment:
    """The experiment of an id; `0` is made when it is asked for."""
    if experiment_id == experiments.DEFAULT_ID:
        return experiments.default(caller.workspace)
    found = experiments.find(caller.workspace, experiment_id)
    if found is None:
        raise not_found(f"No Experiment with id={experiment_id} exists")
    return found


def must_be_active(run: Run) -> Run:
    if run.archived_at is not None:
        raise invalid(f"The run {run.run_id} must be in the 'active' state. Current state is deleted.")
    return run


def experiment_must_be_active(experiment: Experiment) -> Experiment:
    if experiment.archived_at is not None:
        raise invalid(
            f"The experiment {experiment.experiment_id} must be in the 'active' state. Current state is deleted."
        )
    return experiment


def wrong(value: Any, name: str) -> Refused:
    """What MLflow says of a value that does not fit."""
    shown = msgspec.json.encode(value).decode()
    if len(shown) > _LONGEST_QUOTED:
        shown = shown[:_LONGEST_QUOTED] + "…"
    return invalid(f"Invalid value {shown} for parameter '{name}' supplied")


def checked_text(value: Any, name: str, *, most: int = limits.MB) -> str:
    if not isinstance(value, str):
        raise wrong(value, name)
    if len(value) > most:
        raise invalid(f"'{name}' exceeds the maximum length of {most} characters")
    if "\0" in value:
        raise wrong(value, name)
    return value


def checked_key(value: Any, name: str) -> str:
    """The name of a metric, parameter or tag: MLflow's letters, and a path that needs no shortening."""
    key = checked_text(value, name, most=limits.MLFLOW_KEY_LENGTH)
    if not key:
        raise missing(name)
    if not is_key(key):
        raise invalid(
            f"Invalid value {msgspec.json.encode(key).decode()} for parameter '{name}' supplied: names may hold "
            "letters, digits, _, -, ., spaces, : and /, and as a path they must need no shortening "
            "(no / at the beginning or the end, no //, no . or .. between two /)."
        )
    return key


@lru_cache(maxsize=4096)
def is_key(key: str) -> bool:
    """Whether it may name a metric, a parameter or a tag."""
    if len(key) > limits.MLFLOW_KEY_LENGTH or not limits.MLFLOW_KEY.fullmatch(key):
        return False
    return all(part not in ("", ".", "..") for part in key.split("/"))


def integer(value: Any, name: str, default: int | None = None) -> int | None:
    if value is None or value == "":
        return default
    try:
        number = int(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else _whole(value)
    except (ValueError, TypeError, OverflowError):
        raise wrong(value, name) from None
    if not limits.SMALLEST_INTEGER <= number <= limits.LARGEST_INTEGER:
        raise wrong(value, name)
    return number


def _whole(value: Any) -> int:
    if not isinstance(value, float) or not math.isfinite(value) or value != int(value):
        raise ValueError(value)
    return int(value)
