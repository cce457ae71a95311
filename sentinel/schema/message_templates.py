"""The table of message templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["MessageTemplateRow"]


class MessageTemplateRow(SQLModel, table=True):
    """The template of the messages of a receiver, for one channel or, where that is empty, all."""

    __tablename__: ClassVar[Any] = "message_template"

    receiver: str = Field(primary_key=True, max_length=100)
    channel: str = Field(primary_key=True, max_length=200, description="empty for every channel")
    title: str = long_column(default="")
    text: str = long_column(default="")
    updated_at: datetime = moment_column(nullable=False)
    source: str = Field(
        default="ui",
        max_length=10,
        sa_column_kwargs={"server_default": "ui"},
        description="What set it last: file (the document in Git) or ui.",
    )
