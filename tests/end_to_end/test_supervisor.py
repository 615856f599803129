"""`bin/up` as it is: ready, restarting what dies, ending all, leaving nothing."""

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests import live
from tests.live import family_of, is_alive, is_healthy, start_studio, wait_for

pytestmark = pytest.mark.live


@pytest.fixture
def studio(tmp_path):
    with start_studio(tmp_path, agent=True, from_nothing=True) as running:
        yield running


def test_a_first_start_prints_one_line_with_an_address_that_signs_in_once(studio):
    [line] = studio.output.strip().splitlines()
    address = re.search(r"http://\S+/sign-in/\S+", line).group()

    jar = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    page = jar.open(address, timeout=10)

    assert "/sign-in" not in page.url
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(address, timeout=10)
    assert refusal.value.code in (400, 403, 410)


def test_a_first_start_signs_the_sdk_in_with_a_file_for_this_user_alone(studio):
    file = studio.home / "credentials.json"
    known = json.loads(file.read_text())

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert known == {"default": studio.url, "servers": {studio.url: {"token": studio.token, "workspace": "default"}}}
    assert studio.request("GET", "/me")["workspace"] == "default"


@pytest.mark.parametrize("part", ["web", "worker", "agent"])
def test_a_part_that_is_killed_is_started_again(studio, part):
    former = studio.kill(part)

    pid = studio.restarted(part, former)

    assert pid != former
    assert f"The {part} ended (killed by SIGKILL)" in studio.output
    assert studio.request("GET", "/me")["user"] == "owner"


def test_a_killed_web_leaves_no_worker_of_the_old_server_behind(studio):
    old = family_of(studio.pids["web"])
    assert len(old) > 1

    studio.restarted("web", studio.kill("web"))

    wait_for(lambda: not any(is_alive(pid) for pid in old), "the old server's processes are gone")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_everything_within_five_seconds(studio, number):
    family = family_of(studio.process.pid)
    assert len(family) >= 5
    began = time.monotonic()

    code = studio.stop(number)

    assert time.monotonic() - began < 5
    assert code == 0
    assert not any(is_alive(pid) for pid in family)
    assert not (studio.data / "up.json").exists()


def test_a_killed_supervisor_leaves_no_orphan_for_longer_than_ten_seconds(studio):
    family = family_of(studio.process.pid)

    studio.process.kill()

    wait_for(lambda: not any(is_alive(pid) for pid in family - {studio.process.pid}), "no orphan is left", 10)


def test_a_start_after_a_killed_supervisor_takes_the_folder_over(tmp_path):
    first = start_studio(tmp_path, from_nothing=True)
    first.process.kill()
    first.process.wait()

    with start_studio(tmp_path, env={"STUDIO_OWNER_TOKEN": first.token}) as second:
        assert second.request("GET", "/me")["user"] == "owner"


def test_a_second_start_on_the_same_folder_is_refused_with_the_reason(studio):
    command = [sys.executable, "-m", "studio.up", "--no-agent", "--port", "0", "--data", str(studio.data)]
    second = subprocess.run(
        command, cwd=live.ROOT, env=studio.environment, capture_output=True, text=True, timeout=20, check=False
    )

    assert second.returncode == 1
    assert studio.url in second.stderr
    assert "runs already" in second.stderr
    assert is_healthy(studio.url)


def test_a_start_on_a_port_that_is_taken_says_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        studio = start_studio(tmp_path, arguments=["--port", str(port)], wait=False)
        code = studio.process.wait(20)

    assert code == 1
    assert f"Port {port} of 127.0.0.1 cannot be had" in studio.output


def test_a_setting_that_cannot_be_read_stops_the_start_with_a_sentence(tmp_path):
    studio = start_studio(tmp_path, env={"STUDIO_WORKER_PAUSE_S": "often"}, wait=False)
    code = studio.process.wait(20)

    assert code == 1
    assert "STUDIO_WORKER_PAUSE_S=often is not a whole number" in studio.output
    assert "Traceback" not in studio.output


