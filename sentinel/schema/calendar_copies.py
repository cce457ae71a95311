"""The table of calendars that schedules subscribe to: the last good copy of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["CalendarCopy"]


class CalendarCopy(SQLModel, table=True):
    """The calendar of one schedule as it was read last.

    `source` is the address by which it was; a copy of another one than the document names counts
    no longer. An attempt that fails keeps the copy and changes `tried_at` and `error`.
    """

    __tablename__: ClassVar[Any] = "calendar_copy"

    schedule: str = Field(primary_key=True, max_length=100)
    source: str = long_column(default="")
    body: str = long_column(default="", description="Empty while none was read.")
    expanded: str = long_column(
        default="",
        description="Its shifts around the time it was read, as JSON; empty where not known.",
        sa_column_kwargs={"server_default": ""},
    )
    etag: str = long_column(default="")
    tried_at: datetime = moment_column(nullable=False)
    read_at: datetime | None = moment_column(default=None, nullable=True)
    error: str = long_column(default="")
