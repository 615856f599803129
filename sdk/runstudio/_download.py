"""A file from the server to the disk: whole and checked, or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Any, BinaryIO

import urllib3

from runstudio._transport import Answer, Transport

_BLOCK = 256 * 1024


def download(transport: Transport, path: str, target: Path, *, params: dict[str, Any] | None = None) -> None:
    """
    Download to a file; folders on the way are made. A connection that is cut goes on where it was.

    Args:
        path: below the API.
        target: replaced when it exists, once everything has come and its digest is right.

    Raises:
        ServiceException: refused, or what came is not what the server says the file is.
        ServerUnreachable: no answer came, although it was asked for again and again.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "x+b") as file:
            _fetch(transport, path, file, params)
        os.replace(part, target)
    except BaseException:
        part.unlink()
        raise


def _fetch(transport: Transport, path: str, file: BinaryIO, params: dict[str, Any] | None) -> None:
    """Pieces one after the other; patience begins anew with each that brought something."""
    while True:
        begun_at = file.tell()
        answer = transport.patiently(lambda _: _piece(transport, path, file, params))
        if answer.status != 206 or answer.data == b"whole":
            break
        if file.tell() == begun_at:
            raise transport.unreachable(ConnectionError("the connection is cut again and again"))
    digest = answer.headers.get("X-Content-SHA256")
    if digest and digest != _sha256(file):
        raise transport.refusal(
            Answer(502, {}, b'{"code": "truncated", "message": "The file came damaged. Download it again."}')
        )


def _piece(transport: Transport, path: str, file: BinaryIO, params: dict[str, Any] | None) -> Answer:
    """Ask for what is missing and write what comes. Status 206 without the data `whole`: cut, but something came."""
    have = file.seek(0, os.SEEK_END)
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    response = transport.open("GET", path, params=params, headers=headers)
    try:
        if response.status not in (200, 206):
            return Answer(response.status, response.headers, response.read())
        if have and response.status == 200:  # it does not do ranges: from the beginning
            file.seek(0)
            file.truncate()
            have = 0
        try:
            for block in response.stream(_BLOCK, decode_content=False):
                file.write(block)
        except (urllib3.exceptions.HTTPError, OSError):
            if file.tell() == have:
                raise
            return Answer(206, response.headers, b"")
        return Answer(206, response.headers, b"whole")
    finally:
        response.release_conn()


def _sha256(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
