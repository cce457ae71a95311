"""The tables of notices: messages to receivers that are about no group of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column, object_column

__all__ = ["Notice", "SilenceAnnouncement"]


class Notice(SQLModel, table=True):
    """One message to one channel of a receiver: announced, then sent once.

    `once` names what it says and to whom: the same is never added twice. `body` is the message,
    until it has ended. `due_at` is when it is sent next, NULL once it has ended.
    """

    __tablename__: ClassVar[Any] = "notice"

    id: str = Field(primary_key=True, max_length=32)
    once: str = Field(max_length=32, unique=True, description="Hash of what it says and to whom.")
    kind: str = Field(description="Reason code, such as silence_created or digest.")
    about: str = Field(max_length=200, description="Id of the silence, or name of the team.")
    receiver: str = Field(max_length=100)
    channel: str = Field(max_length=200)
    body: dict[str, Any] = object_column()
    state: str = Field(description="waiting, sent, failed or refused.")
    attempts: int = 0
    error: str = long_column(default="")
    created_at: datetime = moment_column(nullable=False)
    due_at: datetime | None = moment_column(default=None, nullable=True)
    claimed_until: datetime | None = moment_column(default=None, nullable=True)
    ended_at: datetime | None = moment_column(default=None, nullable=True)

    __table_args__ = (
        Index("notice_by_about", "about", "id"),
        Index("notice_by_time", "created_at"),
        Index(
            "notice_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )


class SilenceAnnouncement(SQLModel, table=True):
    """What one receiver was notified of one silence, or of one window of a recurring one.

    `until` is its end as the receiver was last notified; `ending_at` when it was notified that this
    is near, and `ended_at` that it is over.
    """

    __tablename__: ClassVar[Any] = "silence_announcement"

    silence: str = Field(primary_key=True, max_length=32)
    receiver: str = Field(primary_key=True, max_length=100)
    window: datetime = moment_column(primary_key=True, nullable=False)
    until: datetime = moment_column(nullable=False)
    begun_at: datetime = moment_column(nullable=False)
    ending_at: datetime | None = moment_column(default=None, nullable=True)
    ended_at: datetime | None = moment_column(default=None, nullable=True)

    __table_args__ = (
        Index(
            "silence_announcement_open",
            "silence",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
