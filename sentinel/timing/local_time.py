"""The moment of a local time, also where the clock changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

__all__ = ["changes_of", "local_of", "moment_of", "moments_of"]


def moment_of(shown: datetime, zone: tzinfo) -> datetime:
    """Return the moment at which a clock on the wall shows a time.

    Args:
        shown: naive, to the second
        zone: whose local time

    Returns:
        The moment in UTC: the first one of a time that there is twice, and for a time that does
        not exist the first moment that does.
    """
    # Of a missing time, one reading lies after the change of the clock and the other before it.
    after = shown.replace(tzinfo=zone).astimezone(UTC)
    if after.astimezone(zone).replace(tzinfo=None) == shown:
        return after
    before = shown.replace(tzinfo=zone, fold=1).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def local_of(moment: datetime, zone: tzinfo) -> datetime:
    """Return what a clock on the wall shows at a moment, as a naive time."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def moments_of(shown: datetime, step: timedelta, zone: tzinfo) -> Iterator[datetime]:
    """Yield the moments at which a clock on the wall shows a time, that time and a step, and so on.

    Between two changes of the clock each moment is the one before it and a step, so that zone data
    is asked only near the changes.

    Args:
        shown: naive, to the second
        step: more than nothing
        zone: whose local time

    Yields:
        What `moment_of` returns for each, without an end.
    """
    while True:
        until = _steady_until(shown, zone)
        moment = moment_of(shown, zone)
        yield moment
        shown += step
        while shown < until:
            moment += step
            yield moment
            shown += step


def _steady_until(shown: datetime, zone: tzinfo) -> datetime:
    """Return up to which local time the offset of `shown` holds, without a change between.

    Args:
        shown: naive
        zone: whose local time

    Returns:
        A naive time; `shown` itself where it is there twice or does not exist.
    """
    for year in (shown.year, shown.year + 1):
        for moment, before, after in changes_of(zone, year):
            local = moment.replace(tzinfo=None)
            first, last = local + min(before, after), local + max(before, after)
            if shown < first:
                return first
            if shown < last:
                return shown
    return datetime(shown.year + 1, 12, 1)  # noqa: DTZ001 - a local time


@lru_cache(maxsize=1000)
def changes_of(zone: tzinfo, year: int) -> tuple[tuple[datetime, timedelta, timedelta], ...]:
    """Return the changes of a zone's clock within a year.

    Args:
        zone: whose
        year: of UTC

    Returns:
        The moment of each in UTC, to the second, and the offsets from UTC before and after it.
    """
    found: list[tuple[datetime, timedelta, timedelta]] = []
    day, step = datetime(year, 1, 1, tzinfo=UTC), timedelta(days=1)
    offset = _offset(day, zone)
    while day.year == year:
        following = day + step
        after = _offset(following, zone)
        if after != offset:
            low, high = day, following
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
            found.append((high, offset, after))
        day, offset = following, after
    return tuple(found)


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
