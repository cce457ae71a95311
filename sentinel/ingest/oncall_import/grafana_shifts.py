"""A shift of Grafana OnCall as a layer of ours. Pure.

A shift is there an event that recurs by a rule of iCalendar, on the wall clock of its zone; those
of `rolling_users` belong to one group after the other. By `engine/apps/schedules/models/
custom_on_call_shift.py` of https://github.com/grafana/oncall at commit 3666186 of 2026-01-05.

A layer has turns without pauses, so that a pause is a turn of nobody: a shift of 8 hours a day is
turns of 8 hours, of which the second and the third are nobody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import gcd, lcm
from typing import Any

from sentinel.ingest.oncall_import.values import DAY, number, text_of, texts_of, windows_of

__all__ = ["Unusable", "layer_of", "local_start", "together"]

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_HOURS = {"hourly": 1, "daily": 24, "weekly": 168}
_YEARS = range(1970, 9000)
_MOST = 500
"""Turns of a rotation."""
Given = Mapping[str, Any]
Groups = Sequence[Sequence[str]]


class Unusable(ValueError):
    """A shift that cannot be a layer: its field, and why."""


def local_start(given: Given, field: str = "start") -> datetime:
    """Return a local time of a shift, to the minute.

    Args:
        given: the shift, or a layer
        field: of it

    Returns:
        The time, without a zone.

    Raises:
        Unusable: it is none
    """
    try:
        found = datetime.fromisoformat(text_of(given.get(field)))
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise Unusable(f"{field}: {given.get(field)!r} is no time")
    return found.replace(tzinfo=None, second=0, microsecond=0)


def layer_of(given: Given, groups: Groups) -> dict[str, Any]:
    """Return a shift as a layer, with local times of its own zone.

    Args:
        given: the shift
        groups: people of its turns, in their order; one group for a shift that always is theirs

    Returns:
        The rotation, when it counts, and windows; without a name.

    Raises:
        Unusable: a layer cannot be like that
    """
    start, seconds = local_start(given), number(given.get("duration"), 0)
    if seconds < 60:
        raise Unusable(f"duration: {given.get('duration')!r} is less than a minute")
    kind = text_of(given.get("type"))
    if kind == "single_event":
        end = start + timedelta(seconds=seconds)
        return {
            "rotation": _rotation(groups[:1], start, "weekly"),
            "start": _text(start), "until": _text(end),
        }  # fmt: skip
    frequency, interval = text_of(given.get("frequency")), max(number(given.get("interval"), 1), 1)
    if frequency not in _HOURS:
        raise Unusable(f"frequency: {frequency or None!r} is none of hourly, daily, weekly")
    for field in ("by_month", "by_monthday"):
        if given.get(field):
            raise Unusable(f"{field}: a rotation knows no dates")
    by_day = [day for day in _DAYS if day in texts_of(given.get("by_day"))]
    begins = start
    if by_day and _DAYS[start.weekday()] not in by_day:
        # The first event is on the first of the days, as the week begins, on or after the start.
        first = min(by_day, key=lambda day: (_DAYS.index(day) - _week_start(given)) % 7)
        begins = start + timedelta(days=(_DAYS.index(first) - start.weekday()) % 7)
    if by_day or seconds % 3600:
        layer = _by_days(given, frequency, interval, by_day, begins, seconds, groups)
    else:
        layer = _evenly(_HOURS[frequency] * interval, seconds // 3600, begins, groups)
    since = max(begins, local_start(given, "rotation_start")) if given.get("rotation_start") else (
        begins
    )  # fmt: skip
    return layer | {"start": _text(since)}


def together(layers: Sequence[tuple[int, dict[str, Any]]]) -> list[tuple[int, dict[str, Any]]]:
    """Return layers of which those with one level and the same times are one.

    Args:
        layers: each with its level, by level

    Returns:
        The same, with the people of such layers in one turn.
    """
    found: list[tuple[int, dict[str, Any]]] = []
    for level, layer in layers:
        for place, (other_level, other) in enumerate(found):
            people = _zipped(other, layer) if other_level == level else None
            if people is not None:
                name = f"{other['name']}, {layer['name']}"[:100]
                rotation = other["rotation"] | {"people": people}
                found[place] = (level, {**other, "name": name, "rotation": rotation})
                break
        else:
            found.append((level, layer))
    return found


def _zipped(one: Given, other: Given) -> list[list[str]] | None:
    """Return the turns of two layers of the same times; None where their times differ."""
    times: list[dict[str, Any]] = [
        {**layer, "name": "", "rotation": {**layer["rotation"], "people": []}}
        for layer in (one, other)
    ]
    first, second = one["rotation"]["people"], other["rotation"]["people"]
    length = lcm(len(first), len(second))
    if times[0] != times[1] or length > _MOST:
        return None
    return [
        list(dict.fromkeys([*first[place % len(first)], *second[place % len(second)]]))
        for place in range(length)
    ]


def _evenly(period: int, hours: int, start: datetime, groups: Groups) -> dict[str, Any]:
    """Return turns and pauses of equal steps."""
    if hours > period:
        raise Unusable(f"duration: {hours} hours overlap with the next shift after {period}")
    step = gcd(period, hours)
    people = [
        list(group) if place < hours // step else []
        for group in groups
        for place in range(period // step)
    ]
    if len(people) > _MOST:
        raise Unusable(f"duration: a shift of {hours} of {period} hours needs too many turns")
    for unit, length in (("week", 168), ("day", 24), ("hour", 1)):
        if step % length == 0:
            every = f"{step // length} {unit}{'' if step == length else 's'}"
            return {"rotation": _rotation(people, start, every)}
    raise AssertionError("an hour divides every step")


def _by_days(
    given: Given, frequency: str, interval: int, by_day: Sequence[str], start: datetime,
    seconds: int, groups: Groups,
) -> dict[str, Any]:  # fmt: skip
    """Return turns of a day, and the part of each day that a shift takes."""
    if seconds > 86400:
        raise Unusable(f"duration: {seconds} s are more than a day, on days of the week")
    if frequency == "hourly":
        raise Unusable("frequency: hourly with days of the week, or with minutes")
    days = by_day or ([_DAYS[start.weekday()]] if frequency == "weekly" else list(_DAYS))
    if frequency == "weekly":
        first = start - timedelta(days=(start.weekday() - _week_start(given)) % 7)
        people = [
            list(group) if week == 0 and _DAYS[(first.weekday() + day) % 7] in days else []
            for group in groups
            for week in range(interval)
            for day in range(7)
        ]
    else:
        first, people = start, _daily(interval, days, by_day, start, groups)
    if len(people) > _MOST:
        raise Unusable("rolling_users: so many groups and days need too many turns")
    layer: dict[str, Any] = {"rotation": _rotation(people, first, "daily")}
    if seconds < 86400:
        minute = start.hour * 60 + start.minute
        length = max(seconds // 60, 1)
        layer["within"] = windows_of(
            (day * DAY + minute, day * DAY + minute + length) for day in range(7)
        )
    return layer


def _daily(
    interval: int, days: Sequence[str], by_day: Sequence[str], start: datetime, groups: Groups
) -> list[list[str]]:
    """Return turns of a day of a daily shift, each group for as many chosen days as an interval."""
    if not by_day:
        return [list(group) if day == 0 else [] for group in groups for day in range(interval)]
    if interval > 1 and len(groups) == 1:
        raise Unusable("interval: every so many days, and only on days of the week")
    weeks = lcm(len(groups) * interval, len(days)) // len(days)
    people: list[list[str]] = []
    taken = 0
    for day in range(min(weeks * 7, _MOST + 1)):
        if _DAYS[(start.weekday() + day) % 7] in days:
            people.append(list(groups[taken // interval % len(groups)]))
            taken += 1
        else:
            people.append([])
    return people


def _rotation(people: Groups, handoff: datetime, every: str) -> dict[str, Any]:
    return {"people": [list(one) for one in people], "handoff": _text(handoff), "every": every}


def _week_start(given: Given) -> int:
    day = text_of(given.get("week_start")) or "SU"
    return _DAYS.index(day) if day in _DAYS else _DAYS.index("SU")


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M")
