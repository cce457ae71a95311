"""The table of bounces that vendors of mail posted, until the relay has read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import array_column, moment_column

__all__ = ["PostedBounce"]


class PostedBounce(SQLModel, table=True):
    """A report about a mail of a group; `id` is a digest of it, so that a repeat is one row.

    `bounces` are addresses, each with its status and what the vendor said.
    """

    __tablename__: ClassVar[Any] = "posted_bounce"

    id: str = Field(primary_key=True, max_length=32)
    group_id: str = Field(max_length=64)
    bounces: list[Any] = array_column()
    received_at: datetime = moment_column(nullable=False, index=True)
