"""What could not be brought along, and why: nothing is lost in silence."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class _Entry:
    count: int = 0
    example: str = ""


@dataclass
class Leftovers:
    """Counted by what it is and why; each with one example."""

    _entries: dict[tuple[str, str], _Entry] = field(default_factory=dict)

    def add(self, what: str, why: str, *, example: str = "", count: int = 1) -> None:
        """
        Args:
            what: the kind of thing, in the plural.
            why: a sentence.
            example: the name of one of them.
        """
        entry = self._entries.setdefault((what, why), _Entry(example=example))
        entry.count += count

    def listed(self) -> list[dict[str, str | int]]:
        """For a report: the most frequent first."""
        ordered = sorted(self._entries.items(), key=lambda item: -item[1].count)
        return [
            {"what": what, "count": entry.count, "why": why, "example": entry.example} for (what, why), entry in ordered
        ]
