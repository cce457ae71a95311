"""The table of silences: alerts of a rule that send no notifications until a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["Silence"]


class Silence(SQLModel, table=True):
    """Alerts of one rule send no notifications until `until`, also those that open later.

    Its matcher is `rule=NAME` within the tenant. A silence that somebody ended early keeps its
    row, with who and when, until retention deletes it.
    """

    __tablename__: ClassVar[Any] = "silence"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str
    rule: str
    until: datetime = moment_column(nullable=False)
    reason: str = long_column(default="")
    actor: str
    created_at: datetime = moment_column(nullable=False)
    ended_at: datetime | None = moment_column(default=None, nullable=True)
    ended_by: str = ""

    __table_args__ = (Index("silence_by_rule", "tenant", "rule", "until"),)
