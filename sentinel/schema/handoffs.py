"""The tables of handoff notices: what people were notified of: who is on call."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["HandoffAhead", "HandoffNotified"]


class HandoffNotified(SQLModel, table=True):
    """Who was on call by a schedule when its handoffs were looked at last."""

    __tablename__: ClassVar[Any] = "oncall_notified"

    schedule: str = Field(primary_key=True, max_length=100)
    people: str = long_column(default="", description="Names, one a line; empty for nobody.")
    looked_at: datetime = moment_column(nullable=False)


class HandoffAhead(SQLModel, table=True):
    """A person who was notified of a handoff to come; deleted once it is over or is none."""

    __tablename__: ClassVar[Any] = "oncall_notified_ahead"

    schedule: str = Field(primary_key=True, max_length=100)
    person: str = Field(primary_key=True, max_length=100)
    comes: bool = Field(primary_key=True, description="Whether their shift begins with it.")
    at: datetime = moment_column(primary_key=True, nullable=False)
    ahead_seconds: float
