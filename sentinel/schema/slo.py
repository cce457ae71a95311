"""SLOs: their definitions by version, and the events that they count."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["SloCount", "SloRow", "SloVersion"]


class SloRow(SQLModel, table=True):
    """An SLO; `document` is its definition as JSON, `counted_until` where its events end.

    `rule` is the name of its rule, which is unique over all tenants, as those of deployments are.
    `changes` says which spans of its events changed lately, as `sentinel.slo.changes` writes it.
    """

    __tablename__: ClassVar[Any] = "slo"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=80)
    rule: str = Field(max_length=100, unique=True, index=True)
    team: str = Field(max_length=100)
    version: int
    document: str = long_column()
    saved_at: datetime = moment_column(nullable=False)
    saved_by: str
    counted_until: datetime | None = moment_column(default=None)
    changes: str = Field(
        default="[]", sa_type=Text, sa_column_kwargs={"server_default": "[]", "nullable": False}
    )


class SloVersion(SQLModel, table=True):
    """What an SLO was, from `saved_at` on."""

    __tablename__: ClassVar[Any] = "slo_version"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=80)
    version: int = Field(primary_key=True)
    document: str = long_column()
    saved_at: datetime = moment_column(nullable=False)
    saved_by: str


class SloCount(SQLModel, table=True):
    """Good and all events of an SLO in a minute, or of old ones in an hour.

    `at` is where it begins, microseconds since 1970.
    """

    __tablename__: ClassVar[Any] = "slo_count"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    tenant: str = Field(primary_key=True, max_length=100)
    slo: str = Field(primary_key=True, max_length=80)
    at: int = Field(primary_key=True, sa_type=BigInteger)
    good: float
    total: float
