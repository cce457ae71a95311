"""The tables of limits of messages a minute, and of storms."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import moment_column

__all__ = ["MessageLimit", "StormRow"]


class MessageLimit(SQLModel, table=True):
    """How many messages a minute a receiver or a channel is sent at most; 0 for no limit."""

    __tablename__: ClassVar[Any] = "message_limit"

    kind: str = Field(primary_key=True, max_length=10, description="receiver or channel")
    name: str = Field(primary_key=True, max_length=200)
    per_minute: int
    source: str = Field(
        default="ui",
        max_length=10,
        sa_column_kwargs={"server_default": "ui"},
        description="What set it last: file (the document in Git) or ui.",
    )


class StormRow(SQLModel, table=True):
    """A storm of alerts that a receiver is in (`sentinel.notifications.storm`); none afterwards."""

    __tablename__: ClassVar[Any] = "storm"

    receiver: str = Field(primary_key=True, max_length=100)
    began_at: datetime = moment_column(nullable=False)
    seen_at: datetime = moment_column(nullable=False)
