"""Who is on call: the shifts of a schedule over a time, and at one moment. Pure.

First the layers, then temporary schedules in their place, then overrides in the order in which they
were made. `on_call` and `shifts` are two ways to the same answer; a property test compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from sentinel.clock import utc
from sentinel.oncall.rotation import turn_at, turn_times
from sentinel.oncall.schedule import Layer, Override, Schedule, TemporarySchedule
from sentinel.timing.active_hours import ActiveHours
from sentinel.timing.local_time import moment_of

__all__ = ["Shift", "next_change", "on_call", "shifts"]

_SEARCH = tuple(timedelta(days=days) for days in (14, 60, 400))


class Shift(msgspec.Struct, frozen=True, gc=False):
    """People on call from one moment up to, not including, another.

    A turn of a rotation is a shift of its own, also where the same person has the next one.

    Attributes:
        start: in UTC
        end: in UTC
        people: in the order of the layers, each once; never empty
        source: `layer NAME`, `temporary schedule`, `calendar` or `override`
        turns: number of the turn of each layer that makes it; of an override or a fixed shift its
            place, so that two of them that touch are two shifts
    """

    start: datetime
    end: datetime
    people: tuple[str, ...]
    source: str
    turns: tuple[int, ...] = ()


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
    return _shifts(schedule, overrides, utc(start), utc(end), turns=True)


def _shifts(
    schedule: Schedule,
    overrides: Sequence[Override],
    start: datetime,
    end: datetime,
    *,
    turns: bool,
) -> list[Shift]:
    """Return the shifts of a range; without `turns`, those of one group in turn are one shift."""
    found: list[Shift] = []
    before: Shift | None = None
    for one in _applied(schedule, overrides, start, end, turns=turns):
        if before is not None and before.end == one.start and _same(before, one):
            before = found[-1] = replace(before, end=one.end)
        elif one.people:
            before = one
            found.append(one)
    return found


def _same(first: Shift, second: Shift) -> bool:
    return (
        first.turns == second.turns
        and first.people == second.people
        and first.source == second.source
    )


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
        people = _by_layers(schedule, moment)
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
        # Whom nobody relieves is not followed turn by turn, which may be 9,600 of an hour.
        for one in _shifts(schedule, overrides, moment, moment + length, turns=False):
            if one.start > until and now:
                return until
            if one.people != now:
                return one.start
            until = one.end
        if now and until < moment + length:
            return until
    return None


def _applied(
    schedule: Schedule,
    overrides: Sequence[Override],
    start: datetime,
    end: datetime,
    *,
    turns: bool,
) -> list[Shift]:
    """Return who is on call in spans without overlaps, oldest first."""
    found = _layered(schedule, start, end, turns=turns)
    for place, given in enumerate(schedule.temporary):
        one = _Temporary(given, schedule.zone)
        if one.start < end and one.end > start:
            found = _with(found, _cut(one.spans(place), start, end), one.start, one.end)
    for place, override in enumerate(overrides):
        begins, ends = max(utc(override.start), start), min(utc(override.end), end)
        if begins >= ends:
            continue
        if override.replaces:
            inside = [
                replace(span, people=people, source=override.source, turns=(place, *span.turns))
                if (people := _replaced(span.people, override)) != span.people
                else span
                for span in _cut(found, begins, ends)
            ]
        else:
            inside = [Shift(begins, ends, _once(override.people), override.source, (place,))]
        found = _with(found, inside, begins, ends)
    return found


def _cut(spans: Iterable[Shift], start: datetime, end: datetime) -> list[Shift]:
    """Return the parts of spans that lie within a range."""
    return [
        one
        if start <= one.start and one.end <= end
        else replace(one, start=max(one.start, start), end=min(one.end, end))
        for one in spans
        if one.start < end and one.end > start
    ]


def _with(spans: list[Shift], inside: list[Shift], start: datetime, end: datetime) -> list[Shift]:
    """Return spans with others in their place within a range."""
    before = [
        one if one.end <= start else replace(one, end=start) for one in spans if one.start < start
    ]
    after = [one if one.start >= end else replace(one, start=end) for one in spans if one.end > end]
    return [*before, *inside, *after]


def _layered(schedule: Schedule, start: datetime, end: datetime, *, turns: bool) -> list[Shift]:
    """Return who is on call by the layers."""

    def parts(layer: Layer, name: str, begins: datetime, ends: datetime) -> Iterator[Shift]:
        return _parts(layer, name, schedule, begins, ends, turns=turns)

    layers = [(one, one.name or str(place)) for place, one in enumerate(schedule.layers, 1)]
    if schedule.combine == "all":
        return _together([parts(one, name, start, end) for one, name in layers])
    found: list[Shift] = []
    for one, name in reversed(layers):
        lower: list[Shift] = []
        free = start
        for span in found:
            if free < span.start:
                lower += parts(one, name, free, span.start)
            lower.append(span)
            free = span.end
        if free < end:
            lower += parts(one, name, free, end)
        found = lower
    return found


def _together(of_layers: list[Iterable[Shift]]) -> list[Shift]:
    """Return who is on call by any layer."""
    parts = [list(one) for one in of_layers]
    edges = sorted({edge for one in parts for span in one for edge in (span.start, span.end)})
    places = [0] * len(parts)
    found: list[Shift] = []
    for begins, ends in pairwise(edges):
        held: list[Shift] = []
        for number, spans in enumerate(parts):
            place = places[number]
            while place < len(spans) and spans[place].end <= begins:
                place += 1
            places[number] = place
            if place < len(spans) and spans[place].start <= begins:
                held.append(spans[place])
        if held:
            names = ", ".join(one.source.removeprefix("layer ") for one in held)
            people = _once(name for one in held for name in one.people)
            numbers = tuple(one.turns[0] for one in held)
            found.append(Shift(begins, ends, people, f"layer {names}", numbers))
    return found


def _parts(
    layer: Layer, name: str, schedule: Schedule, start: datetime, end: datetime, *, turns: bool
) -> Iterator[Shift]:
    """Yield the turns of a layer, cut to when it counts, oldest first.

    Args:
        layer: whose turns
        name: of the layer
        schedule: that it is of
        start: in UTC
        end: in UTC
        turns: False to make one of those of a rotation that has one group alone

    Yields:
        Shifts, none of nobody.
    """
    zone, source = schedule.zone, f"layer {name}"
    if layer.start is not None:
        start = max(start, moment_of(layer.start, zone))
    if layer.until is not None:
        end = min(end, moment_of(layer.until, zone))
    if start >= end:
        return
    groups = [_once(group) for group in layer.rotation.people]
    if not turns and len(set(groups)) == 1:
        begun = max(start, moment_of(layer.rotation.handoff, zone))
        alone = [Shift(begun, end, groups[0], source, (0,))] if begun < end else []
        all_turns: Iterator[Shift] = iter(alone)
    else:
        all_turns = (
            Shift(begins, ends, groups[number % len(groups)], source, (number,))
            for begins, ends, number in turn_times(layer.rotation, zone, start, end)
            if groups[number % len(groups)]
        )
    if not layer.within:
        for one in all_turns:
            whole = start <= one.start and one.end <= end
            yield one if whole else replace(one, start=max(one.start, start), end=min(one.end, end))
        return
    spans = _hours(layer, schedule.timezone).spans(start, end)
    turn, span = next(all_turns, None), next(spans, None)
    while turn is not None and span is not None:
        begins, ends = max(turn.start, span[0]), min(turn.end, span[1])
        if begins < ends:
            yield replace(turn, start=begins, end=ends)
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
        self._shifts = [
            (moment_of(one.start, zone), moment_of(one.end, zone), tuple(one.people))
            for one in given.shifts
        ]

    def at(self, moment: datetime) -> tuple[str, ...]:
        """Return who is on call by its shifts."""
        held = (people for begins, ends, people in self._shifts if begins <= moment < ends)
        return _once(name for people in held for name in people)

    def spans(self, place: int) -> Iterator[Shift]:
        """Yield its shifts; where they overlap, those of several are on call.

        Args:
            place: of the temporary schedule among others

        Yields:
            Spans between any two edges, oldest first.
        """
        edges = {edge for begins, ends, _ in self._shifts for edge in (begins, ends)}
        for begins, ends in pairwise(sorted(edges)):
            if people := self.at(begins):
                numbers = (n for n, one in enumerate(self._shifts) if one[0] <= begins < one[1])
                yield Shift(begins, ends, people, "temporary schedule", (place, *numbers))


def _by_temporary(schedule: Schedule, zone: ZoneInfo, moment: datetime) -> tuple[str, ...] | None:
    """Return who is on call by the temporary schedule that holds; None where none does."""
    for given in reversed(schedule.temporary):
        one = _Temporary(given, zone)
        if one.start <= moment < one.end:
            return one.at(moment)
    return None


def _by_layers(schedule: Schedule, moment: datetime) -> tuple[str, ...]:
    """Return who is on call by the layers at a moment; the last is the topmost."""
    if schedule.combine == "all":
        held = (_of_layer(one, schedule, moment) for one in schedule.layers)
        return _once(name for people in held for name in people)
    of_layers = (_of_layer(one, schedule, moment) for one in reversed(schedule.layers))
    return next((_once(people) for people in of_layers if people), ())


def _replaced(people: tuple[str, ...], override: Override) -> tuple[str, ...]:
    if not override.replaces:
        return _once(override.people)
    if override.replaces not in people:
        return people
    place = people.index(override.replaces)
    return _once((*people[:place], *override.people, *people[place + 1 :]))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
