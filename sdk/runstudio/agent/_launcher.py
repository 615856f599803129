"""
Starts the processes of a distributed script, and is their main process: one that fails ends the others.

Started as a file, `python -I -S _launcher.py FOLDER`, with nothing but the standard library. It reads `ranks.json` in FOLDER,
and writes `failed.json` there when a process fails. What they print goes to its own output, each line with its
process in front, unless there is only one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

LOOK_S = 0.05
OTHERS_S = 1.0  # a signal that was meant for all has reached all by then
GRACE_S = 10.0  # what is ended with a failed process may take so long
READ_S = 2.0  # output that a process's own children hold open is not waited for any longer
PIECE_BYTES = 64 * 1024


class Rank:
    """
    Args:
        label: what stands before its lines.
        variables: what it gets besides the variables of all.
        is_server: it serves the others and never ends by itself.
    """

    def __init__(self, label: str, variables: dict, is_server: bool = False) -> None:
        self.label = label
        self.variables = variables
        self.is_server = is_server
        self.process: subprocess.Popen
        self.reader: threading.Thread

    def start(self, argv: list, prefix: bytes, output: Output) -> None:
        self.process = subprocess.Popen(
            argv,
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.reader = threading.Thread(target=output.carry, args=(self.process.stdout, prefix), daemon=True)
        self.reader.start()

    @property
    def code(self) -> int | None:
        return self.process.poll()


class Output:
    """Whole lines of several processes, one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def carry(self, stream: object, prefix: bytes) -> None:
        rest = b""
        while piece := stream.read1(PIECE_BYTES):  # type: ignore[attr-defined]
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > PIECE_BYTES:
                lines, rest = [*lines, rest], b""
            self.write(b"".join(prefix + line + b"\n" for line in lines))
        if rest:
            self.write(prefix + rest + b"\n")

    def write(self, data: bytes) -> None:
        with self._lock:
            while data:
                data = data[os.write(1, data) :]


def main(folder: str) -> int:
    with open(os.path.join(folder, "ranks.json"), encoding="utf-8") as file:
        order = json.load(file)
    told: list[float] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.append(time.monotonic()))
    ranks = tensorflow(order) if order["kind"] == "tensorflow" else pytorch(order)
    output = Output()
    for rank in ranks:
        prefix = f"[{rank.label}] ".encode() if len(ranks) > 1 else b""
        rank.start(order["argv"], prefix, output)
    failed = watch(ranks, told)
    code = exit_code(failed) if failed else 128 + signal.SIGTERM if told else 0
    end(ranks, is_patient=bool(told))
    for rank in ranks:
        rank.reader.join(READ_S)
    if failed and len(ranks) > 1:
        output.write(f"[agent] {failed.label} ended with {how(failed)}; the others were ended.\n".encode())
        with open(os.path.join(folder, "failed.json"), "w", encoding="utf-8") as file:
            json.dump({"label": failed.label}, file)
    return code


def watch(ranks: list, told: list) -> Rank | None:
    """Until all who work have ended, or the first that failed; who that was. A signal to this process is one to all."""
    workers = [rank for rank in ranks if not rank.is_server]
    while not told:
        failed = next((rank for rank in ranks if rank.code), None)
        if failed or all(rank.code is not None for rank in workers):
            return failed
        time.sleep(LOOK_S)
    while time.monotonic() < told[0] + OTHERS_S and any(rank.code is None for rank in ranks):
        time.sleep(LOOK_S)
    return None


def end(ranks: list, *, is_patient: bool) -> None:
    """
    End who still lives.

    Args:
        is_patient: whoever sent us the signal decides how long they may take.
    """
    left = [rank for rank in ranks if rank.code is None]
    for rank in left:
        rank.process.terminate()
    give_up_at = time.monotonic() + GRACE_S
    while any(rank.code is None for rank in left) and (is_patient or time.monotonic() < give_up_at):
        time.sleep(LOOK_S)
    for rank in left:
        if rank.code is None:
            rank.process.kill()
            rank.process.wait()


def pytorch(order: dict) -> list:
    count = order["workers"]
    port = free_ports(1)[0]
    common = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "NODE_RANK": "0",
        "GROUP_RANK": "0",
        "AZ_BATCHAI_MPI_MASTER_NODE": "127.0.0.1",
        "AZ_BATCH_MASTER_NODE": f"127.0.0.1:{port}",
    }
    return [
        Rank(f"rank {number}", {**common, "RANK": str(number), "LOCAL_RANK": str(number)}) for number in range(count)
    ]


def tensorflow(order: dict) -> list:
    workers, servers = order["workers"], order["servers"]
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers + servers)]
    cluster = {"worker": addresses[:workers]}
    if servers:
        cluster["ps"] = addresses[workers:]
    ranks = []
    for kind, count in (("ps", servers), ("worker", workers)):
        for number in range(count):
            task = {"cluster": cluster, "task": {"type": kind, "index": number}, "environment": "cloud"}
            ranks.append(Rank(f"{kind} {number}", {"TF_CONFIG": json.dumps(task)}, kind == "ps"))
    return ranks


def free_ports(count: int) -> list:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def exit_code(rank: Rank) -> int:
    """As a shell has it: 128 and the number of the signal that ended it."""
    return rank.code if rank.code > 0 else 128 - rank.code  # type: ignore[operator, return-value]


def how(rank: Rank) -> str:
    if rank.code > 0:  # type: ignore[operator]
        return f"exit code {rank.code}"
    try:
        return signal.Signals(-rank.code).name  # type: ignore[operator]
    except ValueError:
        return f"signal {-rank.code}"  # type: ignore[operator]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
