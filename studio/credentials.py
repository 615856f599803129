"""
Signs the SDK, the command line and the agent of this user in: all of them read `credentials.json` under RUNSTUDIO_HOME.
"""

import json
import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit


class CredentialsUnreadable(Exception):
    """The file is there, but is not what it should be."""


def file() -> Path:
    """Where the credentials lie: under RUNSTUDIO_HOME, else in the user's folder for configuration."""
    home = os.environ.get("RUNSTUDIO_HOME")
    if home:
        return Path(home).expanduser() / "credentials.json"
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser() / "runstudio" / "credentials.json"


def token_for(url: str) -> str:
    """The token kept for a server; empty when there is none."""
    return _read().get("servers", {}).get(url, {}).get("token", "")


def keep(url: str, *, token: str, workspace: str) -> bool:
    """
    Keep a token for a server. It becomes the default, unless the default is a server on another machine.

    Returns:
        Whether the server is the default now.
    """
    known = _read()
    known.setdefault("servers", {})[url] = {"token": token, "workspace": workspace}
    default = known.get("default")
    if not default or urlsplit(default).hostname in ("127.0.0.1", "localhost", "::1"):
        known["default"] = url
    _write(known)
    return known["default"] == url


def _read() -> dict:
    try:
        known = json.loads(file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CredentialsUnreadable(f"{file()} cannot be read ({error}). Mend it or remove it.") from error
    if not isinstance(known, dict):
        raise CredentialsUnreadable(f"{file()} does not hold an object. Remove it.")
    return known


def _write(known: dict) -> None:
    target = file()
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix="credentials-")  # readable by its owner alone
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(known, out, indent=2)
    os.replace(name, target)
