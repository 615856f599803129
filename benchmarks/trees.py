"""
What v1's users waited minutes for: the metrics of a parent with 300 children in one call, and 100 children made at once.
`python -m benchmarks.trees`
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.live import start_studio

CHILDREN, METRICS, ROWS = 300, 20, 5
REPEATS = 5


class Counter:
    """Counts the requests of a transport."""

    def __init__(self, transport: Any) -> None:
        self.count = 0
        self._request = transport.request
        transport.request = self

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.count += 1
        return self._request(*arguments, **named)


def timed(what: str, counter: Counter, call: Any) -> Any:
    """The quickest of some repeats, and the requests of one."""
    found = []
    for _ in range(REPEATS):
        counter.count, before = 0, time.perf_counter()
        answer = call()
        found.append(time.perf_counter() - before)
    print(f"{what:<60} {min(found) * 1e3:>8.0f} ms {counter.count:>5} requests", flush=True)
    return answer


def main() -> None:
    from runstudio import Experiment, Workspace  # the home folder is set first

    with tempfile.TemporaryDirectory() as folder, start_studio(Path(folder)) as studio:
        os.environ |= {"RUNSTUDIO_HOME": folder, "RUNSTUDIO_URL": studio.url, "RUNSTUDIO_TOKEN": studio.token}
        parent = Experiment(Workspace.get("default"), "trees").start_logging(outputs=False, snapshot_directory=None)
        session = parent._session
        counter = Counter(session.transport)
        children = [child for _ in range(CHILDREN // 100) for child in parent.create_children(100)]
        for child in children:
            for number in range(METRICS):
                child.log(f"metric-{number:02}", number / 7)
            for number in range(ROWS):
                child.log_row("epochs", epoch=number, loss=1 / (number + 1))
        before = time.perf_counter()
        parent.flush()
        print(f"{f'{CHILDREN} children with {METRICS} metrics and {ROWS} rows each, sent':<60} "
              f"{(time.perf_counter() - before) * 1e3:>8.0f} ms")  # fmt: skip
        found = timed("get_metrics(recursive=True)", counter, lambda: parent.get_metrics(recursive=True))
        assert [len(metrics) for metrics in found.values()] == [METRICS + 1] * CHILDREN
        timed(
            'get_metrics("metric-07", recursive=True)', counter, lambda: parent.get_metrics("metric-07", recursive=True)
        )
        timed("get_metrics() of one child", counter, children[0].get_metrics)
        timed("create_children(100)", counter, lambda: parent.create_children(100))
        parent.complete()
        session.sender.flush(timeout_s=10, closes=True)  # before the folder with its spool is gone


if __name__ == "__main__":
    main()
