"""The tables of the shared database.

Times are timezone-aware UTC in and out. Ids are made by the writer (32 hex digits, rising
with time), so that rows of one transaction can name each other before any is written.
Hot tables carry no foreign keys: every write goes through one transaction of the store, and
checking a key per row would cost a third of the bulk path.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel

__all__ = [
    "LIVE",
    "Alert",
    "AlertGroup",
    "AutomationSwitch",
    "Change",
    "Delivery",
    "GroupMember",
    "InboxMessage",
    "Lease",
    "Moment",
    "OutboxEvent",
    "Receiver",
    "RuleRow",
    "Suppression",
    "SystemLog",
    "Telling",
    "TimelineEntry",
    "Wake",
    "new_id",
]

LIVE = ("pending", "open", "acknowledged")
"""Stored statuses of an alert that is not over."""


def new_id() -> str:
    """A new id: UUIDv7 (RFC 9562) as 32 hex digits, so that ids sort by time."""
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    value = (millis & ((1 << 48) - 1)) << 80 | 0x7 << 76 | (random >> 68) << 64
    return f"{value | 0b10 << 62 | (random & ((1 << 62) - 1)):032x}"


class Moment(TypeDecorator[datetime]):
    """A moment in UTC: TIMESTAMPTZ on PostgreSQL, ISO text on SQLite; aware on both sides."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive moment; keep UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no timezone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """PostgreSQL's driver gives aware moments by itself; a call each would be felt."""
        if dialect.name == "postgresql":
            return None
        return super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give an aware moment back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _json() -> TypeEngine[Any]:
    return JSON().with_variant(JSONB(), "postgresql")


def _object() -> Any:
    return Field(default_factory=dict, sa_type=_json(), nullable=False)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType] - SQLModel takes instances too


def _array() -> Any:
    return Field(default_factory=list, sa_type=_json(), nullable=False)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType] - SQLModel takes instances too


def _moment(**more: Any) -> Any:
    return Field(sa_type=Moment, **more)  # pyright: ignore[reportArgumentType, reportCallIssue] - SQLModel takes decorators too


def _long(**more: Any) -> Any:
    return Field(sa_type=Text, **more)


class RuleRow(SQLModel, table=True):
    """One rule as last seen, its switch, and what its evaluations left behind.

    `slot` is the scheduled time of the last evaluation applied; an older one is refused.
    `failures` counts checks that failed in a row.
    """

    __tablename__: ClassVar[Any] = "rule"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=100)
    spec: dict[str, Any] = _object()
    trigger: str = ""
    category: str = ""
    severity: int = 3
    source: str = Field(default="file", description="Its owner: file or ui.")
    enabled: bool = True
    switched_by: str = ""
    switched_at: datetime | None = _moment(default=None, nullable=True)
    switch_reason: str = ""
    deployment_id: str | None = None
    flow_id: str | None = None
    flow_name: str | None = None
    state: dict[str, Any] = _object()
    slot: datetime | None = _moment(default=None, nullable=True)
    evaluated_at: datetime | None = _moment(default=None, nullable=True)
    flow_run_id: str | None = None
    outcome: str = ""
    seen: int = 0
    bad: int = 0
    failures: int = 0
    error: str = _long(default="")
    evaluations: int = Field(default=0, sa_type=BigInteger)
    created_at: datetime = _moment(nullable=False)
    updated_at: datetime = _moment(nullable=False)


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
    title: str = _long(default="")
    description: str = _long(default="")
    value: float | None = None
    unit: str = ""
    labels: dict[str, str] = _object()
    annotations: dict[str, str] = _object()
    details: dict[str, Any] = _object()
    team: str = ""
    assignee: str = ""
    source: str = Field(default="rule", description="rule, or check for a check that fails.")
    first_bad_at: datetime = _moment(nullable=False)
    last_bad_at: datetime = _moment(nullable=False)
    seen_at: datetime = _moment(nullable=False)
    opened_at: datetime | None = _moment(default=None, nullable=True)
    acknowledged_at: datetime | None = _moment(default=None, nullable=True)
    acknowledged_by: str = ""
    acknowledge_comment: str = _long(default="")
    resolved_at: datetime | None = _moment(default=None, nullable=True)
    resolution: str = ""
    resolved_by: str = ""
    expires_at: datetime | None = _moment(default=None, nullable=True)
    suppressed_until: datetime | None = _moment(default=None, nullable=True)
    suppress_reason: str = ""
    escalation_level: int = 0
    bad_count: int = 1
    occurrences: int = 1
    flow_run_id: str | None = None
    flow_run_name: str | None = None
    flow_run_state: str | None = None
    deployment_id: str | None = None
    version: int = 1
    created_at: datetime = _moment(nullable=False)
    updated_at: datetime = _moment(nullable=False)

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
    at: datetime = _moment(nullable=False)
    kind: str
    reason: str = ""
    actor: str = ""
    comment: str = _long(default="")
    status: str
    severity: int
    value: float | None = None
    flow_run_id: str | None = None
    version: int

    __table_args__ = (Index("timeline_by_alert", "alert_id", "id"), Index("timeline_by_time", "at"))


