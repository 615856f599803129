"""The two distributions as they are built and installed: where `azureml` lies, and that it never touches the genuine one."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.live import ROOT

pytestmark = pytest.mark.live

BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


class Place:
    """An environment of its own, whose setuptools is ours."""

    def __init__(self, folder: Path):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = str(folder / "bin" / "python")
        self.packages = Path(self.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())

    def run(self, *words: str, path: str = "", cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [self.python, *words], env=kept | {"PYTHONPATH": path}, cwd=cwd, capture_output=True, text=True, check=False
        )

    def build(self, source: Path, into: Path, hook: str = "build_wheel") -> "subprocess.CompletedProcess[str]":
        into.mkdir(exist_ok=True)
        return self.run("-c", BUILD, hook, str(into), path=sysconfig.get_path("purelib"), cwd=source)

    def unpack(self, wheel: Path) -> None:
        """What an installer does with a wheel of Python files."""
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(self.packages)

    def have(self, name: str, version: str) -> None:
        """Look as if a distribution were installed."""
        folder = self.packages / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    def have_genuine(self) -> None:
        """Look like an environment with Microsoft's package: its name and version, and a file of its own making."""
        self.have("azureml-core", "1.61.0")
        (self.packages / "azureml" / "core").mkdir(parents=True)
        (self.packages / "azureml" / "__init__.py").write_text("")
        (self.packages / "azureml" / "core" / "__init__.py").write_text("VERSION = 'genuine'\n")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "environment")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the sources: building leaves folders behind."""
    folder = tmp_path_factory.mktemp("sources") / "sdk"
    shutil.copytree(ROOT / "sdk", folder, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    return folder


@pytest.fixture(scope="module")
def wheels(source, tmp_path_factory):
    """Both, built where the genuine package is not."""
    folder = tmp_path_factory.mktemp("wheels")
    elsewhere = Place(tmp_path_factory.mktemp("elsewhere") / "environment")
    for each in (source, source / "azureml"):
        built = elsewhere.build(each, folder)
        assert built.returncode == 0, built.stderr
    return {wheel.name.split("-")[0]: wheel for wheel in folder.glob("*.whl")}


@pytest.mark.parametrize("hook", ["build_wheel", "build_editable"])
def test_it_is_not_built_where_the_genuine_package_is(place, source, tmp_path, hook):
    place.have_genuine()

    built = place.build(source / "azureml", tmp_path / "out", hook)

    assert built.returncode == 1
    assert "azureml-core 1.61.0 is installed here" in built.stderr
    assert not list((tmp_path / "out").glob("*.whl"))


def test_a_wheel_that_is_installed_over_the_genuine_package_leaves_it_whole(place, wheels):
    place.have_genuine()
    for wheel in wheels.values():
        place.unpack(wheel)

    assert place.run("-c", "import azureml.core; print(azureml.core.VERSION)").stdout == "genuine\n"


def test_an_installed_wheel_offers_azureml_behind_everything_else(place, wheels):
    for wheel in wheels.values():
        place.unpack(wheel)

    look = "import sys, azureml.core; print(azureml.core.VERSION, sys.path[-1].rpartition('/')[2])"
    assert place.run("-c", look).stdout == "1.61.0 _runstudio_azureml\n"
    assert not (place.packages / "azureml").exists()


def test_runstudio_alone_carries_azureml_for_its_agents_and_offers_it_to_nobody(place, wheels):
    place.unpack(wheels["runstudio"])

    told = place.run("-c", "from runstudio.agent import drop_in; print(drop_in.place())")

    assert told.stdout.strip() == str(place.packages / "runstudio" / "_lent" / "azureml"), told.stderr
    assert place.run("-c", "import azureml").returncode == 1
    in_checkout = {file.relative_to(ROOT) for file in (ROOT / "sdk" / "azureml" / "src" / "azureml").rglob("*.py")}
    lent = {
        Path("sdk/azureml/src/azureml") / file.relative_to(told.stdout.strip())
        for file in Path(told.stdout.strip()).rglob("*.py")
    }
    assert lent == in_checkout


def test_both_are_of_one_version(wheels):
    assert {wheel.name.split("-")[1] for wheel in wheels.values()} == {wheels["runstudio"].name.split("-")[1]}
    with zipfile.ZipFile(wheels["runstudio_azureml"]) as packed:
        metadata = next(name for name in packed.namelist() if name.endswith("METADATA"))
        version = wheels["runstudio"].name.split("-")[1]
        assert f"Requires-Dist: runstudio=={version}" in packed.read(metadata).decode()


def scripts_of(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as packed:
        names = [name for name in packed.namelist() if name.endswith("entry_points.txt")]
        return [
            line.split(" =")[0] for name in names for line in packed.read(name).decode().splitlines() if " = " in line
        ]


def test_the_command_az_is_brought_where_azures_own_is_not_installed(place, source, wheels, tmp_path):
    place.have("azure-cli", "2.80.0")

    built = place.build(source / "azureml", tmp_path / "out")

    assert built.returncode == 0, built.stderr
    assert scripts_of(next((tmp_path / "out").glob("*.whl"))) == []
    assert scripts_of(wheels["runstudio_azureml"]) == ["az"]


def test_a_source_distribution_of_runstudio_carries_what_its_wheel_needs(place, source, tmp_path):
    packed = place.build(source, tmp_path / "out", "build_sdist")
    assert packed.returncode == 0, packed.stderr
    with tarfile.open(next((tmp_path / "out").glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")

    built = place.build(next(tmp_path.glob("runstudio-*")), tmp_path / "out")

    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next((tmp_path / "out").glob("*.whl"))) as wheel:
        assert "runstudio/_lent/azureml/core/__init__.py" in wheel.namelist()
