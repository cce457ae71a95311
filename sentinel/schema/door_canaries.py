"""The newest canary of each door by which other systems post alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["DoorCanary"]


class DoorCanary(SQLModel, table=True):
    """What was last posted at a door, and when its alert would have been written.

    `every` and `within` are seconds. `arrived_at` is of the newest, `last_at` of any.
    """

    __tablename__: ClassVar[Any] = "door_canary"

    door: str = Field(primary_key=True, max_length=20)
    marker: str = Field(max_length=64)
    sent_at: datetime = moment_column(nullable=False)
    every: float
    within: float
    arrived_at: datetime | None = moment_column(nullable=True)
    last_at: datetime | None = moment_column(nullable=True)
    error: str
