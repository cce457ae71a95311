"""The tables of status pages: what was written of each, its days, and who subscribed to it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import array_column, long_column, moment_column, object_column

__all__ = [
    "StatusDayRow", "StatusDelivery", "StatusNewsRow", "StatusPageRow", "StatusSubscriber",
]  # fmt: skip


class StatusPageRow(SQLModel, table=True):
    """A status page; `document` is its definition as JSON.

    `html` and `feed` are what was written of it last, at `written_at`; empty before that. Of the
    token of a private page, `token_hash` is the SHA-256; empty for none.
    """

    __tablename__: ClassVar[Any] = "status_page"

    name: str = Field(primary_key=True, max_length=63)
    tenant: str = Field(max_length=100, index=True)
    version: int
    document: str = long_column()
    public: bool
    saved_at: datetime = moment_column(nullable=False)
    saved_by: str
    token_hash: str = Field(default="", max_length=64)
    html: str = long_column(default="")
    feed: str = long_column(default="")
    written_at: datetime | None = moment_column(default=None, nullable=True)


class StatusDayRow(SQLModel, table=True):
    """A day of a component, in UTC, as it was recorded: `seen` and `down` are seconds."""

    __tablename__: ClassVar[Any] = "status_day"

    page: str = Field(primary_key=True, max_length=63)
    service: str = Field(primary_key=True, max_length=100)
    day: date = Field(primary_key=True)
    worst: int
    seen: float
    down: float


class StatusSubscriber(SQLModel, table=True):
    """Who is sent the public updates of a page: an address of email, or a URL.

    Of both the same letters are one subscriber, by `target_hash`. What is sent is signed, and its
    links are made, by `seed`, which is in no address itself. `services` are those that they chose;
    empty for all. `refused` counts deliveries in a row that they refused.
    """

    __tablename__: ClassVar[Any] = "status_subscriber"

    id: str = Field(primary_key=True, max_length=32)
    page: str = Field(max_length=63)
    tenant: str = Field(max_length=100)
    kind: str = Field(max_length=10, description="email or webhook.")
    target: str = Field(max_length=500)
    target_hash: str = Field(max_length=64)
    seed: str = Field(max_length=64)
    token_hash: str = Field(max_length=64, unique=True)
    services: list[str] = array_column()
    asked_at: datetime = moment_column(nullable=False)
    confirmed_at: datetime | None = moment_column(default=None, nullable=True)
    refused: int = 0

    __table_args__ = (Index("status_subscriber_once", "page", "kind", "target_hash", unique=True),)


class StatusNewsRow(SQLModel, table=True):
    """A public update that a page has handed to its subscribers, as they are sent it."""

    __tablename__: ClassVar[Any] = "status_news"

    page: str = Field(primary_key=True, max_length=63)
    entry: str = Field(primary_key=True, max_length=32, description="Of the incident's timeline.")
    body: dict[str, Any] = object_column()
    made_at: datetime = moment_column(nullable=False)


class StatusDelivery(SQLModel, table=True):
    """What one subscriber is sent once: an update, or the question whether they subscribed.

    `says` is the entry of the update, or `confirm` and the moment of the question. `due_at` is when
    it is sent next, NULL once it has ended.
    """

    __tablename__: ClassVar[Any] = "status_delivery"

    id: str = Field(primary_key=True, max_length=32)
    subscriber: str = Field(max_length=32)
    page: str = Field(max_length=63)
    kind: str = Field(max_length=10, description="email or webhook, as of the subscriber.")
    says: str = Field(max_length=60)
    state: str = Field(max_length=10, description="waiting, sent, failed or refused.")
    attempts: int = 0
    error: str = long_column(default="")
    created_at: datetime = moment_column(nullable=False)
    due_at: datetime | None = moment_column(default=None, nullable=True)
    claimed_until: datetime | None = moment_column(default=None, nullable=True)
    ended_at: datetime | None = moment_column(default=None, nullable=True)

    __table_args__ = (
        Index("status_delivery_once", "subscriber", "says", unique=True),
        Index("status_delivery_by_time", "created_at"),
        Index(
            "status_delivery_due",
            "kind",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
