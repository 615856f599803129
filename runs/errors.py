"""The domain's errors. Each says in a sentence what happened and what to do; surfaces give it a status and a form."""


class StudioError(Exception):
    """What every error of the domain derives from. `field` names the input that is wrong, when it is one."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(StudioError):
    """The input cannot be accepted as it is."""


class TooLarge(Invalid):
    """The input is over a limit of `limits`."""


class NotFound(StudioError):
    """There is no such thing, or the caller may not know of it."""


class Forbidden(StudioError):
    """The caller may see this, but may not do it."""


class Conflict(StudioError):
    """What is asked does not fit what is there."""


class AlreadyExists(Conflict):
    """The name is taken. `existing` says what has it, where that helps a client that repeats itself."""

    def __init__(self, message: str, *, field: str = "", existing: dict | None = None) -> None:
        super().__init__(message, field=field)
        self.existing = existing or {}


class PropertyIsFixed(Conflict):
    """A property or parameter has another value already."""


class RunAlreadyEnded(Conflict):
    """The run has ended; its status is final."""


class MoveNotAllowed(Conflict):
    """No move leads from the run's status to the one asked for."""


class OffsetGap(Conflict):
    """A log chunk starts behind the end of what is stored; `expected` is where the next one must start, in bytes."""

    def __init__(self, message: str, *, expected: int) -> None:
        super().__init__(message, field="offset")
        self.expected = expected


class EditConflict(Conflict):
    """Somebody else changed the text in the meantime; `current` is what is stored now."""

    def __init__(self, message: str, *, current: str, field: str = "") -> None:
        super().__init__(message, field=field)
        self.current = current


class LeaseLost(Conflict):
    """The lease is not the agent's any more: the run was given to another agent or has ended."""


class Truncated(Invalid):
    """Fewer bytes came than were announced, or they are not the bytes whose digest was given."""
