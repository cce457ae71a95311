"""What components of Sentinel last reported of themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["ComponentReport"]


class ComponentReport(SQLModel, table=True):
    """What a component last reported, and since when it has been in that state."""

    __tablename__: ClassVar[Any] = "component_report"

    name: str = Field(primary_key=True, max_length=100)
    state: str = Field(max_length=20)
    says: str
    hint: str
    since: datetime = moment_column(nullable=False)
    at: datetime = moment_column(nullable=False)
