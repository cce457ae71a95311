"""Who is on call by Opsgenie's rules, worked out from its own fields at one moment. Pure.

For folders that have no timeline of Opsgenie's own. It goes another way than the translation: no
layers, windows or overrides of ours, so that a mistake of the translation shows as a difference.
What Opsgenie does not publish is read as `opsgenie` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sentinel.errors import ConfigurationError
from sentinel.ingest.oncall_import.values import DAY, moment, number, object_of, objects_of, text_of

__all__ = ["OpsgenieRules"]

Given = Mapping[str, Any]
_LENGTHS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class OpsgenieRules:
    """Answers who is on call, from the fields of one schedule.

    Args:
        schedule: with its rotations
        overrides: of it; of two for one moment, the later in the list decides
        forwardings: of users
        zone: of the schedule
        people: returns our names of a recipient
        start: from when it answers
        end: up to when
    """

    published = False
    """Whether it is the vendor's own answer."""

    def __init__(
        self, schedule: Given, overrides: Sequence[Given], forwardings: Sequence[Given],
        zone: ZoneInfo, people: Callable[[Given], list[str]], start: datetime, end: datetime,
    ) -> None:  # fmt: skip
        self.start, self.end = start, end
        self._zone, self._people = zone, people
        self._rotations = objects_of(schedule.get("rotations"))
        self._overrides = list(_dated(overrides))
        self._forwardings = list(_dated(forwardings))

    def at(self, moment_: datetime) -> frozenset[str]:
        """Return who is on call at a moment."""
        found: set[str] = set()
        for rotation in self._rotations:
            found |= self._of(rotation, moment_)
        for begins, ends, one in self._forwardings:
            given, to = (
                self._people({"type": "user", **object_of(one.get(field))})
                for field in ("fromUser", "toUser")
            )
            if begins <= moment_ < ends and given and to and given[0] in found:
                found = (found - {given[0]}) | {to[0]}
        return frozenset(found)

    def _of(self, rotation: Given, at: datetime) -> set[str]:
        """Return who is on call by one rotation."""
        for begins, ends, one in reversed(self._overrides):
            named = [
                name for each in objects_of(one.get("rotations"))
                for name in (text_of(each.get("id")), text_of(each.get("name"))) if name
            ]  # fmt: skip
            own = {text_of(rotation.get("id")), text_of(rotation.get("name"))}
            if begins <= at < ends and (not named or own & set(named)):
                held = self._turn(rotation, at) if named else True
                return set(self._people(object_of(one.get("user")))) if held else set()
        return self._turn(rotation, at)

    def _turn(self, rotation: Given, at: datetime) -> set[str]:
        length = _LENGTHS.get(text_of(rotation.get("type")))
        people = objects_of(rotation.get("participants"))
        try:
            start = moment(rotation.get("startDate"), "startDate")
            end = moment(rotation["endDate"], "endDate") if rotation.get("endDate") else None
        except ConfigurationError:
            return set()
        if length is None or not people or at < start or (end is not None and at >= end):
            return set()
        shown = at.astimezone(self._zone).replace(tzinfo=None)
        if not _open(object_of(rotation.get("timeRestriction")), shown):
            return set()
        gone = shown - start.astimezone(self._zone).replace(tzinfo=None)
        turn = gone // (length * max(number(rotation.get("length"), 1), 1))
        return set(self._people(people[turn % len(people)]))


def _open(restriction: Given, shown: datetime) -> bool:
    """Return whether a time restriction lets somebody be on call."""
    if not restriction:
        return True
    minute = shown.hour * 60 + shown.minute
    if restriction.get("type") == "time-of-day":
        one = object_of(restriction.get("restriction"))
        start, end = (_minutes(one, which) for which in ("start", "end"))
        return start <= minute < end if start < end else not end <= minute < start
    minute += shown.weekday() * DAY
    for one in objects_of(restriction.get("restrictions")):
        days = [text_of(one.get(which)).lower() for which in ("startDay", "endDay")]
        if any(day not in _DAYS for day in days):
            continue
        start, end = (
            _DAYS.index(day) * DAY + _minutes(one, which)
            for day, which in zip(days, ("start", "end"), strict=True)
        )
        if start <= minute < end if start < end else not end <= minute < start:
            return True
    return False


def _minutes(one: Given, which: str) -> int:
    return number(one.get(f"{which}Hour"), 0) * 60 + number(one.get(f"{which}Min"), 0)


def _dated(items: Sequence[Given]) -> Iterator[tuple[datetime, datetime, Given]]:
    for one in items:
        try:
            yield moment(one.get("startDate"), ""), moment(one.get("endDate"), ""), one
        except ConfigurationError:
            continue
