"""The life of an alert: pending → open → acknowledged → resolved, as one pure function.

`step` takes an alert, an input and the time, and returns the alert afterwards with a reason. It
reads no clock and touches no database. Every evaluation and every action goes through it.

The moment of a reading is the slot of its evaluation (`sentinel.timing.schedule.slot_judged`), so
that how late a run is decides nothing.

Semantics: `for` as in Prometheus alerting rules (held from the first bad evaluation),
`consecutive` beside it (both must hold), reopening within a window instead of a second alert.
`keep_firing_for` as there too, counted from the first good reading after the last bad one.

What a person resolves while it still fires is held: it does not fire again for a while. A good
reading ends that, because what fires afterwards is something new.

Other systems say when an episode began and ended. Their messages may be late and out of order, so
these moments decide and not the order of arrival: an end before the present episode began ends
nothing, and a firing that began before an end that was taken a moment ago opens nothing.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from sentinel.alerts.actions import (
    Acknowledge,
    Action,
    ActionResult,
    Assign,
    Comment,
    Escalate,
    MarkNoise,
    Reopen,
    Resolve,
    Suppress,
    Unacknowledge,
    UnmarkNoise,
    Unsuppress,
)
from sentinel.alerts.inputs import (
    AcknowledgementExpired,
    Bad,
    Closed,
    Escalated,
    Good,
    Input,
    Status,
)
from sentinel.alerts.manual_actions import act, refused, withdrawn
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState, Terms, Transition, resolved
from sentinel.severity import Severity

__all__ = [
    "Acknowledge",
    "AcknowledgementExpired",
    "Action",
    "ActionResult",
    "AlertState",
    "Assign",
    "Bad",
    "Closed",
    "Comment",
    "Escalate",
    "Escalated",
    "Good",
    "Input",
    "MarkNoise",
    "Reopen",
    "Resolve",
    "Status",
    "Suppress",
    "Terms",
    "Transition",
    "Unacknowledge",
    "UnmarkNoise",
    "Unsuppress",
    "holds",
    "step",
]

_BY_TIME = frozenset((Reason.EXPIRED, Reason.NOT_REPEATED, Reason.KEPT_NOT_REPEATED))
"""Ends that `expires_at` brings."""


def step(
    alert: AlertState | None,
    recent: AlertState | None,
    given: Input,
    now: datetime,
    terms: Terms,
    new_id: str = "",
    beside: AlertState | None = None,
    ended: datetime | None = None,
) -> Transition:
    """Apply one input to an alert.

    Args:
        alert: the live alert of the fingerprint, or None; for an action, the alert acted on
        recent: the newest resolved alert of the fingerprint, or None
        given: a reading's verdict, a close, or a person's action
        now: the present moment
        terms: the times and counts of the rule
        new_id: id for a new alert
        beside: for an action on a resolved alert, the live alert of its fingerprint, or None
        ended: when the last episode ended that was taken lately, as its system says; None for none

    Returns:
        The alert afterwards, the reason, and whether people see a change.
    """
    match given:
        case Bad():
            if alert is None and _arrived_late(given, ended):
                return Transition(Reason.ARRIVED_LATE, None)
            return _bad(alert, recent, given, terms, new_id)
        case Good():
            return _good(alert, recent, given, terms)
        case Closed():
            return _ended(alert, given, now)
        case Escalated():
            return _escalated(alert, given)
        case AcknowledgementExpired():
            if alert is None or alert.status is not Status.ACKNOWLEDGED:
                return Transition(Reason.UNCHANGED, alert)
            back = replace(withdrawn(alert), version=alert.version + 1)
            return Transition(Reason.ACKNOWLEDGEMENT_EXPIRED, back, True)
        case _:
            if alert is None:
                return refused(None, "there is no such alert")
            return act(alert, given, now, terms, beside)


def _arrived_late(given: Bad, ended: datetime | None) -> bool:
    return given.started is not None and ended is not None and given.started < ended


def _expiry(given: Bad, terms: Terms) -> datetime | None:
    if given.until is not None:
        return given.until
    lasts = terms.resolve_after or terms.repeated_within
    return given.at + lasts if lasts else None


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return other if one is None else one if other is None else max(one, other)


def _bad(
    alert: AlertState | None, recent: AlertState | None, given: Bad, terms: Terms, new_id: str
) -> Transition:
    if alert is None:
        if recent is not None and _held(recent, given, terms):
            return Transition(Reason.HELD_AFTER_RESOLVE, None)
        fresh = AlertState(
            id=new_id,
            status=Status.PENDING,
            severity=given.severity,
            word=given.word,
            first_bad_at=given.at,
            last_bad_at=given.at,
            seen_at=given.at,
            started_at=given.started,
            occurrences=max(1, given.occurrences or 1),
        )
        return _promote(fresh, None, recent, given, terms)
    if alert.status is Status.PENDING:
        return _still_pending(alert, recent, given, terms)
    return _still_bad(alert, given, terms)


def _held(recent: AlertState, given: Bad, terms: Terms) -> bool:
    if not holds(recent) or recent.resolved_at is None:
        return False
    if _later_episode(recent, given.started):
        return False
    return (
        given.at < recent.resolved_at + terms.hold_after_manual_resolve
        and given.severity <= recent.severity
    )


def _later_episode(recent: AlertState, started: datetime | None) -> bool:
    """Return whether the system of an alert says that it began after the recent one ended."""
    ended = recent.resolved_at
    return started is not None and ended is not None and started > ended


def holds(recent: AlertState) -> bool:
    """Return whether a person resolved the alert, and no good reading was seen since it fired."""
    return recent.resolution == Reason.RESOLVED_MANUALLY and recent.good_since is None


def _still_pending(
    alert: AlertState, recent: AlertState | None, given: Bad, terms: Terms
) -> Transition:
    gap = terms.period is not None and given.at - alert.seen_at > 2 * terms.period
    seen = replace(
        alert,
        severity=given.severity,
        word=given.word,
        first_bad_at=given.at if gap else alert.first_bad_at,
        bad_count=1 if gap else alert.bad_count + 1,
        occurrences=alert.occurrences + (given.occurrences or 0),
        last_bad_at=given.at,
        seen_at=given.at,
        started_at=_latest(alert.started_at, given.started),
        version=alert.version + 1,
    )
    become = _promote(seen, alert.id, recent, given, terms)
    if gap and become.reason is Reason.PENDING:
        return Transition(Reason.PENDING_RESTARTED, become.state)
    return become


def _promote(
    seen: AlertState,
    stored: str | None,
    recent: AlertState | None,
    given: Bad,
    terms: Terms,
) -> Transition:
    """Open an alert that was bad long and often enough, or reopen the recent one."""
    if seen.bad_count < terms.consecutive or given.at - seen.first_bad_at < terms.hold:
        return Transition(Reason.PENDING, seen)
    expires = _expiry(given, terms)
    if (
        recent is not None
        and recent.resolved_at is not None
        and seen.first_bad_at <= recent.resolved_at + terms.reopen_within
    ):
        by_hand = holds(recent) and not _later_episode(recent, seen.started_at)
        reopened = replace(
            recent,
            status=Status.OPEN,
            severity=given.severity,
            word=given.word,
            last_bad_at=given.at,
            seen_at=given.at,
            started_at=seen.started_at,
            good_since=None,
            bad_count=recent.bad_count + seen.bad_count,
            occurrences=recent.occurrences + seen.occurrences,
            acknowledged_at=None,
            acknowledged_by="",
            acknowledge_comment="",
            acknowledged_severity=0,
            resolved_at=None,
            resolution="",
            resolved_by="",
            escalation_level=0,
            expires_at=expires,
            version=recent.version + 1,
        )
        reason = Reason.REOPENED_STILL_FIRING if by_hand else Reason.REOPENED_SOON
        return Transition(reason, reopened, True, stored)
    opened = replace(seen, status=Status.OPEN, opened_at=given.at, expires_at=expires)
    return Transition(Reason.OPENED, opened, True)


def _still_bad(alert: AlertState, given: Bad, terms: Terms) -> Transition:
    again = terms.resolve_after is not None
    counted = given.occurrences
    happened = int(again) if counted is None else counted
    rose, fell = given.severity > alert.severity, given.severity < alert.severity
    # A severity above the acknowledged one voids the acknowledgement; one that falls and rises
    # back to it does not.
    void = alert.status is Status.ACKNOWLEDGED and given.severity > alert.acknowledged_severity
    seen = replace(
        alert,
        status=Status.OPEN if void else alert.status,
        severity=given.severity,
        word=given.word,
        last_bad_at=given.at,
        seen_at=given.at,
        bad_count=alert.bad_count + 1,
        occurrences=alert.occurrences + happened,
        expires_at=_expiry(given, terms),
        started_at=_latest(alert.started_at, given.started),
        good_since=None,
        acknowledged_at=None if void else alert.acknowledged_at,
        acknowledged_by="" if void else alert.acknowledged_by,
        acknowledge_comment="" if void else alert.acknowledge_comment,
        acknowledged_severity=0 if void else alert.acknowledged_severity,
        version=alert.version + 1 if rose or fell else alert.version,
    )
    if rose:
        return Transition(Reason.ACKNOWLEDGEMENT_VOID if void else Reason.SEVERITY_ROSE, seen, True)
    if fell:
        return Transition(Reason.SEVERITY_FELL, seen, True)
    if counted:
        return Transition(Reason.COUNTED, seen)
    return Transition(Reason.REPEATED if happened else Reason.STILL_FIRING, seen)


def _good(
    alert: AlertState | None, recent: AlertState | None, given: Good, terms: Terms
) -> Transition:
    if alert is None and recent is not None and _ends_hold(recent, given):
        return Transition(Reason.HOLD_ENDED, replace(recent, good_since=given.at))
    if alert is None or alert.status is Status.RESOLVED:
        return Transition(Reason.HEALTHY, None)
    if given.ended is not None and alert.started_at is not None and given.ended < alert.started_at:
        return Transition(Reason.ARRIVED_LATE, alert)
    if alert.status is Status.PENDING:
        return Transition(Reason.CLEARED_BEFORE_OPEN, None, drop=alert.id)
    since = alert.good_since or given.at
    if terms.keep_firing and given.at - since < terms.keep_firing and given.why is Reason.RECOVERED:
        kept = replace(alert, seen_at=max(given.at, alert.seen_at), good_since=since)
        return Transition(Reason.KEPT_FIRING, kept)
    return resolved(alert, given.why, given.at, "", seen=given.at)


def _ends_hold(recent: AlertState, given: Good) -> bool:
    if not holds(recent) or recent.resolved_at is None or given.at <= recent.resolved_at:
        return False
    earlier = (
        given.ended is not None
        and recent.started_at is not None
        and given.ended < recent.started_at
    )
    return not earlier


def _escalated(alert: AlertState | None, given: Escalated) -> Transition:
    """A level is noted once, and of what nobody works on."""
    if alert is None or alert.status is not Status.OPEN or alert.escalation_level >= given.level:
        return Transition(Reason.UNCHANGED, alert)
    raised = replace(alert, escalation_level=given.level, version=alert.version + 1)
    return Transition(Reason.ESCALATED, raised, True)


def _ended(alert: AlertState | None, given: Closed, now: datetime) -> Transition:
    if alert is None or alert.status is Status.RESOLVED:
        return Transition(Reason.UNCHANGED, alert)
    if alert.status is Status.PENDING:
        return Transition(given.reason, None, drop=alert.id)
    if given.reason in _BY_TIME:
        if alert.expires_at is None or alert.expires_at > now:
            return Transition(Reason.UNCHANGED, alert)
        if given.reason is Reason.KEPT_NOT_REPEATED:
            kept = replace(alert, expires_at=None, version=alert.version + 1)
            return Transition(given.reason, kept, True)
        if (
            given.reason is Reason.EXPIRED
            and alert.severity >= Severity.CRITICAL
            and alert.status is Status.OPEN
        ):
            return Transition(Reason.KEPT_CRITICAL, alert)
        # By its own time, not when a sweep came by; a critical one ends once it is acknowledged.
        now = max(alert.expires_at, alert.acknowledged_at or alert.expires_at)
    return resolved(alert, given.reason, now, given.actor)
