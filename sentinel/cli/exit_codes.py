"""Exit codes, the same for every command, so that scripts can tell failures apart.

What each means is said here once: the help and the reference are made of `MEANING`.
"""

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

__all__ = ["MEANING", "Exit", "exit_code_list", "exit_code_of"]


class Exit(IntEnum):
    """What a command's exit code means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNREACHABLE = 5
    STOPPED = 130


MEANING: dict[Exit, str] = {
    Exit.OK: "done",
    Exit.FAILED: "failed: a check, a run, a delivery or a part is not as it should be",
    Exit.USAGE: "wrong usage, or a setting that cannot be used",
    Exit.NOT_FOUND: "there is no alert, rule, trigger, channel, receiver or pack of that name",
    Exit.CONFLICT: "conflict: its state forbids it, it runs or exists already, or somebody "
    "else changed it first",
    Exit.UNREACHABLE: "the database or Prefect does not answer, or nothing runs here",
    Exit.STOPPED: "stopped by Ctrl-C",
}

_OF: tuple[tuple[type[SentinelError], Exit], ...] = (
    (NotFound, Exit.NOT_FOUND),
    (Conflict, Exit.CONFLICT),
    (DatabaseUnreachable, Exit.UNREACHABLE),
    (PrefectUnreachable, Exit.UNREACHABLE),
    (ConfigurationError, Exit.USAGE),
)


def exit_code_of(error: SentinelError) -> Exit:
    """The exit code of a command that ends with `error`."""
    return next((code for kind, code in _OF if isinstance(error, kind)), Exit.FAILED)


def exit_code_list() -> str:
    """All exit codes, one a line, as a Markdown list."""
    return "\n".join(f"- `{code.value}` {meaning}" for code, meaning in MEANING.items())
