"""Errors of the numerical core.

ShortlistError
├── SettingInvalid      a parameter is out of its range (names field, found value, what is allowed)
├── DataInvalid         values that cannot be trained on (names the place)
├── SingularSystem      a row has no unique solution
├── TrainingDiverged    the loss stopped being finite
└── TrainingCancelled   the caller's progress callback asked to stop
"""


class ShortlistError(Exception):
    """Root of everything this package raises on purpose."""


class SettingInvalid(ShortlistError, ValueError):
    """A parameter is out of its range."""

    def __init__(self, field: str, found: object, allowed: str) -> None:
        super().__init__(f"{field}={found!r} is not allowed: {allowed}")
        self.field = field
        self.found = found
        self.allowed = allowed

    def __reduce__(self) -> tuple[type, tuple[str, object, str]]:
        return type(self), (self.field, self.found, self.allowed)


def check_setting(field: str, found: object, allowed: bool, limits: str) -> None:
    """Raise SettingInvalid unless `allowed`; `limits` says what is."""
    if not allowed:
        raise SettingInvalid(field, found, limits)


class DataInvalid(ShortlistError, ValueError):
    """Data that cannot be used; the message names the place and the value."""


class SingularSystem(ShortlistError):
    """A row's system has no unique solution; a larger regularization prevents it."""


class TrainingDiverged(ShortlistError):
    """The loss is not finite any more."""


class TrainingCancelled(ShortlistError):
    """Training was stopped on request, between two epochs."""
