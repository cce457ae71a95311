"""Exit codes, the same for every command, so that scripts can tell failures apart."""

from __future__ import annotations

from enum import IntEnum

from sentinel.errors import (
    ConfigurationError,
    Conflict,
    DatabaseUnreachable,
    NotFound,
    PrefectUnreachable,
    SentinelError,
)

__all__ = ["Exit", "exit_of"]


class Exit(IntEnum):
    """What a command's exit code means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNREACHABLE = 5


_OF: tuple[tuple[type[SentinelError], Exit], ...] = (
    (NotFound, Exit.NOT_FOUND),
    (Conflict, Exit.CONFLICT),
    (DatabaseUnreachable, Exit.UNREACHABLE),
    (PrefectUnreachable, Exit.UNREACHABLE),
    (ConfigurationError, Exit.USAGE),
)


def exit_of(error: SentinelError) -> Exit:
    """The exit code of a command that ends with `error`."""
    return next((code for kind, code in _OF if isinstance(error, kind)), Exit.FAILED)
