"""What the tests have executed: small real scripts, each with one manner of behaving."""

HELLO = "print('hello', flush=True)\n"

WAIT = """
import os, pathlib, time
pathlib.Path("pid").write_text(str(os.getpid()))
print("waiting", flush=True)
while True:
    time.sleep(0.05)
"""

WAIT_FOR_FILE = """
import os, pathlib, sys, time
pathlib.Path("pid").write_text(str(os.getpid()))
print("before", flush=True)
while not pathlib.Path("go").exists():
    time.sleep(0.02)
print("after", flush=True)
sys.exit(5)
"""

IGNORE_SIGTERM = """
import os, pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("pid").write_text(str(os.getpid()))
print("deaf", flush=True)
while True:
    time.sleep(0.05)
"""

# Its child leaves the process group, the session and its parent, as daemons do.
LEAVE_A_DAEMON = """
import os, pathlib, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path("daemon.part").write_text(str(os.getpid()))
        os.rename("daemon.part", "daemon")
        while True:
            time.sleep(0.05)
    os._exit(0)
os.wait()
while not pathlib.Path("daemon").exists():
    time.sleep(0.01)
pathlib.Path("pid").write_text(str(os.getpid()))
print("has a daemon", flush=True)
if "--stay" in sys.argv:
    while True:
        time.sleep(0.05)
"""

BOTH_STREAMS = """
import sys
for number in range(200):
    print("out", number, flush=True)
    print("err", number, file=sys.stderr, flush=True)
"""

FAIL = """
import sys
def train():
    raise ValueError("bad")
print("begins", flush=True)
train()
"""

# What an MLflow client does when its script says `mlflow.start_run()`, with nothing but the variables that it finds.
LIKE_MLFLOW = """
import json, os, time, urllib.request

def ask(method, path, body=None):
    address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/" + path
    headers = {"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"], "Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(body).encode() if body else None, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)

run_id = os.environ["MLFLOW_RUN_ID"]
run = ask("GET", "runs/get?run_id=" + run_id)["run"]["info"]
assert run["experiment_id"] == os.environ["MLFLOW_EXPERIMENT_ID"]
ask("POST", "runs/update", {"run_id": run_id, "status": "RUNNING"})
ask("POST", "runs/log-metric", {"run_id": run_id, "key": "loss", "value": 0.5, "timestamp": int(time.time() * 1000), "step": 1})
told = ask("POST", "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": int(time.time() * 1000)})
assert told["run_info"]["status"] in ("SCHEDULED", "RUNNING"), told  # as far as the agent has come to say
print("FINISHED is told, and the run goes on")
"""
