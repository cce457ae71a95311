"""The tables of orchestration: versions of rules and tables, the shadow, and what came in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column, object_column
from sentinel.schema.document_version import DocumentVersion

__all__ = [
    "IncomingAlert", "OrchestrationShadow", "OrchestrationTable", "OrchestrationTableVersion",
    "OrchestrationVersion",
]  # fmt: skip


class OrchestrationVersion(DocumentVersion, table=True):
    """One applied version of a tenant's orchestration."""

    __tablename__: ClassVar[Any] = "orchestration_version"

    tenant: str = Field(primary_key=True, max_length=100)


class OrchestrationTableVersion(DocumentVersion, table=True):
    """One uploaded version of a table, as CSV; empty where it was removed."""

    __tablename__: ClassVar[Any] = "orchestration_table_version"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=100)


class OrchestrationTable(SQLModel, table=True):
    """A table that is read from another database: how, and the rows that were read last.

    The rows are read every `every` seconds. They are used until `usable` seconds after they were
    read, also while that database is away; then rules enrich nothing from them.
    """

    __tablename__: ClassVar[Any] = "orchestration_table"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=100)
    block: str = Field(max_length=200, description="TYPE/NAME of the Prefect block.")
    query: str = long_column(nullable=False)
    every: int = Field(description="Seconds.")
    usable: int = Field(description="Seconds.")
    saved_by: str = ""
    saved_at: datetime = moment_column(nullable=False)
    rows: str = long_column(default="")
    digest: str = Field(default="", max_length=64)
    read_at: datetime | None = moment_column(default=None, nullable=True)
    due_at: datetime = moment_column(nullable=False)
    error: str = long_column(default="")


class OrchestrationShadow(SQLModel, table=True):
    """A draft that runs beside a tenant's active version without any effect, or did."""

    __tablename__: ClassVar[Any] = "orchestration_shadow"

    id: str = Field(primary_key=True, max_length=32)
    tenant: str = Field(index=True, max_length=100)
    document: str = long_column(default="")
    digest: str = Field(max_length=64, description="SHA-256 of the document, in hex digits.")
    note: str = long_column(default="")
    started_by: str = ""
    started_at: datetime = moment_column(nullable=False)
    stopped_by: str = ""
    stopped_at: datetime | None = moment_column(default=None, nullable=True)


class IncomingAlert(SQLModel, table=True):
    """An alert as a sender posts it, and what orchestration made of it last.

    `source` is the fingerprint of the labels as they were posted, `target` that of the alert here.
    While that alert is live, `labels` stay what identify it, whatever version is active.

    `state` is passed, held, dropped or ended. `given` has what rules decide by. `reading` has the
    whole alert while it is held back, until `due_at`. `content` is a digest of what was posted and
    of the version that decided on it; `until` is when it ends unless it is posted again.
    """

    __tablename__: ClassVar[Any] = "incoming_alert"

    tenant: str = Field(primary_key=True, max_length=100)
    source: str = Field(primary_key=True, max_length=32)
    sender: str
    state: str
    target: str = Field(default="", max_length=32)
    labels: dict[str, str] = object_column()
    given: dict[str, Any] = object_column()
    content: str = Field(default="", max_length=64)
    version: int = 0
    rule: str = ""
    reading: str = long_column(default="")
    since: datetime = moment_column(nullable=False)
    due_at: datetime | None = moment_column(default=None, nullable=True)
    until: datetime | None = moment_column(default=None, nullable=True)
    first_seen: datetime = moment_column(nullable=False)
    last_seen: datetime = moment_column(nullable=False)

    __table_args__ = (
        Index("incoming_alert_of_target", "target"),
        Index("incoming_alert_by_time", "last_seen"),
        Index(
            "incoming_alert_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
