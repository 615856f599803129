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
