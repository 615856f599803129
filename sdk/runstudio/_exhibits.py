"""What a run shows besides figures and tables: images and plots, and the JSON of v1's four schemas."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import PurePath
from typing import Any, BinaryIO

from runstudio._transport import Transport, path_of
from runstudio.errors import AzureMLException, UserErrorException

_SIGNATURES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",  # JPEG
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",  # TIFF
    b"MM\0*",
    b"P1", b"P2", b"P3", b"P4", b"P5", b"P6",  # the portable anymaps
)  # fmt: skip
_last_plot_at = 0


class Exhibit:
    """
    A file that was logged under a name, as `get_metrics(populate=True)` gives it back.

    Attributes:
        name: under which it was logged.
        path: the file's name in the run.
    """

    def __init__(self, transport: Transport, run_id: str, name: str, path: str) -> None:
        self.name = name
        self.path = path
        self._transport = transport
        self._run_id = run_id
        self._content: bytes | None = None

    @property
    def artifact_id(self) -> str:
        """As v1 writes it: what `get_metrics` gives without `populate`."""
        return artifact_id(self._run_id, self.path)

    @property
    def content(self) -> bytes:
        """
        The file's bytes, fetched when they are first asked for.

        Raises:
            ServiceException: the run has no such file any more.
        """
        if self._content is None:
            address = path_of("runs", self._run_id, "artifacts", self.path)
            self._content = self._transport.request("GET", address).data
        return self._content

    def __repr__(self) -> str:
        return f"Exhibit(name={self.name!r}, path={self.path!r})"


def artifact_id(run_id: str, path: str) -> str:
    return f"aml://artifactId/ExperimentRun/dcid.{run_id}/{path}"


def image(name: str, path: Any, plot: Any) -> tuple[str, Any]:
    """
    What `log_image` was given: the name of the artifact, and the path or the stream to upload.

    Raises:
        AzureMLException: both or neither, no image, or no plot.
        FileNotFoundError: there is no file at the path.
    """
    if (path is None) == (plot is None):
        raise AzureMLException("log_image takes either path or plot, and not both.")
    if plot is not None:
        return _drawn(name, plot)
    with open(path, "rb") as file:
        head = file.read(12)
    if not head.startswith(_SIGNATURES) and not (head[:4] == b"RIFF" and head[8:] == b"WEBP"):
        raise AzureMLException(f"{os.fspath(path)} is not an image that log_image knows.")
    return _name_of(path), path


def document(kind: str, value: Any) -> BinaryIO:
    """
    The JSON of a schema as a stream.

    Args:
        kind: for the message.
        value: a dictionary, arrays of numpy in it, or JSON text.

    Raises:
        UserErrorException: no JSON.
    """
    try:
        told = json.loads(value) if isinstance(value, (str, bytes)) else value
        if not isinstance(told, dict):
            raise TypeError(f"{type(told).__name__} is no object")
        return io.BytesIO(json.dumps(told, default=_plain).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise UserErrorException(f"The value of log_{kind} is not the JSON of one: {error}.") from error


def _drawn(name: str, plot: Any) -> tuple[str, BinaryIO]:
    global _last_plot_at
    if not callable(getattr(plot, "savefig", None)):
        raise AzureMLException(f"A plot has a method savefig, as matplotlib's; {type(plot).__name__} has none.")
    stream = io.BytesIO()
    plot.savefig(stream, format="png")
    stream.seek(0)
    # Two plots of one second are two files.
    _last_plot_at = max(int(time.time()), _last_plot_at + 1)
    return f"{name}_{_last_plot_at}.png", stream


def _name_of(path: Any) -> str:
    """A path as the run keeps it; of one that leads out of the folder, the last part."""
    pure = PurePath(os.path.normpath(path))
    return pure.name if pure.is_absolute() or ".." in pure.parts else pure.as_posix()


def _plain(value: Any) -> Any:
    if callable(getattr(value, "tolist", None)):  # numpy's arrays and scalars
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
