"""One row of the table of alerts as JSON, with texts ready to show. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sentinel.alerts.view import AlertView
from sentinel.links import Addresses, run_about
from sentinel.store.alerts.live_groups import LiveGroup

__all__ = ["milliseconds", "row", "value"]


def milliseconds(at: datetime | None) -> int | None:
    """Return a moment in milliseconds since 1970, as browsers count."""
    return None if at is None else int(at.timestamp() * 1000)


def value(number: float | None, unit: str) -> str:
    """Return a value with its unit, ready to show; empty where there is none."""
    if number is None:
        return ""
    after = {"percent": "%"}.get(unit, f" {unit}" if unit else "")
    shown = f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
    return f"{shown}{after}"


def _name(group: LiveGroup) -> str:
    labels = ", ".join(f"{name}={text}" for name, text in group.labels.items())
    return labels or group.title or group.id[:8]


def row(alert: AlertView, addresses: Addresses, group: LiveGroup | None = None) -> dict[str, Any]:
    """Return the row of one alert; `group` is the one that it is notified in."""
    run = addresses.flow_run(alert.flow_run_id) if alert.flow_run_id else ""
    state = alert.flow_run_state or ""
    if (about := run_about(alert.details)) is not None:
        run, state = about[0], ""  # the state of the evaluation says nothing of that run's
    return {
        "id": alert.id,
        "version": alert.version,
        "status": alert.status,
        "rank": alert.rank,
        "word": alert.severity,
        "at": milliseconds(alert.since),
        "title": alert.title or alert.rule,
        "description": alert.description[:500],
        "rule": alert.rule,
        "category": alert.category,
        "team": alert.team,
        "assignee": alert.assignee,
        "by": alert.acknowledged_by,
        "note": alert.acknowledge_comment[:200],
        "count": alert.occurrences,
        "number": alert.value,
        "value": value(alert.value, alert.unit),
        "labels": alert.labels,
        "level": alert.escalation_level,
        "until": milliseconds(alert.suppressed_until),
        "why": alert.suppress_reason,
        "noise": alert.noise_reason,
        "run": run,
        "runState": state,
        "group": group.id if group is not None else "",
        "groupName": _name(group) if group is not None else "",
    }
