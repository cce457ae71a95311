"""The table of calendar feeds: addresses at which calendar programs read shifts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["CalendarFeed"]


class CalendarFeed(SQLModel, table=True):
    """The shifts of one person or of one schedule, for whoever has its address.

    What is kept of the secret in the address is its hash. A row that was revoked stays.
    """

    __tablename__: ClassVar[Any] = "calendar_feed"

    id: str = Field(primary_key=True, max_length=32)
    secret_hash: str = Field(max_length=64, unique=True, description="SHA-256, in hex digits.")
    person: str = Field(default="", max_length=100, description="Whose shifts; empty for all.")
    schedule: str = Field(default="", max_length=100, description="Of which; empty for all.")
    created_by: str = ""
    created_at: datetime = moment_column(nullable=False)
    used_at: datetime | None = moment_column(default=None, nullable=True)
    revoked_at: datetime | None = moment_column(default=None, nullable=True)
    revoked_by: str = ""
