"""Moments as whole microseconds since 1970, the way blocks of samples keep them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["datetime_of", "micros"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    return (moment - _EPOCH) // _MICRO


def datetime_of(moment: int) -> datetime:
    """Return the moment so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=int(moment))
