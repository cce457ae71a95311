"""The table of log levels that people set at run time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["LogLevelRow"]


class LogLevelRow(SQLModel, table=True):
    """The level of a component, until a moment; a row whose moment is over says nothing."""

    __tablename__: ClassVar[Any] = "log_level"

    component: str = Field(primary_key=True, max_length=50)
    level: str = Field(max_length=10)
    until: datetime = moment_column(nullable=False)
    set_at: datetime = moment_column(nullable=False)
    set_by: str = Field(max_length=200)
