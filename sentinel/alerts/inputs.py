"""The inputs of an alert's lifecycle, its stored statuses, and the reasons of every transition.

An input is a reading's verdict, an end that is no recovery, or an action of a person.
`sentinel.alerts.lifecycle.step` takes one of these; nothing else changes an alert.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from sentinel.alerts.actions import Action

__all__ = ["Bad", "Ended", "Good", "Input", "Reason", "Status"]


class Status(StrEnum):
    """The stored status of an alert."""

    PENDING = "pending"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Reason(StrEnum):
    """Why an alert became what it became, or stayed what it was."""

    HEALTHY = "healthy"
    PENDING = "pending: not bad for long enough yet"
    PENDING_RESTARTED = "pending again: too long not looked at"
    CLEARED_BEFORE_OPEN = "cleared before it opened"
    OPENED = "opened"
    REOPENED = "reopened: came back soon after it was resolved"
    REOPENED_STILL_BAD = "reopened: still bad after a person resolved it"
    REOPENED_BY_HAND = "reopened by a person"
    HELD = "still bad, but a person resolved it a moment ago"
    STILL_BAD = "still bad"
    REPEATED = "happened again"
    COUNTED = "happened again, as the check counts"
    SEVERITY_ROSE = "severity rose"
    SEVERITY_FELL = "severity fell"
    RECOVERED = "recovered"
    KEPT_FIRING = "seen good, and kept for a while in case it comes back"
    EXPIRED = "expired"
    NO_DATA = "no data: nobody sees it any more"
    KEPT_CRITICAL = "kept: a critical alert that nobody acknowledged never closes by itself"
    RULE_DISABLED = "rule disabled"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "acknowledgement taken back"
    RESOLVED_BY_HAND = "resolved by a person"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "no longer suppressed"
    UNCHANGED = "already so"
    REFUSED = "refused"


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
