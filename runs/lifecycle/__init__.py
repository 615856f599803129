"""
A run's statuses and every move between them. The only writer of `Run.status`.

The steps are in files by their verb; callers import this package and call `lifecycle.finish(run, …)`.
"""

from runs.lifecycle.canceling import RECEIPTS, cancel, confirm_cancel, receipt
from runs.lifecycle.editing import adopt, archive, archive_all, describe, rename, restore, restore_all
from runs.lifecycle.late import must_not_be_late
from runs.lifecycle.making import create, create_many, new_run_id
from runs.lifecycle.moves import MOVES, USER_ERROR, complete, fail, finish, heartbeat, lost, move, start
from runs.lifecycle.reporting import report

__all__ = [
    "MOVES",
    "RECEIPTS",
    "USER_ERROR",
    "adopt",
    "archive",
    "archive_all",
    "cancel",
    "complete",
    "confirm_cancel",
    "create",
    "create_many",
    "describe",
    "fail",
    "finish",
    "heartbeat",
    "lost",
    "move",
    "must_not_be_late",
    "new_run_id",
    "receipt",
    "rename",
    "report",
    "restore",
    "restore_all",
    "start",
]
