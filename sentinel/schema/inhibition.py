"""The table of alerts that mute others while they fire."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

__all__ = ["InhibitionSource"]


class InhibitionSource(SQLModel, table=True):
    """A firing alert that is the source of an inhibition rule.

    `key` stands for the rule and for what a target must have in common with the source
    (`sentinel.notifications.inhibition`). `both` is whether it matches the target side, too.
    """

    __tablename__: ClassVar[Any] = "inhibition_source"

    key: str = Field(primary_key=True, max_length=32)
    alert_id: str = Field(primary_key=True, max_length=32)
    both: bool = False

    __table_args__ = (Index("inhibition_source_by_alert", "alert_id"),)
