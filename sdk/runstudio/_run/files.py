"""The files of a run: artifacts and log streams under one roof, as v1 shows them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from runstudio._download import download
from runstudio._run.record import RunRecord
from runstudio._transport import path_of
from runstudio._uploads import upload
from runstudio.errors import ServiceException, UserErrorException

_NAMES_IN_MESSAGE = 20


class HasFiles(RunRecord):
    """Each file has a name with slashes, such as `outputs/model.pkl`."""

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: str | None = None) -> None:
        """
        Store a file with the run. While the server is away, a copy waits on this machine's disk.

        Args:
            name: under which the run keeps it.
            path_or_stream: a path, or an open binary stream.

        Raises:
            AzureMLAggregatedException: the name is taken.
            FileNotFoundError, UserErrorException: no file, or neither path nor stream.
        """
        upload(self._session, self.id, name, path_or_stream)

    def get_file_names(self) -> list[str]:
        """The names of the run's files, logs among them, sorted."""
        artifacts = self._session.transport.pages(self._path("artifacts"), limit=1_000)
        return sorted({*(item["path"] for item in artifacts), *self._log_names()})

    def download_file(self, name: str, output_file_path: str | os.PathLike[str] | None = None) -> None:
        """
        Download a file of the run; a log counts as one.

        Args:
            output_file_path: a file, whose folders are made; or a folder that is there. The base name in the current
                folder, when left out.

        Raises:
            UserErrorException: there is no such file; the message lists some that there are.
        """
        target = _target(name, output_file_path)
        try:
            download(self._session.transport, self._path("artifacts", name), target)
        except ServiceException as error:
            if error.status_code not in (400, 404):
                raise
            if name not in self._log_names():
                raise UserErrorException(self._missing(name), error) from error
            download(self._session.transport, self._path("logs", name), target)

    def _missing(self, name: str) -> str:
        there = self.get_file_names()
        more = f" and {len(there) - _NAMES_IN_MESSAGE:,} more" if len(there) > _NAMES_IN_MESSAGE else ""
        listed = ",".join(there[:_NAMES_IN_MESSAGE])
        return f"File with path {name} was not found,\navailable files include: {listed}{more}."

    def _log_names(self) -> list[str]:
        return [item["name"] for item in self._session.transport.get(self._path("logs"))["items"]]

    def _log_addresses(self) -> dict[str, str]:
        """The logs, each with an address that a browser opens."""
        page = self._session.server.url + path_of("w", self._document["workspace"], "runs", self.id, "logs", "raw")
        return {name: page + path_of(name) for name in self._log_names()}


def _target(name: str, given: str | os.PathLike[str] | None) -> Path:
    path = Path("." if given is None else given)
    is_folder = path.is_dir() or (given is not None and os.fspath(given).endswith(("/", os.sep)))
    return path / Path(name).name if is_folder else path
