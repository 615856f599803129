"""
Azure ML SDK v1's package, on a Run Studio server. The names are v1's, what is behind them is `runstudio`.

Other packages below `azureml`, such as `azureml.mlflow`, are found beside this one. The genuine `azureml.core` is not: of two
packages of one name a script would get now this one, now that.
"""

from __future__ import annotations

from importlib import metadata as _metadata
from pkgutil import extend_path as _extend_path


def _refuse_company() -> None:
    try:
        version = _metadata.version("azureml-core")
    except _metadata.PackageNotFoundError:
        return
    raise ImportError(
        f"runstudio-azureml and azureml-core {version} are both installed here, and both are the package azureml. "
        "Keep one of them: pip uninstall azureml-core (to work with Run Studio), or pip uninstall runstudio-azureml."
    )


_refuse_company()
__path__ = _extend_path(__path__, __name__)
