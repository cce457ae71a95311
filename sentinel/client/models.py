"""What the API answers, as the client returns it; fields that it does not know are left out."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NotRequired, TypedDict

from pydantic import BaseModel

from sentinel.alerts.view import AlertView, TimelineView

__all__ = [
    "Acted",
    "AlertDetail",
    "AlertPage",
    "Component",
    "Health",
    "MetricSample",
    "Rule",
    "RulePage",
    "Statistics",
]


class AlertPage(BaseModel):
    """A page of alerts; `next_cursor` is None at the end."""

    items: list[AlertView]
    next_cursor: str | None


class AlertDetail(AlertView):
    """An alert with its timeline, oldest first."""

    timeline: list[TimelineView]


class Acted(BaseModel):
    """The outcome of an action, and the alert afterwards.

    `offer` offers a suppression where the condition of a resolved alert still holds.
    """

    reason: str
    reason_text: str
    offer: str | None = None
    alert: AlertView


class Rule(BaseModel):
    """A rule and its last evaluation; what only one rule's own address tells is None in lists.

    `version` is the tag of this version, for `change_rule` and `delete_rule`; empty in lists.
    """

    tenant: str
    name: str
    trigger: str
    category: str
    rank: int
    source: str
    enabled: bool
    health: str
    health_text: str
    outcome: str
    error: str
    evaluated_at: datetime | None
    live_alerts: int
    spec: dict[str, Any]
    parameters: dict[str, Any] | None = None
    given: dict[str, Any] | None = None
    matched: str = ""
    notes: list[str] = []
    version: str = ""


class RulePage(BaseModel):
    """All rules, by name."""

    items: list[Rule]


class Counts(BaseModel):
    """Counts of Sentinel's work."""

    alerts_generated: int
    alerts_resolved: int
    notifications_sent: int
    notification_failures: int
    rule_evaluations: int


class Statistics(BaseModel):
    """Statistics of the last `hours`."""

    hours: float
    total_active_alerts: int
    critical_alerts: int
    unacknowledged_alerts: int
    system_stats: Counts


class Component(BaseModel):
    """The status of one component: ok, down or unknown."""

    status: str
    message: str = ""


class Health(BaseModel):
    """The health of Sentinel: ok, degraded or down."""

    status: str
    components: dict[str, Component]


class Accepted(BaseModel):
    """How many samples or events were stored."""

    accepted: int


class MetricSample(TypedDict):
    """One sample; its time is RFC 3339 or seconds since 1970, by default now."""

    name: str
    value: float
    unit: NotRequired[str]
    labels: NotRequired[dict[str, str]]
    timestamp: NotRequired[str | float]
