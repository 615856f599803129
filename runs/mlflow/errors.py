"""Errors as MLflow clients know them: a code and a sentence. The client tries 408, 429 and most of 5xx again for minutes."""

from typing import Any, Final

from runs import errors

# MLflow's codes, and the status of each. Source: the protocol of MLflow 3.17.
STATUS: Final = {
    "INVALID_PARAMETER_VALUE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "BAD_REQUEST": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_CONFLICT": 409,
    "NOT_IMPLEMENTED": 501,
    "INTERNAL_ERROR": 500,
    "TEMPORARILY_UNAVAILABLE": 503,
}
# The domain's errors. The first of an error's classes that stands here decides.
_CODE_OF: Final[dict[type[errors.StudioError], str]] = {
    errors.Invalid: "INVALID_PARAMETER_VALUE",
    errors.NotFound: "RESOURCE_DOES_NOT_EXIST",
    errors.Forbidden: "PERMISSION_DENIED",
    errors.AlreadyExists: "RESOURCE_ALREADY_EXISTS",
    errors.PropertyIsFixed: "INVALID_PARAMETER_VALUE",
    errors.Conflict: "RESOURCE_CONFLICT",
}


class Refused(Exception):
    """An answer that is an error in MLflow's own words: clients and their tests match on some of them."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> Refused:
    return Refused("INVALID_PARAMETER_VALUE", message)


def missing(name: str) -> Refused:
    return invalid(f"Missing value for required parameter '{name}'.")


def not_found(message: str) -> Refused:
    return Refused("RESOURCE_DOES_NOT_EXIST", message)


def of(error: errors.StudioError) -> Refused:
    """A refusal by the domain."""
    code = next(_CODE_OF[kind] for kind in type(error).__mro__ if kind in _CODE_OF)
    if isinstance(error, errors.PropertyIsFixed):
        return Refused(code, f"Changing param values is not allowed. {error.message}")
    return Refused(code, error.message)


def document(refused: Refused) -> dict[str, Any]:
    return {"error_code": refused.code, "message": refused.message}
