"""Where imported runs belong: the source's experiments, found at the server or made there."""

from __future__ import annotations

from typing import Any

from runstudio import _limits
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.source import Experiment
from runstudio._transport import Transport, path_of
from runstudio.errors import UserErrorException

_IDENTITY = "imported.id"  # a tag of those that will be archived: their names are free for others then
_NAME_LENGTH = 500


class Experiments:
    """
    Args:
        given: the source's.
    """

    def __init__(self, transport: Transport, given: list[Experiment], left_out: Leftovers) -> None:
        self._transport = transport
        self._given = {each.key: each for each in given}
        self._left_out = left_out
        self._ready: dict[str, str] = {}  # names at the server, by the source's key
        self._active: dict[str, dict[str, Any]] = {}
        self._archived: dict[str, dict[str, Any]] = {}
        for there in transport.pages("/experiments", {"archived": "all"}, limit=1_000):
            identity = there["tags"].get(_IDENTITY)
            if there["archived_at"] is None:
                self._active[there["name"]] = there
            elif identity:
                self._archived[identity] = there

    def ready(self, key: str) -> str:
        """
        The name of an active experiment for a run that is to be made.

        Raises:
            UserErrorException: the source names an experiment that it does not have.
        """
        if key not in self._ready:
            if key not in self._given:
                raise UserErrorException(f"The source has no experiment {key}.")
            given = self._given[key]
            self._ready[key] = (self._of_deleted if given.is_deleted else self._of_active)(given)["name"]
        return self._ready[key]

    def make_empty(self, keys: set[str]) -> None:
        """Make those that have no runs; `keys` are those that have."""
        for key, given in self._given.items():
            is_there = given.name in self._active or given.identity in self._archived
            if key not in keys and not is_there:
                self.ready(key)

    def archive(self) -> None:
        """Archive those that the source calls deleted, once all of their runs are there."""
        for given in self._given.values():
            there = self._active.get(given.name)
            if given.is_deleted and there is not None and there["tags"].get(_IDENTITY) == given.identity:
                self._transport.post(path_of("experiments", there["experiment_id"], "archive"))

    def _of_active(self, given: Experiment) -> dict[str, Any]:
        return self._active.get(given.name) or self._make(given, given.tags)

    def _of_deleted(self, given: Experiment) -> dict[str, Any]:
        there = self._active.get(given.name)
        if there is not None and there["tags"].get(_IDENTITY) != given.identity:
            why = "An active experiment has the name of a deleted one; its runs came there, as archived ones."
            self._left_out.add("experiments", why, example=given.name)
            return there
        if there is None and given.identity in self._archived:
            found = self._archived[given.identity]["experiment_id"]
            there = self._active[given.name] = self._transport.post(path_of("experiments", found, "restore"))
        return there or self._make(given, {**given.tags, _IDENTITY: given.identity})

    def _make(self, given: Experiment, tags: dict[str, str]) -> dict[str, Any]:
        """Tags and description as far as they fit; they are few, and were made by people."""
        if not 0 < len(given.name) <= _NAME_LENGTH:
            raise UserErrorException(f"An experiment's name has 1 to {_NAME_LENGTH} characters, not {len(given.name)}.")
        fitting = {
            key: value
            for key, value in tags.items()
            if 0 < len(key) <= _limits.KEY_LENGTH and len(value) <= _limits.TAG_VALUE_LENGTH and key == key.strip()
        }
        for key in tags.keys() - fitting.keys():
            self._left_out.add("tags of experiments", "Longer than the server keeps.", example=key[:80])
        body = {"name": given.name, "any_name": True, "tags": fitting}
        if given.description:
            body["description"] = given.description[: _limits.DESCRIPTION_LENGTH]
        made = self._transport.post("/experiments", body)
        self._active[given.name] = made
        return made
