"""Several processes of one script, side by side on one machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runstudio.agent.source import CannotPrepare

LAUNCHER = Path(__file__).with_name("_launcher.py")
ORDER, FAILED = "ranks.json", "failed.json"  # in the job's folder
PROCESSES_MOST = 1024
MASTER_PORT = "6105"


def command_line(
    definition: Mapping[str, Any], argv: Sequence[str], environment: dict[str, str], folder: Path
) -> tuple[str, ...]:
    """
    What is executed for a run: its command line as it is, or what starts it several times.

    Args:
        definition: of the run: `framework`, `communicator`, `nodeCount` and their sections.
        argv: the script's own command line.
        environment: of the script; what MPI needs is added.
        folder: the job's own, where the launcher reads its order.

    Raises:
        CannotPrepare: it cannot be started so on this machine.
    """
    framework = str(definition.get("framework") or "").lower()
    communicator = str(definition.get("communicator") or "").lower()
    if _number(definition.get("nodeCount"), "nodeCount") > 1:
        raise CannotPrepare(
            "The run asks for several nodes, and a compute target of the studio is one machine. Set node_count to 1, and "
            "the number of processes to what that machine can bear."
        )
    if communicator.endswith("mpi") or communicator == "horovod":
        section = _section(definition, "mpi")
        return _by_mpi(_number(section.get("processCountPerNode"), "processCountPerNode"), argv, environment)
    if communicator == "parameterserver":
        section = _section(definition, "tensorflow")
        workers = _number(section.get("workerCount"), "workerCount")
        servers = _number(section.get("parameterServerCount"), "parameterServerCount", default=0, least=0)
        order: dict[str, Any] = {"kind": "tensorflow", "workers": workers, "servers": servers}
    elif framework == "pytorch":
        section = _section(definition, "pytorch")
        order = {"kind": "pytorch", "workers": _number(section.get("processCount"), "processCount"), "servers": 0}
    else:
        return tuple(argv)
    file = folder / ORDER
    file.write_text(json.dumps({**order, "argv": list(argv)}), encoding="utf-8")
    return (sys.executable, "-I", "-S", str(LAUNCHER), str(folder))


def failed_rank(folder: Path) -> str:
    """Which of a job's processes failed first, such as `rank 1`; empty when none did, or there is only one."""
    try:
        return str(json.loads((folder / FAILED).read_text(encoding="utf-8"))["label"])
    except (OSError, ValueError, KeyError):
        return ""


def _by_mpi(processes: int, argv: Sequence[str], environment: dict[str, str]) -> tuple[str, ...]:
    found = next(
        filter(None, (shutil.which(name, path=environment.get("PATH")) for name in ("mpirun", "mpiexec"))), None
    )
    if not found:
        raise CannotPrepare(
            f"The run is to be started by MPI, and there is no mpirun on {socket.gethostname()}. Install Open MPI or MPICH "
            "where the agent finds it on its PATH, or name one among the packages of the environment."
        )
    # Ports and hosts as v1's scripts look for them.
    environment.setdefault("AZ_BATCHAI_MPI_MASTER_NODE", "127.0.0.1")
    environment.setdefault("AZ_BATCH_MASTER_NODE", f"127.0.0.1:{MASTER_PORT}")
    # Open MPI refuses to run as root, and more processes than cores, unless told otherwise. Other kinds do not mind.
    for prefix in ("OMPI_", "PRTE_"):
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            environment.setdefault(f"{prefix}ALLOW_RUN_AS_ROOT", "1")
            environment.setdefault(f"{prefix}ALLOW_RUN_AS_ROOT_CONFIRM", "1")
    environment.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
    environment.setdefault("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe")
    return (found, "-n", str(processes), *argv)


def _section(definition: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = definition.get(name) or {}
    if not isinstance(section, Mapping):
        raise CannotPrepare(f"{name} of the run's definition should be an object, not {section!r}.")
    return section


def _number(value: Any, name: str, *, default: int = 1, least: int = 1) -> int:
    number = default if value is None else value
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= PROCESSES_MOST:
        raise CannotPrepare(f"{name} is a number of processes from {least} to {PROCESSES_MOST}, not {value!r}.")
    return number
