"""What is printed within a `with run:` block, kept for the run beside the terminal."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from runstudio._uploads import upload, upload_folder
from runstudio._warn import warn
from runstudio.errors import AzureMLAggregatedException, ServiceException

if TYPE_CHECKING:
    from runstudio._session import Session

NAME = "logs/user_log.txt"  # v1's name of it among the run's files
_LOGS = Path("logs")


class Console:
    """From its making until `close`, what goes to stdout and stderr is also written into a file."""

    def __init__(self) -> None:
        self._descriptor, self._path = tempfile.mkstemp(prefix="runstudio-console-")
        self._before = sys.stdout, sys.stderr
        self._copies = tuple(_Copy(stream, self._descriptor) for stream in self._before)
        sys.stdout, sys.stderr = self._copies

    def close(self) -> BinaryIO | None:
        """
        Give the streams back. A stream that somebody else has replaced in the meantime is left to him.

        Returns:
            What was printed, to be read and closed; None when nothing was.
        """
        if sys.stdout is self._copies[0]:
            sys.stdout = self._before[0]
        if sys.stderr is self._copies[1]:
            sys.stderr = self._before[1]
        for copy in self._copies:
            copy.stop()  # handlers of logging may hold it for ever
        file = os.fdopen(self._descriptor, "rb")
        file.seek(0)
        os.unlink(self._path)
        if os.fstat(file.fileno()).st_size:
            return file
        file.close()
        return None

    def close_into(self, session: Session, run_id: str) -> None:
        """Store what was printed with a run, and the folder `./logs`. What cannot be stored is told, and stops nothing."""
        printed = self.close()
        failures = upload_folder(session, run_id, _LOGS) if _LOGS.is_dir() else []
        if printed is not None:
            with printed:
                try:
                    upload(session, run_id, NAME, printed)
                except (OSError, ServiceException, AzureMLAggregatedException) as error:
                    failures.append((NAME, error))
        for name, trouble in failures:
            warn(f"{name} could not be stored with run {run_id}: {getattr(trouble, 'message', trouble)}")


class _Copy:
    """A text stream that writes twice. All else of it is the original's."""

    def __init__(self, original: Any, descriptor: int) -> None:
        self._original = original
        self._descriptor: int | None = descriptor

    def write(self, text: str) -> Any:
        if self._descriptor is not None and isinstance(text, str):
            try:
                os.write(self._descriptor, text.encode("utf-8", "replace"))
            except OSError:
                self._descriptor = None  # the disk is full: printing goes on
        return None if self._original is None else self._original.write(text)  # None: a process without a terminal

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def stop(self) -> None:
        self._descriptor = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)
