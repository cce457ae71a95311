"""What the lifecycle of an alert is given, and what it answers."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from sentinel.alerts.inputs import Status
from sentinel.alerts.reasons import Reason

__all__ = ["AlertState", "Terms", "Transition", "over"]


class AlertState(msgspec.Struct, frozen=True, kw_only=True):
    """As much of an alert as its lifecycle depends on."""

    id: str
    status: Status
    severity: int
    word: str
    first_bad_at: datetime
    last_bad_at: datetime
    seen_at: datetime
    bad_count: int = 1
    occurrences: int = 1
    version: int = 1
    opened_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledge_comment: str = ""
    acknowledged_severity: int = 0
    resolved_at: datetime | None = None
    resolution: str = ""
    resolved_by: str = ""
    expires_at: datetime | None = None
    assignee: str = ""
    suppressed_until: datetime | None = None
    suppress_reason: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule and the settings say about time and counting.

    `switched_off` where the rule's switch is off, so that nobody looks any more.
    """

    hold: timedelta = timedelta(0)
    consecutive: int = 1
    keep_firing: timedelta = timedelta(0)
    resolve_after: timedelta | None = None
    period: timedelta | None = None
    reopen_within: timedelta = timedelta(minutes=15)
    hold_after_manual_resolve: timedelta = timedelta(minutes=5)
    switched_off: bool = False


class Transition(msgspec.Struct, frozen=True):
    """What became of an alert.

    Attributes:
        reason: why
        state: the alert as it is now, or None where there is none (healthy, held, dropped)
        visible: whether people see a change, so that the timeline gets a row
        drop: id of a pending alert that goes, because it cleared or an older one reopened
        error: for a refused action, why and what to do
    """

    reason: Reason
    state: AlertState | None
    visible: bool = False
    drop: str | None = None
    error: str = ""


def over(
    alert: AlertState, reason: Reason, at: datetime, actor: str, seen: datetime | None = None
) -> Transition:
    """`alert` is over, for this reason, since then."""
    ended = msgspec.structs.replace(
        alert,
        status=Status.RESOLVED,
        resolved_at=at,
        resolution=str(reason),
        resolved_by=actor,
        seen_at=seen or alert.seen_at,
        # A person may take a resolve back, and then it ends when it would have.
        expires_at=alert.expires_at if reason is Reason.RESOLVED_MANUALLY else None,
        version=alert.version + 1,
    )
    return Transition(reason, ended, True)
