"""Exit codes, the same for every command, so that scripts can tell failures apart.

The help and the reference are generated from `MEANING`.
"""

from __future__ import annotations

from enum import IntEnum

from sentinel.errors import (
    ConfigurationError,
    Conflict,
    DatabaseUnreachable,
    LimitsUnavailable,
    NotFound,
    PrefectUnreachable,
    SentinelError,
)
from sentinel.rules.approval import ChangeWaits

__all__ = ["MEANING", "Exit", "exit_code_list", "exit_code_of"]


class Exit(IntEnum):
    """The exit code of a command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNREACHABLE = 5
    WAITS = 6
    DIFFERS = 7
    STOPPED = 130


MEANING: dict[Exit, str] = {
    Exit.OK: "done",
    Exit.FAILED: "failed: a check, a flow run, a delivery or a component failed",
    Exit.USAGE: "wrong usage, or an invalid setting",
    Exit.NOT_FOUND: "not found: no alert, rule, trigger, channel, receiver or pack has that name",
    Exit.CONFLICT: "conflict: the state forbids it, it runs or exists already, or somebody "
    "else changed it first",
    Exit.UNREACHABLE: "unreachable: the database or Prefect does not answer, or Sentinel does not "
    "run here",
    Exit.WAITS: "waits: nothing was changed yet, since a second person has to approve it",
    Exit.DIFFERS: "differs: a plan found what applying it would change",
    Exit.STOPPED: "stopped by Ctrl-C",
}

_OF: tuple[tuple[type[SentinelError], Exit], ...] = (
    (NotFound, Exit.NOT_FOUND),
    (ChangeWaits, Exit.WAITS),
    (Conflict, Exit.CONFLICT),
    (DatabaseUnreachable, Exit.UNREACHABLE),
    (LimitsUnavailable, Exit.UNREACHABLE),
    (PrefectUnreachable, Exit.UNREACHABLE),
    (ConfigurationError, Exit.USAGE),
)


def exit_code_of(error: SentinelError) -> Exit:
    """Return the exit code of a command that fails with `error`."""
    return next((code for kind, code in _OF if isinstance(error, kind)), Exit.FAILED)


def exit_code_list() -> str:
    """Return all exit codes with their meaning, as a Markdown list."""
    return "\n".join(f"- `{code.value}` {meaning}" for code, meaning in MEANING.items())
