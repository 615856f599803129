"""
The exceptions, under the names that v1 scripts catch.

All derive from `AzureMLException`, except `ServiceException`, which the server's refusals raise.
"""

from __future__ import annotations

import json
from typing import Any


class AzureMLException(Exception):
    """
    What every error of this package but `ServiceException` derives from.

    Args:
        exception_message: what happened and what to do.
        inner_exception: the error that caused this one.
    """

    code = "SystemError"

    def __init__(self, exception_message: str, inner_exception: BaseException | None = None, **details: Any) -> None:
        super().__init__(exception_message)
        self.message = exception_message
        self.inner_exception = inner_exception
        self.details = details

    def __str__(self) -> str:
        response = json.dumps({"error": {"code": self.code, "message": self.message}}, indent=4, ensure_ascii=False)
        return (
            f"{type(self).__name__}:\n\tMessage: {self.message}\n\tInnerException {self.inner_exception}\n"
            f"\tErrorResponse \n{response}"
        )


class UserErrorException(AzureMLException):
    """An argument, a name or a file is not what the call can use."""

    code = "UserError"


class AuthenticationException(UserErrorException):
    """No token, or one that the server does not know (any more)."""


class ActivityFailedException(AzureMLException):
    """
    The run that was waited for has failed.

    Args:
        error_details: the run's error, as JSON text.
    """

    code = "UserError"

    def __init__(self, error_details: str) -> None:
        super().__init__(f"Activity Failed:\n{error_details}")
        self.error_details = error_details


class AzureMLAggregatedException(AzureMLException):
    """An upload was refused: the name is taken."""

    code = "UserError"


class ExperimentExecutionException(AzureMLException):
    """A script could not be submitted, or the watching of its log was broken off."""

    code = "UserError"


class SnapshotException(AzureMLException):
    """The source folder cannot be made a snapshot: too large, or taken already."""

    code = "UserError"


class RunEnvironmentException(AzureMLException):
    """`Run.get_context(allow_offline=False)` outside a run."""

    code = "UserError"

    def __init__(self) -> None:
        super().__init__(
            "This script does not belong to a run: it was not submitted. "
            "Submit it, or start a run with experiment.start_logging()."
        )


class ModelPathNotFoundException(AzureMLException):
    """The run has no file at the path that was to become a model."""

    code = "UserError"


class RunConfigurationException(AzureMLException):
    """A run configuration holds what cannot be run."""

    code = "UserError"


class ComputeTargetException(AzureMLException):
    """There is no such compute target, or it cannot be used so."""

    code = "UserError"


class WorkspaceException(AzureMLException):
    """There is no such workspace, or the caller is not a member of it."""

    code = "UserError"


class ProjectSystemException(AzureMLException):
    """A folder is not attached, or its configuration cannot be read."""

    code = "UserError"


class TrainingException(AzureMLException):
    """A training could not be set up."""

    code = "UserError"


class WebserviceException(AzureMLException):
    """A model is not there, or cannot be put where it shall go. Web services themselves are not offered."""

    code = "UserError"


class ModelNotFoundException(WebserviceException):
    """There is no such model. v1's scripts catch it as a WebserviceException."""


class ServiceException(Exception):
    """
    The server refused a request. `str()` is its sentence.

    Args:
        message: the server's sentence.
        status_code: of the HTTP answer; None when there was none.
        error_code: the server's stable word, such as `property_is_fixed`.
        details: the whole answer.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        error_code: str = "",
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.error_code = error_code
        self.details = details or {}


class ServerUnreachable(ServiceException):
    """No answer came: the server is down, busy, or the network is. The same request may be sent again."""
