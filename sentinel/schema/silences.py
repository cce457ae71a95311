"""The table of silences: alerts that send no notifications for a time, by rule or by matchers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, false
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import array_column, long_column, moment_column, object_column

__all__ = ["Silence"]


class Silence(SQLModel, table=True):
    """Alerts of one tenant send no notifications until `until`, also those that open later.

    It is of one `rule`, or, where that is empty, of what `matchers` match, from `starts_at` on: a
    list of sets, each as Alertmanager writes it. `team` is the one team to which all sets are
    confined. Where `recurrence` says something (`sentinel.timing.recurrence`), it mutes within its
    windows alone. Where it says `announce`, the receivers that it mutes are notified of it. One
    that somebody ended early keeps its row, with who and when, until retention deletes it.
    """

    __tablename__: ClassVar[Any] = "silence"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str
    rule: str
    until: datetime = moment_column(nullable=False)
    reason: str = long_column(default="")
    actor: str
    created_at: datetime = moment_column(nullable=False)
    ended_at: datetime | None = moment_column(default=None, nullable=True)
    ended_by: str = ""
    matchers: list[str] = array_column()
    starts_at: datetime = moment_column(nullable=False)
    team: str = ""
    recurrence: dict[str, Any] = object_column()
    maintenance: bool = False
    declared: str = Field(
        default="", max_length=100, sa_column_kwargs={"server_default": ""},
        description="Name in the document in Git that made it; empty where a person did.",
    )  # fmt: skip
    announce: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    version: int = 1
    change: int = Field(
        default=0, description="Rises over all silences with each change of one with matchers."
    )

    __table_args__ = (
        Index("silence_by_rule", "tenant", "rule", "until"),
        Index("silence_by_change", "change"),
    )
