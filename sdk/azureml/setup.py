"""
What pyproject.toml cannot say: where `azureml` lies once it is installed, and that it is not installed over the genuine one.

A wheel has no field for "conflicts with", and installers overwrite each other's files without a word. So nothing of ours is
put into `site-packages/azureml`, the genuine package's folder: `azureml` lies in a folder of its own, which a line in a `.pth`
file adds to the end of the path. docs/decisions/0006-a-drop-in-that-refuses-company.md has the whole reasoning.
"""

import shutil
import sysconfig
from importlib import metadata
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FOLDER = "_runstudio_azureml"


def installed(name):
    """A distribution's version where this is about to be installed, None if it is not there. A build apart sees it, too."""
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    found = metadata.distributions(name=name, path=sorted(filter(None, places)))
    return next((distribution.version for distribution in found), None)


class Build(build_py):
    def run(self):
        there = installed("azureml-core")
        if there:
            raise SystemExit(
                f"\nrunstudio-azureml: azureml-core {there} is installed here, and both are the package azureml. Nothing was "
                "installed.\nUse another environment, or first: pip uninstall azureml-core\n"
            )
        super().run()
        if not self.editable_mode:
            self._step_aside()

    def _step_aside(self):
        built = Path(self.build_lib)
        shutil.rmtree(built / FOLDER, ignore_errors=True)
        (built / FOLDER).mkdir(parents=True)
        shutil.move(built / "azureml", built / FOLDER / "azureml")
        (built / "runstudio-azureml.pth").write_text(f"{FOLDER}\n", encoding="ascii")


# Azure's command line brings a script `az` of its own, which ours would overwrite: there, the same commands are `studio ...`.
commands = [] if installed("azure-cli") else ["az = runstudio._cli.az:main"]

setup(cmdclass={"build_py": Build}, entry_points={"console_scripts": commands})