class Suppression(SQLModel, table=True):
    """A fingerprint that nobody is told about until a time; survives resolve and refire."""

    __tablename__: ClassVar[Any] = "suppression"

    fingerprint: str = Field(primary_key=True, max_length=32)
    tenant: str
    rule: str
    until: datetime = _moment(nullable=False)
    reason: str = _long(default="")
    actor: str = ""
    created_at: datetime = _moment(nullable=False)


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
    labels: dict[str, str] = _object()
    receivers: list[str] = _array()
    policy: dict[str, Any] = _object()
    status: str
    severity: int
    firing: int = 0
    acknowledged: int = 0
    suppressed: int = 0
    title: str = _long(default="")
    opened_at: datetime = _moment(nullable=False)
    resolved_at: datetime | None = _moment(default=None, nullable=True)
    resolution: str = ""
    seq: int = 1
    raised_seq: int = Field(default=1, description="The seq at which severity last rose.")
    due_at: datetime | None = _moment(default=None, nullable=True)
    claimed_by: str = ""
    claimed_until: datetime | None = _moment(default=None, nullable=True)
    updated_at: datetime = _moment(nullable=False)

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


class Receiver(SQLModel, table=True):
    """A named set of channels: `inbox`, or `<block type slug>/<block name>`."""

    __tablename__: ClassVar[Any] = "receiver"

    name: str = Field(primary_key=True, max_length=100)
    channels: list[str] = _array()
    description: str = ""
    source: str = "ui"
    updated_at: datetime = _moment(nullable=False)


class Telling(SQLModel, table=True):
    """What one channel of one receiver was last told about one group, and what comes next.

    `told_seq` is the group's seq it was told, 0 for never; `reason` is the last decision's,
    so that "why was I not told" is one query.
    """

    __tablename__: ClassVar[Any] = "telling"

    group_id: str = Field(primary_key=True, max_length=32)
    receiver: str = Field(primary_key=True, max_length=100)
    channel: str = Field(primary_key=True, max_length=200)
    told_seq: int = 0
    told_firing: int = 0
    told_severity: int = 0
    told_at: datetime | None = _moment(default=None, nullable=True)
    reason: str = ""
    decided_at: datetime | None = _moment(default=None, nullable=True)
    next_at: datetime | None = _moment(default=None, nullable=True)
    attempts: int = 0
    retry_at: datetime | None = _moment(default=None, nullable=True)
    refused_seq: int | None = None
    error: str = _long(default="")
    reference: str = ""


