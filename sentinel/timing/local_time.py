"""The moment of a local time, also where the clock changes. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

__all__ = ["local_of", "moment_of"]


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
