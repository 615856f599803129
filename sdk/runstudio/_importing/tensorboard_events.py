"""
What TensorBoard's events say: scalars, texts, hyperparameters, pictures and sounds, in the forms of its versions 1 and 2.

Source: event.proto, summary.proto and tensor.proto of tensorflow/tensorboard, plugin_data.proto of its hparams plugin.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from runstudio._importing import protobuf
from runstudio._importing.protobuf import Value

# Fields by their numbers.
_WALL_TIME, _STEP, _SUMMARY, _GRAPH, _META_GRAPH = 1, 2, 5, 4, 9
_TAG, _SIMPLE, _OLD_HISTOGRAM, _IMAGE, _HISTOGRAM, _AUDIO, _TENSOR, _METADATA = 1, 2, 3, 4, 5, 6, 8, 9
_DTYPE, _CONTENT, _STRINGS = 1, 4, 8

# A tensor's kind: the form of its first number in `tensor_content`, and the field that holds it otherwise.
_FORMS = {1: ("<f", 5), 2: ("<d", 6), 3: ("<i", 7), 4: ("<B", 7), 5: ("<h", 7), 6: ("<b", 7), 9: ("<q", 10), 10: ("<?", 11),
          17: ("<H", 7), 19: ("<e", 13), 22: ("<I", 16), 23: ("<Q", 17)}  # fmt: skip
_STRING, _BFLOAT16, _HALF = 7, 14, 19
_PLUGIN_OF = {_OLD_HISTOGRAM: "histograms", _HISTOGRAM: "histograms", _IMAGE: "images", _AUDIO: "audio"}
_ENDS = {1: "Completed", 2: "Failed"}


@dataclass
class Summary:
    """
    One value of an event.

    Args:
        plugin: what it belongs to: `scalars`, `text`, `images`, `audio`, `hparams`, or another of TensorBoard's.
        value: a number, a text, or the bytes of files; of `hparams` its message.
    """

    tag: str
    plugin: str
    value: Any = None


@dataclass
class Event:
    wall_time: float
    step: int
    summaries: list[Summary]
    others: list[str] = field(default_factory=list)


class Reader:
    """
    For the events of one run, in order: a tag's plugin is told with its first value only.
    """

    def __init__(self) -> None:
        self._plugins: dict[str, str] = {}

    def event(self, record: bytes) -> Event:
        """
        Raises:
            protobuf.Damaged: the record is no event.
        """
        found = protobuf.grouped(record)
        summaries = [
            self._summary(protobuf.grouped(protobuf.data(each)))
            for summary in found.get(_SUMMARY, ())
            for number, each in protobuf.fields(protobuf.data(summary))
            if number == 1
        ]
        return Event(
            wall_time=protobuf.double(found[_WALL_TIME][-1]) if _WALL_TIME in found else 0.0,
            step=protobuf.signed(found[_STEP][-1]) if _STEP in found else 0,
            summaries=summaries,
            others=[name for number, name in ((_GRAPH, "graphs"), (_META_GRAPH, "graphs")) if number in found],
        )

    def _summary(self, found: dict[int, list[Value]]) -> Summary:
        tag = protobuf.text(found[_TAG][-1]) if _TAG in found else ""
        if _METADATA in found:
            name, content = _plugin(protobuf.data(found[_METADATA][-1]))
            self._plugins.setdefault(tag, name)
            if name == "hparams" and content:
                return Summary(tag, name, content)
        if _SIMPLE in found:
            return Summary(tag, "scalars", protobuf.single(found[_SIMPLE][-1]))
        for number, plugin in _PLUGIN_OF.items():
            if number in found:
                return Summary(tag, plugin, _old_files(protobuf.data(found[number][-1])))
        plugin = self._plugins.get(tag, "")
        if _TENSOR not in found:
            return Summary(tag, plugin or "other values")
        tensor = protobuf.grouped(protobuf.data(found[_TENSOR][-1]))
        return Summary(tag, plugin or "tensors", _value(plugin, tensor))


def _plugin(metadata: bytes) -> tuple[str, bytes]:
    """A plugin's name, and what it keeps in a value's metadata."""
    for number, plugin in protobuf.fields(metadata):
        if number == 1:
            found = protobuf.grouped(protobuf.data(plugin))
            name = protobuf.text(found[1][-1]) if 1 in found else ""
            return name, protobuf.data(found[2][-1]) if 2 in found else b""
    return "", b""


def _old_files(message: bytes) -> list[bytes]:
    """The picture or sound of an Image or Audio message: in both it is the fourth field."""
    return [protobuf.data(value) for number, value in protobuf.fields(message) if number == 4 and value]


def _value(plugin: str, tensor: dict[int, list[Value]]) -> Any:
    strings = [protobuf.data(value) for value in tensor.get(_STRINGS, ())]
    if plugin == "text":
        return "\n".join(value.decode("utf-8", "replace") for value in strings)
    if plugin == "images":
        return strings[2:]  # behind width and height
    if plugin == "audio":
        return strings[::2]  # each with a label behind it
    return _number(tensor) if plugin == "scalars" else None


def _number(tensor: dict[int, list[Value]]) -> float | int | bool | None:
    """The first number of a tensor; None for a kind without numbers."""
    kind = tensor.get(_DTYPE, [1])[-1]
    content = protobuf.data(tensor[_CONTENT][-1]) if _CONTENT in tensor else b""
    if kind == _BFLOAT16 and len(content) >= 2:
        return protobuf.single(b"\0\0" + content[:2])
    if not isinstance(kind, int) or kind not in _FORMS:
        return None
    form, number = _FORMS[kind]
    size = struct.calcsize(form)
    if len(content) >= size:
        return _plain(struct.unpack(form, content[:size])[0])
    if number not in tensor:
        return 0
    first = tensor[number][0]
    if isinstance(first, bytes) and kind in (1, 2):  # alone, or packed with others
        return _plain(struct.unpack(form, first[:size])[0])
    if isinstance(first, bytes):
        first, _ = protobuf.varint(first, 0)
    if kind == _HALF:
        return _plain(struct.unpack("<e", struct.pack("<H", first & 0xFFFF))[0])
    return bool(first) if kind == 10 else protobuf.signed(first)


def _plain(number: Any) -> float | int | bool:
    return number if isinstance(number, (bool, int)) else float(number)


@dataclass
class Session:
    """What the hparams plugin says of a run. What is empty was not said."""

    parameters: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    ended_us: int | None = None


def session(content: bytes) -> Session:
    """
    Raises:
        protobuf.Damaged: this is nothing of the hparams plugin.
    """
    found = protobuf.grouped(content)
    said = Session()
    for start in found.get(3, ()):
        for number, entry in protobuf.fields(protobuf.data(start)):
            if number == 1:
                pair = protobuf.grouped(protobuf.data(entry))
                said.parameters[_key(pair)] = _json(protobuf.data(pair[2][-1])) if 2 in pair else None
    for end in found.get(4, ()):
        told = protobuf.grouped(protobuf.data(end))
        said.status = _ENDS.get(told[1][-1], "") if 1 in told else ""  # type: ignore[arg-type]
        said.ended_us = round(protobuf.double(told[2][-1]) * 1e6) if 2 in told else None
    return said


def _key(pair: dict[int, list[Value]]) -> str:
    return protobuf.text(pair[1][-1]) if 1 in pair else ""


def _json(message: bytes) -> Any:
    """A google.protobuf.Value as Python has it."""
    value: Any = None
    for number, raw in protobuf.fields(message):
        if number == 2:
            value = protobuf.double(raw)
            value = int(value) if value.is_integer() and abs(value) < 2**53 else value
        elif number == 3:
            value = protobuf.text(raw)
        elif number == 4:
            value = bool(raw)
        elif number == 5:
            value = {}
            for _, entry in protobuf.fields(protobuf.data(raw)):
                pair = protobuf.grouped(protobuf.data(entry))
                value[_key(pair)] = _json(protobuf.data(pair[2][-1])) if 2 in pair else None
        elif number == 6:
            value = [_json(protobuf.data(each)) for _, each in protobuf.fields(protobuf.data(raw))]
    return value
