"""The tables of on-call: versions of the document, and overrides of its schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column
from sentinel.schema.document_version import DocumentVersion

__all__ = ["OnCallOverride", "OnCallVersion"]


class OnCallVersion(DocumentVersion, table=True):
    """One applied version of the on-call document."""

    __tablename__: ClassVar[Any] = "oncall_version"


class OnCallOverride(SQLModel, table=True):
    """Somebody instead of who is on call by a schedule, for a time.

    Two rows with one `swap` are a swap of two shifts. A row that was taken back keeps who did it.
    """

    __tablename__: ClassVar[Any] = "oncall_override"

    id: str = Field(primary_key=True, max_length=32)
    schedule: str = Field(max_length=100)
    starts_at: datetime = moment_column(nullable=False)
    ends_at: datetime = moment_column(nullable=False)
    people: str = long_column(default="", description="Names, one a line; empty for nobody.")
    replaces: str = Field(default="", description="Whom they replace; empty for everybody.")
    reason: str = long_column(default="")
    swap: str = Field(default="", max_length=32)
    made_by: str = ""
    made_at: datetime = moment_column(nullable=False)
    removed_at: datetime | None = moment_column(default=None, nullable=True)
    removed_by: str = ""

    __table_args__ = (Index("oncall_override_by_schedule", "schedule", "ends_at"),)
