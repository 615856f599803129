"""
The supervisor behind `bin/up`: prepares the data folder, then keeps web, worker and a local agent running until Ctrl-C.

It stays small by not importing Django: what needs the database is done by `manage.py prepare`.
"""

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from studio import data_folder, stopping
from studio.data_folder import CannotStart
from studio.parts import Part, say

BASE_DIR = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 8000
PORTS_TRIED = 20
LOOPBACK = ("127.0.0.1", "localhost", "::1")

READY_S = 60.0  # after this long without an answer, somebody is told; the wait goes on
AGENT_STOP_S = 3.0  # the agent ends its runs and reports them, for which it needs web
STOP_S = 4.5  # then everything that is left is killed


def main() -> int:
    options = _read_options()
    stop = stopping.on_signals(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        with data_folder.hold(options.data):
            _run(options, stop)
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/up", description="Start Run Studio: web, worker and a local agent.")
    add = parser.add_argument
    add("--port", type=int, help=f"where to listen ({DEFAULT_PORT}, or the next free port; 0: any free port)")
    add("--host", default="127.0.0.1", help="the address to listen on (%(default)s: this machine alone)")
    add("--data", type=Path, help="the folder for everything that is kept (STUDIO_DATA_DIR, else data/)")
    add("--database", metavar="URL", help="postgres://user:password@host:5432/name (DATABASE_URL, else SQLite)")
    add("--compute", metavar="NAME", action="append", help="a target that the local agent serves; repeatable (local)")
    add("--slots", type=int, help="how many runs the local agent executes at a time")
    add("--no-agent", action="store_true", help="start no local agent")
    add("--keep-runs", action="store_true", help="leave running scripts alone at the end; the next start takes them up")
    add("--verbose", action="store_true", help="show what the parts write to their logs in the data folder")
    add("--demo", action="store_true", help="submit the trainings of examples/ when there are no experiments yet")
    add("--from", type=Path, default=Path(), dest="folder", help=argparse.SUPPRESS)  # where bin/up was called
    options = parser.parse_args()
    data = options.data or os.environ.get("STUDIO_DATA_DIR") or BASE_DIR / "data"
    options.data = (options.folder / Path(data).expanduser()).absolute()
    options.compute = options.compute or ["local"]
    return options


def _run(options: argparse.Namespace, stop: stopping.Stop) -> None:
    options.address, port = _free_port(options.host, options.port)
    shown = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host
    url = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
    if options.host not in LOOPBACK:
        say(f"Listening on {options.host}: whoever reaches this machine reaches the sign-in page, over plain HTTP.")
    environment = _environment(options, url)
    parts = _parts(options, environment, url, port)
    web, *others = parts
    try:
        was_prepared = data_folder.begin_preparing(options.data)
        if was_prepared:  # on two cores web loads its code while the data folder is looked after
            web.start()
        prepared = _prepare(options, environment, url, stop)
        if prepared and not stop.is_set():
            data_folder.end_preparing(options.data)
            if not was_prepared:
                web.start()
            if _wait_for_web(url, web.log, stop):
                for line in (*prepared["notes"], f"Run Studio is ready. Sign in once with {prepared['sign_in']}"):
                    say(line)
                for part in others:  # only now: on few cores they would delay the moment that somebody waits for
                    part.start()
                if options.demo:
                    _submit_demo(options, environment, url, stop)
                stop.wait()
    finally:
        _stop(parts)


# Before the start


def _free_port(host: str, wanted: int | None) -> tuple[str, int]:
    """The host's address, and the port asked for; when none was asked for, the usual one or the next that is free."""
    tried = [wanted] if wanted is not None else range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED)
    for port in tried:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                numeric, free = probe.getsockname()[:2]
        except OSError as error:
            if wanted is not None:
                raise CannotStart(
                    f"Port {wanted} of {host} cannot be had ({error.strerror}). Name another with --port, or none."
                ) from error
            continue
        if wanted is None and free != DEFAULT_PORT:
            say(f"Port {DEFAULT_PORT} is taken; using {free}.")
        return numeric, free
    raise CannotStart(f"No port from {DEFAULT_PORT} to {tried[-1]} is free on {host}. Name one with --port.")


def _environment(options: argparse.Namespace, url: str) -> dict[str, str]:
    environment = dict(os.environ, PYTHONUNBUFFERED="1")
    environment |= {"STUDIO_SUPERVISED": str(os.getpid()), "STUDIO_DATA_DIR": str(options.data)}
    environment.setdefault("STUDIO_URL", url)
    if options.database:
        environment["DATABASE_URL"] = options.database
    if options.host not in LOOPBACK and not environment.get("STUDIO_ALLOWED_HOSTS"):
        names = {"localhost", "127.0.0.1", "[::1]", socket.gethostname(), socket.getfqdn(), *_addresses(options.host)}
        environment["STUDIO_ALLOWED_HOSTS"] = ",".join(sorted(names))
    return environment


