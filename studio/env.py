"""The readers of the environment. A value that cannot be read stops the start with a sentence that says what to write."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """
    The value of `name`, or of the file that `name_FILE` points to.

    Raises:
        ImproperlyConfigured: `name_FILE` is set and the file cannot be read.
    """
    if name in os.environ:
        return os.environ[name].strip()
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return default
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}_FILE={file} cannot be read ({error.strerror}). Point it to a readable file, or set {name}."
        ) from error


def number(name: str, default: int, *, least: int = 0) -> int:
    """A whole number of at least `least`."""
    written = text(name)
    if not written:
        return default
    try:
        value = int(written)
    except ValueError:
        value = least - 1
    if value < least:
        raise ImproperlyConfigured(
            f"{name}={written} is not a whole number of at least {least}. Write one, or leave {name} out for {default}."
        )
    return value


def flag(name: str, default: bool) -> bool:
    """Yes or no: 1, true, yes, on against 0, false, no, off."""
    written = text(name).lower()
    if not written:
        return default
    if written in {"1", "true", "yes", "on"}:
        return True
    if written in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={written} is neither yes nor no. Write 1 or 0.")


def words(name: str, default: list[str]) -> list[str]:
    """A list, separated by commas."""
    written = text(name)
    return [word.strip() for word in written.split(",") if word.strip()] if written else default


def folder(name: str, default: Path) -> Path:
    """An absolute folder; it is made when it is missing."""
    path = Path(text(name) or default).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}={path} cannot be made ({error.strerror}). Name a folder that this user may write to."
        ) from error
    return path


SQLITE_OPTIONS: dict[str, Any] = {
    # Waiting for the write lock instead of failing; IMMEDIATE, because a lock taken halfway cannot be waited for.
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA mmap_size=134217728;"
        "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY;"
    ),
}


def database(name: str, *, file: Path, is_durable: bool) -> dict:
    """
    Django's description of the database that a URL names: `postgres://user:password@host:port/name` or `sqlite:///file`.

    Args:
        name: the variable that holds the URL.
        file: the SQLite file used when the variable is empty.
        is_durable: SQLite only: survive a power cut too (`synchronous=FULL`).
    """
    url = text(name) or f"sqlite:///{file}"
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        options = dict(SQLITE_OPTIONS)
        options["init_command"] = options["init_command"].format(synchronous="FULL" if is_durable else "NORMAL")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path)[1:] if parts.path.startswith("//") else unquote(parts.path),
            "OPTIONS": options,
            # Closing the last connection would checkpoint and delete the log at each request.
            "CONN_MAX_AGE": None,
        }
    if parts.scheme in {"postgres", "postgresql"}:
        query = dict(parse_qsl(parts.query))
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or query.pop("host", "")),
            "PORT": str(parts.port or ""),
            "OPTIONS": query,
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
        }
    raise ImproperlyConfigured(
        f"{name} begins with {parts.scheme or 'nothing'}://. Write postgres://user:password@host:5432/name "
        "or sqlite:////folder/studio.db."
    )
