"""The tables of outgoing events: which changes have which number, and where they are sent.

A block has the changes of one transaction. Those of a tenant are numbered without gaps in the order
in which they were committed, so that a number says what a consumer has seen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, false
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["EventDestination", "LifecycleBlock", "LifecycleTail"]


class LifecycleTail(SQLModel, table=True):
    """The number of a tenant's last change."""

    __tablename__: ClassVar[Any] = "lifecycle_tail"

    tenant: str = Field(primary_key=True, max_length=100)
    last: int = Field(sa_type=BigInteger)


class LifecycleBlock(SQLModel, table=True):
    """The changes of one transaction, numbered from `first` to `last`.

    `entries` has 17 bytes for each: `a` and the id of an alert's timeline entry, or `i` and that of
    an incident's entry, which have what happened.
    """

    __tablename__: ClassVar[Any] = "lifecycle_block"

    tenant: str = Field(primary_key=True, max_length=100)
    last: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    first: int = Field(sa_type=BigInteger)
    at: datetime = moment_column(nullable=False)
    entries: bytes = Field(sa_type=LargeBinary)

    __table_args__ = (Index("lifecycle_block_by_time", "at"),)


class EventDestination(SQLModel, table=True):
    """An endpoint that a tenant's changes are sent to, by the URL and secret of a webhook block.

    `cursor` is the number of the last change that it took. The fields from `failures` on are its
    breaker, as `sentinel.notifications.breaker` describes it.
    """

    __tablename__: ClassVar[Any] = "event_destination"

    name: str = Field(primary_key=True, max_length=100)
    tenant: str = Field(max_length=100)
    channel: str = Field(max_length=200, description="A block, as type/name.")
    mode: str = Field(max_length=10, description="structured or batch.")
    cursor: int = Field(sa_type=BigInteger)
    saved_by: str = ""
    saved_at: datetime = moment_column(nullable=False)
    sent_at: datetime | None = moment_column(default=None, nullable=True)
    failures: int = 0
    refusing: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    opened_at: datetime | None = moment_column(default=None, nullable=True)
    probe_at: datetime | None = moment_column(default=None, nullable=True)
    probes: int = 0
    error: str = long_column(default="")
    failed_at: datetime | None = moment_column(default=None, nullable=True)
