"""`studio import` against a running studio: what the pages would show, and a process that is killed in the middle."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.live import start_studio
from tests.sdk.unit.import_sources import CHILD, GONE, OPEN, PARENT, write_mlruns

pytestmark = pytest.mark.live

HERE = Path(__file__).resolve().parent
SDK = HERE.parents[1] / "sdk"
POINTS = 60_000


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    with start_studio(tmp_path_factory.mktemp("import")) as studio:
        yield studio


def begin(studio, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "runstudio", "import", *words],
        env=studio.client_environment() | {"PYTHONPATH": str(SDK)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def bring(studio, *words: str):
    process = begin(studio, *words)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out)


def values(studio, run_id: str) -> dict[str, list]:
    """Every value of a run with its step, by metric."""
    found: dict[str, list] = {}
    after = ""
    while True:
        page = studio.request("GET", f"/runs/{run_id}/metrics/values?limit=25000&after={after}")
        for stretch in page["items"]:
            found.setdefault(stretch["key"], []).extend(zip(stretch["steps"], stretch["values"], strict=True))
        after = page["next"]
        if not after:
            return found


def test_a_file_store_is_there_as_it_was(studio, tmp_path):
    mlruns = write_mlruns(tmp_path / "mlruns")

    report = bring(studio, "mlflow", str(mlruns))

    assert report["runs"] == {"imported": 3, "left_open": 1, "there_already": 0, "failed": 0}
    parent, child, gone = (studio.request("GET", f"/runs/{key}") for key in (PARENT, CHILD, GONE))
    assert (parent["experiment"], parent["display_name"], parent["status"]) == ("vision / digits", "parent", "Failed")
    assert (parent["started_at"], parent["ended_at"]) == ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z")
    assert parent["tags"] == {"k": "v", "empty": "", "mlflow.user": "alice"}
    assert parent["parameters"] == {"lr": "0.1", "deep/er": "zwei\nZeilen"}
    assert (child["parent_run_id"], child["status"], child["heartbeat_at"]) == (PARENT, "Completed", None)
    assert (gone["status"], gone["archived_at"] is None) == ("Canceled", False)
    assert studio.request("GET", f"/runs/{OPEN}")["status"] == "Running"
    logged = values(studio, PARENT)
    numbers = [(step, {"number": name}) for step, name in enumerate(("NaN", "Infinity", "-Infinity"), 1)]
    assert logged["odd"] == [(-4, -2.5), *numbers]
    assert logged["train/loss"] == [(step, 1 / (step + 1)) for step in range(7)]
    files = {file["path"]: file["size_bytes"] for file in studio.request("GET", f"/runs/{PARENT}/artifacts")["items"]}
    assert files == {"deep/er/ünï code.txt": 6, "empty.txt": 0}
    archived = studio.request("GET", "/experiments?archived=true")["items"]
    assert "gone" in [each["name"] for each in archived]

    again = bring(studio, "mlflow", str(mlruns))

    assert again["runs"] == {"imported": 0, "left_open": 1, "there_already": 3, "failed": 0}
    assert (again["points"], again["files"]) == (0, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_import_that_is_killed_goes_on_and_doubles_nothing(number, studio, tmp_path):
    run_id = f"{number:032x}"
    mlruns = write_mlruns(tmp_path / "mlruns")
    (mlruns / "1" / PARENT).rename(mlruns / "1" / run_id)
    meta = mlruns / "1" / run_id / "meta.yaml"
    meta.write_text(meta.read_text().replace(PARENT, run_id))
    lines = "".join(f"{1000 + step} {step}.5 {step}\n" for step in range(POINTS))
    (mlruns / "1" / run_id / "metrics" / "long").write_text(lines)
    process = begin(studio, "mlflow", str(mlruns), "-e", "vision / digits")

    deadline = time.monotonic() + 60
    while not _has_points(studio, run_id):
        assert time.monotonic() < deadline, process.communicate()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    stopped = studio.request("GET", f"/runs/{run_id}")["status"]
    bring(studio, "mlflow", str(mlruns), "-e", "vision / digits")

    assert (out, stopped) == ("", "Running"), "it was over before it was stopped"
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert ("go on" in err) == (number == signal.SIGINT)
    assert studio.request("GET", f"/runs/{run_id}")["status"] == "Failed"
    assert values(studio, run_id)["long"] == [(step, step + 0.5) for step in range(POINTS)]


def _has_points(studio, run_id: str) -> bool:
    try:
        return bool(studio.request("GET", f"/runs/{run_id}/metrics")["metrics"])
    except OSError:  # the run is not there yet
        return False


def test_genuine_files_of_tensorboard_and_wandb_arrive(studio):
    board = bring(studio, "tensorboard", str(HERE / "fixtures" / "tensorboard"), "-e", "board")
    weights = bring(studio, "wandb", str(HERE / "fixtures" / "wandb"))

    assert (board["runs"]["imported"], weights["runs"]["imported"]) == (1, 1)
    [of_board] = studio.request("GET", "/runs?experiment=board")["items"]
    [of_wandb] = studio.request("GET", "/runs?experiment=digits")["items"]
    assert of_board["parameters"] == {"lr": 0.2, "name": "x", "b": True}
    assert len(values(studio, of_board["run_id"])["acc"]) == 50
    assert (of_wandb["display_name"], of_wandb["status"], of_wandb["error"]["message"]) == (
        "third try", "Failed", "The script ended with exit code 3.",
    )  # fmt: skip
    logged = values(studio, of_wandb["run_id"])
    assert logged["loss"] == [(0, 0.5), (1, {"number": "NaN"}), (2, {"number": "Infinity"}), (3, 0.25)]