class Delivery(SQLModel, table=True):
    """One attempt to tell one channel. Rows are only ever added, then finished once."""

    __tablename__: ClassVar[Any] = "delivery"

    id: str = Field(primary_key=True, max_length=32)
    group_id: str
    receiver: str
    channel: str
    message_id: str
    reason: str
    state: str = Field(description="sending, sent, failed or refused (permanent).")
    attempt: int = 1
    error: str = _long(default="")
    by: str = Field(default="", description="Who sent it: a flow run's id, or relay.")
    reference: str = ""
    started_at: datetime = _moment(nullable=False)
    ended_at: datetime | None = _moment(default=None, nullable=True)

    __table_args__ = (
        Index("delivery_by_group", "group_id", "started_at"),
        Index("delivery_by_time", "started_at"),
    )


class InboxMessage(SQLModel, table=True):
    """A message in the inbox that the dashboard shows: the embedded channel."""

    __tablename__: ClassVar[Any] = "inbox"

    id: str = Field(primary_key=True, max_length=64)
    group_id: str
    at: datetime = _moment(nullable=False)
    status: str
    severity: int
    title: str = _long()
    body: dict[str, Any] = _object()
    read_at: datetime | None = _moment(default=None, nullable=True)

    __table_args__ = (Index("inbox_by_time", "at", "id"),)


class OutboxEvent(SQLModel, table=True):
    """An event on its way to Prefect, written in the transaction that it tells of."""

    __tablename__: ClassVar[Any] = "outbox"

    seq: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
        ),
    )
    id: str = Field(max_length=36)
    occurred: datetime = _moment(nullable=False)
    event: str
    resource: dict[str, str] = _object()
    related: list[dict[str, str]] = _array()
    payload: dict[str, Any] = _object()
    published_at: datetime | None = _moment(default=None, nullable=True)

    __table_args__ = (
        Index(
            "outbox_unpublished",
            "seq",
            sqlite_where=text("published_at IS NULL"),
            postgresql_where=text("published_at IS NULL"),
        ),
        Index("outbox_published", "published_at"),
    )


class Wake(SQLModel, table=True):
    """A wake is a row: `requested` and `served` are generations, equal when all is served."""

    __tablename__: ClassVar[Any] = "wake"

    name: str = Field(primary_key=True, max_length=100)
    requested: int = Field(default=0, sa_type=BigInteger)
    served: int = Field(default=0, sa_type=BigInteger)
    emitted: int = Field(default=0, sa_type=BigInteger)
    requested_at: datetime | None = _moment(default=None, nullable=True)
    emitted_at: datetime | None = _moment(default=None, nullable=True)
    served_at: datetime | None = _moment(default=None, nullable=True)


class Lease(SQLModel, table=True):
    """Who alone may do a thing, and until when."""

    __tablename__: ClassVar[Any] = "lease"

    name: str = Field(primary_key=True, max_length=100)
    holder: str
    until: datetime = _moment(nullable=False)


class SystemLog(SQLModel, table=True):
    """What Sentinel itself did, or could not do."""

    __tablename__: ClassVar[Any] = "system_log"

    id: str = Field(primary_key=True, max_length=32)
    at: datetime = _moment(nullable=False)
    level: str
    what: str
    message: str = _long(default="")
    details: dict[str, Any] = _object()

    __table_args__ = (Index("system_log_by_time", "at", "id"),)


class AutomationSwitch(SQLModel, table=True):
    """How a user left an Automation's switch, so that a redeploy does not turn it on again."""

    __tablename__: ClassVar[Any] = "automation_switch"

    name: str = Field(primary_key=True, max_length=200)
    automation_id: str
    enabled: bool
    seen_at: datetime = _moment(nullable=False)


class Change(SQLModel, table=True):
    """One row whose number rises with every committed change, so that readers know to look."""

    __tablename__: ClassVar[Any] = "change"

    name: str = Field(primary_key=True, max_length=50)
    number: int = Field(default=0, sa_type=BigInteger)
