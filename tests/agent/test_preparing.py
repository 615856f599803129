"""Snapshots that would write elsewhere, interpreters without the SDK, and the variables of a script."""

import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from runstudio.agent import source, surroundings
from runstudio.agent.source import CannotPrepare

CLAIM = {
    "run_id": "r_1",
    "token": "rs_of_the_run",
    "workspace": "default",
    "experiment": "mnist",
    "script": "train.py",
    "arguments": [],
    "environment": {},
}


@pytest.fixture
def packed(tmp_path):
    def pack(*members: "tuple[str | zipfile.ZipInfo, str]"):
        with zipfile.ZipFile(tmp_path / "snapshot.zip", "w") as archive:
            for name, text in members:
                archive.writestr(name, text)
        return tmp_path / "snapshot.zip"

    return pack


def test_a_snapshot_is_laid_out_with_its_folders_and_executable_files(packed, tmp_path):
    tool = zipfile.ZipInfo("bin/tool")
    tool.external_attr = 0o755 << 16
    snapshot = packed(("train.py", "print()"), (tool, "#!/bin/sh\n"), ("data/", ""))

    source.unpack(snapshot, tmp_path / "work")

    assert (tmp_path / "work" / "train.py").read_text() == "print()"
    assert (tmp_path / "work" / "data").is_dir()
    assert os.access(tmp_path / "work" / "bin" / "tool", os.X_OK)
    assert not os.access(tmp_path / "work" / "train.py", os.X_OK)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:/evil", "a\\..\\..\\evil"])
def test_a_snapshot_that_names_a_place_outside_is_refused(packed, tmp_path, name):
    with pytest.raises(CannotPrepare, match="outside"):
        source.unpack(packed((name, "evil")), tmp_path / "inner" / "work")

    assert [file for file in tmp_path.rglob("*") if file.name == "evil"] == []


