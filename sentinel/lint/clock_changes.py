"""What schedules lose where clocks change: intervals of days, and cron in lost or repeated hours.

Prefect 3.8 plans an interval of a day or more at another hour after a change of the clocks than
before, and which one depends on when the server planned it. It plans no cron run for the second of
two equal hours, and treats a time that does not exist differently from one Python to another. See
`findings/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from sentinel.duration import format_duration

__all__ = ["Change", "changes_of", "refused", "warned"]

_DAY = timedelta(days=1)
_AHEAD = 2 * 366
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Change(NamedTuple):
    """A change of the clocks: the local times that it leaves out, or that come twice.

    Attributes:
        start: first of these local times, without a zone
        end: the local time after the last of them
        repeated: whether they come twice; else they do not come at all
    """

    start: datetime
    end: datetime
    repeated: bool


def refused(schedule: Mapping[str, Any], interval: timedelta, anchor: datetime) -> Iterator[str]:
    """Yield why an interval schedule is refused.

    Args:
        schedule: as a deployment has it
        interval: of it
        anchor: from which it counts

    Yields:
        A sentence for an interval of a day or more in a zone whose clocks change.
    """
    zone = _zone(schedule)
    if zone is None or interval < _DAY or not changes_of(zone.key, anchor.year):
        return
    local = anchor.astimezone(zone)
    days = {_DAY: "*", 7 * _DAY: _DAYS[local.weekday()]}.get(interval)
    cron = f'cron: "{local.minute} {local.hour} * * {days}"' if days else "cron"
    yield (
        f"an interval of {format_duration(interval)} in {zone.key} runs an hour earlier or later "
        f"after the clocks change, depending on when Prefect planned it; write {cron} instead, "
        "or timezone: UTC"
    )


def warned(schedule: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Yield what a cron schedule loses at the coming changes of the clocks.

    Args:
        schedule: as a deployment has it
        now: the present moment; changes of the two years after it count

    Yields:
        A sentence for the first time that is lost, and one for the first hour without a run.
    """
    zone, cron = _zone(schedule), schedule.get("cron")
    if zone is None or not isinstance(cron, str) or schedule.get("active") is False:
        return
    lost = repeated = False
    for change in changes_of(zone.key, now.year):
        day = f"{change.start:%Y-%m-%d}"
        if change.end < now.replace(tzinfo=None):
            continue
        found = _first(cron, change.start, change.end)
        if found is None:
            continue
        if not change.repeated and not lost:
            lost = True
            yield (
                f"its cron asks for {found:%H:%M} on {day}, which does not exist in {zone.key}; "
                "whether and when it runs then depends on the version of Python. Choose "
                "another hour, or timezone: UTC"
            )
        length = change.end - change.start
        around = (
            _first(cron, change.start - length, change.start),
            _first(cron, change.end, change.end + length),
        )
        if change.repeated and not repeated and None not in around:
            repeated = True
            yield (
                f"its cron asks for times from {change.start:%H:%M} to {change.end:%H:%M}, which "
                f"come twice on {day} in {zone.key}: Prefect plans them once, so that nothing "
                f"runs for {format_duration(length)} longer than usual. Use an interval, or "
                "timezone: UTC"
            )


def _first(cron: str, start: datetime, end: datetime) -> datetime | None:
    """Return the first local time from `start` to before `end` that `cron` asks for."""
    try:
        # Without a zone, so that every local time exists once.
        found = next(CronSim(cron.upper(), start - timedelta(minutes=1)), None)
    except (CronSimError, ValueError):
        return None  # Prefect refuses it, or reads it as something that is not known here
    return found if found is not None and found < end else None


def _zone(schedule: Mapping[str, Any]) -> ZoneInfo | None:
    name = schedule.get("timezone")
    if not isinstance(name, str) or name == "UTC":
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):
        return None  # Prefect refuses it


@lru_cache(maxsize=256)
def changes_of(zone: str, year: int) -> tuple[Change, ...]:
    """Return the changes of the clocks in a zone in two years.

    Args:
        zone: its name, such as Europe/Berlin
        year: from its first day on

    Returns:
        The changes, the earliest first; none where clocks are never changed.

    Raises:
        ZoneInfoNotFoundError: there is no such zone
    """
    info = ZoneInfo(zone)
    found: list[Change] = []
    before = datetime(year, 1, 1, tzinfo=UTC)
    for _ in range(_AHEAD):
        after = before + _DAY
        old, new = _offset(before, info), _offset(after, info)
        if old != new:
            moment = _between(before, after, info)
            edges = sorted((moment + old, moment + new))
            start, end = (one.replace(tzinfo=None) for one in edges)
            found.append(Change(start, end, repeated=new < old))
        before = after
    return tuple(found)


def _between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment at which the offset of `before` ends."""
    offset = _offset(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _offset(middle, zone) == offset else (before, middle)
    return after


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
