"""Who is on call: the shifts of a schedule over a time, and at one moment. Pure.

First the layers, then temporary schedules in their place, then overrides in the order in which they
were made. `on_call` and `shifts` are two ways to the same answer; a property test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from sentinel.clock import utc
from sentinel.oncall.rotation import turn_at, turns
from sentinel.oncall.schedule import Layer, Override, Schedule, TemporarySchedule
from sentinel.timing.active_hours import ActiveHours
from sentinel.timing.local_time import moment_of

__all__ = ["Shift", "next_change", "on_call", "shifts"]

_SEARCH = tuple(timedelta(days=days) for days in (14, 60, 400))


class Shift(msgspec.Struct, frozen=True):
    """People on call from one moment up to, not including, another.

    Attributes:
        start: in UTC
        end: in UTC
        people: in the order of the layers, each once; never empty
        source: `layer NAME`, `temporary schedule` or `override`

    A turn of a rotation is a shift of its own, also where the same person has the next one.
    """

    start: datetime
    end: datetime
    people: tuple[str, ...]
    source: str


class _Part(NamedTuple):
    start: datetime
    end: datetime
    people: tuple[str, ...]
    turn: int = 0


def shifts(
    schedule: Schedule, overrides: Sequence[Override], start: datetime, end: datetime
) -> list[Shift]:
    """Return who is on call within a range.

    Args:
        schedule: whose people
        overrides: of this schedule, in the order in which they were made
        start: timezone-aware
        end: timezone-aware

    Returns:
        Shifts cut to the range, oldest first, without overlaps; nobody is on call between them.

    Raises:
        ValueError: `start` or `end` is naive
    """
    start, end = utc(start), utc(end)
    found: list[Shift] = []
    before: tuple[object, ...] = ()
    for begins, ends, people, source, turn in _applied(schedule, overrides, start, end):
        if not people:
            continue
        if found and found[-1].end == begins and before == (people, source, turn):
            found[-1] = Shift(found[-1].start, ends, people, source)
        else:
            found.append(Shift(begins, ends, people, source))
        before = (people, source, turn)
    return found


def on_call(schedule: Schedule, overrides: Iterable[Override], moment: datetime) -> tuple[str, ...]:
    """Return who is on call at one moment.

    Args:
        schedule: whose people
        overrides: of this schedule, in the order in which they were made
        moment: timezone-aware

    Returns:
        Names, each once; empty for nobody.

    Raises:
        ValueError: `moment` is naive
    """
    moment, zone = utc(moment), schedule.zone
    people = _by_temporary(schedule, zone, moment)
    if people is None:
        people = _combined(schedule, [_of_layer(one, schedule, moment) for one in schedule.layers])
    for one in overrides:
        if one.start <= moment < one.end:
            people = _replaced(people, one)
    return people


def next_change(
    schedule: Schedule, overrides: Sequence[Override], moment: datetime
) -> datetime | None:
    """Return when other people than at `moment` are on call; None where not within 400 days.

    Args:
        schedule: whose people
        overrides: of this schedule, in the order in which they were made
        moment: timezone-aware

    Returns:
        The moment of the handoff, of the end of a shift or of the start of one, in UTC.

    Raises:
        ValueError: `moment` is naive
    """
    moment = utc(moment)
    now = on_call(schedule, overrides, moment)
    for length in _SEARCH:
        until = moment
        for one in shifts(schedule, overrides, moment, moment + length):
            if one.start > until and now:
                return until
            if one.people != now:
                return one.start
            until = one.end
        if now and until < moment + length:
            return until
    return None


def _applied(
    schedule: Schedule, overrides: Sequence[Override], start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, tuple[str, ...], str, tuple[int, ...]]]:
    """Yield spans in which nothing changes, with who is on call, why, and the turn."""
    of_layers = [list(_parts(one, schedule, start, end)) for one in schedule.layers]
    temporary = [_Temporary(one, schedule.zone) for one in schedule.temporary]
    edges = {start, end}
    for parts in (*of_layers, *(one.parts for one in temporary)):
        edges.update(edge for part in parts for edge in part[:2])
    edges.update(edge for one in temporary for edge in (one.start, one.end))
    edges.update(utc(edge) for one in overrides for edge in (one.start, one.end))
    moments = sorted(edge for edge in edges if start <= edge <= end)
    readers = [_reader(parts) for parts in of_layers]
    for begins, ends in pairwise(moments):
        held = [read(begins) for read in readers]
        people = _combined(schedule, [() if one is None else one.people for one in held])
        source, turn = _source(schedule, held)
        for one in temporary:
            if one.start <= begins < one.end:
                people, source, turn = one.at(begins), "temporary schedule", ()
        for one in overrides:
            if one.start <= begins < one.end and (changed := _replaced(people, one)) != people:
                people, source, turn = changed, "override", ()
        yield begins, ends, people, source, turn


def _reader(parts: list[_Part]) -> Callable[[datetime], _Part | None]:
    """Return what tells whom a layer has on call, asked for rising moments."""
    place = 0

    def read(moment: datetime) -> _Part | None:
        nonlocal place
        while place < len(parts) and parts[place].end <= moment:
            place += 1
        if place < len(parts) and parts[place].start <= moment:
            return parts[place]
        return None

    return read


def _parts(layer: Layer, schedule: Schedule, start: datetime, end: datetime) -> Iterator[_Part]:
    """Yield the turns of a layer, cut to when it counts, oldest first."""
    zone = schedule.zone
    if layer.start is not None:
        start = max(start, moment_of(layer.start, zone))
    if layer.until is not None:
        end = min(end, moment_of(layer.until, zone))
    if start >= end:
        return
    all_turns = turns(layer.rotation, zone, start, end)
    if not layer.within:
        for turn in all_turns:
            yield _Part(max(turn.start, start), min(turn.end, end), turn.people, turn.number)
        return
    spans = _hours(layer, schedule.timezone).spans(start, end)
    turn, span = next(all_turns, None), next(spans, None)
    while turn is not None and span is not None:
        begins, ends = max(turn.start, span[0]), min(turn.end, span[1])
        if begins < ends:
            yield _Part(begins, ends, turn.people, turn.number)
        if turn.end <= span[1]:
            turn = next(all_turns, None)
        else:
            span = next(spans, None)


def _of_layer(layer: Layer, schedule: Schedule, moment: datetime) -> tuple[str, ...]:
    zone = schedule.zone
    if layer.start is not None and moment < moment_of(layer.start, zone):
        return ()
    if layer.until is not None and moment >= moment_of(layer.until, zone):
        return ()
    if layer.within and not _hours(layer, schedule.timezone).open_at(moment):
        return ()
    turn = turn_at(layer.rotation, zone, moment)
    return () if turn is None else turn.people


def _hours(layer: Layer, timezone: str) -> ActiveHours:
    return _hours_of(timezone, tuple((tuple(one.days), one.start, one.end) for one in layer.within))


@lru_cache(maxsize=10_000)
def _hours_of(timezone: str, windows: tuple[tuple[tuple[str, ...], str, str], ...]) -> ActiveHours:
    """Return one object for equal hours, since each keeps the days that it has worked out."""
    given = [{"days": list(days), "start": start, "end": end} for days, start, end in windows]
    return ActiveHours.model_validate({"timezone": timezone, "windows": given})


class _Temporary:
    """A temporary schedule with its local times as moments."""

    def __init__(self, given: TemporarySchedule, zone: ZoneInfo) -> None:
        self.start, self.end = moment_of(given.start, zone), moment_of(given.end, zone)
        self.parts = [
            _Part(moment_of(one.start, zone), moment_of(one.end, zone), tuple(one.people))
            for one in given.shifts
        ]

    def at(self, moment: datetime) -> tuple[str, ...]:
        """Return who is on call by its shifts."""
        held = (one.people for one in self.parts if one.start <= moment < one.end)
        return _once(name for people in held for name in people)


def _by_temporary(schedule: Schedule, zone: ZoneInfo, moment: datetime) -> tuple[str, ...] | None:
    """Return who is on call by the temporary schedule that holds; None where none does."""
    for given in reversed(schedule.temporary):
        one = _Temporary(given, zone)
        if one.start <= moment < one.end:
            return one.at(moment)
    return None


def _combined(schedule: Schedule, found: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return who is on call by all layers, of which the last is the topmost."""
    if schedule.combine == "all":
        return _once(name for people in found for name in people)
    return next((_once(people) for people in reversed(found) if people), ())


def _source(schedule: Schedule, held: Sequence[_Part | None]) -> tuple[str, tuple[int, ...]]:
    """Return the layers that decide, in words, and the number of the turn of each."""
    holding = [(place, one.turn) for place, one in enumerate(held) if one is not None]
    if schedule.combine == "topmost":
        holding = holding[-1:]
    names = (schedule.layers[place].name or str(place + 1) for place, _ in holding)
    return f"layer {', '.join(names)}", tuple(turn for _, turn in holding)


def _replaced(people: tuple[str, ...], override: Override) -> tuple[str, ...]:
    if not override.replaces:
        return _once(override.people)
    if override.replaces not in people:
        return people
    place = people.index(override.replaces)
    return _once((*people[:place], *override.people, *people[place + 1 :]))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
