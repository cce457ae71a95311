"""The tables of separation of duties: where it is switched on, and changes that wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column, object_column

__all__ = ["PendingChange", "SeparatedTenant"]


class SeparatedTenant(SQLModel, table=True):
    """A tenant in which changes to critical rules need a second person; empty means all."""

    __tablename__: ClassVar[Any] = "separated_tenant"

    tenant: str = Field(primary_key=True, max_length=100)
    switched_at: datetime = moment_column(nullable=False)
    switched_by: str


class PendingChange(SQLModel, table=True):
    """A change to a critical rule that somebody asked for; kept whatever became of it.

    `before` and `after` are the rule as it was when it was asked for and as it is to be.
    `asked_by` is the person; `asked_as` is how timelines name them, such as `maria via bot`.
    """

    __tablename__: ClassVar[Any] = "pending_change"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str = Field(max_length=100)
    team: str = Field(max_length=200)
    rule: str = Field(max_length=100)
    kind: str = Field(max_length=20)
    before: dict[str, Any] = object_column()
    after: dict[str, Any] = object_column()
    given: dict[str, Any] = object_column()
    reason: str = long_column()
    status: str = Field(max_length=20)
    asked_by: str
    asked_as: str
    asked_at: datetime = moment_column(nullable=False)
    expires_at: datetime = moment_column(nullable=False)
    decided_by: str = ""
    decided_at: datetime | None = moment_column(default=None, nullable=True)
    comment: str = long_column(default="")

    __table_args__ = (Index("pending_change_by_rule", "tenant", "rule", "status"),)
