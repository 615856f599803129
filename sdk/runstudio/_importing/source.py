"""What a source of runs offers to whoever sends them: its experiments, and its runs with what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Callable, Protocol

from runstudio._importing.leftovers import Leftovers

Point = tuple[str, Any, "int | None", int]  # key, value, step, microseconds since 1970

COMPLETED, FAILED, CANCELED = "Completed", "Failed", "Canceled"


@dataclass
class Experiment:
    """
    Args:
        key: by which its runs name it.
        identity: by which a later import knows it again, once it was archived.
        is_deleted: it becomes an archived one.
    """

    key: str
    name: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    identity: str = ""
    is_deleted: bool = False


@dataclass
class Head:
    """
    A run as a list shows it.

    Args:
        key: its id at the source.
        run_id: its id at the server, the same at every import.
        state: a text that changes when the run goes on at the source.
    """

    key: str
    run_id: str
    experiment: str
    parent: str = ""
    started_us: int | None = None
    state: str = ""


@dataclass
class File:
    """
    A file of a run.

    Args:
        size_bytes: its length; None where the source does not tell.
        open: gives a stream that can be wound back; the caller closes it.
    """

    name: str
    size_bytes: int | None
    open: Callable[[], BinaryIO]


@dataclass
class Facts:
    """What is known of a run besides its points and files. What is empty says nothing."""

    name: str = ""
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass
class Ending:
    """
    How a run ended.

    Args:
        status: an end status, or empty when the source knows of no end.
        facts: what became known while points and files were read.
    """

    status: str = ""
    ended_us: int | None = None
    message: str = ""
    facts: Facts = field(default_factory=Facts)
    is_deleted: bool = False


class Run(Protocol):
    """
    A run, read once from its beginning to its end: facts, points, files, ending.
    """

    facts: Facts

    def points(self) -> Iterator[Point]: ...

    def files(self) -> Iterator[File]: ...

    def ending(self) -> Ending: ...


class Source(Protocol):
    """
    Where runs come from.

    Args:
        kind: `mlflow`, `tensorboard` or `wandb`.
        place: the address or path, for people.
    """

    kind: str
    place: str

    def experiments(self) -> list[Experiment]: ...

    def runs(self, left_out: Leftovers) -> list[Head]: ...

    def read(self, head: Head, left_out: Leftovers) -> Run: ...


def parents_first(heads: list[Head]) -> list[Head]:
    """
    Runs in the order in which they can be made: each after its parent, and else the oldest first.

    What names a parent that is not among them, or that lies below itself, is a top run; its `parent` stays as it was.
    """
    known = {head.key: head for head in heads}
    placed: dict[str, None] = {}
    for head in sorted(heads, key=lambda head: (head.started_us or 0, head.key)):
        way: list[Head] = []
        above: Head | None = head
        while above is not None and above.key not in placed and above not in way:
            way.append(above)
            above = known.get(above.parent)
        placed.update(dict.fromkeys(each.key for each in reversed(way)))
    return [known[key] for key in placed]
