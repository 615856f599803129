"""What kind of file a name stands for: the same answer on every machine, whatever types its system knows."""

import mimetypes
import re
from typing import Final

from runs.errors import Invalid

UNKNOWN: Final = "application/octet-stream"
_NAME: Final = r"[\w!#$&^.+-]+"
_FORM: Final = re.compile(rf"{_NAME}/{_NAME}( *; *{_NAME}=({_NAME}|\"[\x20-\x21\x23-\x7e]*\"))*", re.ASCII)
_COMPRESSED: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_TYPES: Final = mimetypes.MimeTypes()
for _type, _endings in {
    "text/plain": (".log", ".out", ".err", ".cfg", ".ini", ".conf", ".toml", ".txt"),
    "text/markdown": (".md",),
    "application/yaml": (".yaml", ".yml"),
    "application/jsonl": (".jsonl", ".ndjson"),
    "application/x-ipynb+json": (".ipynb",),
    "application/vnd.apache.parquet": (".parquet",),
    "application/onnx": (".onnx",),
    "application/zstd": (".zst",),
    "image/webp": (".webp",),
}.items():
    for _ending in _endings:
        _TYPES.add_type(_type, _ending)


def of(path: str) -> str:
    """The media type that a file's name promises; `application/octet-stream` when it promises none."""
    kind, encoding = _TYPES.guess_type(path)
    if encoding:
        return _COMPRESSED.get(encoding, UNKNOWN)
    return kind or UNKNOWN


def checked(text: str) -> str:
    """
    A media type that may stand in a header.

    Raises:
        Invalid: it is not of the form `type/subtype; name=value`, or longer than 255 characters.
    """
    if len(text) > 255 or not _FORM.fullmatch(text):
        raise Invalid(f"{text[:80]!r} is no media type. Write one such as text/plain.", field="content_type")
    return text
