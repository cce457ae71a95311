"""What changes for whom where a schedule or its overrides change. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

import msgspec

from sentinel.oncall.shifts import Shift

__all__ = ["Changed", "changed"]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which other people are on call.

    Attributes:
        start: in UTC
        end: in UTC
        before: who was to be on call; empty for nobody
        after: who is; empty for nobody
    """

    start: datetime
    end: datetime
    before: tuple[str, ...]
    after: tuple[str, ...]


def changed(before: Sequence[Shift], after: Sequence[Shift]) -> list[Changed]:
    """Return when other people are on call.

    Args:
        before: shifts over a range, as `shifts` returns them
        after: shifts over the same range

    Returns:
        The times that differ, oldest first; neighbours with the same people are one.
    """
    found: list[Changed] = []
    for one in _spans(before, after):
        last = found[-1] if found else None
        if last and (last.end, last.before, last.after) == (one.start, one.before, one.after):
            found[-1] = msgspec.structs.replace(last, end=one.end)
        elif one.before != one.after:
            found.append(one)
    return found


def _spans(before: Sequence[Shift], after: Sequence[Shift]) -> Iterator[Changed]:
    """Yield the times between any two edges of either side, oldest first."""
    edges = sorted({edge for one in (*before, *after) for edge in (one.start, one.end)})
    first, second = 0, 0
    for start, end in pairwise(edges):
        first, second = _at(before, first, start), _at(after, second, start)
        yield Changed(
            start=start, end=end, before=_people(before, first, start),
            after=_people(after, second, start),
        )  # fmt: skip


def _at(held: Sequence[Shift], place: int, moment: datetime) -> int:
    """Return the place of the first shift that is not over at a moment."""
    while place < len(held) and held[place].end <= moment:
        place += 1
    return place


def _people(held: Sequence[Shift], place: int, moment: datetime) -> tuple[str, ...]:
    begun = place < len(held) and held[place].start <= moment
    return held[place].people if begun else ()
