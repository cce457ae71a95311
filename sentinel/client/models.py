"""What the API answers, as the client returns it; fields that it does not know are left out."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NotRequired, TypedDict

from pydantic import BaseModel, ConfigDict, RootModel

from sentinel.alerts.view import AlertView, TimelineView

__all__ = [
    "Acted",
    "AlertDetail",
    "AlertKept",
    "AlertPage",
    "AuditPage",
    "AuditRow",
    "Component",
    "Health",
    "InboxMessage",
    "InboxPage",
    "Key",
    "KeyPage",
    "MetricSample",
    "Posted",
    "Receiver",
    "ReceiverPage",
    "Rule",
    "RulePage",
    "Silence",
    "SilencePage",
    "Statistics",
]


class AlertKept(BaseModel):
    """Orchestration let no alert open: the rule that dropped it or holds it back until a moment."""

    outcome: str
    rule: str
    until: datetime | None


class Posted(RootModel[AlertView | AlertKept]):
    """What became of an alert that was created."""


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


class Tagged(BaseModel):
    """What has the tag of its version, for the change that must be made to that version alone."""

    version: str = ""


class Rule(Tagged):
    """A rule and its last evaluation; what only one rule's own address tells is None in lists.

    `version` is the tag of this version, for `change_rule` and `delete_rule`; empty in lists.
    """

    tenant: str
    name: str
    trigger: str
    pack: str = ""
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


class Silence(BaseModel):
    """A silence of a rule, or by matchers; `silenced` counts the live alerts of a new one."""

    id: str
    tenant: str
    matchers: list[str]
    rule: str
    state: str
    starts_at: datetime
    until: datetime
    reason: str
    created_by: str
    ended_by: str
    announce: bool = False
    declared: str = ""
    silenced: int | None = None


class SilencePage(BaseModel):
    """A page of silences, newest first."""

    items: list[Silence]
    next_cursor: str | None


class Receiver(BaseModel):
    """A receiver and its channels; 0 messages a minute are no limit."""

    name: str
    channels: list[str]
    messages_per_minute: int = 0
    limit_source: str = "default"
    announce_silences: bool = False
    source: str = "ui"


class ReceiverPage(BaseModel):
    """Receivers by name, or a page of them."""

    items: list[Receiver]
    next_cursor: str | None = None


class InboxMessage(BaseModel):
    """A message in the inbox; `body` has its alerts."""

    id: str
    at: datetime
    status: str
    rank: int
    title: str
    body: dict[str, Any]
    read_at: datetime | None


class InboxPage(BaseModel):
    """A page of messages, newest first, and how many of all are unread."""

    items: list[InboxMessage]
    unread: int
    next_cursor: str | None


class AuditRow(BaseModel):
    """One change; the API's document names its other fields."""

    model_config = ConfigDict(extra="allow")

    id: str
    seq: int | None
    at: datetime
    actor: str
    door: str
    tenant: str
    action: str
    words: str
    object_kind: str
    object_name: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    note: str


class AuditPage(BaseModel):
    """A page of changes, newest first."""

    items: list[AuditRow]
    next_cursor: str | None


class Key(BaseModel):
    """An API key, without its secrets; the API's document names its other fields."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    state: str
    grants: list[dict[str, Any]]
    scopes: list[str]
    secrets: list[dict[str, Any]]
    expires_at: datetime | None
    used_at: datetime | None


class KeyPage(BaseModel):
    """Keys by name, or a page of them."""

    items: list[Key]
    next_cursor: str | None = None


class Component(BaseModel):
    """The status of one component: ok, down or unknown."""

    status: str
    message: str = ""


class Health(BaseModel):
    """The health of Sentinel: ok, degraded or down."""

    status: str
    components: dict[str, Component]


class Accepted(BaseModel):
    """How many samples or events were stored, and how many events had been stored before."""

    accepted: int
    duplicates: int = 0


class MetricSample(TypedDict):
    """One sample; its time is RFC 3339 or seconds since 1970, by default now."""

    name: str
    value: float
    unit: NotRequired[str]
    labels: NotRequired[dict[str, str]]
    timestamp: NotRequired[str | float]
