"""The actions of people on an alert. Pure; `sentinel.alerts.lifecycle.step` calls `act`."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from sentinel.alerts.actions import (
    Acknowledge,
    Action,
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
from sentinel.alerts.inputs import Status
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState, Terms, Transition, resolved

__all__ = ["act", "refused", "withdrawn"]


def act(
    alert: AlertState, given: Action, now: datetime, terms: Terms, beside: AlertState | None
) -> Transition:
    """Apply a person's action to `alert`; `sentinel.alerts.lifecycle.step` has the arguments."""
    if alert.status is Status.PENDING:
        return refused(alert, "it is pending: there is nothing to act on until it opens")
    ended = alert.status is Status.RESOLVED
    version = alert.version + 1
    change = msgspec.structs.replace
    match given:
        case Acknowledge():
            if ended:
                return refused(alert, "it is resolved, so there is nothing to acknowledge")
            if alert.status is Status.ACKNOWLEDGED and terms.wants_more:
                # It stays that of the first person.
                return Transition(Reason.ACKNOWLEDGED_TOO, change(alert, version=version), True)
            if alert.status is Status.ACKNOWLEDGED:
                return Transition(Reason.UNCHANGED, alert)
            taken = change(
                alert,
                status=Status.ACKNOWLEDGED,
                acknowledged_at=now,
                acknowledged_by=given.actor,
                acknowledge_comment=given.comment,
                acknowledged_severity=alert.severity,
                version=version,
            )
            return Transition(Reason.ACKNOWLEDGED, taken, True)
        case Unacknowledge():
            if alert.status is not Status.ACKNOWLEDGED:
                return refused(alert, "it is not acknowledged")
            return Transition(
                Reason.UNACKNOWLEDGED, change(withdrawn(alert), version=version), True
            )
        case Resolve():
            if ended:
                return Transition(Reason.UNCHANGED, alert)
            return resolved(alert, Reason.RESOLVED_MANUALLY, now, given.actor)
        case Reopen():
            return _reopen(alert, beside, now, terms)
        case Assign():
            if given.assignee == alert.assignee:
                return Transition(Reason.UNCHANGED, alert)
            assigned = change(alert, assignee=given.assignee, version=version)
            return Transition(Reason.ASSIGNED, assigned, True)
        case Comment():
            if not given.comment.strip():
                return refused(alert, "a comment needs words")
            return Transition(Reason.COMMENTED, change(alert, version=version), True)
        case MarkNoise():
            why = given.comment.strip()
            if not why:
                return refused(alert, "a mark as noise needs its reason, as a comment")
            if why == alert.noise_reason:
                return Transition(Reason.UNCHANGED, alert)
            marked = change(alert, noise_reason=why, version=version)
            return Transition(Reason.MARKED_NOISE, marked, True)
        case UnmarkNoise():
            if not alert.noise_reason:
                return Transition(Reason.UNCHANGED, alert)
            unmarked = change(alert, noise_reason="", version=version)
            return Transition(Reason.UNMARKED_NOISE, unmarked, True)
        case Escalate():
            return _escalate(alert, now, terms)
        case Suppress():
            if given.until <= now:
                return refused(alert, "the time until which to suppress lies in the past")
            until, why = given.until, given.comment
            if terms.silenced is not None and terms.silenced[0] > until:
                until, why = terms.silenced  # the later end of both holds
            muted = change(alert, suppressed_until=until, suppress_reason=why, version=version)
            return Transition(Reason.SUPPRESSED, muted, True)
        case Unsuppress():
            if alert.suppressed_until is None or alert.suppressed_until <= now:
                return Transition(Reason.UNCHANGED, alert)
            if terms.silenced is not None:
                return refused(alert, _silenced(terms.silenced[0]))
            # The end is kept: notifications sent before it did not name this alert.
            shown = change(alert, suppressed_until=now, suppress_reason="", version=version)
            return Transition(Reason.UNSUPPRESSED, shown, True)


def _escalate(alert: AlertState, now: datetime, terms: Terms) -> Transition:
    """Raise an alert to the level that is paged next; an acknowledgement no longer holds."""
    if alert.status is Status.RESOLVED:
        return refused(alert, "it is resolved, so there is nothing to escalate")
    if alert.suppressed_until is not None and alert.suppressed_until > now:
        return refused(alert, "it is suppressed, so nobody is paged; end the suppression first")
    if terms.next_level == 0:
        return refused(
            alert,
            "no further level pages anybody: its group has no escalation policy, all of its levels "
            "were paged, or all of it is muted; see which: sentinel alert why",
        )
    if alert.status is Status.OPEN and alert.escalation_level >= terms.next_level:
        return Transition(Reason.UNCHANGED, alert)
    raised = msgspec.structs.replace(
        withdrawn(alert), escalation_level=terms.next_level, version=alert.version + 1
    )
    return Transition(Reason.ESCALATED_MANUALLY, raised, True)


def withdrawn(alert: AlertState) -> AlertState:
    """Return an open alert whose acknowledgement, if it had one, no longer holds."""
    return msgspec.structs.replace(
        alert,
        status=Status.OPEN,
        acknowledged_at=None,
        acknowledged_by="",
        acknowledge_comment="",
        acknowledged_severity=0,
    )


def _silenced(until: datetime) -> str:
    return (
        f"its rule is silenced until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC, which mutes all of"
        " its alerts; end the silence of the rule instead"
    )


def _reopen(
    alert: AlertState, beside: AlertState | None, now: datetime, terms: Terms
) -> Transition:
    """Reopen a resolved alert with the status it had: acknowledged or open.

    A pending alert of the fingerprint is merged into it, as when a recurrence reopens it.

    Args:
        alert: to reopen
        beside: the live alert of its fingerprint, or None
        now: the present moment
        terms: of the rule

    Returns:
        The open or acknowledged alert; refused where the rule is disabled or another alert of the
        fingerprint is open.
    """
    if alert.status is not Status.RESOLVED:
        return Transition(Reason.UNCHANGED, alert)
    if terms.switched_off:
        return refused(
            alert,
            "its rule is switched off, so no evaluation would resolve it; switch the rule on first",
        )
    if beside is not None and beside.status is not Status.PENDING:
        return refused(alert, f"it has opened again already, as alert {beside.id}; act on that one")
    ends = alert.expires_at
    back = msgspec.structs.replace(
        alert,
        status=Status.OPEN if alert.acknowledged_at is None else Status.ACKNOWLEDGED,
        resolved_at=None,
        resolution="",
        resolved_by="",
        escalation_level=0,
        expires_at=ends if ends is not None and ends > now else None,
        version=alert.version + 1,
    )
    if beside is None:
        return Transition(Reason.REOPENED_MANUALLY, back, True)
    back = msgspec.structs.replace(
        back,
        last_bad_at=beside.last_bad_at,
        seen_at=beside.seen_at,
        bad_count=back.bad_count + beside.bad_count,
        occurrences=back.occurrences + beside.occurrences,
    )
    return Transition(Reason.REOPENED_MANUALLY, back, True, beside.id)


def refused(alert: AlertState | None, why: str) -> Transition:
    """Return a transition that changes nothing and says `why`."""
    return Transition(Reason.REFUSED, alert, error=why)
