"""
What `run.log` costs the script that calls it: call after call, and 200 times a second, when the processor has forgotten the
code in between; with the server there and with the server away; beside the least that any buffered call must do.
`python -m benchmarks.sdk_log`
"""

import os
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from tests.live import start_studio

CALLS = 50_000
PACED_CALLS = 600
PACE_S = 0.005


def costs(call: Callable[[int], None], calls: int, pause_s: float = 0.0) -> list[int]:
    """Nanoseconds of each call, the clock's own reading included."""
    found = []
    for number in range(calls):
        before = time.perf_counter_ns()
        call(number)
        found.append(time.perf_counter_ns() - before)
        if pause_s:
            time.sleep(pause_s)
    return found


def show(what: str, found: list[int]) -> None:
    found.sort()
    median, late = statistics.median(found) / 1e3, found[len(found) * 99 // 100] / 1e3
    print(f"{what:<44} {median:>8.2f} µs {late:>10.2f} µs {found[-1] / 1e3:>10.0f} µs", flush=True)


def main() -> None:
    from runstudio import Experiment, Workspace  # the home folder is set first

    bare: deque[tuple[str, str, int, int, int]] = deque()
    print(f"{'':<44} {'median':>11} {'1 in 100':>13} {'worst':>13}")

    def least(number: int) -> None:
        bare.append(("r", "loss", number, number, time.time_ns()))

    show("the least: a tuple into a deque", costs(least, CALLS))
    show("the least, 200 a second", costs(least, PACED_CALLS, PACE_S))
    with tempfile.TemporaryDirectory() as folder, start_studio(Path(folder)) as studio:
        os.environ |= {"RUNSTUDIO_HOME": folder, "RUNSTUDIO_URL": studio.url, "RUNSTUDIO_TOKEN": studio.token}
        run = Experiment(Workspace.get("default"), "benchmark").start_logging(outputs=False, snapshot_directory=None)
        show("run.log", costs(lambda n: run.log("loss", 1 / (n + 1), step=n), CALLS))
        began = time.monotonic()
        run.flush()
        print(f"{'  until all of them are on the server':<44} {time.monotonic() - began:>8.2f} s")
        show("run.log, 200 a second", costs(lambda n: run.log("slow", 1 / (n + 1), step=n), PACED_CALLS, PACE_S))
        studio.stop()
        show(
            "run.log, 200 a second, server away",
            costs(lambda n: run.log("away", 1 / (n + 1), step=n), PACED_CALLS, PACE_S),
        )
        show("run.log, server away", costs(lambda n: run.log("loss", 1 / (n + 1), step=CALLS + n), CALLS))
        run.complete()


if __name__ == "__main__":
    main()
