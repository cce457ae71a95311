"""The table of saved views: filters of a page that a person named."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["SavedView"]


class SavedView(SQLModel, table=True):
    """A saved filter of a page: `query` is the part of its address after the `?`."""

    __tablename__: ClassVar[Any] = "saved_view"

    owner: str = Field(primary_key=True, max_length=100)
    page: str = Field(primary_key=True, max_length=50)
    name: str = Field(primary_key=True, max_length=60)
    query: str = long_column()
    saved_at: datetime = moment_column(nullable=False)
