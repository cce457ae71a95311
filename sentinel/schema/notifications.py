"""The tables of notifications and of Sentinel itself: receivers, log, outbox, wakes, leases.

Tables of rules, alerts and groups are in modules of their own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index, Integer, false, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import array_column, long_column, moment_column, object_column

__all__ = [
    "AutomationSwitch",
    "Change",
    "ChannelHealth",
    "Delivery",
    "InboxMessage",
    "Lease",
    "NotificationLogEntry",
    "NotificationOutcome",
    "OutboxEvent",
    "Receiver",
    "SystemLog",
    "Wake",
]


class Receiver(SQLModel, table=True):
    """A named set of channels; each is `inbox` or `<block type slug>/<block name>`.

    Where it says `announce_silences`, it is notified of every silence that mutes it.
    """

    __tablename__: ClassVar[Any] = "receiver"

    name: str = Field(primary_key=True, max_length=100)
    channels: list[str] = array_column()
    description: str = ""
    source: str = "ui"
    updated_at: datetime = moment_column(nullable=False)
    announce_silences: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class NotificationLogEntry(SQLModel, table=True):
    """The last notification of one group through one channel of a receiver, and what comes next.

    `notified_seq` is the group's `seq` at that notification, 0 for none yet. Where `notified_at` is
    NULL, a `notified_seq` above 0 is that at which the channel was added to the receiver of an open
    group. `notified_acknowledged` says that all that fired was acknowledged then. `summary` is the
    id of the group in which the channel was notified of this one up to `notified_seq`.
    `reason` is that of the last decision, so that one query answers why a channel was not notified.
    """

    __tablename__: ClassVar[Any] = "notification_log"

    group_id: str = Field(primary_key=True, max_length=32)
    receiver: str = Field(primary_key=True, max_length=100)
    channel: str = Field(primary_key=True, max_length=200)
    notified_seq: int = 0
    notified_firing: int = 0
    notified_severity: int = 0
    notified_at: datetime | None = moment_column(default=None, nullable=True)
    notified_acknowledged: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    reason: str = ""
    decided_at: datetime | None = moment_column(default=None, nullable=True)
    next_at: datetime | None = moment_column(default=None, nullable=True)
    attempts: int = 0
    retry_at: datetime | None = moment_column(default=None, nullable=True)
    refused_seq: int | None = None
    error: str = long_column(default="")
    reference: str = ""
    summary: str = Field(default="", max_length=32, sa_column_kwargs={"server_default": ""})


class NotificationOutcome(SQLModel, table=True):
    """A decision to hold a channel back for another reason than the one before; never changed.

    What was sent is a `Delivery`. `receiver` and `channel` are empty where a group has none.
    """

    __tablename__: ClassVar[Any] = "notification_outcome"

    id: str = Field(primary_key=True, max_length=32)
    group_id: str
    receiver: str
    channel: str
    reason: str
    at: datetime = moment_column(nullable=False)
    next_at: datetime | None = moment_column(default=None, nullable=True)

    __table_args__ = (
        Index("notification_outcome_by_group", "group_id", "id"),
        Index("notification_outcome_by_time", "at"),
    )


class Delivery(SQLModel, table=True):
    """One attempt to send through one channel. Rows are added, then finished once.

    `reference` is the provider's id of what was sent; of a failed attempt, it is what the channel
    took of the message, where that is known. `answer` is what the provider said when it took the
    message, cut and without secrets; `error` what it said when it did not.
    """

    __tablename__: ClassVar[Any] = "delivery"

    id: str = Field(primary_key=True, max_length=32)
    group_id: str
    receiver: str
    channel: str
    message_id: str
    reason: str
    state: str = Field(description="sending, sent, failed or refused (permanent).")
    attempt: int = 1
    error: str = long_column(default="")
    by: str = Field(default="", description="Who sent it: a flow run's id, or relay.")
    reference: str = ""
    started_at: datetime = moment_column(nullable=False)
    ended_at: datetime | None = moment_column(default=None, nullable=True)
    latency_ms: int | None = Field(
        default=None, description="Milliseconds from the start of the send to its end."
    )
    answer: str = long_column(default="", sa_column_kwargs={"server_default": ""})
    unanswered: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": false()},
        description="It ended without an answer, so that the channel may have taken it.",
    )

    __table_args__ = (
        Index("delivery_by_group", "group_id", "started_at"),
        Index("delivery_by_time", "started_at"),
    )


class ChannelHealth(SQLModel, table=True):
    """Whether one channel answers: its breaker (`sentinel.notifications.breaker`) and last error.

    A row is made by the first message that it took or failed, or by the relay, which finds no block
    for it. A success sets `failures` to 0 and closes the breaker. `accepted_at` is when the channel
    took its first message, or the first since it recovered or was missing.
    """

    __tablename__: ClassVar[Any] = "channel_health"

    channel: str = Field(primary_key=True, max_length=200)
    failures: int = Field(default=0, description="Failures in a row, refusals included.")
    refusing: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    opened_at: datetime | None = moment_column(default=None, nullable=True)
    probe_at: datetime | None = moment_column(default=None, nullable=True)
    probe_until: datetime | None = moment_column(default=None, nullable=True)
    probes: int = 0
    error: str = long_column(default="")
    failed_at: datetime | None = moment_column(default=None, nullable=True)
    recovered_at: datetime | None = moment_column(default=None, nullable=True)
    accepted_at: datetime | None = moment_column(default=None, nullable=True)
    missing: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": false()},
        description="Prefect had no usable block of that name when the relay last loaded it.",
    )


class InboxMessage(SQLModel, table=True):
    """A message in the inbox of the dashboard, which is the built-in channel."""

    __tablename__: ClassVar[Any] = "inbox"

    id: str = Field(primary_key=True, max_length=64)
    group_id: str
    at: datetime = moment_column(nullable=False)
    status: str
    severity: int
    title: str = long_column()
    body: dict[str, Any] = object_column()
    read_at: datetime | None = moment_column(default=None, nullable=True)

    __table_args__ = (
        Index("inbox_by_time", "at", "id"),
        # Every page of the dashboard counts what nobody has read.
        Index(
            "inbox_unread",
            "group_id",
            sqlite_where=text("read_at IS NULL"),
            postgresql_where=text("read_at IS NULL"),
        ),
    )


class OutboxEvent(SQLModel, table=True):
    """An event to publish to Prefect, written in the transaction that it reports."""

    __tablename__: ClassVar[Any] = "outbox"

    seq: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
        ),
    )
    id: str = Field(max_length=36)
    occurred: datetime = moment_column(nullable=False)
    event: str
    resource: dict[str, str] = object_column()
    related: list[dict[str, str]] = array_column()
    payload: dict[str, Any] = object_column()
    published_at: datetime | None = moment_column(default=None, nullable=True)

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
    """A wake of the dispatcher.

    The generations `requested` and `served` are equal when none waits.
    """

    __tablename__: ClassVar[Any] = "wake"

    name: str = Field(primary_key=True, max_length=100)
    requested: int = Field(default=0, sa_type=BigInteger)
    served: int = Field(default=0, sa_type=BigInteger)
    emitted: int = Field(default=0, sa_type=BigInteger)
    requested_at: datetime | None = moment_column(default=None, nullable=True)
    emitted_at: datetime | None = moment_column(default=None, nullable=True)
    served_at: datetime | None = moment_column(default=None, nullable=True)


class Lease(SQLModel, table=True):
    """Which process alone may do something, and until when."""

    __tablename__: ClassVar[Any] = "lease"

    name: str = Field(primary_key=True, max_length=100)
    holder: str
    until: datetime = moment_column(nullable=False)


class SystemLog(SQLModel, table=True):
    """Something that Sentinel itself did, or could not do."""

    __tablename__: ClassVar[Any] = "system_log"

    id: str = Field(primary_key=True, max_length=32)
    at: datetime = moment_column(nullable=False)
    level: str
    what: str
    message: str = long_column(default="")
    details: dict[str, Any] = object_column()

    __table_args__ = (Index("system_log_by_time", "at", "id"),)


class AutomationSwitch(SQLModel, table=True):
    """How a user left an Automation's switch, so that a redeploy does not turn it on again."""

    __tablename__: ClassVar[Any] = "automation_switch"

    name: str = Field(primary_key=True, max_length=200)
    automation_id: str
    enabled: bool
    seen_at: datetime = moment_column(nullable=False)


class Change(SQLModel, table=True):
    """One row whose number rises with every committed change; readers reload when it has risen."""

    __tablename__: ClassVar[Any] = "change"

    name: str = Field(primary_key=True, max_length=50)
    number: int = Field(default=0, sa_type=BigInteger)
