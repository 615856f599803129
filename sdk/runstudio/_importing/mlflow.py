"""MLflow: a server, a folder `mlruns`, or a SQLite database, told apart by what is given."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from runstudio._importing.mlflow_database import Database
from runstudio._importing.mlflow_files import FileStore
from runstudio._importing.mlflow_server import Server
from runstudio._importing.source import Source
from runstudio.errors import UserErrorException


def open_source(given: str) -> Source:
    """
    Args:
        given: `http://…`, `https://…`, `sqlite:///…`, `file:///…`, or the path of a folder or a database.

    Raises:
        UserErrorException: it is none of these.
    """
    scheme = urlsplit(given).scheme.lower()
    if scheme in ("http", "https"):
        return Server(given)
    if scheme.split("+")[0] in ("postgresql", "postgres", "mysql", "mssql"):
        raise UserErrorException(
            f"Run Studio does not read MLflow's {scheme} databases. Start its server on it "
            "(mlflow server --backend-store-uri …) and import from that server's address."
        )
    if scheme == "sqlite":
        # Three slashes and a relative path, or four and an absolute one.
        return _of_path(Path(unquote(given.split(":", 1)[1].split("?")[0])[3:]))
    if scheme == "file":
        return _of_path(Path(unquote(urlsplit(given).path)))
    if "://" in given:
        raise UserErrorException(
            f"MLflow's runs cannot be read from {scheme}://. Name a server, a folder or a database."
        )
    return _of_path(Path(given).expanduser())


def _of_path(path: Path) -> Source:
    if path.is_file():
        return Database(path)
    if not path.is_dir():
        raise UserErrorException(f"There is no file or folder {path}.")
    # A project's folder stands for what MLflow has put into it.
    inner = path / "mlruns"
    try:
        return FileStore(path)
    except UserErrorException:
        if (path / "mlflow.db").is_file():
            return Database(path / "mlflow.db")
        if inner.is_dir():
            return FileStore(inner)
        raise
