"""The catalog of services, and who calls whom as it was observed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlmodel import Field, SQLModel

from sentinel.schema.columns import long_column, moment_column

__all__ = ["ServiceEdgeRow", "ServiceRow"]


class ServiceRow(SQLModel, table=True):
    """A service; `document` is its definition as JSON."""

    __tablename__: ClassVar[Any] = "service"

    tenant: str = Field(primary_key=True, max_length=100)
    name: str = Field(primary_key=True, max_length=100)
    owner: str = Field(max_length=100)
    version: int
    document: str = long_column()
    saved_at: datetime = moment_column(nullable=False)
    saved_by: str


class ServiceEdgeRow(SQLModel, table=True):
    """A call of one service by another, as a source saw it last; `calls` are of that look."""

    __tablename__: ClassVar[Any] = "service_edge"

    tenant: str = Field(primary_key=True, max_length=100)
    caller: str = Field(primary_key=True, max_length=200)
    callee: str = Field(primary_key=True, max_length=200)
    source: str = Field(primary_key=True, max_length=20)
    calls: int
    first_seen: datetime = moment_column(nullable=False)
    last_seen: datetime = moment_column(nullable=False)
