"""The tables of shadows: drafts of the routes beside the active ones, and what they would do."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column, object_column

__all__ = ["RouteShadow", "ShadowOutcome"]


class RouteShadow(SQLModel, table=True):
    """A draft that runs beside the active routes without any effect, or did; one runs at a time.

    Alerts that opened up to `looked_until`, and of that moment those up to the id `looked_id`,
    have been entered.
    """

    __tablename__: ClassVar[Any] = "route_shadow"

    id: str = Field(primary_key=True, max_length=32)
    document: str = long_column(default="")
    digest: str = Field(max_length=64, description="SHA-256 of the document, in hex digits.")
    note: str = long_column(default="")
    started_by: str = ""
    started_at: datetime = moment_column(nullable=False)
    stopped_by: str = ""
    stopped_at: datetime | None = moment_column(default=None, nullable=True)
    looked_until: datetime = moment_column(nullable=False)
    looked_id: str = Field(default="", max_length=32)


class ShadowOutcome(SQLModel, table=True):
    """What a draft does with one alert for one receiver, in one group of the draft.

    `way` is the key of that group; empty where only the active routes notify the receiver.
    `policy` has the group's times while a decision is due, at `due_at`.
    """

    __tablename__: ClassVar[Any] = "route_shadow_outcome"

    shadow: str = Field(primary_key=True, max_length=32)
    alert_id: str = Field(primary_key=True, max_length=32)
    receiver: str = Field(primary_key=True, max_length=100)
    way: str = Field(primary_key=True, max_length=32)
    route: str = long_column(default="")
    by_active: bool
    state: str = Field(description="waiting, notified, held; active for none of the draft.")
    reason: str = ""
    opened_at: datetime = moment_column(nullable=False)
    decided_at: datetime | None = moment_column(default=None, nullable=True)
    due_at: datetime | None = moment_column(default=None, nullable=True)
    policy: dict[str, Any] = object_column()

    __table_args__ = (
        Index("route_shadow_by_time", "shadow", "opened_at"),
        Index(
            "route_shadow_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
