"""A sample: one number of one series at one moment; and what is refused as none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from sentinel.errors import SampleError
from sentinel.labels.fingerprint import fingerprint
from sentinel.labels.text import MAX_LABELS, MAX_NAME, storable
from sentinel.timing.moments import parse_moment

__all__ = [
    "RULE_PREFIX",
    "Sample",
    "check_series",
    "checked_moment",
    "identity",
    "metric_of_rule",
    "metric_of_verdicts",
    "moment_of",
    "series_id",
]

RULE_PREFIX = "rule:"
"""The readings of a rule are the metric of this and its name."""
AHEAD = timedelta(minutes=10)
"""A sample may lie this far in the future, for clocks that differ."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One number of one series.

    Args:
        name: of the metric, for example http_requests_total
        value: finite
        unit: for people, for example percent, bytes, seconds
        labels: which series of the metric this is
        at: when, timezone-aware; left out means now
    """

    name: str
    value: float
    unit: str = ""
    labels: Mapping[str, str] = {}
    at: datetime | None = None


def metric_of_rule(rule: str) -> str:
    """Return the metric that keeps the readings of the rule of that name."""
    return RULE_PREFIX + rule


def metric_of_verdicts(rule: str) -> str:
    """Return the metric that keeps what a rule's check judged itself, of readings with a value.

    Args:
        rule: its name

    Returns:
        The metric's name. Its values: 0 is good, 1 is bad, and 2 to 6 are bad with a severity of
        the reading's own, its rank and 1.
    """
    return f"{RULE_PREFIX}{rule}/firing"


def series_id(print_: str) -> int:
    """Return the id of a series by its fingerprint: its first 63 bits."""
    return int(print_[:16], 16) >> 1


def identity(tenant: str, name: str, labels: Mapping[str, str]) -> int:
    """Return the id of the series; that of a rule's readings is its alerts' fingerprint's."""
    return series_id(fingerprint(tenant, name.removeprefix(RULE_PREFIX), labels))


def check_series(name: str, unit: str, labels: Mapping[str, str]) -> None:
    """Refuse a series whose name, unit or labels cannot be kept.

    Args:
        name: the metric's
        unit: of the values, may be empty
        labels: of the series

    Raises:
        SampleError: one cannot; `field` names the part that is wrong
    """
    _check_text("name", name, empty=False)
    if name.startswith(RULE_PREFIX):
        raise SampleError(
            f"{name!r}: names that begin with {RULE_PREFIX} are of readings of rules",
            field="name",
        )
    _check_text("unit", unit)
    if len(labels) > MAX_LABELS:
        raise SampleError(f"{len(labels)} labels; at most {MAX_LABELS}", field="labels")
    for label, text in labels.items():
        _check_text(f"labels.{label:.50}", label, empty=False)
        _check_text(f"labels.{label:.50}", text)


def checked_moment(value: float, at: datetime | None, now: datetime, oldest: datetime) -> None:
    """Refuse a sample whose value or moment cannot be kept.

    Args:
        value: of the sample
        at: its moment, None for now
        now: the present moment
        oldest: samples from before it would be deleted at once

    Raises:
        SampleError: one cannot; `field` names the part that is wrong
    """
    if not math.isfinite(value):
        raise SampleError(f"{value} is not finite", field="value")
    if at is None:
        return
    if at.tzinfo is None:
        raise SampleError(f"{at.isoformat()} has no timezone", field="timestamp")
    if at > now + AHEAD:
        raise SampleError(f"{at.isoformat()} lies in the future", field="timestamp")
    if at < oldest:
        raise SampleError(
            f"{at.isoformat()} is older than samples are kept, {oldest.isoformat()}",
            field="timestamp",
        )


def moment_of(given: str | float) -> datetime:
    """Return the moment that a timestamp means, as `sentinel.timing.moments` reads it.

    Args:
        given: a text, in UTC where it names no zone, or a number since 1970

    Returns:
        A moment in UTC.

    Raises:
        SampleError: it means none
    """
    try:
        return parse_moment(given)
    except ValueError as error:
        raise SampleError(str(error), field="timestamp") from None


def _check_text(field: str, text: str, *, empty: bool = True) -> None:
    if not text and not empty:
        raise SampleError("is empty", field=field)
    if len(text) > MAX_NAME:
        raise SampleError(f"longer than {MAX_NAME} characters", field=field)
    if storable(text) != text:
        raise SampleError("has a NUL character or is no valid Unicode", field=field)
