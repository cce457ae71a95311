"""The tables of status pages: definitions, what was written of each, and its days."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["StatusDayRow", "StatusPageRow"]


class StatusPageRow(SQLModel, table=True):
    """A status page; `document` is its definition as JSON.

    `html` and `feed` are what was written of it last, at `written_at`; empty before that. Of the
    token of a private page, `token_hash` is the SHA-256; empty for none.
    """

    __tablename__: ClassVar[Any] = "status_page"

    name: str = Field(primary_key=True, max_length=63)
    tenant: str = Field(max_length=100, index=True)
    version: int
    document: str = long_column()
    public: bool
    saved_at: datetime = moment_column(nullable=False)
    saved_by: str
    token_hash: str = Field(default="", max_length=64)
    html: str = long_column(default="")
    feed: str = long_column(default="")
    written_at: datetime | None = moment_column(default=None, nullable=True)


class StatusDayRow(SQLModel, table=True):
    """A day of a component, in UTC, as it was recorded: `seen` and `down` are seconds."""

    __tablename__: ClassVar[Any] = "status_day"

    page: str = Field(primary_key=True, max_length=63)
    service: str = Field(primary_key=True, max_length=100)
    day: date = Field(primary_key=True)
    worst: int
    seen: float
    down: float
