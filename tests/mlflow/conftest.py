"""What the tests of MLflow's door share."""

import pytest

from runs.mlflow import metrics


@pytest.fixture(autouse=True)
def _no_run_is_known_from_another_test():
    metrics.forget_runs()
