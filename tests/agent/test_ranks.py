"""Several processes of one script: what each is told, and how they end together."""

import json
import os
import shutil

import pytest
from runstudio.agent import ranks
from runstudio.agent.source import CannotPrepare

from tests.agent.processes import lives, pid_in, wait_for

pytestmark = pytest.mark.live

SAY = """
import json, os, sys
names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "NODE_RANK")
print(json.dumps([os.environ[name] for name in names] + sys.argv[1:]), int(os.environ["MASTER_PORT"]) > 0)
"""

# They meet where the variables say, as a script's own framework would.
MEET = """
import os, socket, time
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if rank == 0:
    with socket.create_server(place) as server:
        guests = sorted(server.accept()[0].recv(10).decode() for _ in range(size - 1))
    print("met", guests)
else:
    while True:
        try:
            with socket.create_connection(place) as guest:
                guest.sendall(str(rank).encode())
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
"""

# Rank 1 fails when all are there; the others would go on for ever.
ONE_FAILS = """
import os, pathlib, time
rank = os.environ["RANK"]
pathlib.Path(f"pid{rank}").write_text(str(os.getpid()))
pathlib.Path("outputs", f"pid{rank}").write_text(str(os.getpid()))
while rank == "1" and not all(pathlib.Path("outputs", f"pid{n}").exists() for n in range(3)):
    time.sleep(0.02)
if rank == "1":
    raise ValueError("bad gradient")
while True:
    time.sleep(0.05)
"""

ALL_WAIT = """
import os, pathlib, time
pathlib.Path("pid" + os.environ["RANK"]).write_text(str(os.getpid()))
print("waiting", flush=True)
while True:
    time.sleep(0.05)
"""

# As real workers do, they need their parameter server, which serves for ever.
CLUSTER = """
import json, os, socket, time
told = json.loads(os.environ["TF_CONFIG"])
task, cluster = told["task"], told["cluster"]
host, port = cluster["ps"][0].split(":")
print(task["type"], task["index"], len(cluster["worker"]), len(cluster["ps"]), flush=True)
if task["type"] == "ps":
    with socket.create_server((host, int(port))) as server:
        while True:
            server.accept()[0].close()
while True:
    try:
        socket.create_connection((host, int(port))).close()
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
"""


def torch(processes):
    return {"framework": "PyTorch", "communicator": "Gloo", "pytorch": {"processCount": processes, "nodeCount": 1}}


def finished(server, run_id):
    return wait_for(lambda: server.finish_of(run_id), f"the end of {run_id}")


def test_each_process_of_a_pytorch_run_knows_its_rank(server, start_agent):
    start_agent()
    run_id = server.submit({"train.py": SAY}, definition=torch(3), arguments=["--lr", "0.1"])

    assert finished(server, run_id)["exit_code"] == 0

    told = sorted(server.log(run_id).splitlines())
    assert told == [f'[rank {n}] ["{n}", "{n}", "3", "3", "127.0.0.1", "0", "--lr", "0.1"] True' for n in range(3)]


def test_the_processes_meet_where_they_are_told(server, start_agent):
    start_agent()
    run_id = server.submit({"train.py": MEET}, definition=torch(3))

    assert finished(server, run_id)["exit_code"] == 0

    assert server.log(run_id) == "[rank 0] met ['1', '2']\n"


def test_one_process_alone_has_no_prefix(server, start_agent):
    start_agent()
    run_id = server.submit({"train.py": "import os; print('rank', os.environ['RANK'])"}, definition=torch(None))

    finished(server, run_id)

    assert server.log(run_id) == "rank 0\n"


def test_a_process_that_fails_ends_the_others_and_its_error_is_the_runs(server, start_agent):
    start_agent()
    run_id = server.submit({"train.py": ONE_FAILS}, definition=torch(3))

    end = finished(server, run_id)

    assert (end["exit_code"], end["was_stopped"]) == (1, False)
    assert end["message"] == "rank 1: ValueError: bad gradient"
    assert end["traceback"].startswith("Traceback (most recent call last):\n")
    assert "[agent] rank 1 ended with exit code 1; the others were ended." in server.log(run_id)
    assert not any(lives(int(server.artifacts[run_id][f"outputs/pid{n}"])) for n in range(3))


