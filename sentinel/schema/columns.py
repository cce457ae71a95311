"""Columns that the tables share: moments, JSON, long texts, and ids."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field

__all__ = ["Moment", "array_column", "long_column", "moment_column", "new_id", "object_column"]


def new_id() -> str:
    """A new id: UUIDv7 (RFC 9562) as 32 hex digits, so that ids sort by time.

    What is left of the millisecond stands in `rand_a` (section 6.2, method 3): a process makes no
    two ids within its quarter of a microsecond, so that its ids sort in the order they were made.
    """
    millis, rest = divmod(time.time_ns(), 1_000_000)
    random = int.from_bytes(os.urandom(8))
    value = (millis & ((1 << 48) - 1)) << 80 | 0x7 << 76 | ((rest << 12) // 1_000_000) << 64
    return f"{value | 0b10 << 62 | (random & ((1 << 62) - 1)):032x}"


class Moment(TypeDecorator[datetime]):
    """A moment in UTC: TIMESTAMPTZ on PostgreSQL, ISO text on SQLite; aware on both sides."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive moment; keep UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no timezone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """PostgreSQL's driver gives aware moments by itself; a call each would be felt."""
        if dialect.name == "postgresql":
            return None
        return super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give an aware moment back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _json() -> TypeEngine[Any]:
    return JSON().with_variant(JSONB(), "postgresql")


def object_column() -> Any:
    """A JSON object; an empty one by default."""
    return Field(default_factory=dict, sa_type=_json(), nullable=False)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType] - SQLModel takes instances too


def array_column() -> Any:
    """A JSON array; an empty one by default."""
    return Field(default_factory=list, sa_type=_json(), nullable=False)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType] - SQLModel takes instances too


def moment_column(**more: Any) -> Any:
    """A moment in UTC."""
    return Field(sa_type=Moment, **more)  # pyright: ignore[reportArgumentType, reportCallIssue] - SQLModel takes decorators too


def long_column(**more: Any) -> Any:
    """Text of any length."""
    return Field(sa_type=Text, **more)
