"""How long the database may work on one search: a question that nobody waits for any more shall not keep it busy."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, connection, transaction

from runs import limits
from runs.errors import Invalid

# How PostgreSQL shall go about it: `finding` has decided what to begin with and asks for few rows along an index. Left to
# itself, it starts other processes, or reads a table to its end, to be ready for many.
_POSTGRESQL: Final = {
    "max_parallel_workers_per_gather": "0",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "join_collapse_limit": "1",
    "jit": "off",
}
_SQLITE_STEPS: Final = 50_000  # of SQLite's machine between two looks at the clock: about a millisecond


@contextmanager
def bounded(seconds: float = limits.SEARCH_S) -> Iterator[None]:
    """
    Stop the queries within that take too long, all together on SQLite and each on PostgreSQL.

    Raises:
        Invalid: it was stopped.
    """
    try:
        if connection.vendor == "postgresql":
            with transaction.atomic(), connection.cursor() as cursor:
                set_all = ", ".join(["set_config(%s, %s, true)"] * (len(_POSTGRESQL) + 1))
                given = {"statement_timeout": f"{int(seconds * 1_000)}"} | _POSTGRESQL
                cursor.execute(f"SELECT {set_all}", [text for setting in given.items() for text in setting])
                yield
        else:
            with _watched(seconds):
                yield
    except OperationalError as error:
        if "interrupted" in str(error) or "statement timeout" in str(error):
            raise Invalid(
                f"This search takes longer than {seconds:g} seconds. Ask for less: name an experiment, compare a tag or a "
                "parameter for equality, or leave the order out.",
                field="filter",
            ) from error
        raise


@contextmanager
def _watched(seconds: float) -> Iterator[None]:
    connection.ensure_connection()
    database, end = connection.connection, time.monotonic() + seconds
    database.set_progress_handler(lambda: time.monotonic() > end, _SQLITE_STEPS)
    try:
        yield
    finally:
        database.set_progress_handler(None, 0)
