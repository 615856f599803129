"""
The records of a `.wandb` file, as far as they say something of a run that outlives W&B.

Source: wandb_internal.proto of wandb/wandb; the fields' numbers are those there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from runstudio._importing import protobuf, wandb_log
from runstudio._importing.protobuf import Value
from runstudio._importing.wandb_history import put

HISTORY, SUMMARY, CONFIG, STATS, ARTIFACT, RUN, EXIT, ENVIRONMENT = 2, 3, 5, 7, 8, 17, 18, 26
_ITEM, _STEP, _UPDATE, _REMOVE = 1, 2, 1, 2
_KEY, _NESTED, _VALUE_JSON = 1, 2, 16
_TEXTS = {2: "entity", 3: "project", 6: "group", 7: "job_type", 8: "name", 9: "notes", 12: "sweep_id", 13: "host"}
_OF_ENVIRONMENT = {5: "args", 6: "program", 12: "host", 13: "username", 14: "executable", 2: "python"}


@dataclass
class Told:
    """What a run's record says of it."""

    run_id: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    started_us: int | None = None
    config: list[tuple[list[str], Any]] = field(default_factory=list)
    commit: str = ""


def read(path: Path) -> Iterator[tuple[int, bytes]]:
    """
    The records of a file: what each is, and its message.

    Raises:
        wandb_log.Broken, protobuf.Damaged: the rest cannot be read.
    """
    stream: BinaryIO
    with open(path, "rb") as stream:
        for record in wandb_log.records(stream):
            for number, message in protobuf.fields(record):
                if isinstance(message, bytes) and number in _READ:
                    yield number, message


_READ = {HISTORY, SUMMARY, CONFIG, STATS, ARTIFACT, RUN, EXIT, ENVIRONMENT}


def run(message: bytes) -> Told:
    found = protobuf.grouped(message)
    return Told(
        run_id=_text(found, 1),
        texts={name: _text(found, number) for number, name in _TEXTS.items() if _text(found, number)},
        tags=[protobuf.text(tag) for tag in found.get(10, ())],
        started_us=_time_us(found, 17),
        config=[item for config in found.get(4, ()) for item in updates(protobuf.data(config))[0]],
        commit=_text(protobuf.grouped(protobuf.data(found[21][-1])), 2) if 21 in found else "",
    )


def history(message: bytes) -> tuple[dict[str, Any], int | None]:
    """A row of values by name, mappings within it, and its step."""
    row: dict[str, Any] = {}
    step = None
    for number, value in protobuf.fields(message):
        if number == _ITEM:
            path, told = _item(protobuf.data(value))
            put(row, path, told)
        elif number == _STEP:
            found = protobuf.grouped(protobuf.data(value))
            step = protobuf.signed(found[1][-1]) if 1 in found else 0
    return row, step


def updates(message: bytes) -> tuple[list[tuple[list[str], Any]], list[list[str]]]:
    """Of a configuration or a summary: what is set, with its path of names, and what is removed."""
    set_, removed = [], []
    for number, value in protobuf.fields(message):
        if number == _UPDATE:
            set_.append(_item(protobuf.data(value)))
        elif number == _REMOVE:
            removed.append(_item(protobuf.data(value))[0])
    return set_, removed


def stats(message: bytes) -> tuple[int | None, list[tuple[str, Any]]]:
    """What the machine did: the time, and values by name."""
    found = protobuf.grouped(message)
    items = [_item(protobuf.data(item)) for item in found.get(3, ())]
    return _time_us(found, 2), [(".".join(path), value) for path, value in items]


def exit_code(message: bytes) -> int:
    found = protobuf.grouped(message)
    code = protobuf.signed(found[1][-1]) if 1 in found else 0
    return code - (1 << 32) if code >= 1 << 31 else code


def environment(message: bytes) -> dict[str, str]:
    """Where and as what the script ran."""
    found = protobuf.grouped(message)
    told = {
        name: " ".join(map(protobuf.text, found[number])) for number, name in _OF_ENVIRONMENT.items() if number in found
    }
    if 9 in found:
        told["git.commit"] = _text(protobuf.grouped(protobuf.data(found[9][-1])), 2)
    return {name: text for name, text in told.items() if text}


def artifact_name(message: bytes) -> str:
    return _text(protobuf.grouped(message), 5)


def _item(message: bytes) -> tuple[list[str], Any]:
    found = protobuf.grouped(message)
    path = [protobuf.text(name) for name in found.get(_NESTED, found.get(_KEY, ()))] or [""]
    if _VALUE_JSON not in found:
        return path, _typed(found)
    text = protobuf.text(found[_VALUE_JSON][-1])
    try:
        return path, json.loads(text)
    except ValueError:
        return path, text


def _typed(found: dict[int, list[Value]]) -> Any:
    """A value in the fields for its type, which newer files may use in place of JSON."""
    readers: dict[int, Any] = {
        4: bool, 5: protobuf.zigzag, 6: protobuf.double, 7: protobuf.text,
        8: lambda raw: json.loads(protobuf.text(raw)),
    }  # fmt: skip
    for number, reader in readers.items():
        if number in found:
            return reader(found[number][-1])
    return None


def _text(found: dict[int, list[Value]], number: int) -> str:
    return protobuf.text(found[number][-1]) if number in found else ""


def _time_us(found: dict[int, list[Value]], number: int) -> int | None:
    """A google.protobuf.Timestamp as microseconds."""
    if number not in found:
        return None
    moment = protobuf.grouped(protobuf.data(found[number][-1]))
    seconds = protobuf.signed(moment[1][-1]) if 1 in moment else 0
    nanoseconds = protobuf.signed(moment[2][-1]) if 2 in moment else 0
    return seconds * 1_000_000 + nanoseconds // 1_000
