"""A folder of TensorBoard's: each folder below it that holds event files is a run, as TensorBoard itself has it."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

from runstudio._importing import protobuf, tfrecord
from runstudio._importing.leftovers import Leftovers
from runstudio._importing.source import COMPLETED, Ending, Experiment, Facts, File, Head, Point
from runstudio._importing.tensorboard_events import Event, Reader, Session, Summary, session
from runstudio.errors import UserErrorException

_SIGNATURES = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpg"), (b"GIF8", "gif"), (b"RIFF", "wav"), (b"BM", "bmp"))
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\\:*?"<>|\u2028-\u202e\u2066-\u2069]')
_ALL = "all"


class LogFolder:
    """
    Args:
        experiment: its name; that of the folder when empty.

    Raises:
        UserErrorException: there is no event file below the folder.
    """

    kind = "tensorboard"

    def __init__(self, folder: Path, *, experiment: str = "") -> None:
        self.place = str(folder)
        self.folder = folder
        self._experiment = experiment or folder.resolve().name or "tensorboard"
        self._files: dict[str, list[Path]] = {}
        for above, folders, names in os.walk(folder, followlinks=True):
            folders.sort()
            files = sorted(Path(above) / name for name in names if "tfevents" in name)
            if files:
                self._files[Path(above).relative_to(folder).as_posix()] = files
        if not self._files:
            raise UserErrorException(f"There is no event file (…tfevents…) in {folder} or below it.")

    def experiments(self) -> list[Experiment]:
        return [Experiment(_ALL, self._experiment)]

    def runs(self, left_out: Leftovers) -> list[Head]:
        heads: dict[str, Head] = {}
        for name, files in self._files.items():
            head = _head(name, files)
            if head is None:
                left_out.add("runs", "Their event files hold no event.", example=name)
            elif head.run_id in heads:
                left_out.add("runs", f"Copies of the run {heads[head.run_id].key}.", example=name)
            else:
                heads[head.run_id] = head
        return list(heads.values())

    def read(self, head: Head, left_out: Leftovers) -> FolderRun:
        name = self.folder.resolve().name if head.key == "." else head.key
        return FolderRun(name, self._files[head.key], left_out)


def _head(name: str, files: list[Path]) -> Head | None:
    """Known by the beginning of its first file, so that the folder may be moved between two imports."""
    for path in files:
        try:
            with open(path, "rb") as stream:
                first = next(tfrecord.records(stream), None)
                event = Reader().event(first) if first else None
        except (tfrecord.Broken, protobuf.Damaged):
            continue
        if first and event:
            digest = hashlib.sha256(path.name.encode() + b"\0" + first).hexdigest()
            state = f"{sum(path.stat().st_size for path in files)} bytes"
            return Head(name, f"tensorboard-{digest[:32]}", _ALL, started_us=_time_us(event), state=state)
    return None


class FolderRun:
    """A folder's event files; `source.Run` says how they are read."""

    def __init__(self, name: str, files: list[Path], left_out: Leftovers) -> None:
        self._files = files
        self._left_out = left_out
        self.facts: Facts = Facts(name=name)
        self._session = Session()
        self._last_us: int | None = None
        self._has_files = False

    def points(self) -> Iterator[Point]:
        for event in self._events(self._left_out):
            self._last_us = max(self._last_us or 0, _time_us(event))
            for name in event.others:
                self._left_out.add(name, "Not kept by Run Studio.", example=self.facts.name)
            for summary in event.summaries:
                if summary.plugin in ("scalars", "text") and summary.value is not None:
                    yield summary.tag, summary.value, event.step, _time_us(event)
                else:
                    self._note(summary)

    def files(self) -> Iterator[File]:
        """Pictures and sounds: `images/TAG/STEP.png`."""
        if not self._has_files:
            return
        taken: set[str] = set()
        for event in self._events(Leftovers()):
            for summary in event.summaries:
                if summary.plugin in ("images", "audio"):
                    for content in summary.value or ():
                        yield _file(summary, event.step, content, taken)

    def ending(self) -> Ending:
        """TensorBoard knows of no end but what the hparams plugin notes: the last event is one."""
        said = self._session
        return Ending(
            status=said.status or COMPLETED,
            ended_us=said.ended_us or self._last_us,
            facts=Facts(parameters=said.parameters),
        )

    def _note(self, summary: Summary) -> None:
        if summary.plugin == "hparams":
            self._note_session(summary)
        elif summary.plugin in ("images", "audio") and summary.value:
            self._has_files = True
        else:
            self._left_out.add(summary.plugin, "Not kept by Run Studio.", example=f"{self.facts.name}: {summary.tag}")

    def _note_session(self, summary: Summary) -> None:
        try:
            said = session(summary.value) if isinstance(summary.value, bytes) else Session()
        except protobuf.Damaged as error:
            self._left_out.add("hyperparameters", f"They cannot be understood: {error}", example=self.facts.name)
            return
        self._session.parameters.update(said.parameters)
        self._session.status = said.status or self._session.status
        self._session.ended_us = said.ended_us or self._session.ended_us

    def _events(self, left_out: Leftovers) -> Iterator[Event]:
        reader = Reader()
        for path in self._files:
            try:
                with open(path, "rb") as stream:
                    for record in tfrecord.records(stream):
                        yield reader.event(record)
            except (tfrecord.Broken, protobuf.Damaged) as error:
                left_out.add("ends of event files", "What follows the damage is lost.", example=f"{path}: {error}")


def _file(summary: Summary, step: int, content: bytes, taken: set[str]) -> File:
    parts = [_UNSAFE.sub("_", part) for part in summary.tag.split("/")]
    folder = "/".join([summary.plugin, *(part for part in parts if part not in ("", ".", ".."))])
    ending = next((ending for signature, ending in _SIGNATURES if content.startswith(signature)), "bin")
    name, number = f"{folder}/{step}.{ending}", 1
    while name in taken:
        number += 1
        name = f"{folder}/{step}-{number}.{ending}"
    taken.add(name)
    return File(name, len(content), lambda: io.BytesIO(content))


def _time_us(event: Event) -> int:
    return round(event.wall_time * 1e6) if abs(event.wall_time) < 1e12 else 0
