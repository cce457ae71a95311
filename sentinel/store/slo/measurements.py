"""Measurements of SLOs: which can be kept, and in which minute."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.metrics.moments import micros
from sentinel.metrics.sample import AHEAD
from sentinel.slo.counts import MINUTE, Bucket
from sentinel.store.slo.counts import KEPT_FOR

__all__ = ["MOST_MEASUREMENTS", "Measurement", "bucket_of"]

MOST_MEASUREMENTS = 10_000
"""In one call."""


class Measurement(msgspec.Struct, frozen=True):
    """Good and all events at a moment; None means now."""

    good: float
    total: float
    at: datetime | None = None


def bucket_of(one: Measurement, place: int, now: datetime) -> Bucket:
    """Return the minute of a measurement with its events.

    Args:
        one: the measurement
        place: of it among those of the call
        now: the present moment

    Returns:
        The bucket.

    Raises:
        ConfigurationError: it cannot be kept
    """
    where, at = f"measurements.{place}", one.at or now
    if not 0 <= one.good <= one.total <= 1e15:  # also refuses nan
        raise ConfigurationError(
            f"{where}: good must be between 0 and total, total at most 1e15",
            hint="total counts all events, the good ones too.",
        )
    if at.tzinfo is None:
        raise ConfigurationError(f"{where}.at: has no time zone", hint="2026-11-30T12:00:00Z")
    if not now - KEPT_FOR <= at <= now + AHEAD:
        raise ConfigurationError(
            f"{where}.at: {at.isoformat()} lies ahead, or more than {KEPT_FOR.days} days back"
        )
    return Bucket(micros(at) // MINUTE * MINUTE, one.good, one.total)