def test_a_cancel_ends_all_processes(server, start_agent, tmp_path):
    start_agent()
    run_id = server.submit({"train.py": ALL_WAIT}, definition=torch(3))
    wait_for(lambda: server.log(run_id).count("waiting") == 3, "three processes")
    [job] = (tmp_path / "home" / "agents" / "local" / "jobs").glob(f"{run_id}-*")
    pids = [pid_in(job / "work" / f"pid{n}") for n in range(3)]

    server.command(run_id, "cancel")

    end = finished(server, run_id)
    assert end["was_stopped"] is True
    assert not any(map(lives, pids))
    assert server.steps(run_id)[2:] == ["cancel.seen", "cancel.signal_sent", "cancel.verified"]


def test_parameter_servers_are_ended_when_the_workers_have(server, start_agent):
    start_agent()
    definition = {
        "framework": "TensorFlow",
        "communicator": "ParameterServer",
        "tensorflow": {"workerCount": 2, "parameterServerCount": 1},
    }
    run_id = server.submit({"train.py": CLUSTER}, definition=definition)

    end = finished(server, run_id)

    assert end["exit_code"] == 0, server.log(run_id)
    told = sorted(server.log(run_id).splitlines())
    assert told == ["[ps 0] ps 0 2 1", "[worker 0] worker 0 2 1", "[worker 1] worker 1 2 1"]


def test_output_without_a_line_end_arrives_too(server, start_agent):
    start_agent()
    run_id = server.submit({"train.py": "import sys; sys.stdout.write('a\\nb')"}, definition=torch(2))

    finished(server, run_id)

    assert sorted(server.log(run_id).splitlines()) == ["[rank 0] a", "[rank 0] b", "[rank 1] a", "[rank 1] b"]


def test_a_command_is_started_several_times_as_well(server, start_agent):
    start_agent()
    run_id = server.submit({}, script="", command="echo $RANK of $WORLD_SIZE", definition=torch(2))

    finished(server, run_id)

    assert sorted(server.log(run_id).splitlines()) == ["[rank 0] 0 of 2", "[rank 1] 1 of 2"]


@pytest.mark.skipif(not shutil.which("mpirun"), reason="there is no mpirun on this machine")
def test_mpi_starts_as_many_processes_as_it_is_told(server, start_agent):
    start_agent()
    definition = {"framework": "Python", "communicator": "Mpi", "mpi": {"processCountPerNode": 3, "nodeCount": 1}}
    run_id = server.submit({"train.py": "print('here')"}, definition=definition)

    assert finished(server, run_id)["exit_code"] == 0

    assert server.log(run_id).count("here") == 3


def test_mpi_without_mpirun_is_an_error_that_says_so(tmp_path):
    definition = {"communicator": "OpenMpi", "mpi": {"processCountPerNode": 2}}

    with pytest.raises(CannotPrepare, match="there is no mpirun on"):
        ranks.command_line(definition, ["python", "a.py"], {"PATH": str(tmp_path)}, tmp_path)


def test_mpirun_is_looked_for_where_the_script_would_find_it(tmp_path):
    mpirun = tmp_path / "mpirun"
    mpirun.write_text("#!/bin/sh\n")
    mpirun.chmod(0o755)
    environment = {"PATH": str(tmp_path)}

    argv = ranks.command_line(
        {"communicator": "Mpi", "mpi": {"processCountPerNode": 4}}, ["python", "a.py"], environment, tmp_path
    )

    assert argv == (str(mpirun), "-n", "4", "python", "a.py")
    assert environment["AZ_BATCHAI_MPI_MASTER_NODE"] == "127.0.0.1"
    if os.geteuid() == 0:
        assert environment["OMPI_ALLOW_RUN_AS_ROOT"] == "1"


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ({"nodeCount": 2}, "several nodes"),
        ({"framework": "PyTorch", "pytorch": {"processCount": 0}}, "processCount is a number"),
        ({"framework": "PyTorch", "pytorch": {"processCount": "4"}}, "processCount is a number"),
        ({"framework": "PyTorch", "pytorch": 4}, "should be an object"),
        ({"communicator": "Mpi", "mpi": {"processCountPerNode": 10_000}}, "processCountPerNode is a number"),
    ],
)
def test_what_cannot_be_started_side_by_side_is_refused(definition, sentence, tmp_path):
    with pytest.raises(CannotPrepare, match=sentence):
        ranks.command_line(definition, ["python", "a.py"], {}, tmp_path)


def test_a_run_of_one_process_is_started_as_it_is(tmp_path):
    definition = {"framework": "Python", "communicator": "None", "nodeCount": 1}

    assert ranks.command_line(definition, ["python", "a.py"], {}, tmp_path) == ("python", "a.py")
    assert json.dumps(os.listdir(tmp_path)) == "[]"
