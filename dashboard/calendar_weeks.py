"""Spans of time as rows of a calendar of weeks, for the widget `calendar`. Pure.

A week stands beside the next one on a wide screen and above it on a narrow one, so that each week
is drawn by itself: a span over several weeks has a part in each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec

from dashboard.clock import Clock
from sentinel.timing.local_time import moment_of

__all__ = ["CalendarRow", "CalendarSpan", "calendar_of", "monday_of"]

DAYS = 7
TONES = 8
"""Colours of people; those after the eighth begin again."""


class CalendarSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A bar of the calendar.

    Attributes:
        start: timezone-aware
        end: timezone-aware
        text: in the bar
        label: the bar in words, for people who cannot see it
        kind: shift, override or gap
        tone: number of its colour, from 0
        pick: what the page gets where somebody selects it; empty for a bar that nobody can select
    """

    start: datetime
    end: datetime
    text: str
    label: str
    kind: str = "shift"
    tone: int = 0
    pick: str = ""


class CalendarRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row: its name, what stands beside the name, and its bars without overlaps."""

    name: str
    note: str
    spans: Sequence[CalendarSpan]


def monday_of(moment: datetime, clock: Clock) -> date:
    """Return the Monday of the viewer's week that a moment lies in."""
    day = clock.local(moment).date()
    return day - timedelta(days=day.weekday())


def calendar_of(
    rows: Iterable[CalendarRow], first: date, weeks: int, now: datetime, clock: Clock
) -> dict[str, Any]:
    """Return what the widget draws.

    Args:
        rows: from top to bottom
        first: a Monday, in the viewer's time zone
        weeks: number of weeks
        now: the present moment
        clock: the viewer's

    Returns:
        Names of days, rows with the parts of their bars by week, in percent of the week, and where
        the present moment lies.
    """
    days = _Days(first, weeks, clock)
    return {
        "days": [days.names(week, now) for week in range(weeks)],
        "rows": [
            {
                "name": row.name,
                "note": row.note,
                "weeks": [
                    [days.part(one, week, now) for one in row.spans if days.has(one, week)]
                    for week in range(weeks)
                ],
            }
            for row in rows
        ],
        "now": next(
            (
                {"week": week, "left": days.percent(now, week)}
                for week in range(weeks)
                if days.edges(week)[0] <= now < days.edges(week)[1]
            ),
            None,
        ),
    }


class _Days:
    """The days of the weeks shown, each as long as the viewer's clock makes it."""

    def __init__(self, first: date, weeks: int, clock: Clock) -> None:
        self._clock = clock
        self._dates = [first + timedelta(days=day) for day in range(weeks * DAYS + 1)]
        self._begins = [moment_of(datetime.combine(day, time()), clock.zone) for day in self._dates]

    def edges(self, week: int) -> tuple[datetime, datetime]:
        return self._begins[week * DAYS], self._begins[(week + 1) * DAYS]

    def names(self, week: int, now: datetime) -> list[dict[str, Any]]:
        today = self._clock.local(now).date()
        return [
            {
                "name": self._clock.weekday(self._begins[place]),
                "today": self._dates[place] == today,
                "free": self._dates[place].weekday() >= DAYS - 2,
            }
            for place in range(week * DAYS, (week + 1) * DAYS)
        ]

    def has(self, span: CalendarSpan, week: int) -> bool:
        begins, ends = self.edges(week)
        return span.start < ends and span.end > begins

    def percent(self, moment: datetime, week: int) -> float:
        """Return how far into a week a moment lies; each day is a seventh, however long."""
        for place in range(week * DAYS, (week + 1) * DAYS):
            begins, ends = self._begins[place], self._begins[place + 1]
            if moment < ends:
                share = max(0.0, (moment - begins) / (ends - begins))
                return round(100 * (place - week * DAYS + share) / DAYS, 3)
        return 100.0

    def part(self, span: CalendarSpan, week: int, now: datetime) -> dict[str, Any]:
        begins, ends = self.edges(week)
        left, right = self.percent(span.start, week), self.percent(span.end, week)
        return {
            "left": left,
            "width": round(right - left, 3),
            "text": span.text,
            "label": span.label,
            "kind": span.kind,
            "tone": span.tone % TONES,
            "pick": span.pick,
            "over": span.end <= now,
            "began": span.start < begins,
            "goes_on": span.end > ends,
        }
