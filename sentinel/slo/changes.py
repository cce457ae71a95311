"""Which spans of an SLO's events changed lately, so that a reader reads only those again. Pure.

Each change has a mark of its own, drawn at random. Who knows the mark of the last change that they
have read finds it here, and reads the spans of those after it; who does not find it reads all. So
it does no harm that old ones are forgotten, that an SLO is removed and made anew, or that a
database is put back to what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from sentinel.errors import DatabaseError
from sentinel.slo.counts import MINUTE

__all__ = [
    "MOST_CHANGES",
    "Change",
    "Spans",
    "changed",
    "changes_of",
    "spans_after",
    "spans_of",
    "text_of",
]

MOST_CHANGES = 32
"""Kept of each SLO: half an hour of its rule's evaluations."""
_APART = 60 * MINUTE
_MOST_SPANS = 8
Spans = list[tuple[int, int]]
"""From where up to before where each is, microseconds since 1970."""


class Change(msgspec.Struct, frozen=True, array_like=True):
    """A change of the events from `start` up to before `end`, microseconds since 1970."""

    mark: str
    start: int
    end: int


def changes_of(text: str) -> list[Change]:
    """Return changes as a row keeps them, the oldest first.

    Args:
        text: as `text_of` makes it

    Returns:
        The changes.

    Raises:
        DatabaseError: it is no such text
    """
    try:
        return msgspec.json.decode(text, type=list[Change])
    except msgspec.DecodeError as error:
        raise DatabaseError(f"the changes of an SLO's events cannot be read: {error}") from error


def text_of(changes: Sequence[Change]) -> str:
    """Return changes as a row keeps them."""
    return msgspec.json.encode(changes).decode()


def changed(before: Sequence[Change], mark: str, spans: Iterable[tuple[int, int]]) -> list[Change]:
    """Return changes with a further one at their end.

    Args:
        before: those that there were
        mark: of the new one, which no other has
        spans: that changed, in microseconds since 1970

    Returns:
        The newest `MOST_CHANGES`.
    """
    # Of one change all or none must be seen as read: its last span alone has the mark.
    new = [Change("", start, end) for start, end in spans]
    if new:
        new[-1] = Change(mark, new[-1].start, new[-1].end)
    return [*before, *new][-MOST_CHANGES:]


def spans_after(changes: Sequence[Change], mark: str) -> Spans | None:
    """Return which spans changed after a change, merged where they overlap.

    Args:
        changes: the oldest first
        mark: of the last change that was read

    Returns:
        The spans by their starts; None where that change is forgotten, or never was.
    """
    for place in range(len(changes) - 1, -1, -1):
        if mark and changes[place].mark == mark:
            return _merged((one.start, one.end) for one in changes[place + 1 :])
    return None


def spans_of(times: Sequence[int]) -> Spans:
    """Return spans that hold the minutes which begin at these times, at most eight.

    Args:
        times: microseconds since 1970, in order

    Returns:
        A span for all that lie within an hour of each other; one for all where there are many.
    """
    spans = _merged(((one, one + MINUTE) for one in times), apart=_APART)
    return spans if len(spans) <= _MOST_SPANS else [(spans[0][0], spans[-1][1])]


def _merged(spans: Iterable[tuple[int, int]], apart: int = 0) -> Spans:
    found: Spans = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + apart:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found
