"""What people write on a run: its names, tags and properties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runstudio._metadata import text_of_properties, text_of_tags
from runstudio._run.record import RunRecord


class HasTags(RunRecord):
    """All of it works on ended runs, too."""

    @property
    def display_name(self) -> str:
        return self._document["display_name"]

    @display_name.setter
    def display_name(self, name: str) -> None:
        self._change(display_name=name)

    @property
    def description(self) -> str:
        """Markdown."""
        return self._document["description"]

    @description.setter
    def description(self, text: str) -> None:
        self._change(description=text)

    @property
    def tags(self) -> dict[str, str | None]:
        """As they were when the run was read last; `get_tags` asks."""
        return dict(self._document["tags"])

    @property
    def properties(self) -> dict[str, str]:
        """As they were when the run was read last; `get_properties` asks."""
        return dict(self._document["properties"])

    def tag(self, key: str, value: Any = None) -> None:
        """Set a tag; without a value it is a mere mark."""
        self.set_tags({key: value})

    def set_tags(self, tags: dict[str, Any]) -> None:
        """Add or change tags; the others stay."""
        text = text_of_tags(tags)
        self._act("tags", {"tags": text}, tags={**self.tags, **text})

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags by their keys; unknown ones are passed over."""
        keys = [tags] if isinstance(tags, str) else [*tags]
        left = {key: value for key, value in self.tags.items() if key not in keys}
        self._act("tags/remove", {"keys": keys}, tags=left)

    def get_tags(self) -> dict[str, str | None]:
        """The tags, asked of the server."""
        self._refresh()
        return self.tags

    def add_properties(self, properties: dict[str, Any]) -> None:
        """
        Write properties, each once: the same value again is fine.

        Raises:
            ServiceException: one of them has another value already.
        """
        text = text_of_properties(properties)
        if text:
            self._act("properties", {"properties": text}, properties={**text, **self.properties})

    def get_properties(self) -> dict[str, str]:
        """The properties, asked of the server."""
        self._refresh()
        return self.properties
