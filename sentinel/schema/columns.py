"""Columns that the tables share: moments, JSON, long texts, and ids."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field

__all__ = ["Moment", "array_column", "long_column", "moment_column", "new_id", "object_column"]


_MOST_READ = 10_000
"""So many moments are remembered for each column that is read."""


def new_id() -> str:
    """Return a new UUIDv7 (RFC 9562) as 32 hex digits, so that ids sort by time.

    `rand_a` holds the rest of the millisecond (section 6.2, method 3). A process cannot make two
    ids within the quarter of a microsecond that this resolves, so its ids sort in the order in
    which it made them.

    Returns:
        32 lower-case hex digits without hyphens.
    """
    millis, rest = divmod(time.time_ns(), 1_000_000)
    random = int.from_bytes(os.urandom(8))
    value = (millis & ((1 << 48) - 1)) << 80 | 0x7 << 76 | ((rest << 12) // 1_000_000) << 64
    return f"{value | 0b10 << 62 | (random & ((1 << 62) - 1)):032x}"


class _Read(dict[Any, Any]):
    """Moments by their text: the rows that one evaluation wrote share a few of them.

    Args:
        parsed: returns the moment of a text that is not known yet
    """

    def __init__(self, parsed: Callable[[Any], Any]) -> None:
        super().__init__()
        self._parsed = parsed

    def __missing__(self, text: Any) -> Any:
        if len(self) >= _MOST_READ:
            self.clear()
        self[text] = moment = self._parsed(text)
        return moment


class Moment(TypeDecorator[datetime]):
    """A moment in UTC: TIMESTAMPTZ on PostgreSQL, ISO 8601 text on SQLite; aware on both."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a moment to UTC for the database.

        Args:
            value: a timezone-aware moment, or None
            dialect: SQLite gets the moment without its timezone, since it keeps text

        Returns:
            The moment in UTC, or None.

        Raises:
            ValueError: the moment has no timezone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no timezone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Convert results on SQLite only; PostgreSQL's driver returns aware moments by itself.

        One call per cell would be measurable.

        Args:
            dialect: of the connection
            coltype: the driver's type of the column

        Returns:
            A function from the driver's value to ours, or None where there is nothing to convert.
        """
        if dialect.name == "postgresql":
            return None
        parsed = super().result_processor(dialect, coltype)
        return None if parsed is None else _Read(parsed).__getitem__

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the database's moment as an aware one in UTC.

        Args:
            value: what the driver read, or None
            dialect: of the connection

        Returns:
            The moment in UTC, or None.
        """
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _json() -> TypeEngine[Any]:
    return JSON().with_variant(JSONB(), "postgresql")


def object_column(**more: Any) -> Any:
    """Return a column of JSON objects, by default an empty one."""
    return Field(default_factory=dict, sa_type=_json(), nullable=False, **more)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType] - SQLModel takes instances too


def array_column() -> Any:
    """Return a column of JSON arrays, by default an empty one."""
    return Field(default_factory=list, sa_type=_json(), nullable=False)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType] - SQLModel takes instances too


def moment_column(**more: Any) -> Any:
    """Return a column of moments in UTC.

    Args:
        **more: further arguments of SQLModel's `Field`

    Returns:
        The field.
    """
    return Field(sa_type=Moment, **more)  # pyright: ignore[reportArgumentType, reportCallIssue] - SQLModel takes decorators too


def long_column(**more: Any) -> Any:
    """Return a column of text without a limit on its length.

    Args:
        **more: further arguments of SQLModel's `Field`

    Returns:
        The field.
    """
    return Field(sa_type=Text, **more)
