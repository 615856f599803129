"""The files of a run: artifacts and log streams under one roof, as v1 shows them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from runstudio._download import download
from runstudio._run.record import RunRecord
from runstudio._transport import path_of
from runstudio._uploads import upload
from runstudio.errors import AzureMLAggregatedException, ServiceException, UserErrorException

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

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[Any],
        return_artifacts: bool = False,
        timeout_seconds: float | None = None,
        datastore_name: str | None = None,
    ) -> dict[str, Any] | None:
        """
        Store several files with the run, one after the other.

        Args:
            names: under which the run keeps them, one for each of
            paths: paths, or open binary streams.
            return_artifacts: give the names that were stored, as keys.
            timeout_seconds, datastore_name: taken for v1's sake.

        Raises:
            TypeError: not as many names as paths; nothing was stored.
            AzureMLAggregatedException: names are taken; the message says which. The other files are stored.
            FileNotFoundError, UserErrorException: as of `upload_file`.
        """
        names, paths = _texts(names), _texts(paths)
        if len(names) != len(paths):
            raise TypeError(
                f"upload_files takes a name for each path, not {len(names):,} names for {len(paths):,} paths."
            )
        self._upload_all(zip(names, paths))
        return dict.fromkeys(names) if return_artifacts else None

    def upload_folder(self, name: str, path: str | os.PathLike[str], datastore_name: str | None = None) -> None:
        """
        Store what lies in a folder, at any depth.

        Args:
            name: of the folder in the run; a file `a/b.txt` below `path` becomes `<name>/a/b.txt`.
            path: the folder.

        Raises:
            UserErrorException: it is no folder.
            AzureMLAggregatedException: names are taken; the message says which. The other files are stored.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise UserErrorException(f"upload_folder takes a folder, and {os.fspath(path)} is none.")
        below = name.strip("/")
        found = [each for each in sorted(folder.rglob("*")) if each.is_file()]
        self._upload_all(("/".join(filter(None, (below, each.relative_to(folder).as_posix()))), each) for each in found)

    def _upload_all(self, files: Iterable[tuple[str, Any]]) -> None:
        taken: list[AzureMLAggregatedException] = []
        for name, path in files:
            try:
                upload(self._session, self.id, name, path)
            except AzureMLAggregatedException as error:
                taken.append(error)
        if taken:
            raise AzureMLAggregatedException("\n".join(error.message for error in taken), taken[0].inner_exception)

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

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | os.PathLike[str] | None = None,
        output_paths: Sequence[str | os.PathLike[str]] | None = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: float | None = None,
    ) -> None:
        """
        Download several files of the run, logs among them, each under its own name.

        Args:
            prefix: of a folder, such as `outputs/`, or of names; all files when left out. One that no file has downloads
                nothing.
            output_directory: where to; the current folder when left out.
            output_paths: a file for each file that is found, in the order of `get_file_names`, below `output_directory`.
            append_prefix: False leaves the prefix out of the names.
            batch_size, timeout_seconds: taken for v1's sake.

        Raises:
            UserErrorException: not as many paths as files.
        """
        names = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        if output_paths is not None and len(output_paths) != len(names):
            raise UserErrorException(
                f"download_files takes a path for each file, not {len(output_paths):,} paths for {len(names):,} files."
            )
        folder = Path("." if output_directory is None else output_directory)
        for index, name in enumerate(names):
            if output_paths is not None:
                target = folder / output_paths[index]
            else:
                target = folder / _own(name if append_prefix else _without(name, prefix or ""))
            self.download_file(name, target)

    def get_all_logs(self, destination: str | os.PathLike[str] | None = None) -> list[str]:
        """
        Download the run's logs.

        Args:
            destination: the folder for them, which is made; `assets/<run id>` when left out.

        Returns:
            Where they are now.
        """
        folder = Path("assets", self.id) if destination is None else Path(destination)
        targets = {name: folder / _own(name) for name in self._log_names()}
        for name, target in targets.items():
            download(self._session.transport, self._path("logs", name), target)
        return [str(target) for target in targets.values()]

    def _log_text(self, name: str) -> str:
        answer = self._session.transport.request("GET", self._path("logs", name))
        return answer.data.decode("utf-8", "replace")

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


def _texts(given: Sequence[Any]) -> list[Any]:
    """A list; a single text is one thing, and no sequence of letters."""
    return [given] if isinstance(given, (str, os.PathLike)) else list(given)


def _own(name: str) -> str:
    """A file's name as a path that stays below the folder it is joined to, whatever a server sends."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts)


def _without(name: str, prefix: str) -> str:
    """What is left of a name; of a prefix that is the whole name, or ends within a part, the part stays."""
    left = name[len(prefix) :].lstrip("/")
    is_cut = prefix and not prefix.endswith("/") and not name[len(prefix) :].startswith("/")
    return name.rpartition("/")[2] if not left else (name[prefix.rfind("/") + 1 :] if is_cut else left)


def _target(name: str, given: str | os.PathLike[str] | None) -> Path:
    path = Path("." if given is None else given)
    is_folder = path.is_dir() or (given is not None and os.fspath(given).endswith(("/", os.sep)))
    return path / Path(name).name if is_folder else path
