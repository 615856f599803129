"""
One writer at a time. SQLite's lock is not fair: of many writers one may starve. So the writes of a process queue here, and
whoever comes first commits for all who wait; each is answered after the commit. PostgreSQL takes each write as it comes.
"""

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction

GROUP_MOST: Final = 64


class _Write:
    """A write that waits for its turn."""

    __slots__ = ("answer", "error", "is_done", "turn", "work")

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.turn = threading.Event()  # set when the write is done, or when its thread is to lead
        self.is_done = False
        self.answer: Any = None
        self.error: BaseException | None = None


_mutex = threading.Lock()
_waiting: list[_Write] = []
_is_led = False


def commit[Answer](work: Callable[[], Answer]) -> Answer:
    """
    Run `work` in a transaction, alone or with others' work, and answer what it returns once that is committed.

    Args:
        work: calls of `execute`, nothing else. It may run in another thread, and twice when a companion in the
            transaction fails: each is then run by itself.

    Raises:
        what `work` or its commit raises; nothing of it is stored then.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        with transaction.atomic():
            return work()
    write = _Write(work)
    if not _leads(write):
        write.turn.wait()
    if not write.is_done:
        _lead()
    if write.error is not None:
        raise write.error
    return write.answer


def commit_statement(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """
    One statement and its commit, on PostgreSQL: a single way to the server and back. Its rows are what comes back.

    Within a transaction it is a part of that, which goes on when the statement fails.
    """
    if not connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return fetch(sql, values)
    with transaction.atomic():
        return fetch(sql, values)


def execute(sql: str, values: Sequence[Any]) -> int:
    """
    Run one statement with `%s` for each value, and tell how many rows it changed.

    For the hot path: Django would translate the placeholders for SQLite at each call, 75 µs for an upsert of ten rows, and
    write the values of PostgreSQL's into the text of each statement.
    """
    return _run(sql, values).rowcount


def fetch(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """As `execute`; the rows that it returns."""
    return _run(sql, values).fetchall()


def _run(sql: str, values: Sequence[Any]) -> Any:
    connection = connections[DEFAULT_DB_ALIAS]
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.vendor == "sqlite":
            return connection.connection.execute(_for_sqlite(sql), values)
        return psycopg.Cursor(connection.connection).execute(sql, values)


@lru_cache(maxsize=1024)
def _for_sqlite(sql: str) -> str:
    return sql.replace("%s", "?")


def _leads(write: _Write) -> bool:
    global _is_led
    with _mutex:
        _waiting.append(write)
        was_led, _is_led = _is_led, True
    return not was_led


def _lead() -> None:
    """Commit for those who wait, then hand the lead to the first of those who came meanwhile."""
    global _is_led
    with _mutex:
        group = _waiting[:GROUP_MOST]
        del _waiting[:GROUP_MOST]
    try:
        _commit_group(group)
    finally:
        with _mutex:
            leader = _waiting[0] if _waiting else None
            _is_led = leader is not None
        for write in group:
            if not write.is_done:  # the leader was interrupted
                write.is_done, write.error = True, RuntimeError("The write was interrupted. Send it again.")
            write.turn.set()
        if leader is not None:
            leader.turn.set()


def _commit_group(group: list[_Write]) -> None:
    try:
        _in_one_transaction(group)
    except Exception as error:
        # One's own fault is not its companions'. A busy or full database is nobody's: no one would fare better alone.
        if len(group) > 1 and not isinstance(error, OperationalError):
            for write in group:
                _commit_group([write])
            return
        for write in group:
            write.error = error
    for write in group:
        write.is_done = True


def _in_one_transaction(group: list[_Write]) -> None:
    """What `transaction.atomic` does at the outermost level, without its 30 to 60 µs: half of a small request's commit."""
    connection = connections[DEFAULT_DB_ALIAS]
    connection.ensure_connection()
    database = connection.connection
    with connection.wrap_database_errors:
        try:
            database.execute("BEGIN IMMEDIATE")
            for write in group:
                write.answer = write.work()
            database.execute("COMMIT")
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")
