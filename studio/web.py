"""
The web part as the supervisor starts it: `python -m studio.web --port 8000`. One granian worker serves the pages, the
REST API and the static files. Larger installations start granian themselves (docs/deploy.md).
"""

import argparse

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from studio import orphans

# Threads are made when requests wait for one, and end when idle. A slow download holds one as long as it lasts.
THREADS = 16


def serve(host: str, port: int) -> None:
    orphans.watch()
    Granian(
        "studio.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        workers_kill_timeout=2,
        log_level=LogLevels.error,  # it warns of so many threads; these wait more than they compute
    ).serve()


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m studio.web", description="Serve Run Studio.")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=8000)
    chosen = options.parse_args()
    serve(chosen.host, chosen.port)
