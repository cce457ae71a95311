"""The state that the lifecycle of an alert takes, the terms it follows, and what it returns."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from sentinel.alerts.inputs import Status
from sentinel.alerts.reasons import Reason

__all__ = ["AlertState", "Terms", "Transition", "acknowledged", "resolved"]


class AlertState(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an alert that its lifecycle reads and changes; stored as columns of the alert."""

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
    started_at: datetime | None = None
    good_since: datetime | None = None
    assignee: str = ""
    suppressed_until: datetime | None = None
    suppress_reason: str = ""
    escalation_level: int = 0
    noise_reason: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The times and counts that a rule and the settings give the lifecycle.

    Attributes:
        hold: how long the condition must hold before the alert opens (`for`)
        consecutive: bad evaluations in a row that are needed as well
        keep_firing: how long after the first good reading it keeps firing (`keep_firing_for`)
        resolve_after: after this time without a bad reading it expires; None for never
        repeated_within: after this time without a bad reading it is not repeated; None for never
        period: of the rule; a gap of more than two periods restarts `hold`. None for no period
        reopen_within: a recurrence within this time reopens the same alert
        hold_after_manual_resolve: how long a person's resolve holds while it still fires; a good
            reading ends that
        switched_off: whether the rule is disabled, so that no evaluation follows
        next_level: of the escalation of its group, to which a person may escalate it; 0 for none
        wants_more: whether its escalation waits for the acknowledgement of whoever acts, too
        silenced: until when and why the rule is silenced; None where it is not
    """

    hold: timedelta = timedelta(0)
    consecutive: int = 1
    keep_firing: timedelta = timedelta(0)
    resolve_after: timedelta | None = None
    repeated_within: timedelta | None = None
    period: timedelta | None = None
    reopen_within: timedelta = timedelta(minutes=15)
    hold_after_manual_resolve: timedelta = timedelta(minutes=5)
    switched_off: bool = False
    next_level: int = 0
    wants_more: bool = False
    silenced: tuple[datetime, str] | None = None


class Transition(msgspec.Struct, frozen=True):
    """The result of one step of the lifecycle.

    Attributes:
        reason: why the alert changed, or did not
        state: the alert afterwards; None where there is none (healthy, held, dropped)
        visible: whether people see a change, so that the timeline gets an entry
        drop: id of a pending alert to delete, because it cleared or an older one reopened
        error: for a refused action, why it was refused and what to do
    """

    reason: Reason
    state: AlertState | None
    visible: bool = False
    drop: str | None = None
    error: str = ""


def acknowledged(alert: AlertState) -> str:
    """Return who acknowledged `alert` and with what comment, as in `by ann: on it`."""
    said = f": {alert.acknowledge_comment}" if alert.acknowledge_comment else ""
    return f"by {alert.acknowledged_by or 'somebody'}{said}"


def resolved(
    alert: AlertState, reason: Reason, at: datetime, actor: str, seen: datetime | None = None
) -> Transition:
    """Resolve `alert` for `reason` at `at`; `seen` is the time of the last good reading."""
    ended = msgspec.structs.replace(
        alert,
        status=Status.RESOLVED,
        resolved_at=at,
        resolution=str(reason),
        resolved_by=actor,
        seen_at=seen or alert.seen_at,
        # A person may undo a manual resolve, and then the alert expires as before.
        expires_at=alert.expires_at if reason is Reason.RESOLVED_MANUALLY else None,
        version=alert.version + 1,
    )
    return Transition(reason, ended, True)
