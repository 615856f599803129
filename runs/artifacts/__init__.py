"""The files of runs and logged models, and the snapshots of submitted scripts: put, get, list, delete, whatever stores them."""

from runs.artifacts.files import delete, find, listing, open_file, put, read_range
from runs.artifacts.folders import delete_tree, level
from runs.artifacts.holders import Holder
from runs.artifacts.snapshots import find_snapshot, open_snapshot, put_snapshot
from runs.artifacts.zips import zip_of
from runs.paths import safe_path

__all__ = [
    "Holder",
    "delete",
    "delete_tree",
    "find",
    "find_snapshot",
    "level",
    "listing",
    "open_file",
    "open_snapshot",
    "put",
    "put_snapshot",
    "read_range",
    "safe_path",
    "zip_of",
]
