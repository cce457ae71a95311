"""Why an alert changed, or did not: one code for each reason, and the words for people.

The code is what is stored, compared and sent to programs; it never changes its meaning. The words
are looked up where a person reads them, so that better words need no migration.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["WORDS", "Reason", "words"]


class Reason(StrEnum):
    """Why an alert became what it became, or stayed what it was.

    The comment of a REMEDIATION entry names the flow run, its state or the error, that of
    RULE_RENAMED the old name, that of ESCALATED the level and the policy, and those of
    ACKNOWLEDGEMENT_VOID and ACKNOWLEDGEMENT_EXPIRED who had acknowledged it. CONFLICT and
    NOT_FOUND answer an action that never reached the lifecycle.
    """

    HEALTHY = "healthy"
    PENDING = "pending"
    PENDING_RESTARTED = "pending_restarted"
    CLEARED_BEFORE_OPEN = "cleared_before_open"
    OPENED = "opened"
    REOPENED_SOON = "reopened_soon"
    REOPENED_STILL_FIRING = "reopened_still_firing"
    REOPENED_MANUALLY = "reopened_manually"
    HELD_AFTER_RESOLVE = "held_after_resolve"
    HOLD_ENDED = "hold_ended"
    ARRIVED_LATE = "arrived_late"
    STILL_FIRING = "still_firing"
    REPEATED = "repeated"
    COUNTED = "counted"
    SEVERITY_ROSE = "severity_rose"
    ACKNOWLEDGEMENT_VOID = "acknowledgement_void"
    SEVERITY_FELL = "severity_fell"
    RECOVERED = "recovered"
    NOT_REPORTED = "not_reported"
    REMOVED = "removed"
    KEPT_FIRING = "kept_firing"
    EXPIRED = "expired"
    NOT_REPEATED = "not_repeated"
    KEPT_NOT_REPEATED = "kept_not_repeated"
    NO_DATA = "no_data"
    KEPT_CRITICAL = "kept_critical"
    RULE_DISABLED = "rule_disabled"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGED_TOO = "acknowledged_too"
    UNACKNOWLEDGED = "unacknowledged"
    RESOLVED_MANUALLY = "resolved_manually"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    ESCALATED = "escalated"
    ESCALATED_MANUALLY = "escalated_manually"
    ACKNOWLEDGEMENT_EXPIRED = "acknowledgement_expired"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    MARKED_NOISE = "marked_noise"
    UNMARKED_NOISE = "unmarked_noise"
    REMEDIATION_STARTED = "remediation_started"
    REMEDIATION_ENDED = "remediation_ended"
    REMEDIATION_NOT_STARTED = "remediation_not_started"
    REMEDIATION_APPROVED = "remediation_approved"
    REMEDIATION_REJECTED = "remediation_rejected"
    RULE_RENAMED = "rule_renamed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    CONFLICT = "conflict"
    NOT_FOUND = "not_found"


WORDS: Mapping[str, str] = {
    Reason.HEALTHY: "OK",
    Reason.PENDING: "pending: it has not fired for long enough yet",
    Reason.PENDING_RESTARTED: "pending again: too much time passed between two evaluations",
    Reason.CLEARED_BEFORE_OPEN: "cleared before it opened",
    Reason.OPENED: "opened",
    Reason.REOPENED_SOON: "reopened: it fired again soon after it was resolved",
    Reason.REOPENED_STILL_FIRING: "reopened: still firing after a person resolved it",
    Reason.REOPENED_MANUALLY: "reopened by a person",
    Reason.HELD_AFTER_RESOLVE: "still firing, but a person resolved it a moment ago",
    Reason.HOLD_ENDED: "OK after a person resolved it: what fires next is new",
    Reason.ARRIVED_LATE: "ignored: it is about an earlier episode and arrived late",
    Reason.STILL_FIRING: "still firing",
    Reason.REPEATED: "happened again",
    Reason.COUNTED: "happened again, as the check counts",
    Reason.SEVERITY_ROSE: "severity rose",
    Reason.ACKNOWLEDGEMENT_VOID: "severity rose above the acknowledged one: acknowledgement void",
    Reason.SEVERITY_FELL: "severity fell",
    Reason.RECOVERED: "recovered",
    Reason.NOT_REPORTED: "no longer reported: the series is gone",
    Reason.REMOVED: "removed: what it is about exists no more",
    Reason.KEPT_FIRING: "OK again, but kept firing for a while (keep_firing_for)",
    Reason.EXPIRED: "expired",
    Reason.NOT_REPEATED: "not repeated: its sender no longer reports it",
    Reason.KEPT_NOT_REPEATED: "not repeated for too long, and kept open",
    Reason.NO_DATA: "no data: the check no longer reports it",
    Reason.KEPT_CRITICAL: "kept open: an unacknowledged critical alert never expires",
    Reason.RULE_DISABLED: "rule disabled",
    Reason.ACKNOWLEDGED: "acknowledged",
    Reason.ACKNOWLEDGED_TOO: "acknowledged by one more person, whom its escalation waited for",
    Reason.UNACKNOWLEDGED: "acknowledgement withdrawn",
    Reason.RESOLVED_MANUALLY: "resolved by a person",
    Reason.ASSIGNED: "assigned",
    Reason.COMMENTED: "commented",
    Reason.ESCALATED: "escalated: nobody acknowledged it in time",
    Reason.ESCALATED_MANUALLY: "escalated by a person",
    Reason.ACKNOWLEDGEMENT_EXPIRED: "acknowledgement expired: its escalation goes on",
    Reason.SUPPRESSED: "suppressed",
    Reason.UNSUPPRESSED: "no longer suppressed",
    Reason.MARKED_NOISE: "marked as noise",
    Reason.UNMARKED_NOISE: "no longer marked as noise",
    Reason.REMEDIATION_STARTED: "remediation started",
    Reason.REMEDIATION_ENDED: "remediation ended",
    Reason.REMEDIATION_NOT_STARTED: "remediation not started",
    Reason.REMEDIATION_APPROVED: "remediation approved",
    Reason.REMEDIATION_REJECTED: "remediation rejected",
    Reason.RULE_RENAMED: "its rule was renamed",
    Reason.UNCHANGED: "nothing to change",
    Reason.REFUSED: "refused",
    Reason.CONFLICT: "changed by somebody else meanwhile",
    Reason.NOT_FOUND: "there is no such alert",
}
"""What people read for each code."""


def words(code: str) -> str:
    """Return the words that people read for a reason.

    Args:
        code: a `Reason`, as an alert's resolution or a timeline entry's reason stores it

    Returns:
        The words; `code` itself where it is none of ours, such as empty or from a newer version.
    """
    return WORDS.get(code, code)
