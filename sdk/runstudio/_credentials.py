"""
Which server, with which token, in which workspace: `credentials.json` in the home folder, and the variables over it.

    {"default": URL, "servers": {URL: {"token": "rs_…", "workspace": "default"}}}

`RUNSTUDIO_URL`, `RUNSTUDIO_TOKEN` and `RUNSTUDIO_WORKSPACE` override the file, `RUNSTUDIO_HOME` says where it is.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from runstudio._files import replace_privately
from runstudio.errors import AuthenticationException, UserErrorException


@dataclass(frozen=True)
class Server:
    """Where requests go and as whom. `workspace` is empty when nobody named one: the server then takes the user's own."""

    url: str
    token: str
    workspace: str = ""

    def __repr__(self) -> str:  # never the token
        return f"Server(url={self.url!r}, workspace={self.workspace!r})"


def home() -> Path:
    """The folder of credentials and spool: `RUNSTUDIO_HOME`, else `runstudio` in the user's configuration folder."""
    given = os.environ.get("RUNSTUDIO_HOME")
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home()) / "runstudio"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "runstudio"


def credentials_path() -> Path:
    return home() / "credentials.json"


def tidy_url(url: str) -> str:
    """
    A server's address in the one form that is stored and compared: small host, no slash at the end.

    Raises:
        UserErrorException: it is no HTTP address.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise UserErrorException(f"{url!r} is no server's address. Write it like http://127.0.0.1:8000.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = host if port is None else f"{host}:{port}"
    return urlunsplit((parts.scheme.lower(), place, parts.path.rstrip("/"), "", ""))


def read() -> dict[str, Any]:
    """
    What `credentials.json` holds; an empty form when there is no such file.

    Raises:
        UserErrorException: the file cannot be read or is damaged.
    """
    path = credentials_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {"default": "", "servers": {}}
    except OSError as error:
        raise UserErrorException(f"{path} cannot be read: {error.strerror}.", error) from error
    try:
        found = json.loads(text)
        servers = {tidy_url(url): dict(entry) for url, entry in found.get("servers", {}).items()}
    except (ValueError, TypeError, AttributeError, UserErrorException) as error:
        raise UserErrorException(
            f"{path} is damaged ({getattr(error, 'message', error)}). Remove it and sign in again: studio login URL",
            error,
        ) from error
    return {"default": found.get("default") or "", "servers": servers}


def save(server: Server, *, make_default: bool = True) -> Path:
    """
    Remember a server and its token, readable by the user alone.

    Args:
        make_default: let it be the server that is used when none is named; the first one always is.
    """
    found = read()
    url = tidy_url(server.url)
    found["servers"][url] = {"token": server.token, "workspace": server.workspace}
    if make_default or not found["default"]:
        found["default"] = url
    path = credentials_path()
    replace_privately(path, json.dumps(found, indent=2) + "\n")
    return path


def forget(url: str) -> bool:
    """Remove a server. False when it was not there."""
    found = read()
    url = tidy_url(url)
    if found["servers"].pop(url, None) is None:
        return False
    if found["default"] == url:
        found["default"] = next(iter(found["servers"]), "")
    replace_privately(credentials_path(), json.dumps(found, indent=2) + "\n")
    return True


def find(*, url: str = "", workspace: str = "") -> Server:
    """
    The server to talk to: what is given here, else the variables, else the file.

    Args:
        url: the server's address.
        workspace: the workspace's name.

    Raises:
        AuthenticationException: no server or no token is known; the message says how to sign in.
    """
    found = read()
    address = url or os.environ.get("RUNSTUDIO_URL") or found["default"]
    if not address:
        raise AuthenticationException(
            "No server is known. Sign in with: studio login URL   (or set RUNSTUDIO_URL and RUNSTUDIO_TOKEN)."
        )
    address = tidy_url(address)
    entry = found["servers"].get(address, {})
    token = _token_from_environment(address, found["default"]) or entry.get("token", "")
    if not token:
        raise AuthenticationException(f"No token for {address}. Sign in with: studio login {address}")
    name = workspace or os.environ.get("RUNSTUDIO_WORKSPACE") or entry.get("workspace", "")
    return Server(address, token, name)


def is_signed_in() -> bool:
    """Whether a server and a token for it are known."""
    try:
        find()
    except AuthenticationException:
        return False
    return True


def _token_from_environment(address: str, default: str) -> str:
    """`RUNSTUDIO_TOKEN`, when it is meant for this address: a token is never shown to another server."""
    token = os.environ.get("RUNSTUDIO_TOKEN", "")
    meant_for = os.environ.get("RUNSTUDIO_URL") or default
    return token if token and (not meant_for or tidy_url(meant_for) == address) else ""
