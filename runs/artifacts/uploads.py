"""Bytes on their way in: counted, hashed and limited as they pass, and stored only when they are what was announced."""

import hashlib
import io
import re
import uuid
from typing import Final, Protocol

from django.core.files.base import File
from django.core.files.storage import default_storage

from runs.errors import Invalid, TooLarge, Truncated

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_PIECE_BYTES: Final = 256 * 1024


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Upload(File):
    """
    A stream that raises where it ends wrongly, so that whatever stores it fails too.

    Args:
        stream: anything with `read(size)`; it may give less than asked for before its end, as sockets do.
        size_bytes: the announced length; None when nobody said.
        sha256: the announced digest, 64 hexadecimal digits; None when nobody said.
        most: how many bytes are accepted.

    Raises:
        Invalid: the digest or the length is no such thing.
        TooLarge: more than `most` bytes are announced, or (from `read`) came.
        Truncated: (from `read`) another length or digest than announced.
    """

    DEFAULT_CHUNK_SIZE = _PIECE_BYTES

    def __init__(self, stream: Readable, *, size_bytes: int | None, sha256: str | None, most: int) -> None:
        super().__init__(None, name="upload")
        self._stream = stream
        self.announced_bytes = size_bytes
        self._announced_sha256 = _digest(sha256)
        self._most = most
        self._hash = hashlib.sha256()
        self._has_ended = False
        self.size_bytes = 0
        if size_bytes is not None and size_bytes < 0:
            raise Invalid(f"A length of {size_bytes} bytes is not possible.", field="size_bytes")
        if size_bytes is not None and size_bytes > most:
            raise _too_large(most)

    @property
    def sha256(self) -> str:
        """The digest of what has passed."""
        return self._hash.hexdigest()

    def read(self, size: int = -1) -> bytes:
        # Exactly as much as asked for: the S3 client takes a short answer for the end of the file.
        pieces = []
        while size and not self._has_ended:
            piece = self._piece(_PIECE_BYTES if size < 0 else min(size, _PIECE_BYTES))
            pieces.append(piece)
            size -= len(piece) if size > 0 else 0
        return b"".join(pieces)

    def finish(self) -> None:
        """Read what a store left unread, so that the end is checked in any case."""
        while not self._has_ended:
            self._piece(_PIECE_BYTES)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if offset or whence != io.SEEK_SET or self.size_bytes:
            raise io.UnsupportedOperation("an upload is read once")
        return 0

    def _piece(self, size: int) -> bytes:
        try:
            piece = self._stream.read(size)
        except OSError as error:
            raise Truncated(f"The upload was cut off after {self.size_bytes:,} bytes. Send it again.") from error
        self._hash.update(piece)
        self.size_bytes += len(piece)
        if self.size_bytes > self._most:
            raise _too_large(self._most)
        if not piece:
            self._has_ended = True
            self._check()
        return piece

    def _check(self) -> None:
        if self.announced_bytes is not None and self.size_bytes != self.announced_bytes:
            raise Truncated(
                f"{self.size_bytes:,} bytes came, {self.announced_bytes:,} were announced. Send the file again.",
                field="size_bytes",
            )
        if self._announced_sha256 is not None and self.sha256 != self._announced_sha256:
            raise Truncated(
                f"What came has the SHA-256 {self.sha256}, announced was {self._announced_sha256}. "
                "Send the file again.",
                field="sha256",
            )


def store(content: File, *, folder: str) -> str:
    """
    Save a file under a new name and give that name. When anything goes wrong, nothing stays behind.

    Args:
        content: what is stored.
        folder: the first part of the name.
    """
    key = uuid.uuid4().hex
    # 256 folders: a folder of a million entries is slow on some file systems.
    name = f"{folder}/{key[:2]}/{key}"
    try:
        name = default_storage.save(name, content)
        if isinstance(content, Upload):
            content.finish()
    except BaseException:
        default_storage.delete(name)
        raise
    return name


def _digest(sha256: str | None) -> str | None:
    if sha256 is None:
        return None
    if not _DIGEST.fullmatch(sha256.lower()):
        raise Invalid("A SHA-256 is written with 64 hexadecimal digits.", field="sha256")
    return sha256.lower()


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The file is larger than {most:,} bytes. Split it, or keep it elsewhere and tag its address.")
