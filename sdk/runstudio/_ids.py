"""Ids that this side makes, so that a request may be sent twice and a run may be made while the server is away."""

from __future__ import annotations

import secrets
import time
import uuid


def new_run_id() -> str:
    """An id for an interactive run: a UUID of version 7, which sorts by time."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | secrets.randbits(80)
    value = value & ~(0xF << 76) | (7 << 76)
    value = value & ~(0x3 << 62) | (2 << 62)
    return str(uuid.UUID(int=value))


def new_script_run_id(experiment: str) -> str:
    """An id for a submitted run, as v1 makes it: `<experiment>_<unix seconds>_<8 hex digits>`."""
    return f"{experiment[:200]}_{int(time.time())}_{secrets.token_hex(4)}"
