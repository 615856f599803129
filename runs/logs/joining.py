"""Join the small chunks of a stream into large compressed ones. Offsets and line numbers stay what they were."""

import zlib
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet

from runs import limits
from runs.logs.reading import content_of
from runs.models import ENDED, LogChunk, LogStream, Run

JOINED_BYTES: Final = 256 * limits.KB
_LEVEL: Final = 2  # of zlib: a sixth larger than its default, in a fifth of the time


def due(limit: int) -> QuerySet[LogStream]:
    """At most `limit` streams with something to join: enough for a large chunk, or the rest of a run that has ended."""
    is_full = Q(size_bytes__gte=F("joined_bytes") + JOINED_BYTES)
    rows = LogStream.objects.filter(size_bytes__gt=F("joined_bytes"))
    return rows.filter(is_full | Q(run__status__in=ENDED)).order_by("pk")[:limit]


def compact(stream: LogStream) -> int:
    """
    Join what can be joined; gives the number of large chunks made.

    Appending and reading go on meanwhile, and a process that is killed leaves the stream as it was: each large chunk
    takes the place of the small ones in one transaction. Of several processes that join one stream, one succeeds.
    The last few chunks wait for more while the run is open.
    """
    made = 0
    stream.refresh_from_db()
    has_ended = Run.objects.filter(pk=stream.run_id, status__in=ENDED).exists()
    while True:
        start = stream.joined_bytes
        small = list(stream.chunks.filter(offset__gte=start, offset__lt=start + JOINED_BYTES).order_by("offset"))
        size_bytes = sum(chunk.size_bytes for chunk in small)
        if not small or (size_bytes < JOINED_BYTES and not has_ended):
            return made
        if not _replace(stream, small, size_bytes):
            return made
        made += 1
        stream.joined_bytes += size_bytes


def _replace(stream: LogStream, small: list[LogChunk], size_bytes: int) -> bool:
    start = stream.joined_bytes
    content = b"".join(map(content_of, small))
    packed = zlib.compress(content, _LEVEL)
    is_smaller = len(packed) < len(content)
    with transaction.atomic():
        won = LogStream.objects.filter(pk=stream.pk, joined_bytes=start).update(joined_bytes=start + size_bytes)
        if won:
            stream.chunks.filter(offset__gte=start, offset__lt=start + size_bytes).delete()
            LogChunk.objects.create(
                stream=stream,
                offset=start,
                size_bytes=size_bytes,
                first_line=small[0].first_line,
                is_compressed=is_smaller,
                payload=packed if is_smaller else content,
            )
    return bool(won)
