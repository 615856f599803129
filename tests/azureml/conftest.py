"""Live tests of `azureml`: the studio of the SDK's, and scripts that have the package on their path."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.live import ROOT
from tests.sdk.conftest import run_script as run_plain_script
from tests.sdk.conftest import studio as studio  # one for all tests of a module

plain_script = run_plain_script


@pytest.fixture
def run_script(plain_script) -> Callable[..., object]:
    """As of the SDK's tests, with `azureml`, which submitted scripts get from their agent instead."""
    return partial(plain_script, PYTHONPATH=str(ROOT / "sdk" / "azureml" / "src"))
