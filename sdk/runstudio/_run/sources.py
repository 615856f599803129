"""The source that a run was started from: taken, asked for, brought back."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from runstudio import _limits
from runstudio._download import download
from runstudio._run.record import RunRecord
from runstudio._submission import _snapshot
from runstudio._transport import path_of
from runstudio._warn import warn, warn_once
from runstudio.errors import ServiceException, SnapshotException

_FLUSH_TIMEOUT_S = 60.0


class HasSnapshot(RunRecord):
    """At most one snapshot a run; a submitted run has it from its submission."""

    def get_snapshot_id(self) -> str | None:
        """The id of the run's snapshot, which is the SHA-256 of its zip; None when there is none."""
        self._refresh()
        return self._document["properties"].get("ContentSnapshotId") or self._document.get("snapshot_id")

    def take_snapshot(self, file_or_folder_path: str | os.PathLike[str]) -> str:
        """
        Keep a folder, or a single file, as the source of this run.

        What `.amlignore`, else `.gitignore`, names is left out, as are version control, caches and virtual environments.

        Returns:
            The snapshot's id.

        Raises:
            SnapshotException: the run has a snapshot already, there is nothing at the path, or it is too large; then the
                message names the biggest files.
            ServerUnreachable: no server answers.
        """
        if self.get_snapshot_id():
            raise SnapshotException(f"Run {self.id} has a snapshot already. One is kept for each run.")
        return self._keep_snapshot(_snapshot.make(Path(file_or_folder_path)))

    def restore_snapshot(self, snapshot_id: str | None = None, path: str | os.PathLike[str] | None = None) -> str:
        """
        Download the run's snapshot as a zip.

        Args:
            snapshot_id: another one; this run's, when left out.
            path: the folder for it, which is made; the system's folder for temporary files, when left out.

        Returns:
            Where the zip is, an absolute path.

        Raises:
            SnapshotException: the run has no snapshot.
            ServiceException: there is no snapshot of that id.
        """
        snapshot_id = snapshot_id or self.get_snapshot_id()
        if not snapshot_id:
            raise SnapshotException(f"Run {self.id} has no snapshot to restore.")
        folder = Path(tempfile.gettempdir() if path is None else path).absolute()
        target = folder / f"{snapshot_id}.zip"
        download(self._session.transport, path_of("snapshots", snapshot_id), target)
        return str(target)

    def _keep_snapshot(self, snapshot: _snapshot.Snapshot) -> str:
        sender = self._session.sender
        try:
            sender.flush(timeout_s=_FLUSH_TIMEOUT_S)  # the run itself may still be on its way
            snapshot_id = _snapshot.upload(self._session.transport, snapshot)
            self._document = self._session.transport.post(self._path("snapshot"), {"snapshot_id": snapshot_id})
        finally:
            snapshot.file.close()
        return snapshot_id

    def _keep_source(self, folder: Path) -> None:
        """
        Take a snapshot at the start of an interactive run, as v1 does. What prevents it is told, and stops nothing: a folder
        with data in it is no reason to lose a training.
        """
        if self._session.sender.is_behind or self._document.get("snapshot_id"):
            return
        try:
            files = _snapshot.files_of(
                folder,
                most_files=_limits.SOURCE_FILES,
                most_bytes=_limits.SOURCE_BYTES,
                look_at=_limits.SOURCE_FILES_LOOKED_AT,
            )
            if files:
                self._keep_snapshot(_snapshot.make_of(files))
        except SnapshotException as error:
            warn_once(
                f"the source folder is not kept with the run. {error.message}\n"
                "To leave it out on purpose: start_logging(snapshot_directory=None)."
            )
        except ServiceException as error:
            warn(f"the source folder is not kept with run {self.id}: {error.message}")
