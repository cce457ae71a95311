"""The tables of events: what came, which ids were seen, and which policies look at it.

A block holds the events of one call as JSON, so that a batch of any size is one row. Blocks of a
tenant are numbered without gaps in the order in which they were committed: whoever has looked at
everything up to a number has missed nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column, object_column

__all__ = ["EventBlock", "EventPack", "EventSeen", "EventTail", "PolicyMemory"]


class EventTail(SQLModel, table=True):
    """How far a tenant's events go: the number of the last block, and how many events came."""

    __tablename__: ClassVar[Any] = "event_tail"

    tenant: str = Field(primary_key=True, max_length=100)
    last: int = Field(sa_type=BigInteger)
    events: int = Field(sa_type=BigInteger)


class EventBlock(SQLModel, table=True):
    """The events of one call: a JSON list, deflated where that is worth it."""

    __tablename__: ClassVar[Any] = "event_block"

    tenant: str = Field(primary_key=True, max_length=100)
    seq: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    received_at: datetime = moment_column(nullable=False)
    size: int
    keep_until: datetime = moment_column(nullable=False)
    data: bytes = Field(sa_type=LargeBinary)

    __table_args__ = (Index("event_block_keep", "keep_until"),)


class EventSeen(SQLModel, table=True):
    """An id that came, as 16 bytes that stand for tenant and id; it goes with its block."""

    __tablename__: ClassVar[Any] = "event_seen"

    id: bytes = Field(primary_key=True, sa_type=LargeBinary)

    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}


class EventPack(SQLModel, table=True):
    """Policies that one deployment rolled out, and how far events were matched for them.

    `name` is the deployment's rule. `spec` has the policies and what holds for all of them;
    `digest` changes with it. `cursor` is the number of the last block that was looked at.
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
    """What a policy remembers of one key (one user, say): what was told, and its window.

    It may be forgotten once `keep_until` has passed; `due_at` is when time alone may change what
    it comes to, as where events stay away.
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
