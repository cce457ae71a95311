"""A trace as a waterfall: its spans in order, each with its depth and its own time. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

__all__ = ["Bar", "Waterfall", "waterfall"]


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """What a waterfall needs of a span; times are nanoseconds.

    Attributes:
        span_id, parent_id: in hex; the parent is empty for a root
        start: since 1970
        duration: of the span
    """

    span_id: str
    parent_id: str
    start: int
    duration: int


class Waterfall(msgspec.Struct, frozen=True):
    """The order of the spans.

    Attributes:
        order: index of the span in each line, from the top
        depth: of that span; 0 for a root, and for a span whose parent is not there
        own: nanoseconds of that span in which no child of it ran
        start: the first moment of the trace
        duration: from there to its last
    """

    order: list[int]
    depth: list[int]
    own: list[int]
    start: int
    duration: int


def waterfall(bars: Sequence[Bar]) -> Waterfall:
    """Order the spans of a trace: each after its parent, children by their start.

    Args:
        bars: its spans, in any order; parents may be missing, or form a circle

    Returns:
        Every span once.
    """
    by_id = {bar.span_id: index for index, bar in enumerate(bars)}
    children: dict[int, list[int]] = {}
    roots: list[int] = []
    for index, bar in enumerate(bars):
        parent = by_id.get(bar.parent_id) if bar.parent_id else None
        if parent is None or parent == index:
            roots.append(index)
        else:
            children.setdefault(parent, []).append(index)

    def first(index: int) -> tuple[int, int, str]:
        bar = bars[index]
        return bar.start, -bar.duration, bar.span_id

    order: list[int] = []
    depth: list[int] = []
    seen: set[int] = set()
    # After the roots, spans of circles, which no root leads to.
    for root in [*sorted(roots, key=first), *sorted(range(len(bars)), key=first)]:
        stack = [(root, 0)]
        while stack:
            index, level = stack.pop()
            if index in seen:
                continue
            seen.add(index)
            order.append(index)
            depth.append(level)
            later = sorted(children.get(index, ()), key=first, reverse=True)
            stack.extend((child, level + 1) for child in later)
    start = min((bar.start for bar in bars), default=0)
    end = max((bar.start + bar.duration for bar in bars), default=0)
    own = [_own(bars[index], [bars[one] for one in children.get(index, ())]) for index in order]
    return Waterfall(order, depth, own, start, end - start)


def _own(bar: Bar, children: Sequence[Bar]) -> int:
    """Return how long none of the children ran."""
    end = bar.start + bar.duration
    covered, reached = 0, bar.start
    for child in sorted(children, key=lambda one: one.start):
        first, last = max(child.start, reached), min(child.start + child.duration, end)
        if last > first:
            covered += last - first
            reached = last
    return bar.duration - covered
