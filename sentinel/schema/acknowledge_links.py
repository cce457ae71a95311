"""The tables of acknowledge links: what each covers, and the keys that sign them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import array_column, moment_column

__all__ = ["AcknowledgeLink", "LinkKey"]


class AcknowledgeLink(SQLModel, table=True):
    """A link in one message, which acknowledges the alerts that the message lists as firing."""

    __tablename__: ClassVar[Any] = "acknowledge_link"

    id: str = Field(primary_key=True, max_length=32)
    group_id: str = Field(max_length=32)
    receiver: str
    channel: str
    person: str = Field(
        default="",
        description="Whom an escalation paged by the message; empty for nobody.",
        sa_column_kwargs={"server_default": ""},
    )
    alerts: list[str] = array_column()
    made_at: datetime = moment_column(nullable=False)
    expires_at: datetime = moment_column(nullable=False)

    __table_args__ = (Index("acknowledge_link_by_end", "expires_at"),)


class LinkKey(SQLModel, table=True):
    """A key that signs the tokens of links; the newest signs, the others verify for a while."""

    __tablename__: ClassVar[Any] = "link_key"

    id: str = Field(primary_key=True, max_length=32)
    secret: str = Field(max_length=64)
    made_at: datetime = moment_column(nullable=False)
