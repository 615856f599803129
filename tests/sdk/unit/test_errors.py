"""The exceptions that v1 scripts catch."""

from __future__ import annotations

import json

import pytest
from runstudio import errors

NAMES = [
    "ActivityFailedException", "AuthenticationException", "AzureMLAggregatedException", "ComputeTargetException",
    "ExperimentExecutionException", "ModelNotFoundException", "ModelPathNotFoundException", "ProjectSystemException",
    "RunConfigurationException", "SnapshotException", "TrainingException", "UserErrorException", "WebserviceException",
    "WorkspaceException",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_each_is_an_azuremlexception_with_its_message_and_its_cause(name):
    kind = getattr(errors, name)
    cause = ValueError("why")
    error = kind("what") if kind is errors.ActivityFailedException else kind("what", cause)

    assert isinstance(error, errors.AzureMLException)
    assert error.message.endswith("what")
    assert error.inner_exception is (None if kind is errors.ActivityFailedException else cause)


def test_the_text_of_an_exception_is_v1s():
    text = str(errors.UserErrorException("No such file.", ValueError("why")))

    head, told = text.split("\tErrorResponse \n")
    assert head == "UserErrorException:\n\tMessage: No such file.\n\tInnerException why\n"
    assert json.loads(told) == {"error": {"code": "UserError", "message": "No such file."}}


def test_who_descends_from_whom():
    assert issubclass(errors.AuthenticationException, errors.UserErrorException)
    assert issubclass(errors.ModelNotFoundException, errors.WebserviceException)
    assert not issubclass(errors.ServiceException, errors.AzureMLException)


def test_a_refusal_has_its_status_code_and_sentence():
    error = errors.ServiceException(
        "There is no run r.", status_code=404, error_code="not_found", details={"field": ""}
    )

    assert (error.status_code, error.message, str(error)) == (404, "There is no run r.", "There is no run r.")
    assert error.details == {"field": ""}


def test_a_failed_activity_tells_the_runs_error():
    error = errors.ActivityFailedException('{"error": {}}')

    assert error.message == 'Activity Failed:\n{"error": {}}'


def test_a_script_outside_a_run_is_told_how_to_start_one():
    assert "start_logging" in errors.RunEnvironmentException().message
