"""A backtest as a picture of characters: values, alerts and messages over time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sentinel.backtest.result import Backtest, ReplayedAlert

__all__ = ["picture"]

_LEVELS = "▁▂▃▄▅▆▇█"
_MOST_ROWS = 20


def picture(found: Backtest, width: int = 72) -> list[str]:
    """Draw a backtest as text.

    The first line shows the greatest value of each stretch of time, a blank where nothing was
    evaluated; then one line for each alert (`█` open); then one with a mark for each message.

    Args:
        found: the backtest's result
        width: characters for the whole time

    Returns:
        Lines of at most `width` characters and a margin; none where no time passed.
    """
    length = (found.until - found.since) / width
    if length <= timedelta(0):
        return []

    def place(at: datetime) -> int:
        return min(width - 1, max(0, int((at - found.since) / length)))

    shown = "matches" if found.of == "events" else "value"
    lines = [f"{shown:>8} {''.join(_values(found, width, place))}"]
    for number, alert in enumerate(found.alerts[:_MOST_ROWS], start=1):
        lines.append(f"{number:>8} {_bar(alert, found.until, width, place)}")
    if len(found.alerts) > _MOST_ROWS:
        lines.append(f"{'':>8} … and {len(found.alerts) - _MOST_ROWS:,} more")
    notified = [" "] * width
    for message in found.messages:
        notified[place(message.at)] = "▲"
    lines.append(f"{'notified':>8} {''.join(notified)}")
    start, end = f"{found.since:%m-%d %H:%M}", f"{found.until:%m-%d %H:%M}"
    lines.append(f"{'':>8} {start}{end:>{max(len(end), width - len(start))}}")
    return [line.rstrip() for line in lines]


def _values(found: Backtest, width: int, place: Callable[[datetime], int]) -> Iterator[str]:
    most: list[float | None] = [None] * width
    evaluated = [False] * width
    for at, value in found.peaks:
        cell = place(at)
        evaluated[cell] = True
        before = most[cell]
        if value is not None:
            most[cell] = value if before is None else max(before, value)
    known = [one for one in most if one is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    for cell, value in enumerate(most):
        if value is None:
            yield "·" if evaluated[cell] else " "
        else:
            part = (value - low) / (high - low) if high > low else 0.0
            yield _LEVELS[min(len(_LEVELS) - 1, int(part * len(_LEVELS)))]


def _bar(
    alert: ReplayedAlert, until: datetime, width: int, place: Callable[[datetime], int]
) -> str:
    cells = [" "] * width
    for spell in alert.spells:
        first, last = place(spell.opened), place(spell.ended or until)
        cells[first : last + 1] = "█" * (last + 1 - first)
    return "".join(cells)
