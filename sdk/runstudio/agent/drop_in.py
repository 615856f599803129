"""Where the package `azureml` lies that scripts are lent: in this distribution once it is built, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

import runstudio

NAME = "azureml.core"  # what scripts import; other packages below `azureml` do not count


def place() -> str | None:
    """The package's folder; None when it is neither here nor there."""
    ours = Path(runstudio.__file__).resolve().parent
    for folder in (ours / "_lent" / "azureml", ours.parent / "azureml" / "src" / "azureml"):
        if (folder / "__init__.py").is_file():
            return str(folder)
    return None
