"""The results of actions that changed nothing, and what a timeline says beside a reason."""

from __future__ import annotations

from datetime import UTC

from sentinel.alerts.actions import ActionResult
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState

__all__ = ["by_hand", "not_found", "refused_result", "since"]


def by_hand(result: ActionResult) -> bool:
    """Return whether a person resolved the alert."""
    return result.reason is Reason.RESOLVED_MANUALLY


def not_found(alert_id: str) -> ActionResult:
    """Return the result for an id of no alert."""
    return ActionResult(
        alert_id=alert_id, ok=False, reason=Reason.NOT_FOUND, error="there is no such alert"
    )


def refused_result(state: AlertState, reason: Reason, error: str) -> ActionResult:
    """Return the result of an action that an alert's state does not allow, and why."""
    return ActionResult(
        alert_id=state.id, ok=False, reason=reason, status=state.status.value,
        version=state.version, error=error,
    )  # fmt: skip


def since(reason: Reason, alert: AlertState) -> str:
    """Return since when an alert was not repeated, for its timeline; empty for other reasons."""
    if reason not in (Reason.NOT_REPEATED, Reason.KEPT_NOT_REPEATED):
        return ""
    return f"not repeated since {alert.last_bad_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
