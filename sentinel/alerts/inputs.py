"""The inputs of an alert's lifecycle, and its stored statuses.

An input is a reading's verdict, a close that is no recovery, a step of an escalation, or an action
of a person.
`sentinel.alerts.lifecycle.step` takes one of these; nothing else changes an alert.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from sentinel.alerts.actions import Action
from sentinel.alerts.reasons import Reason

__all__ = ["AcknowledgementExpired", "Bad", "Closed", "Escalated", "Good", "Input", "Status"]


class Status(StrEnum):
    """The stored status of an alert."""

    PENDING = "pending"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Bad(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of the series that the rule judged bad.

    Attributes:
        at: time of the reading
        severity: a `Severity` number, 1 info to 5 critical
        word: the severity as the rule gives it
        occurrences: how many times it happened since the last evaluation; None where the check
            does not count
        started: when this episode began, as the system says that reports it; None where it does not
        until: when it ends unless that system says otherwise before; None for the rule's terms
    """

    at: datetime
    severity: int
    word: str
    occurrences: int | None = None
    started: datetime | None = None
    until: datetime | None = None


class Good(msgspec.Struct, frozen=True, kw_only=True):
    """A reading at `at` that the rule judged good. An unseen series gives no input.

    `why` is RECOVERED, or NOT_REPORTED or REMOVED of a series that is gone and did not recover.
    `ended` is when the episode ended that it closes, as the system says that reports it; None
    where it does not.
    """

    at: datetime
    ended: datetime | None = None
    why: Reason = Reason.RECOVERED


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """The alert is closed without a recovery, or kept although nobody reports it any more.

    Attributes:
        reason: EXPIRED, NOT_REPEATED, KEPT_NOT_REPEATED, NO_DATA or RULE_DISABLED
        actor: who did it; empty where no person did
    """

    reason: Reason
    actor: str = ""


class Escalated(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the escalation of its group paged people, because nobody had acknowledged it.

    Attributes:
        level: of the step
    """

    level: int


class AcknowledgementExpired(msgspec.Struct, frozen=True, kw_only=True):
    """The acknowledgement was not renewed within the timeout of the escalation policy."""


Input = Bad | Good | Closed | Escalated | AcknowledgementExpired | Action
