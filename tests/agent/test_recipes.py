"""What a run asks to have installed: when two ask for the same, which Python fits, and which tool is taken."""

import sys

import pytest
from runstudio.agent import pythons, tools
from runstudio.agent.pythons import Python
from runstudio.agent.recipe import recipe_of
from runstudio.agent.source import CannotPrepare

OWN = Python("/usr/bin/python3", "/usr/bin/python3", (3, 11, 7), "CPython x86_64")


def asked(**environment):
    return recipe_of({"environment": environment})


def conda(*dependencies):
    return asked(conda={"dependencies": list(dependencies)})


@pytest.fixture
def no_tools(monkeypatch, tmp_path):
    """A machine with nothing on its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"python": "/opt/bin/python", "variables": {"A": "1"}},
        {"requirements": []},
        {"conda": {"dependencies": []}},
        {"conda": {"dependencies": ["pip", {"pip": []}]}},
        {"requirements": ["azureml-defaults==1.61", "azureml.core"]},
        {"requirements": ["--extra-index-url https://example.org/simple", "--pre"]},
    ],
)
def test_nothing_is_built_when_nothing_is_asked_for(environment):
    assert recipe_of({"environment": environment}) is None


def test_the_same_content_has_the_same_digest_and_another_has_another(tmp_path):
    first = conda("python=3.11", "numpy", "scipy", {"pip": ["six"]})
    turned = conda("scipy", "numpy", "python=3.11", {"pip": ["six"]})

    digests = {
        each.digest(["pip"], work=tmp_path)
        for each in (
            first,
            conda("python=3.11", "numpy", "scipy", {"pip": ["six==1.16"]}),
            conda("python=3.12", "numpy", "scipy", {"pip": ["six"]}),
            conda("python=3.11", "scipy", {"pip": ["six"]}),
        )
    }

    assert first.digest(["pip"], work=tmp_path) == turned.digest(["pip"], work=tmp_path)
    assert len(digests) == 4
    assert first.digest(["pip"], work=tmp_path) != first.digest(["conda"], work=tmp_path)


@pytest.mark.parametrize("line", ["./lib[extra]", "lib/sub", "here @ file://{work}/lib", "-e {work}/lib", "{work}/lib"])
def test_a_folder_that_is_installed_counts_with_its_content(line, tmp_path):
    (tmp_path / "lib" / "sub").mkdir(parents=True)
    code = tmp_path / "lib" / "sub" / "code.py"
    code.write_text("a = 1")
    recipe = asked(requirements=[line.format(work=tmp_path)])
    first = recipe.digest(work=tmp_path)

    code.write_text("a = 2")

    assert recipe.digest(work=tmp_path) != first


@pytest.mark.parametrize("line", ["-e .", "--editable=./lib", "-e lib"])
def test_a_link_into_the_runs_own_folder_is_refused(line):
    with pytest.raises(CannotPrepare, match="without -e"):
        asked(requirements=[line])


@pytest.mark.parametrize("package", ["python=3.9", "Python =3.9", "conda-forge::python=3.9", " python 3.9"])
def test_the_python_is_read_as_conda_writes_it(package):
    assert conda(package).python.lstrip("=") == "3.9"


@pytest.mark.parametrize(
    "environment",
    [{"conda": "six"}, {"conda": {"dependencies": [3]}}, {"requirements": 3}, {"conda": {"dependencies": 3}}],
)
def test_what_cannot_be_read_fails_the_run_and_not_the_agent(environment):
    with pytest.raises(CannotPrepare, match="cannot be read"):
        recipe_of({"environment": environment})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CannotPrepare, match="gone"):
        asked(requirements=["./gone.whl"]).digest(work=tmp_path)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("", True),
        ("=3.11", True),
        ("=3.11.2", True),
        ("==3.11.*", True),
        ("3.11", True),
        ("=3", True),
        ("=3.1", False),
        ("=3.10", False),
        (">=3.8,<3.12", True),
        (">=3.8,<3.11", False),
        (">3.11", False),
        ("<3.11.9", True),
        ("~=3.8", True),
        ("!=3.11", False),
        ("=3.11=h2755cc3_3", True),
    ],
)
def test_a_python_fits_by_its_first_two_numbers(wanted, fits):
    assert pythons.fits((3, 11, 7), wanted) is fits


def test_an_environment_without_conda_packages_needs_pip_only(no_tools):
    plan = tools.plan(conda("python=3.11.2", "pip=23.1", {"pip": ["six"]}), OWN)

    assert (plan.tool, plan.python) == ("pip", OWN)


def test_what_conda_calls_a_version_of_pip_is_told_to_pip_in_its_words(no_tools):
    recipe = conda("pip=23.1", "setuptools>=69,<70", "wheel", {"pip": ["six"]})

    _, first, second = tools.steps(tools.plan(recipe, OWN), recipe, no_tools / "env", no_tools)

    assert first.command[-3:] == ["pip==23.1", "setuptools>=69,<70", "wheel"]
    assert second.command[-2] == "-r"


def test_uv_is_taken_when_it_is_there(no_tools):
    (no_tools / "uv").write_text("#!/bin/sh\n")
    (no_tools / "uv").chmod(0o755)

    assert tools.plan(asked(requirements=["six"]), OWN).tool == "uv"


def test_conda_packages_without_conda_are_an_error_that_says_what_to_do(no_tools):
    with pytest.raises(
        CannotPrepare, match=r"\(cudatoolkit\), and there is no conda, mamba or micromamba on .* under pip"
    ):
        tools.plan(conda("python=3.11", "cudatoolkit", {"pip": ["six"]}), OWN)


@pytest.mark.parametrize("name", ["micromamba", "mamba", "conda"])
def test_conda_packages_are_left_to_the_conda_that_is_there(no_tools, name):
    (no_tools / name).write_text("#!/bin/sh\n")
    (no_tools / name).chmod(0o755)
    recipe = conda("python=3.11", "cudatoolkit=11.8", {"pip": ["six"]})

    plan = tools.plan(recipe, OWN)
    [step] = tools.steps(plan, recipe, no_tools / "env", no_tools)

    assert plan.tool == name
    assert "create" in step.command
    assert step.command[step.command.index("--prefix") + 1] == str(no_tools / "env")
    written = (no_tools / ".studio-environment.yml").read_text()
    assert written == (
        "channels:\n- conda-forge\ndependencies:\n- python=3.11\n- cudatoolkit=11.8\n- pip\n- pip:\n  - six\n"
    )


def test_a_python_that_the_machine_has_not_is_named(no_tools):
    with pytest.raises(CannotPrepare, match=r"asks for Python 2\.7, .* its own is 3\.11\.7"):
        tools.plan(conda("python=2.7", {"pip": ["six"]}), OWN)


def test_the_interpreter_at_hand_knows_itself():
    about = pythons.about(sys.executable)

    assert about.version == sys.version_info[:3]
    assert about.kind.startswith("CPython") or about.kind.startswith("PyPy")


def test_a_shim_that_does_not_run_is_no_python(no_tools):
    broken = no_tools / "python3.9"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)

    assert pythons.matching("=3.9", OWN) is None
