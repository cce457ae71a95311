"""The tables of alert groups: which alerts are one conversation."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import array_column, long_column, moment_column, object_column

__all__ = ["AlertGroup", "GroupMember"]


class AlertGroup(SQLModel, table=True):
    """Alerts that receivers are notified of together, as one conversation.

    `seq` rises by one with every transaction that changes the members, which of them fire or which
    are muted.
    `due_at` is when the next notification decision is made, NULL where none is to come.
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
    """An alert in a group. `fired_seq` and `resolved_seq` are the group's `seq` at that change.

    A member fires while `resolved_seq` is NULL. A `quiet` end (expired, rule disabled) is not
    notified as a recovery. `ended_seq` is the `resolved_seq` of the last time it fired while a
    channel was notified, NULL where it did not fire again since. `muted` is the reason code for
    which `muted_by`, a silence, mutes it until `muted_until`, or muted it; each decision on the
    group keeps them true. At the group's `seq` of `muted_seq` it was last found to be muted or
    suppressed, and at that of `heard_seq` no more; `known_to` marks the channels that had been
    notified of it before, see `sentinel.store.notifications.known_members`.
    """

    __tablename__: ClassVar[Any] = "group_member"

    group_id: str = Field(primary_key=True, max_length=32)
    alert_id: str = Field(primary_key=True, max_length=32)
    fired_seq: int
    resolved_seq: int | None = None
    ended_seq: int | None = None
    quiet: bool = False
    muted: str = Field(default="", sa_column_kwargs={"server_default": ""})
    muted_by: str = Field(default="", sa_column_kwargs={"server_default": ""})
    muted_until: datetime | None = moment_column(default=None, nullable=True)
    muted_seq: int | None = None
    heard_seq: int | None = None
    known_to: str = Field(default="", sa_column_kwargs={"server_default": ""})

    __table_args__ = (
        Index("group_member_by_alert", "alert_id"),
        Index(
            "group_member_unheard",
            "group_id",
            sqlite_where=text("muted_seq IS NOT NULL"),
            postgresql_where=text("muted_seq IS NOT NULL"),
        ),
        Index(
            "group_member_muted",
            "muted_by",
            sqlite_where=text("muted_by <> ''"),
            postgresql_where=text("muted_by <> ''"),
        ),
    )