def _addresses(host: str) -> set[str]:
    """The names under which a browser reaches `host`: itself, or every address of this machine."""
    if host not in ("0.0.0.0", "::"):
        return {host}
    with contextlib.suppress(OSError):
        return {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    return set()


def _agent_environment(environment: dict[str, str], url: str) -> dict[str, str]:
    """What scripts may inherit: nothing that opens the server, and this studio in place of the user's other ones."""
    hidden = ("STUDIO_", "DATABASE_URL", "RUNSTUDIO_URL", "RUNSTUDIO_TOKEN", "RUNSTUDIO_WORKSPACE")
    kept = {name: value for name, value in environment.items() if not name.startswith(hidden)}
    return kept | {"RUNSTUDIO_URL": url}


def _prepare(
    options: argparse.Namespace, environment: dict[str, str], url: str, stop: stopping.Stop
) -> dict[str, Any] | None:
    """Run `manage.py prepare`; what it prints, or None when it was interrupted."""
    command = [sys.executable, "manage.py", "prepare", "--local-url", url]
    for name in options.compute:
        command += ["--compute", name]
    log = options.data / "logs" / "prepare.log"
    with open(log, "w+b") as errors:
        process = subprocess.Popen(
            command, cwd=BASE_DIR, env=environment, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        if not _finish(process, stop):
            return None
        if process.returncode != 0:
            raise CannotStart(f"Run Studio cannot start. {_last_line(errors)}\nThe whole message is in {log}.")
        assert process.stdout is not None
        return json.loads(process.stdout.read())


def _finish(process: subprocess.Popen[bytes], stop: stopping.Stop) -> bool:
    """Wait for a short-lived process; False when it was ended because the studio is to stop."""
    while process.poll() is None:
        if stop.wait(0.02):
            process.terminate()
            process.wait()
            return False
    return True


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "It said nothing."


# Running


def _parts(options: argparse.Namespace, environment: dict[str, str], url: str, port: int) -> list[Part]:
    """Web, worker and, unless unwanted, the agent; in the order of their start."""
    python = sys.executable
    commands = {
        "web": [python, "-m", "studio.web", "--host", options.address, "--port", str(port)],
        "worker": [python, "manage.py", "work"],
    }
    if not options.no_agent:
        commands["agent"] = _agent_command(options)
    parts: list[Part] = []
    noting = threading.Lock()

    def note() -> None:
        with noting:  # each part is started by a thread of its own
            data_folder.note(options.data, url=url, parts={part.name: part.pid for part in parts if part.pid})

    for name, command in commands.items():
        given = _agent_environment(environment, url) if name == "agent" else environment
        log = options.data / "logs" / f"{name}.log"
        part = Part(
            name,
            command,
            folder=BASE_DIR,
            environment=given,
            log=log,
            is_shown=options.verbose,
            on_start=note,
        )
        parts.append(part)
    return parts


def _agent_command(options: argparse.Namespace) -> list[str]:
    command = [sys.executable, "-m", "runstudio", "agent", "start", "--exit-with", str(os.getpid())]
    command += ["--home", str(options.data)]
    for name in options.compute:
        command += ["--compute", name]
    if options.slots:
        command += ["--slots", str(options.slots)]
    if not options.keep_runs:
        command += ["--stop-runs"]
    return command


def _wait_for_web(url: str, log: Path, stop: stopping.Stop) -> bool:
    """Wait until web answers; False when the studio is to stop before it does."""
    began = time.monotonic()
    is_late = False
    while not _is_healthy(url):
        waited_s = time.monotonic() - began
        if waited_s > READY_S and not is_late:
            is_late = True
            say(f"Web has not answered for {READY_S:g} s. Its log: {log}")
        if stop.wait(0.05 if waited_s < 5 else 0.5):
            return False
    return True


def _submit_demo(options: argparse.Namespace, environment: dict[str, str], url: str, stop: stopping.Stop) -> None:
    command = [sys.executable, "examples/submit_all.py", "--compute", options.compute[0]]
    given = _agent_environment(environment, url)
    _finish(subprocess.Popen(command, cwd=BASE_DIR, env=given, start_new_session=True), stop)


def _is_healthy(url: str) -> bool:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stop(parts: list[Part]) -> None:
    """End all within 5 s: the agent first, as it ends its runs and reports them; then the others; then what is left."""
    began = time.monotonic()
    agents = [part for part in parts if part.name == "agent"]
    for part in agents:
        part.signal(signal.SIGTERM)
    for part in agents:
        part.wait(AGENT_STOP_S)
    for part in parts:
        if part not in agents:
            part.signal(signal.SIGTERM)
    for part in parts:
        part.wait(STOP_S - (time.monotonic() - began))
    for part in parts:
        part.signal(signal.SIGKILL)
        part.wait(1)


if __name__ == "__main__":
    sys.exit(main())