def test_a_later_start_that_cannot_be_prepared_says_why_and_leaves_nothing(tmp_path):
    start_studio(tmp_path).stop()

    studio = start_studio(tmp_path, env={"STUDIO_OWNER_TOKEN": "too short"}, wait=False)
    code = studio.process.wait(20)

    assert code == 1
    assert "A preset token needs at least 16 characters." in studio.output
    assert processes_of(studio.data) == []


def processes_of(data: Path) -> list[int]:
    """The processes that were started for a data folder."""
    wanted = f"STUDIO_DATA_DIR={data}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it ended meanwhile, or is not ours to look at
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


def test_a_second_start_keeps_the_token_and_gives_a_new_address(tmp_path):
    with start_studio(tmp_path, env={"STUDIO_OWNER_TOKEN": ""}) as first:
        port, address = first.url.rpartition(":")[2], first.output
        token = json.loads((first.home / "credentials.json").read_text())["servers"][first.url]["token"]

    with start_studio(tmp_path, env={"STUDIO_OWNER_TOKEN": ""}, arguments=["--port", port]) as second:
        known = json.loads((second.home / "credentials.json").read_text())
        assert known["servers"][second.url]["token"] == token
        assert second.output != address


def test_the_server_of_another_machine_stays_the_default_of_the_sdk(tmp_path):
    home = tmp_path / "home" / "runstudio"
    home.mkdir(parents=True)
    team = {"default": "https://studio.example.org", "servers": {"https://studio.example.org": {"token": "t"}}}
    (home / "credentials.json").write_text(json.dumps(team))

    with start_studio(tmp_path) as studio:
        known = json.loads((home / "credentials.json").read_text())
        assert known["default"] == "https://studio.example.org"
        assert set(known["servers"]) == {"https://studio.example.org", studio.url}
        assert f"RUNSTUDIO_URL={studio.url}" in studio.output


def test_scripts_inherit_nothing_that_opens_the_server(studio):
    environment = open(f"/proc/{studio.pids['agent']}/environ", "rb").read().split(b"\0")
    names = {entry.partition(b"=")[0].decode() for entry in environment}

    assert not {name for name in names if name.startswith(("STUDIO_", "DATABASE_URL"))}
    assert "RUNSTUDIO_URL" in names


@pytest.mark.postgres
@pytest.mark.skipif("POSTGRES_URL" not in os.environ, reason="POSTGRES_URL names an empty database")
def test_a_studio_on_postgresql_starts_and_keeps_what_it_is_told(tmp_path):
    with start_studio(tmp_path, database_url=os.environ["POSTGRES_URL"], from_nothing=True) as studio:
        run_id = studio.request("POST", "/runs", {"experiment": "e"})["run_id"]
        studio.request("POST", f"/runs/{run_id}/metrics", {"points": [{"key": "loss", "value": 0.5, "step": 1}]})

        [metric] = studio.request("GET", f"/runs/{run_id}/metrics")["metrics"]

    assert metric["last"]["value"] == 0.5
    assert not list(studio.data.glob("*.db"))


def test_at_rest_web_and_worker_are_small_and_idle(tmp_path):
    with start_studio(tmp_path) as studio:
        pids = family_of(studio.pids["web"]) | family_of(studio.pids["worker"])
        wait_for(lambda: cpu_s(pids) == cpu_s_after(1, pids), "the start is over")
        before, began = cpu_s(pids), time.monotonic()
        time.sleep(10)  # what is measured is time itself
        share = (cpu_s(pids) - before) / (time.monotonic() - began)
        memory_mb = sum(proportional_set_size(pid) for pid in pids) / 2**20

    assert share < 0.005
    assert memory_mb < 200


def cpu_s(pids: set[int]) -> float:
    """The CPU time that processes have taken so far."""
    total = 0
    for pid in pids:
        fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def cpu_s_after(seconds: float, pids: set[int]) -> float:
    time.sleep(seconds)
    return cpu_s(pids)


def proportional_set_size(pid: int) -> int:
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
