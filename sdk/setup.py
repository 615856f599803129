"""
What pyproject.toml cannot say: a built `runstudio` carries the package `azureml` of the folder beside it, under `_lent`, where
nothing imports it. Agents lend it to scripts whose Python has no `azureml.core`; `runstudio-azureml` is for everybody else.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SOURCE = Path(__file__).parent / "azureml" / "src" / "azureml"


class Build(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:  # which finds it in its place
            lent = Path(self.build_lib, "runstudio", "_lent", "azureml")
            shutil.rmtree(lent, ignore_errors=True)
            shutil.copytree(SOURCE, lent, ignore=shutil.ignore_patterns("__pycache__"))


setup(cmdclass={"build_py": Build})
