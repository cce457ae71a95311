"""The tables of the audit trail: rows, people behind pseudonyms, the chain's end, checkpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["AuditCheckpoint", "AuditHead", "AuditPerson", "AuditRow"]

_WAITING = text("hash IS NULL")


class AuditRow(SQLModel, table=True):
    """One change, written in its transaction; chained soon after, and never changed again.

    `before` and `after` are canonical JSON texts, so that both databases give back what was hashed.
    """

    __tablename__: ClassVar[Any] = "audit"

    id: str = Field(primary_key=True, max_length=32)
    at: datetime = moment_column(nullable=False)
    actor: str = Field(max_length=64, description="Pseudonym of who acted.")
    kind: str = Field(max_length=20)
    door: str = Field(max_length=20)
    tenant: str = Field(max_length=100)
    action: str = Field(max_length=60)
    object_kind: str = Field(max_length=30)
    object_id: str = long_column()
    object_name: str = long_column()
    before: str | None = long_column(default=None, nullable=True)
    after: str | None = long_column(default=None, nullable=True)
    note: str = long_column()
    seq: int | None = Field(default=None, sa_type=BigInteger, unique=True)
    chained_at: datetime | None = moment_column(default=None, nullable=True)
    previous: str | None = Field(default=None, max_length=64)
    hash: str | None = Field(default=None, max_length=64)

    __table_args__ = (
        Index("audit_waiting", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("audit_by_actor", "actor", "id"),
        Index("audit_by_object", "object_kind", "object_id", "id"),
        Index("audit_by_kind", "object_kind", "id"),
    )


class AuditPerson(SQLModel, table=True):
    """Who is behind a pseudonym, which commits to name and salt; both are None once erased."""

    __tablename__: ClassVar[Any] = "audit_person"

    id: str = Field(primary_key=True, max_length=64)
    name: str | None = Field(default=None, max_length=200, unique=True)
    salt: str | None = Field(default=None, max_length=32)


class AuditHead(SQLModel, table=True):
    """The end of the chain; its row is the lock of whoever chains."""

    __tablename__: ClassVar[Any] = "audit_head"

    name: str = Field(primary_key=True, max_length=20)
    seq: int = Field(sa_type=BigInteger)
    hash: str = Field(max_length=64)


class AuditCheckpoint(SQLModel, table=True):
    """Up to where retention deleted rows, and the signature that proves that it did."""

    __tablename__: ClassVar[Any] = "audit_checkpoint"

    seq: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    hash: str = Field(max_length=64)
    at: datetime = moment_column(nullable=False)
    signature: str = Field(max_length=64)
