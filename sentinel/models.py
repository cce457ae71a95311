"""The tables of the shared database.

Times are timezone-aware UTC in and out. Ids are made by the writer (32 hex digits, rising
with time), so that rows of one transaction can name each other before any is written.
Hot tables carry no foreign keys: every write goes through one transaction of the store, and
checking a key per row would cost a third of the bulk path.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from sentinel.columns import (
    Moment,
    array_column,
    long_column,
    moment_column,
    new_id,
    object_column,
)
from sentinel.models_conditions import HeldBack, RuleMemory
from sentinel.models_events import EventBlock, EventPack, EventSeen, EventTail, PolicyMemory
from sentinel.models_metrics import MetricSeries, SampleBlock
from sentinel.models_remedy import RemedyRow
from sentinel.models_tallies import Tally, TallyHour, TallyMark, TallyState
from sentinel.models_telling import (
    AutomationSwitch,
    Change,
    Delivery,
    InboxMessage,
    Lease,
    OutboxEvent,
    Receiver,
    SystemLog,
    Telling,
    Wake,
)
from sentinel.models_views import SavedView

__all__ = [
    "LIVE",
    "Alert",
    "AlertGroup",
    "AutomationSwitch",
    "Change",
    "Delivery",
    "EventBlock",
    "EventPack",
    "EventSeen",
    "EventTail",
    "GroupMember",
    "HeldBack",
    "InboxMessage",
    "Lease",
    "MetricSeries",
    "Moment",
    "OutboxEvent",
    "PolicyMemory",
    "Receiver",
    "RemedyRow",
    "RuleMemory",
    "RuleRow",
    "SampleBlock",
    "SavedView",
    "Suppression",
    "SystemLog",
    "Tally",
    "TallyHour",
    "TallyMark",
    "TallyState",
    "Telling",
    "TimelineEntry",
    "Wake",
    "new_id",
]

LIVE = ("pending", "open", "acknowledged")
"""Stored statuses of an alert that is not over."""


class RuleRow(SQLModel, table=True):
    """One rule as last seen, its switch, and what its evaluations left behind.

    `slot` is the scheduled time of the last evaluation applied; an older one is refused.
    `failures` counts checks that failed in a row.
    """

    __tablename__: ClassVar[Any] = "rule"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=100)
    spec: dict[str, Any] = object_column()
    trigger: str = ""
    category: str = ""
    severity: int = 3
    source: str = Field(default="file", description="Its owner: file or ui.")
    enabled: bool = True
    switched_by: str = ""
    switched_at: datetime | None = moment_column(default=None, nullable=True)
    switch_reason: str = ""
    deployment_id: str | None = None
    flow_id: str | None = None
    flow_name: str | None = None
    state: dict[str, Any] = object_column()
    slot: datetime | None = moment_column(default=None, nullable=True)
    evaluated_at: datetime | None = moment_column(default=None, nullable=True)
    flow_run_id: str | None = None
    outcome: str = ""
    seen: int = 0
    bad: int = 0
    failures: int = 0
    error: str = long_column(default="")
    evaluations: int = Field(default=0, sa_type=BigInteger)
    created_at: datetime = moment_column(nullable=False)
    updated_at: datetime = moment_column(nullable=False)


class Alert(SQLModel, table=True):
    """An ongoing situation, or one that was.

    `status` is pending, open, acknowledged or resolved; what people are shown is derived from
    it and from `suppressed_until` and `escalation_level` by `sentinel.alert.shown_status`.
    """

    __tablename__: ClassVar[Any] = "alert"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str
    rule: str
    fingerprint: str = Field(max_length=32)
    status: str
    severity: int
    severity_word: str
    category: str = ""
    title: str = long_column(default="")
    description: str = long_column(default="")
    searched: str = long_column(default="", sa_column_kwargs={"server_default": ""})
    value: float | None = None
    unit: str = ""
    labels: dict[str, str] = object_column()
    annotations: dict[str, str] = object_column()
    details: dict[str, Any] = object_column()
    team: str = ""
    assignee: str = ""
    source: str = Field(default="rule", description="rule, or check for a check that fails.")
    first_bad_at: datetime = moment_column(nullable=False)
    last_bad_at: datetime = moment_column(nullable=False)
    seen_at: datetime = moment_column(nullable=False)
    opened_at: datetime | None = moment_column(default=None, nullable=True)
    acknowledged_at: datetime | None = moment_column(default=None, nullable=True)
    acknowledged_by: str = ""
    acknowledge_comment: str = long_column(default="")
    acknowledged_severity: int = 0
    resolved_at: datetime | None = moment_column(default=None, nullable=True)
    resolution: str = ""
    resolved_by: str = ""
    expires_at: datetime | None = moment_column(default=None, nullable=True)
    suppressed_until: datetime | None = moment_column(default=None, nullable=True)
    suppress_reason: str = ""
    escalation_level: int = 0
    bad_count: int = 1
    occurrences: int = 1
    flow_run_id: str | None = None
    flow_run_name: str | None = None
    flow_run_state: str | None = None
    deployment_id: str | None = None
    version: int = 1
    created_at: datetime = moment_column(nullable=False)
    updated_at: datetime = moment_column(nullable=False)

    __table_args__ = (
        # One live alert per situation: the database itself refuses a double.
        Index(
            "alert_one_live",
            "fingerprint",
            unique=True,
            sqlite_where=text("status <> 'resolved'"),
            postgresql_where=text("status <> 'resolved'"),
        ),
        Index(
            "alert_live",
            "severity",
            "opened_at",
            "id",
            # What else the counts of live alerts look at, so that they need no row.
            "status",
            "suppressed_until",
            "escalation_level",
            sqlite_where=text("status <> 'resolved'"),
            postgresql_where=text("status <> 'resolved'"),
        ),
        Index(
            "alert_live_by_rule",
            "tenant",
            "rule",
            sqlite_where=text("status <> 'resolved'"),
            postgresql_where=text("status <> 'resolved'"),
        ),
        Index("alert_by_time", "opened_at", "id"),
        Index("alert_by_rule", "rule", "opened_at", "id"),
        Index("alert_by_severity", "severity", "opened_at", "id"),
        Index(
            "alert_resolved",
            "tenant",
            "rule",
            "resolved_at",
            sqlite_where=text("status = 'resolved'"),
            postgresql_where=text("status = 'resolved'"),
        ),
        Index(
            "alert_ended",
            "resolved_at",
            "opened_at",
            sqlite_where=text("resolved_at IS NOT NULL"),
            postgresql_where=text("resolved_at IS NOT NULL"),
        ),
        Index(
            "alert_expiry",
            "expires_at",
            sqlite_where=text("expires_at IS NOT NULL AND status <> 'resolved'"),
            postgresql_where=text("expires_at IS NOT NULL AND status <> 'resolved'"),
        ),
        Index("alert_by_run", "flow_run_id"),
    )


class TimelineEntry(SQLModel, table=True):
    """One change of one alert: what, when, who, why. Rows are only ever added."""

    __tablename__: ClassVar[Any] = "timeline"

    id: str = Field(primary_key=True, max_length=32)
    alert_id: str = Field(max_length=32)
    at: datetime = moment_column(nullable=False)
    kind: str
    reason: str = ""
    actor: str = ""
    comment: str = long_column(default="")
    status: str
    severity: int
    value: float | None = None
    flow_run_id: str | None = None
    version: int

    __table_args__ = (
        Index("timeline_by_alert", "alert_id", "id"),
        Index("timeline_by_time", "at"),
        Index(
            "timeline_by_people",
            "at",
            "id",
            sqlite_where=text("actor <> ''"),
            postgresql_where=text("actor <> ''"),
        ),
    )


class Suppression(SQLModel, table=True):
    """A fingerprint that nobody is told about until a time; survives resolve and refire."""

    __tablename__: ClassVar[Any] = "suppression"

    fingerprint: str = Field(primary_key=True, max_length=32)
    tenant: str
    rule: str
    until: datetime = moment_column(nullable=False)
    reason: str = long_column(default="")
    actor: str = ""
    created_at: datetime = moment_column(nullable=False)


class AlertGroup(SQLModel, table=True):
    """Alerts that are told as one conversation.

    `seq` rises by one with every transaction that changes who is in it or fires; `due_at` is
    when its receivers are looked at next, NULL when nothing is to come.
    """

    __tablename__: ClassVar[Any] = "alert_group"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str
    route: str
    key: str = Field(max_length=32)
    labels: dict[str, str] = object_column()
    receivers: list[str] = array_column()
    policy: dict[str, Any] = object_column()
    status: str
    severity: int
    firing: int = 0
    acknowledged: int = 0
    suppressed: int = 0
    title: str = long_column(default="")
    opened_at: datetime = moment_column(nullable=False)
    resolved_at: datetime | None = moment_column(default=None, nullable=True)
    resolution: str = ""
    seq: int = 1
    raised_seq: int = Field(default=1, description="The seq at which severity last rose.")
    due_at: datetime | None = moment_column(default=None, nullable=True)
    claimed_by: str = ""
    claimed_until: datetime | None = moment_column(default=None, nullable=True)
    updated_at: datetime = moment_column(nullable=False)

    __table_args__ = (
        Index(
            "alert_group_one_live",
            "key",
            unique=True,
            sqlite_where=text("status <> 'resolved'"),
            postgresql_where=text("status <> 'resolved'"),
        ),
        Index(
            "alert_group_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("alert_group_by_key", "key", "resolved_at"),
    )


class GroupMember(SQLModel, table=True):
    """An alert in a group. `fired_seq` and `resolved_seq` are the group's seq at that change.

    It fires where `resolved_seq` is NULL. A `quiet` end (expired, rule disabled) is not told as
    a recovery.
    """

    __tablename__: ClassVar[Any] = "group_member"

    group_id: str = Field(primary_key=True, max_length=32)
    alert_id: str = Field(primary_key=True, max_length=32)
    fired_seq: int
    resolved_seq: int | None = None
    quiet: bool = False

    __table_args__ = (Index("group_member_by_alert", "alert_id"),)
