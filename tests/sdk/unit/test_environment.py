"""Environments and their packages: what is made, kept in files, and told to the server."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest
import yaml
from runstudio import CondaDependencies, Environment, Workspace
from runstudio.errors import UserErrorException

CONDA_FILE = """\
name: project_environment
channels:
- conda-forge
dependencies:
- python=3.11
- numpy=2.1
- pip:
  - --index-url https://example.org/simple
  - six==1.16
"""


@pytest.fixture
def requirements(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("numpy>=1.20  # arrays\n\n# nothing\nsix \\\n  ==1.16\n")
    file = tmp_path / "requirements.txt"
    file.write_text(
        "--extra-index-url https://example.org/simple\n-r more/base.txt\ntorch @ https://example.org/t#egg=torch\n"
    )
    return file


# Packages


def test_dependencies_are_a_conda_file():
    made = CondaDependencies.create(
        conda_packages=["numpy=2.1"], pip_packages=["six==1.16"], python_version="3.11", pip_indexurl="https://e.org"
    )

    assert yaml.safe_load(made.serialize_to_string()) == {
        "name": "project_environment",
        "dependencies": ["python=3.11", "numpy=2.1", {"pip": ["--index-url https://e.org", "six==1.16"]}],
    }


def test_a_package_that_is_added_again_takes_the_others_place():
    made = CondaDependencies.create(conda_packages=["numpy=1.26"], pip_packages=["Scikit_Learn==1.0", "six"])

    made.add_pip_package("scikit-learn==1.5")
    made.add_conda_package("conda-forge::numpy=2.1")
    made.set_python_version("3.10")
    made.set_python_version("3.11")
    made.remove_pip_package("six")
    made.add_channel("pytorch")

    assert made.pip_packages == ["scikit-learn==1.5"]
    assert made.conda_packages == ["conda-forge::numpy=2.1"]
    assert (made.python_version, made.conda_channels) == ("3.11", ["pytorch"])


def test_pip_requirements_are_named_anew_and_options_stay():
    made = CondaDependencies.create(pip_packages=["numpy", "scipy"])
    made.set_pip_option("--index-url https://packages.example.org/simple")

    made.set_pip_requirements(["torch==2.4"])

    assert [*made.pip_packages] == ["torch==2.4"]
    assert "--index-url https://packages.example.org/simple" in made.serialize_to_string()


def test_a_conda_file_is_read_and_written_as_it_was(tmp_path):
    (tmp_path / "env.yml").write_text(CONDA_FILE + "prefix: /opt/env\n")

    read = CondaDependencies(conda_dependencies_file_path=str(tmp_path / "env.yml"))
    read.save(tmp_path)

    assert read.pip_options == ["--index-url https://example.org/simple"]
    written = yaml.safe_load((tmp_path / "conda_dependencies.yml").read_text())
    assert written == yaml.safe_load(CONDA_FILE) | {"prefix": "/opt/env"}


@pytest.mark.parametrize("text", ["- a\n- b\n", "dependencies: numpy\n", "a: [", "dependencies: [[1]]\n"])
def test_what_is_no_conda_file_is_refused(text, tmp_path):
    (tmp_path / "env.yml").write_text(text)

    with pytest.raises(UserErrorException):
        CondaDependencies(tmp_path / "env.yml")


# Making


def test_requirements_are_read_with_the_files_that_they_include(requirements):
    made = Environment.from_pip_requirements("torch", requirements)

    document = made.document()

    assert document["requirements"] == [
        "--extra-index-url https://example.org/simple",
        "numpy>=1.20",
        "six   ==1.16",
        "torch @ https://example.org/t#egg=torch",
    ]
    assert "conda" not in document


def test_files_that_include_each_other_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("--requirement=a.txt\n")

    with pytest.raises(UserErrorException, match="includes itself"):
        Environment.from_pip_requirements("e", tmp_path / "a.txt")


def test_a_missing_file_is_named(tmp_path):
    for make in (Environment.from_pip_requirements, Environment.from_conda_specification):
        with pytest.raises(UserErrorException, match="gone"):
            make("e", tmp_path / "gone")


def test_a_conda_file_travels_whole(tmp_path):
    (tmp_path / "env.yml").write_text(CONDA_FILE)

    document = Environment.from_conda_specification("numbers", str(tmp_path / "env.yml")).document()

    assert document["conda"] == yaml.safe_load(CONDA_FILE)
    assert (document["name"], document["python"], document["variables"]) == ("numbers", "", {})


def test_an_environment_of_which_nothing_is_said_builds_nothing():
    made = Environment("plain")

    assert made.document() == {"name": "plain", "python": "", "variables": {}}
    assert made.python.user_managed_dependencies is False
    assert made.python.interpreter_path == "python"


def test_dependencies_that_the_user_manages_are_not_built():
    made = Environment("mine")
    made.python.conda_dependencies.add_pip_package("six")
    made.python.user_managed_dependencies = True
    made.python.interpreter_path = "/opt/bin/python"

    assert made.document() == {"name": "mine", "python": "/opt/bin/python", "variables": {}}


def test_an_image_is_kept_and_said_not_to_be_started(capsys):
    made = Environment.from_docker_image("boxed", "registry.example.org/train:1")

    made.document()

    assert "starts no containers" in capsys.readouterr().err
    assert made.docker.base_image == "registry.example.org/train:1"


def test_v1s_own_images_need_no_warning(capsys):
    made = Environment("e")
    made.docker.enabled = True

    made.document()

    assert capsys.readouterr().err == ""


def test_a_dockerfile_is_a_path_or_its_text(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\n")

    by_path = Environment.from_dockerfile("e", tmp_path / "Dockerfile")
    by_text = Environment.from_dockerfile("e", "FROM python:3.11\n")

    assert by_path.docker.base_dockerfile == by_text.docker.base_dockerfile == "FROM python:3.11\n"


def test_a_clone_is_another_one():
    first = Environment("a")
    second = first.clone("b")
    second.python.conda_dependencies.add_pip_package("six")

    assert (first.name, second.name) == ("a", "b")
    assert first.python.conda_dependencies.pip_packages == []


def test_without_conda_there_is_no_conda_environment_to_be_like(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CONDA_EXE", raising=False)

    assert Environment.from_existing_conda_environment("e", "base") is None
    assert "There is no conda" in capsys.readouterr().err


def test_a_conda_environment_is_exported_by_conda(monkeypatch, tmp_path):
    conda = tmp_path / "conda"
    conda.write_text(f"#!/bin/sh\ncat <<'END'\n{CONDA_FILE}prefix: /opt/$4\nEND\n")
    conda.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), "/usr/bin", "/bin"]))
    monkeypatch.delenv("CONDA_EXE", raising=False)

    made = Environment.from_existing_conda_environment("e", "numbers")

    assert made.python.conda_dependencies.as_dict() == yaml.safe_load(CONDA_FILE)


# Keeping


@pytest.fixture
def workspace(signed_in):
    return Workspace.get("default")


def test_a_registered_environment_is_found_by_name_and_version(workspace):
    made = Environment("numbers")
    first = made.register(workspace)
    made.python.conda_dependencies.add_pip_package("six")
    second = made.register(workspace)
    again = made.register(workspace)

    assert (first.version, second.version, again.version) == ("1", "2", "2")
    assert Environment.get(workspace, "numbers").python.conda_dependencies.pip_packages == ["six"]
    assert Environment.get(workspace, "numbers", version=1).python.conda_dependencies.pip_packages == []
    assert {name: each.version for name, each in Environment.list(workspace).items()} == {"numbers": "2"}
    assert Environment.list(SimpleNamespace(name="other")) == {}


@pytest.mark.parametrize(
    "asked", [{"name": "gone"}, {"name": "there", "version": "9"}, {"name": "there", "label": "best"}]
)
def test_an_environment_that_is_not_registered_is_an_error(workspace, asked):
    Environment("there").register(workspace)

    with pytest.raises(UserErrorException):
        Environment.get(workspace, **asked)


def test_an_environment_comes_back_from_a_folder(tmp_path):
    made = Environment("numbers")
    made.environment_variables = {"A": 1}
    made.python.conda_dependencies = CondaDependencies.create(pip_packages=["six"], python_version="3.11")
    made.docker.base_image_registry.password = "secret"

    made.save_to_directory(tmp_path / "env")
    read = Environment.load_from_directory(tmp_path / "env")

    assert read.document() == made.document()
    assert (tmp_path / "env" / "conda_dependencies.yml").exists()
    whole = (tmp_path / "env" / "azureml_environment.json").read_text()
    assert "secret" not in whole
    assert json.loads(whole)["environmentVariables"] == {"A": "1"}
    with pytest.raises(UserErrorException, match="overwrite"):
        made.save_to_directory(tmp_path / "env")
    made.save_to_directory(tmp_path / "env", overwrite=True)


def test_building_now_is_not_offered_and_says_when_it_happens(workspace):
    with pytest.raises(NotImplementedError, match="for the first run"):
        Environment("e").build(workspace)
