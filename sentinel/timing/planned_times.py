"""The times at which a deployment's schedules ask for a run. Pure.

Prefect reckons them with a library of its own; where the two might differ, around a change of the
clocks or in what few schedules say, nothing is reckoned here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

__all__ = ["MOST", "repeated_between", "times_between"]

MOST = 200
"""So many times of one schedule are reckoned at most."""
_CLOCKS = timedelta(hours=3)


def times_between(
    schedules: Sequence[Mapping[str, Any]], since: datetime, until: datetime
) -> list[datetime]:
    """Return when schedules ask for a run, after `since` and not after `until`.

    A schedule is left out that is off, or was made or changed after `since`: what it said before
    is not known.

    Args:
        schedules: of a deployment, as Prefect's API gives them
        since: exclusive
        until: inclusive

    Returns:
        Moments in UTC, each once, the earliest first.
    """
    found: set[datetime] = set()
    for one in schedules:
        changed = one.get("updated") or one.get("created")
        began = max(since, datetime.fromisoformat(changed)) if changed else since
        schedule: Mapping[str, Any] = one.get("schedule") or {}
        if not one.get("active") or schedule.get("rrule"):
            continue
        try:
            zone = ZoneInfo(schedule.get("timezone") or "UTC")
            found.update(_times(schedule, zone, began, until))
        except (CronSimError, ValueError, OSError, KeyError):
            continue  # Prefect took it, so it means something that is not known here
    return sorted(found)


def repeated_between(
    schedules: Sequence[Mapping[str, Any]], since: datetime, until: datetime
) -> timedelta:
    """Return how much longer than usual the time between two cron runs is, as clocks go back.

    Prefect plans the local times that come twice once, and a day has 25 hours then.

    Args:
        schedules: of a deployment, as Prefect's API gives them
        since: the last run
        until: the present moment

    Returns:
        The longest of all active cron schedules; zero where no clock went back between.
    """
    longest = timedelta(0)
    for one in schedules:
        schedule: Mapping[str, Any] = one.get("schedule") or {}
        if not one.get("active") or not schedule.get("cron"):
            continue
        try:
            zone = ZoneInfo(schedule.get("timezone") or "UTC")
        except (ValueError, OSError, KeyError):
            continue
        before, after = _offset(since, zone), _offset(until, zone)
        if before is not None and after is not None:
            longest = max(longest, before - after)
    return longest


def _times(
    schedule: Mapping[str, Any], zone: ZoneInfo, since: datetime, until: datetime
) -> Iterator[datetime]:
    if _clocks_change(zone, since, until):
        return
    reckoned = _cron if schedule.get("cron") else _interval
    for count, moment in enumerate(reckoned(schedule, zone, since)):
        if moment > until or count >= MOST:
            return
        yield moment


def _clocks_change(zone: ZoneInfo, since: datetime, until: datetime) -> bool:
    return _offset(since - _CLOCKS, zone) != _offset(until + _CLOCKS, zone)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def _cron(schedule: Mapping[str, Any], zone: ZoneInfo, since: datetime) -> Iterator[datetime]:
    text = str(schedule["cron"])
    days = text.split()[2::2]
    if len(text.split()) != 5 or (schedule.get("day_or") is False and "*" not in days):
        return
    for moment in CronSim(text.upper(), since.astimezone(zone)):
        yield moment.astimezone(UTC)


def _interval(schedule: Mapping[str, Any], zone: ZoneInfo, since: datetime) -> Iterator[datetime]:
    every = timedelta(seconds=float(schedule.get("interval") or 0))
    anchor = datetime.fromisoformat(str(schedule.get("anchor_date")))
    if anchor.tzinfo is None:
        return  # Prefect gives every anchor a zone, so what this one means is not known here
    if every <= timedelta(0):
        return
    if every >= timedelta(days=1) and _offset(anchor, zone) != _offset(since, zone):
        return  # whether days keep their hour then depends on how the anchor was written
    number = ceil((since - anchor) / every)
    while True:
        moment = (anchor + number * every).astimezone(UTC)
        if moment > since:
            yield moment
        number += 1
