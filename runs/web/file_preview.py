"""What a page shows of a file without a download: bounded, and only as text, a table or an image of our own."""

import csv
import io
import json
from dataclasses import dataclass, field
from itertools import islice

from runs import artifacts, limits
from runs.models import Artifact

TEXT_BYTES = 256 * limits.KB
IMAGE_BYTES = 20 * limits.MB
ROWS, COLUMNS = 200, 50

# Drawn by the browser as pictures and nothing else. SVG can hold scripts: it is shown through <img> alone, which runs none.
RASTER = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"})
SVG = "image/svg+xml"
_TABLES = {"text/csv": ",", "text/tab-separated-values": "\t"}
_TEXTS = (
    "text/",
    "application/json",
    "application/jsonl",
    "application/yaml",
    "application/x-ipynb+json",
    "application/xml",
    "application/toml",
    "application/x-sh",
)


@dataclass(frozen=True)
class Preview:
    """
    Attributes:
        kind: `image`, `table`, `text`, or empty when there is nothing to show.
        is_cut: the file goes on behind what is shown.
        is_large: it would have been shown, were it smaller.
    """

    kind: str = ""
    text: str = ""
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    is_cut: bool = False
    is_large: bool = False


def of(artifact: Artifact) -> Preview:
    """
    Raises:
        NotFound: the store has lost the file.
    """
    kind = artifact.content_type.partition(";")[0].strip().lower()
    if kind in RASTER or kind == SVG:
        return Preview("image") if artifact.size_bytes <= IMAGE_BYTES else Preview(is_large=True)
    if artifact.size_bytes == 0:
        return Preview("text")
    data = b"".join(artifacts.read_range(artifact, 0, min(artifact.size_bytes, TEXT_BYTES)))
    is_cut = len(data) < artifact.size_bytes
    text = _text(data, is_cut=is_cut)
    if text is None or not (kind.startswith(_TEXTS) or kind == "application/octet-stream"):
        return Preview()
    if kind in _TABLES:
        return _table(text, _TABLES[kind], is_cut=is_cut)
    if kind == "application/json" and not is_cut:
        text = _indented(text)
    return Preview("text", text=text, is_cut=is_cut)


def _text(data: bytes, *, is_cut: bool) -> str | None:
    """None when the bytes are no text. A character may be cut in two at the end of what was read."""
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if is_cut and error.start >= len(data) - 4:
            return data[: error.start].decode("utf-8-sig")
        return None


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text  # as it is written: whoever looks at a broken file wants to see it


def _table(text: str, delimiter: str, *, is_cut: bool) -> Preview:
    if is_cut:
        text = text[: text.rfind("\n") + 1] or text
    try:
        # One row more than is shown, to know whether there are more.
        rows = [row[:COLUMNS] for row in islice(csv.reader(io.StringIO(text), delimiter=delimiter), ROWS + 2)]
    except csv.Error:
        return Preview("text", text=text, is_cut=is_cut)
    if not rows or max(map(len, rows)) < 2:
        return Preview("text", text=text, is_cut=is_cut)
    return Preview("table", head=rows[0], rows=rows[1 : ROWS + 1], is_cut=is_cut or len(rows) > ROWS + 1)
