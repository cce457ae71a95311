"""The tables of events: what came, which ids came before, and the policies that match them.

A block holds the events of one call as JSON, so that a batch of any size is one row. Blocks of a
tenant are numbered without gaps in the order in which they were committed, so that a reader that
has read everything up to a number has missed nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column, object_column

__all__ = ["EventBlock", "EventPack", "EventSeen", "EventTail", "PolicyMemory"]


class EventTail(SQLModel, table=True):
    """The end of a tenant's events: the number of the last block, and how many events ever came."""

    __tablename__: ClassVar[Any] = "event_tail"

    tenant: str = Field(primary_key=True, max_length=100)
    last: int = Field(sa_type=BigInteger)
    events: int = Field(sa_type=BigInteger)


class EventBlock(SQLModel, table=True):
    """The events of one call: a JSON list, compressed with zlib from 2 KiB on.

    `source` is `event` where they were sent as such, and `log` where they are log lines that an
    event policy matched.
    """

    __tablename__: ClassVar[Any] = "event_block"

    tenant: str = Field(primary_key=True, max_length=100)
    seq: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    received_at: datetime = moment_column(nullable=False)
    size: int
    source: str = Field(default="event", max_length=5, sa_column_kwargs={"server_default": "event"})
    keep_until: datetime = moment_column(nullable=False)
    data: bytes = Field(sa_type=LargeBinary)

    __table_args__ = (Index("event_block_keep", "keep_until"),)


class EventSeen(SQLModel, table=True):
    """The id of an event that came before, as 16 bytes; deleted with its block.

    The bytes are derived from the tenant and the id that the sender gave.
    """

    __tablename__: ClassVar[Any] = "event_seen"

    id: bytes = Field(primary_key=True, sa_type=LargeBinary)

    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}


class EventPack(SQLModel, table=True):
    """Event policies that one deployment rolled out, and up to where they have matched events.

    `name` is the deployment's rule. `spec` holds the policies and the settings that they share;
    `digest` changes with it. `cursor` is the number of the last block that was matched.
    """

    __tablename__: ClassVar[Any] = "event_pack"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=100)
    digest: str = Field(max_length=32)
    spec: dict[str, Any] = object_column()
    cursor: int = Field(sa_type=BigInteger)
    matched_at: datetime | None = moment_column(default=None, nullable=True)
    due_at: datetime | None = moment_column(default=None, nullable=True)
    updated_at: datetime = moment_column(nullable=False)


class PolicyMemory(SQLModel, table=True):
    """What an event policy remembers of one key (one user, say): what it reported, and its window.

    The row may be deleted once `keep_until` has passed. `due_at` is when the passing of time alone
    may change the result, for example because expected events did not arrive.
    """

    __tablename__: ClassVar[Any] = "policy_memory"

    tenant: str = Field(primary_key=True, max_length=100)
    rule: str = Field(primary_key=True, max_length=100)
    key: str = Field(primary_key=True, max_length=32)
    memory: bytes = Field(sa_type=LargeBinary)
    due_at: datetime | None = moment_column(default=None, nullable=True)
    keep_until: datetime = moment_column(nullable=False)

    __table_args__ = (
        Index("policy_memory_keep", "keep_until"),
        Index("policy_memory_due", "due_at"),
    )
