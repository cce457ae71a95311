"""The tables of the archive: which files there are, what was taken out of them, legal holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["ArchiveFile", "ArchiveHold", "ArchiveTaken"]


class ArchiveFile(SQLModel, table=True):
    """A file of the archive, which holds alerts or groups of one tenant.

    `state` is writing (it does not count yet), kept, or leaving (it counts no more and is to be
    removed). `first_at` and `last_at` are when the first and the last of its records were resolved.
    `format` is the layout of the file, `revision` that of the tables that its records are from.
    """

    __tablename__: ClassVar[Any] = "archive_file"

    id: str = Field(primary_key=True, max_length=32)
    state: str = Field(max_length=20)
    kind: str = Field(max_length=20)
    tenant: str
    path: str
    records: int = 0
    bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, default=0))
    sha256: str = Field(default="", max_length=64)
    format: int
    revision: str
    first_at: datetime = moment_column(nullable=False)
    last_at: datetime = moment_column(nullable=False)
    created_at: datetime = moment_column(nullable=False)

    __table_args__ = (Index("archive_file_by_time", "kind", "state", "last_at"),)


class ArchiveTaken(SQLModel, table=True):
    """A record that was taken out of a file: it is in the database again, and no more in the file.

    It is not archived again before `keep_until`.
    """

    __tablename__: ClassVar[Any] = "archive_taken"

    file_id: str = Field(primary_key=True, max_length=32)
    record_id: str = Field(primary_key=True, max_length=32)
    tenant: str
    taken_at: datetime = moment_column(nullable=False)
    taken_by: str = ""
    keep_until: datetime = moment_column(nullable=False)

    __table_args__ = (Index("archive_taken_by_record", "record_id"),)


class ArchiveHold(SQLModel, table=True):
    """A legal hold: nothing of the tenant's alerts, here or in the archive, is deleted."""

    __tablename__: ClassVar[Any] = "archive_hold"

    tenant: str = Field(primary_key=True, max_length=100)
    reason: str = long_column(default="")
    set_by: str = ""
    set_at: datetime = moment_column(nullable=False)
