"""Which parts of a period have valid rollups, and which must be computed from alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from sentinel.store.reports.rollups import DAY, asked, hour_after, hour_before, moment_of

__all__ = ["NONE", "Kept", "Parts", "kept_in"]

_MICROSECOND = timedelta(microseconds=1)


class Parts(NamedTuple):
    """A period split by how its figures are read.

    Attributes:
        kept: spans with valid rollups: width in hours, first hour, hour after the last
        walked: spans of moments, from and before, that are computed from the alerts
    """

    kept: list[tuple[int, int, int]]
    walked: list[tuple[datetime, datetime]]


class Kept(NamedTuple):
    """The days with valid rollups, by their first hour, and such hours of other days."""

    days: frozenset[int]
    hours: frozenset[int]

    def parts(self, since: datetime, until: datetime, widths: Sequence[int] = (DAY, 1)) -> Parts:
        """Split the period after `since`, up to and with `until`.

        Args:
            since: where the period begins
            until: where it ends
            widths: in hours, of the rollups that may be used

        Returns:
            The parts, which cover the period without overlap.
        """
        start, end = since + _MICROSECOND, until + _MICROSECOND
        found = Parts([], [])
        done, hour, last = start, hour_after(start), hour_before(end)
        while hour < last:
            width = self._width(hour, last, widths)
            if not width:
                hour += 1
                continue
            begins = moment_of(hour)
            if done < begins:
                found.walked.append((done, begins))
            before = found.kept[-1] if found.kept else (0, 0, 0)
            if before[0] == width and before[2] == hour:
                found.kept[-1] = (width, before[1], hour + width)
            else:
                found.kept.append((width, hour, hour + width))
            hour += width
            done = moment_of(hour)
        if done < end:
            found.walked.append((done, end))
        return found

    def _width(self, hour: int, last: int, widths: Sequence[int]) -> int:
        if DAY in widths and hour in self.days and hour + DAY <= last:
            return DAY
        held = hour in self.hours or hour - hour % DAY in self.days
        return 1 if 1 in widths and held else 0


NONE = Kept(frozenset(), frozenset())
"""No rollup at all: every part of a period is computed from the alerts."""


def kept_in(connection: Connection, since: datetime, until: datetime) -> Kept:
    """Return which rollups between two moments are valid.

    Args:
        connection: a transaction of one snapshot, in which the rollups are then read as well
        since: the earlier moment
        until: the later one

    Returns:
        The days and hours.
    """
    span = (hour_before(since) // DAY * DAY, hour_before(until))
    # The hours of a valid day are valid too, and most hours are of such a day.
    rows = asked(
        connection,
        "SELECT hours, at FROM tally_hour WHERE at >= ? AND at < ? AND (hours = 24 "
        "OR at - at % 24 NOT IN (SELECT at FROM tally_hour WHERE hours = 24) "
        "OR at - at % 24 IN (SELECT at - at % 24 FROM tally_mark))",
        span,
    ).all()
    query = "SELECT DISTINCT at FROM tally_mark WHERE at >= ? AND at < ?"
    marked = {at for (at,) in asked(connection, query, span)}
    days = {at for hours, at in rows if hours == DAY}
    hours = {at for hours, at in rows if hours == 1}
    return Kept(frozenset(days - {at - at % DAY for at in marked}), frozenset(hours - marked))
