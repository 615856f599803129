"""
Files in an S3 service, as Django's default storage. Needs requirements-s3.txt; only settings name this module.

Beside what django-storages does: a file is read from the service while it is read here, and from any offset, instead of
being loaded whole before its first byte; parts of an upload grow with its length, as a file has at most 10,000 of them.
"""

import io
from typing import IO, Any, Final, cast

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from runs import limits

_PART_BYTES: Final = 16 * limits.MB
_PARTS: Final = 9_000


class S3Store(S3Storage):
    def get_default_settings(self) -> dict[str, Any]:
        # What was hashed is what is stored; and nothing is public.
        return super().get_default_settings() | {"gzip": False, "default_acl": None, "querystring_auth": True}

    def _open(self, name: str, mode: str = "rb") -> File:
        if mode != "rb":
            return super()._open(name, mode)
        stored = self.bucket.Object(self._normalize_name(clean_name(name)))
        try:
            stored.load()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise FileNotFoundError(name) from error
            raise
        return File(cast("IO[bytes]", _Remote(stored)), name)

    def _save(self, name: str, content: File) -> str:
        name = clean_name(name)
        key = self._normalize_name(name)
        self.bucket.Object(key).upload_fileobj(
            content, ExtraArgs=self._get_write_parameters(key, content), Config=_transfer(content)
        )
        return name


def _transfer(content: File) -> TransferConfig:
    announced = getattr(content, "announced_bytes", None) or 0
    config = TransferConfig(multipart_chunksize=max(_PART_BYTES, announced // _PARTS + 1), max_concurrency=2)
    # How many parts wait in memory for each upload; ten unless said.
    config.max_in_memory_upload_chunks = 2
    return config


class _Remote(io.RawIOBase):
    """A stored file as it was when it was opened. Reading on uses one answer of the service; seeking asks for another."""

    def __init__(self, stored: Any) -> None:
        self._stored = stored
        self._position = 0
        self._body: Any = None
        self.size: int = stored.content_length

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if position != self._position:
            self._drop()
            self._position = position
        return position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self.size:
            return 0
        if self._body is None:
            answer = self._stored.get(Range=f"bytes={self._position}-", IfMatch=self._stored.e_tag)
            self._body = answer["Body"]
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