def test_a_snapshot_with_a_link_is_refused(packed, tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16

    with pytest.raises(CannotPrepare, match="symbolic link"):
        source.unpack(packed((link, "/etc/passwd")), tmp_path / "work")


def test_a_damaged_snapshot_is_refused_with_a_sentence(packed, tmp_path):
    snapshot = packed(("train.py", "print()" * 100))
    data = bytearray(snapshot.read_bytes())
    data[40] ^= 0xFF
    snapshot.write_bytes(data)

    with pytest.raises(CannotPrepare, match="cannot be unpacked"):
        source.unpack(snapshot, tmp_path / "work")


def variables(tmp_path, claim=CLAIM, inherited=None, python=sys.executable):
    inherited = {"PATH": os.environ["PATH"]} if inherited is None else inherited
    return surroundings.variables(claim, url="http://s", python=python, lent=tmp_path / "lent", inherited=inherited)


def test_a_script_gets_none_of_the_agents_secrets(tmp_path):
    inherited = {
        "PATH": os.environ["PATH"],
        "RUNSTUDIO_TOKEN": "rs_agent",
        "STUDIO_SECRET_KEY": "x",
        "DATABASE_URL": "x",
        "CUDA_VISIBLE_DEVICES": "0",
        "RUNSTUDIO_HOME": "/home/of/sdk",
    }

    told = variables(tmp_path, inherited=inherited)

    assert told["RUNSTUDIO_TOKEN"] == "rs_of_the_run"
    assert (told["CUDA_VISIBLE_DEVICES"], told["RUNSTUDIO_HOME"]) == ("0", "/home/of/sdk")
    assert not {"STUDIO_SECRET_KEY", "DATABASE_URL"} & set(told)


def test_mlflow_in_a_script_logs_to_the_run_itself(tmp_path):
    told = variables(tmp_path, {**CLAIM, "experiment_id": "e1"})

    assert {name: value for name, value in told.items() if name.startswith("MLFLOW_")} == {
        "MLFLOW_TRACKING_URI": "http://s/w/default",
        "MLFLOW_TRACKING_TOKEN": "rs_of_the_run",
        "MLFLOW_RUN_ID": "r_1",
        "MLFLOW_EXPERIMENT_ID": "e1",
    }


def test_a_server_that_tells_no_experiment_id_is_served_too(tmp_path):
    assert "MLFLOW_EXPERIMENT_ID" not in variables(tmp_path, CLAIM)


def test_a_workspace_is_quoted_in_the_address_for_mlflow(tmp_path):
    told = variables(tmp_path, {**CLAIM, "workspace": "a/b c"})

    assert told["MLFLOW_TRACKING_URI"] == "http://s/w/a%2Fb%20c"


def test_variables_for_mlflow_that_a_run_asks_for_win(tmp_path):
    asked = {"MLFLOW_RUN_ID": "r_2", "MLFLOW_TRACKING_TOKEN": "rs_own", "MLFLOW_EXPERIMENT_NAME": "other"}

    told = variables(tmp_path, {**CLAIM, "experiment_id": "e1", "environment": {"variables": asked}})

    assert told["MLFLOW_TRACKING_URI"] == "http://s/w/default"
    assert {name: told[name] for name in asked} == asked
    assert "MLFLOW_EXPERIMENT_ID" not in told


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_a_script_whose_mlflow_logs_elsewhere_is_left_alone_and_that_server_never_gets_the_runs_token(
    tmp_path, is_asked_for
):
    elsewhere = {"MLFLOW_TRACKING_URI": "https://mlflow.example", "MLFLOW_TRACKING_USERNAME": "mina"}
    inherited = {"PATH": os.environ["PATH"], **({} if is_asked_for else elsewhere)}
    claim = {**CLAIM, "environment": {"variables": elsewhere if is_asked_for else {}}}

    told = variables(tmp_path, claim, inherited=inherited)

    assert {name: value for name, value in told.items() if name.startswith("MLFLOW_")} == elsewhere


def test_who_started_the_agent_signs_no_script_in_to_mlflow(tmp_path):
    inherited = {
        "PATH": os.environ["PATH"],
        "MLFLOW_TRACKING_URI": "http://s/w/default/",
        "MLFLOW_TRACKING_USERNAME": "operator",
        "MLFLOW_TRACKING_PASSWORD": "secret",
        "MLFLOW_TRACKING_TOKEN": "rs_operator",
        "MLFLOW_RUN_ID": "r_outer",
    }

    told = variables(tmp_path, inherited=inherited)

    assert (told["MLFLOW_TRACKING_TOKEN"], told["MLFLOW_RUN_ID"]) == ("rs_of_the_run", "r_1")
    assert not {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"} & set(told)


def test_a_runs_own_variables_are_set_and_cannot_make_it_another_run(tmp_path):
    claim = {**CLAIM, "environment": {"variables": {"OMP_NUM_THREADS": 2, "RUNSTUDIO_RUN_ID": "r_2"}}}

    told = variables(tmp_path, claim)

    assert told["OMP_NUM_THREADS"] == "2"
    assert told["RUNSTUDIO_RUN_ID"] == "r_1"


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """An interpreter in which nothing is installed."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return str(folder / "bin" / "python")


def test_an_interpreter_without_the_sdk_is_lent_it_and_nothing_else(bare_python, tmp_path):
    told = variables(tmp_path, python=bare_python)

    look = "import runstudio, urllib3, yaml; print(runstudio.__file__)"
    answer = subprocess.run([bare_python, "-c", look], env=told, capture_output=True, text=True, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    without = subprocess.run(
        [bare_python, "-c", "import pytest"], env=told, capture_output=True, text=True, cwd=tmp_path
    )
    assert "No module named 'pytest'" in without.stderr


def test_an_interpreter_without_azureml_is_lent_it(bare_python, tmp_path):
    told = variables(tmp_path, python=bare_python)

    look = "from azureml.core import Run; import runstudio; print(Run is runstudio.Run)"
    answer = subprocess.run([bare_python, "-c", look], env=told, capture_output=True, text=True, cwd=tmp_path)

    assert answer.stdout == "True\n", answer.stderr


def test_a_genuine_azureml_is_left_alone_and_another_package_of_azureml_does_not_count(bare_python, tmp_path):
    for package, is_ours in (("core", False), ("mlflow", True)):
        site = tmp_path / package
        (site / "azureml" / package).mkdir(parents=True)
        (site / "azureml" / "__init__.py").write_text("")
        (site / "azureml" / package / "__init__.py").write_text("")
        inherited = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site)}

        lent = variables(tmp_path, inherited=inherited, python=bare_python)["PYTHONPATH"].split(os.pathsep)[-1]

        assert (Path(lent) / "azureml").exists() == is_ours


def test_an_interpreter_that_has_the_sdk_is_lent_nothing(bare_python, tmp_path):
    first = variables(tmp_path, python=bare_python)
    inherited = {"PATH": os.environ["PATH"], "PYTHONPATH": first["PYTHONPATH"]}

    again = variables(tmp_path, inherited=inherited, python=bare_python)

    assert again["PYTHONPATH"] == first["PYTHONPATH"]


def test_an_interpreter_that_does_not_run_is_named(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no license >&2\nexit 9\n")
    broken.chmod(0o755)

    with pytest.raises(CannotPrepare, match="no license"):
        variables(tmp_path, python=str(broken))


def test_arguments_of_a_command_stay_whole(tmp_path):
    line = surroundings.command_line({**CLAIM, "command": "echo", "arguments": ["a b", 3]}, "python", tmp_path)

    assert subprocess.run(line, capture_output=True, text=True, check=True).stdout == "a b 3\n"
