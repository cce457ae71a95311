"""The readings of an alert's series around the alert, thinned to what a chart can show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from pydantic import ValidationError

from sentinel.alerts.view import AlertView
from sentinel.checks.catalog import find
from sentinel.errors import NotFound, SentinelError
from sentinel.metrics.sample import identity, metric_of_rule, series_id
from sentinel.metrics.series import Series
from sentinel.rules.condition import When
from sentinel.severity import severity_of
from sentinel.store import Store

__all__ = ["MOST_POINTS", "Line", "Readings", "lines_of", "readings"]

MOST_POINTS = 240
LEAST_BESIDE = timedelta(minutes=30)
MOST_BESIDE = timedelta(hours=6)
# For longer periods a value per minute or hour shows as much and is read much faster.
AS_THEY_CAME = timedelta(hours=12)
BY_MINUTE = timedelta(days=3)
MICRO = 1000


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold; `rank` is the severity that begins there, 0 for the severity of the rule."""

    at: float
    name: str
    rank: int = 0


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """The readings of one series.

    Attributes:
        since: where the chart begins
        until: where the chart ends
        points: milliseconds since 1970 and value, in order of time
        step: the usual seconds between two readings; a longer distance is drawn as a gap
        unit: of the values
        lines: the thresholds
    """

    since: datetime
    until: datetime
    points: list[tuple[int, float]]
    step: float
    unit: str
    lines: list[Line]


def readings(store: Store, alert: AlertView) -> Readings | None:
    """Read the readings of an alert's series from before it opened to after it resolved.

    Args:
        store: the shared database
        alert: whose series is meant

    Returns:
        the readings; None where none are stored: the check itself failed, or they are past their
        retention
    """
    if alert.source != "rule":
        return None
    now = store.now()
    start, end = alert.first_bad_at, alert.resolved_at or now
    beside = min(MOST_BESIDE, max(LEAST_BESIDE, (end - start) / 2))
    since, until = start - beside, min(now, end + beside)
    name = metric_of_rule(alert.rule)
    reader = store.metrics.reader(alert.tenant)
    length = until - since
    if length <= AS_THEY_CAME:
        found = reader.window(name, (), since, until)
    else:
        found = reader.history(name, (), since, until, step=60 if length <= BY_MINUTE else 3600)
    place = _place(found, alert)
    if place is None:
        return None
    moments, values = found.of(place)
    times: list[int] = (moments // MICRO).tolist()
    numbers: list[float] = values.tolist()
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    usual = gaps[len(gaps) // 2] / 1000 if gaps else 0.0
    return Readings(
        since=since,
        until=until,
        points=_thinned(list(zip(times, numbers, strict=True))),
        step=max(usual, length.total_seconds() / MOST_POINTS),
        unit=alert.unit,
        lines=_lines(store, alert),
    )


def _place(found: Series, alert: AlertView) -> int | None:
    """Return the index of the alert's series; labels of the rule are no labels of the series."""
    wanted = series_id(alert.fingerprint)
    for place, labels in enumerate(found.labels):
        if labels.items() <= alert.labels.items() and (
            identity(alert.tenant, found.name, labels) == wanted
        ):
            return place
    return None


def _thinned(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return about `MOST_POINTS` points, with the lowest and the highest of each piece."""
    if len(points) <= MOST_POINTS:
        return points
    pieces = MOST_POINTS // 2
    kept: list[tuple[int, float]] = []
    for number in range(pieces):
        piece = points[number * len(points) // pieces : (number + 1) * len(points) // pieces]
        low = min(piece, key=lambda point: point[1])
        high = max(piece, key=lambda point: point[1])
        kept += sorted({low, high})
    return sorted({*kept, points[0], points[-1]})


def _lines(store: Store, alert: AlertView) -> list[Line]:
    try:
        row = store.rules.get(alert.rule, alert.tenant)
    except NotFound:
        return []
    return lines_of(_condition(row.spec, row.trigger))


def _condition(spec: Mapping[str, Any], trigger: str) -> When | None:
    """Return a rule's condition, else its trigger's where that can be loaded here."""
    given = spec.get("when")
    try:
        if given is not None:
            return When.model_validate(given)
        return find(trigger).when
    except (ValidationError, SentinelError):
        return None


def lines_of(when: When | None) -> list[Line]:
    """Return the thresholds of a condition; an expression has none that could be drawn."""
    if when is None:
        return []
    lines: list[Line] = []
    for name in ("above", "below", "equals"):
        value = getattr(when, name)
        if value is not None:
            lines.append(Line(at=value, name=f"{name} {value:g}"))
    if when.outside is not None:
        low, high = when.outside
        lines += [Line(at=low, name=f"below {low:g}"), Line(at=high, name=f"above {high:g}")]
    for word, value in (when.levels or {}).items():
        lines.append(Line(at=value, name=f"{word} {value:g}", rank=int(severity_of(word))))
    return lines
