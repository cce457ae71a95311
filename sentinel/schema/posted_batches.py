"""The table of batches of alerts that were posted as to an Alertmanager."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text, true
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column, object_column

__all__ = ["PostedBatch"]


class PostedBatch(SQLModel, table=True):
    """A batch, durable before its sender gets an answer.

    While it is `pending`, `body` has its alerts. When it was applied, `ends` has the new ends of
    those that fire as before, in microseconds since 1970 by fingerprint; the rows of those alerts
    get them when their stored ends are due (`sentinel.store.alerts.posted_batches`). `at` is then
    the moment of that, and `until` the latest end; the row may be deleted after it.

    An alert that could not be applied has a pending row of its own: `tries` says how often that
    failed, `due_at` when it is tried again, `failed` which alert it is.
    """

    __tablename__: ClassVar[Any] = "posted_batch"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str
    at: datetime = moment_column(nullable=False)
    until: datetime = moment_column(nullable=False, index=True)
    pending: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    body: str = long_column(default="")
    ends: dict[str, int] = object_column()
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    due_at: datetime | None = moment_column(default=None, nullable=True)
    failed: str = Field(default="", sa_column_kwargs={"server_default": ""})

    __table_args__ = (
        Index(
            "posted_batch_pending",
            "id",
            sqlite_where=text("pending"),
            postgresql_where=text("pending"),
        ),
    )
