"""The table of limits of messages a minute."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

__all__ = ["MessageLimit"]


class MessageLimit(SQLModel, table=True):
    """How many messages a minute a receiver or a channel is sent at most; 0 for no limit."""

    __tablename__: ClassVar[Any] = "message_limit"

    kind: str = Field(primary_key=True, max_length=10, description="receiver or channel")
    name: str = Field(primary_key=True, max_length=200)
    per_minute: int
