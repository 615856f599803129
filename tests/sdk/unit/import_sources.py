"""What tests of imports begin with: folders and files in the forms of MLflow, TensorBoard and W&B, and a studio to send to."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from runstudio._importing import wandb_log
from runstudio._importing.tfrecord import masked_crc

from tests.sdk.unit.fake_studio import FakeStudio, Refused

PARENT, CHILD, OPEN, GONE = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)


class ImportStudio(FakeStudio):
    """
    The fake studio with the addresses that an import also needs.

    `stop_after` lets it break off with the given number of changes made; `is_silent` has the last one done, its answer lost.
    """

    def __init__(self) -> None:
        self.experiments: dict[str, dict[str, Any]] = {}
        self.changes = 0
        self.stop_after: int | None = None
        self.is_silent = False
        super().__init__()

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        if method == "GET":
            return self._told(method, path, query, body)
        with self.lock:
            is_last = self.changes == self.stop_after
            if is_last and not self.is_silent:
                raise Refused(403, "forbidden", "That is enough.")
            answer = self._told(method, path, query, body)
            self.changes += 1
            if is_last:
                raise Refused(403, "forbidden", "That is enough.")
            return answer

    def _told(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        told = json.loads(body) if body and method == "POST" else {}
        if parts[0] == "experiments":
            return 200, self._experiment(method, parts[1:], told)
        if parts[2:] == ["artifacts"] and method == "GET":
            base = f"/runs/{parts[1]}/artifacts/"
            found = [
                (unquote(name[len(base) :]), data) for name, data in self.artifacts.items() if name.startswith(base)
            ]
            return 200, {"items": [{"path": name, "size_bytes": len(data)} for name, data in found], "next": None}
        status, answer = super().answer(method, path, query, body)
        if parts[2:] == ["archive"]:
            answer["archived_at"] = "2026-01-01T00:00:00Z"
        elif parts[2:] == ["parameters"]:
            answer["parameters"].update(told["parameters"])
        elif parts[-1] in ("complete", "fail", "cancel"):
            answer["ended_at"] = told.get("ended_at")
        return status, answer

    def _experiment(self, method: str, rest: list[str], told: dict[str, Any]) -> dict[str, Any]:
        if method == "GET":
            return {"items": list(self.experiments.values()), "next": None}
        if not rest:
            active = [each for each in self.experiments.values() if each["archived_at"] is None]
            there = next((each for each in active if each["name"] == told["name"]), None)
            if there is None:
                key = f"e{len(self.experiments)}"
                there = {"name": told["name"], "experiment_id": key, "tags": told["tags"], "archived_at": None}
                self.experiments[key] = there
            return there
        self.experiments[rest[0]]["archived_at"] = "2026-01-01T00:00:00Z" if rest[1] == "archive" else None
        return self.experiments[rest[0]]

    def _make(self, told: dict[str, Any]) -> dict[str, Any]:
        return super()._make({"parameters": {}, "archived_at": None, "ended_at": None, **told})

    def _end(self, run: dict[str, Any], verb: str, told: Any) -> None:
        super()._end(run, verb, {**told, "confirm": True})

    def contents(self) -> dict[str, Any]:
        """Everything that it was sent, in an order of its own, so that two imports can be compared."""
        return {
            "experiments": sorted(json.dumps({**each, "experiment_id": ""}) for each in self.experiments.values()),
            "runs": {key: {**run, "number": 0} for key, run in sorted(self.runs.items())},
            "points": sorted(json.dumps(point, sort_keys=True) for point in self.points),
            "artifacts": dict(sorted(self.artifacts.items())),
        }


# MLflow


def write_mlruns(folder: Path) -> Path:
    """A file store: a parent with a child, a run that is open, and a deleted experiment with one."""
    _meta(folder / "1", experiment_id="1", name="vision / digits", lifecycle_stage="active", creation_time=7)
    _write(folder / "1" / "tags" / "team", "vision")
    _run(folder / "1" / CHILD, run_name="child", tags={"mlflow.parentRunId": PARENT}, start_time=900)
    parent = _run(
        folder / "1" / PARENT,
        run_name="parent",
        tags={"mlflow.note.content": "Some **notes**", "k": "v", "empty": ""},
        params={"lr": "0.1", "deep/er": "zwei\nZeilen"},
        status=4,
    )
    _write(
        parent / "metrics" / "train" / "loss", "".join(f"{1000 + step} {1 / (step + 1)} {step}\n" for step in range(7))
    )
    _write(parent / "metrics" / "odd", "1001 nan 1\n1002 inf 2\n1003 -inf 3\n1004 -2.5 -4\n")
    _write(parent / "artifacts" / "empty.txt", "")
    _write(parent / "artifacts" / "deep" / "er" / "ünï code.txt", "hällo")
    _run(folder / "1" / OPEN, run_name="open", status=1, end_time=None)
    _meta(folder / ".trash" / "2", experiment_id="2", name="gone", lifecycle_stage="deleted", creation_time=8)
    _run(folder / ".trash" / "2" / GONE, run_name="gone", status=5, lifecycle_stage="deleted")
    return folder


def _run(folder: Path, **given: Any) -> Path:
    info = {
        "run_id": folder.name, "experiment_id": folder.parent.name, "status": 3, "start_time": 1000, "end_time": 2000,
        "lifecycle_stage": "active", "user_id": "alice", "source_type": 4, "source_name": "", "source_version": "",
    }  # fmt: skip
    tags, params = given.pop("tags", {}), given.pop("params", {})
    _meta(folder, **{**info, **given})
    for kind, pairs in (("tags", tags), ("params", params)):
        for name, text in pairs.items():
            _write(folder / kind / name, text)
    return folder


def _meta(folder: Path, **given: Any) -> None:
    _write(folder / "meta.yaml", json.dumps(given))  # which YAML reads


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


# Bytes


def message(*fields: tuple[int, Any]) -> bytes:
    """A protobuf message: integers as varints, floats as doubles, texts and bytes with their length."""
    return b"".join(_field(number, value) for number, value in fields)


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value & (1 << 64) - 1)
    if isinstance(value, float):
        return _varint(number << 3 | 1) + struct.pack("<d", value)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def single(number: int, value: float) -> bytes:
    """A field that is a float of 32 bits."""
    return _varint(number << 3 | 5) + struct.pack("<f", value)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def tfrecords(*records: bytes) -> bytes:
    out = b""
    for record in records:
        length = struct.pack("<Q", len(record))
        out += length + struct.pack("<I", masked_crc(length)) + record + struct.pack("<I", masked_crc(record))
    return out


def event(time_s: float, step: int, *summaries: bytes) -> bytes:
    return message((1, time_s), (2, step), (5, message(*((1, summary) for summary in summaries))))


def scalar(tag: str, value: float) -> bytes:
    """As TensorBoard 1 and most writers have it."""
    return message((1, tag)) + single(2, value)


def wandb_log_of(*records: bytes) -> bytes:
    """A `.wandb` file, its records cut at blocks as LevelDB does."""
    out = bytearray(wandb_log.HEAD)
    for record in records:
        is_first, rest = True, record
        while is_first or rest:
            left = wandb_log.BLOCK - len(out) % wandb_log.BLOCK
            if left < 7:
                out += b"\0" * left
                left = wandb_log.BLOCK
            part, rest = rest[: left - 7], rest[left - 7 :]
            kind = (1 if not rest else 2) if is_first else (4 if not rest else 3)
            out += struct.pack("<IHB", zlib.crc32(part, zlib.crc32(bytes([kind]))), len(part), kind) + part
            is_first = False
    return bytes(out)


def history(step: int, **values: Any) -> bytes:
    items = [(1, message((1, key), (16, json.dumps(value)))) for key, value in values.items()]
    return message((2, message(*items, (2, message((1, step))))))
