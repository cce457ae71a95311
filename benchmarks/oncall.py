"""How fast the shifts of a year and the question who is on call are worked out, beside dateutil.

The peer reads the schedule as an iCalendar export says it: one event for each person of a layer,
with a rule of recurrence. icalendar parses it, dateutil expands it in the event's zone, and the
layers are laid over each other moment by moment. Both give the same shifts, or the run fails.

One core: rates are by CPU time. The first year of a schedule is not counted on either side, since
both keep what they have worked out of time zones and weekdays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import icalendar
from dateutil.rrule import rrulestr

from benchmarks.oncall_claims import claims
from benchmarks.table import Row
from sentinel.oncall.schedule import Layer, Schedule
from sentinel.oncall.shifts import on_call, shifts

START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
SCHEDULES = 1000
ROUNDS = 20
_FREQUENCY = {"hour": "HOURLY", "day": "DAILY", "week": "WEEKLY", "month": "MONTHLY"}


def run() -> list[Row]:
    """Rows of a year of three layers, of one question to each of 1,000 schedules, and of claims."""
    given = _schedule(0)
    exported = _exported(given)
    ours = [(one.start, one.end, one.people[0]) for one in shifts(given, [], START, START + YEAR)]
    if ours != _merged(_peer_year(exported)):
        raise AssertionError("dateutil and the schedule do not agree")
    year = _rate(lambda: shifts(given, [], START, START + YEAR), 1)
    peer_year = _rate(lambda: _peer_year(exported), 1, rounds=5)
    many = [_schedule(number) for number in range(SCHEDULES)]
    moment = START + timedelta(days=200, hours=13)
    asked = _rate(lambda: [on_call(one, [], moment) for one in many], SCHEDULES)
    few = many[:20]
    if [on_call(one, [], moment)[0] for one in few] != [_before(one, moment) for one in few]:
        raise AssertionError("dateutil and on_call do not agree")
    peer_asked = _rate(lambda: [_before(one, moment) for one in few], len(few), rounds=2)
    return [
        Row(name="schedule_year", value=year, unit="years/s",
            peer="dateutil, expanding its export", peer_value=peer_year),
        Row(name="oncall_1000_schedules", value=asked, unit="schedules/s",
            peer="dateutil, the last start of each rule", peer_value=peer_asked),
        *claims(),
    ]  # fmt: skip


def _schedule(number: int) -> Schedule:
    """Three layers whose people and handoffs differ with the number."""
    hour = number % 24
    layers = [
        {"name": name, "rotation": {"people": [f"{name}{n}" for n in range(people)],
                                    "handoff": f"2025-12-01T{hour:02}:00", "every": every}}
        for name, people, every in (("a", 4, "weekly"), ("b", 3, "daily"), ("c", 2, "12 hours"))
    ]  # fmt: skip
    return Schedule.model_validate({"timezone": "Europe/Berlin", "layers": layers})


def _events(layer: Layer) -> list[tuple[datetime, str]]:
    """First start and rule of each person."""
    every, people = layer.rotation.every, layer.rotation.people
    length = every.length
    assert length is not None
    rule = f"FREQ={_FREQUENCY[every.unit]};INTERVAL={every.number * len(people)}"
    return [(layer.rotation.handoff + place * length, rule) for place in range(len(people))]


def _exported(schedule: Schedule) -> bytes:
    """Return the layers as an iCalendar file; an event's category is the place of its layer."""
    calendar: Any = icalendar.Calendar()
    calendar.add("prodid", "-//benchmark//EN")
    calendar.add("version", "2.0")
    for place, layer in enumerate(schedule.layers):
        length = layer.rotation.every.length
        for group, (first, rule) in zip(layer.rotation.people, _events(layer), strict=True):
            event: Any = icalendar.Event()
            event.add("uid", f"{group[0]}@example.org")
            event.add("summary", group[0])
            event.add("categories", [str(place)])
            event.add("dtstart", first.replace(tzinfo=schedule.zone))
            event.add("duration", length)
            event.add("rrule", icalendar.vRecur.from_ical(rule))
            calendar.add_component(event)
    return calendar.to_ical()


def _peer_year(exported: bytes) -> list[tuple[datetime, datetime, str]]:
    """Parse, expand and lay the layers over each other; spans between any two changes."""
    end, found = START + YEAR, list[tuple[datetime, datetime, int, str]]()
    read: Any = icalendar.Calendar.from_ical(exported)
    for event in read.walk("VEVENT"):
        first, length = event["DTSTART"].dt, event["DURATION"].dt
        rule = rrulestr(event["RRULE"].to_ical().decode(), dtstart=first)
        place, person = int(str(event["CATEGORIES"].cats[0])), str(event["SUMMARY"])
        for shown in rule.between(START - 2 * length, end, inc=True):
            # Arithmetic of aware times is on the wall clock, so the next handoff keeps its hour.
            begins, ends = shown.astimezone(UTC), (shown + length).astimezone(UTC)
            if begins < end and ends > START:
                found.append((max(begins, START), min(ends, end), place, person))
    edges = sorted({edge for one in found for edge in one[:2]})
    of_layer = [sorted(one for one in found if one[2] == place) for place in range(3)]
    places = [0, 0, 0]
    spans: list[tuple[datetime, datetime, str]] = []
    for begins, ends in pairwise(edges):
        for place in (2, 1, 0):
            held = of_layer[place]
            while places[place] < len(held) and held[places[place]][1] <= begins:
                places[place] += 1
            if places[place] < len(held) and held[places[place]][0] <= begins:
                spans.append((begins, ends, held[places[place]][3]))
                break
    return spans


def _merged(spans: list[tuple[datetime, datetime, str]]) -> list[tuple[datetime, datetime, str]]:
    found: list[tuple[datetime, datetime, str]] = []
    for one in spans:
        if found and found[-1][1:] == (one[0], one[2]):
            found[-1] = (found[-1][0], *one[1:])
        else:
            found.append(one)
    return found


def _before(schedule: Schedule, moment: datetime) -> str:
    """Return whose turn began last in the topmost layer."""
    shown = moment.astimezone(schedule.zone).replace(tzinfo=None)
    layer = schedule.layers[-1]
    latest = [
        (rrulestr(rule, dtstart=first).before(shown, inc=True), place)
        for place, (first, rule) in enumerate(_events(layer))
    ]
    known = [(start, place) for start, place in latest if start is not None]
    return layer.rotation.people[max(known)[1]][0]


def _rate(work: Callable[[], object], count: int, rounds: int = ROUNDS) -> float:
    work()
    began = time.process_time()
    for _ in range(rounds):
        work()
    return count * rounds / (time.process_time() - began)
