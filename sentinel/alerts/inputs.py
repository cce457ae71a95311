"""The inputs of an alert's lifecycle, and its stored statuses.

An input is a reading's verdict, an end that is no recovery, or an action of a person.
`sentinel.alerts.lifecycle.step` takes one of these; nothing else changes an alert.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from sentinel.alerts.actions import Action
from sentinel.alerts.reasons import Reason

__all__ = ["Bad", "Ended", "Good", "Input", "Status"]


class Status(StrEnum):
    """The stored status of an alert."""

    PENDING = "pending"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Bad(msgspec.Struct, frozen=True, kw_only=True):
    """The series was seen bad at `at`, this severely; `word` is the severity as given.

    `occurrences` says how many times it has happened since the last look, where the check counts.
    """

    at: datetime
    severity: int
    word: str
    occurrences: int | None = None


class Good(msgspec.Struct, frozen=True, kw_only=True):
    """The series was seen good at `at`. What was not seen gives no input at all."""

    at: datetime


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """Something other than a recovery ends it: EXPIRED, NO_DATA or RULE_DISABLED."""

    reason: Reason
    actor: str = ""


Input = Bad | Good | Ended | Action
