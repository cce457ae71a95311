"""Flapping, as Nagios Core detects it: weighted changes of state among the last 21 states.

Of 21 states there are 20 changes. The oldest counts 0.8 and the newest 1.2, in even steps, so that
what is recent counts more; their sum is a percentage of 20. A series begins to flap at the high
threshold and stops below the low one, so that it does not flap between flapping and not.

Source: Nagios Core 4 documentation, "Detection and Handling of State Flapping",
https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/flapping.html
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from sentinel.noise.episode import Episode

__all__ = ["HIGH", "LOW", "STATES", "change_percent", "flapping_at", "flapping_episodes"]

STATES = 21
"""How many states are looked at."""
LOW, HIGH = 10.0, 20.0
"""Percent of change below which flapping stops, and at which it begins."""
_OLDEST, _NEWEST = 0.8, 1.2
_CHANGES = STATES - 1
_LEAST_EPISODES = 3
"""The second of two episodes is the third change, and three are at most 18 percent."""
_WEIGHTS = tuple(
    _OLDEST + (_NEWEST - _OLDEST) * place / (_CHANGES - 1) for place in range(_CHANGES)
)


def change_percent(states: Sequence[bool]) -> float:
    """Return how much the last 21 states change, in percent.

    Args:
        states: whether it fired, the oldest first; of more than 21 the newest count, and fewer are
            taken for a history that did not change before

    Returns:
        0.0 where nothing changed, 100.0 where every state differs from the one before.
    """
    recent = states[-STATES:]
    weights = _WEIGHTS[len(_WEIGHTS) - max(0, len(recent) - 1) :]
    pairs = zip(recent, recent[1:], weights, strict=False)
    return 100 * sum(weight for one, other, weight in pairs if one != other) / _CHANGES


def flapping_at(before: bool, percent: float, low: float = LOW, high: float = HIGH) -> bool:
    """Return whether a series flaps now.

    Args:
        before: whether it flapped until now
        percent: as `change_percent` returns it
        low: below this it stops
        high: from here on it begins

    Returns:
        What it was, between the two.
    """
    return percent >= low if before else percent >= high


def flapping_episodes(episodes: Sequence[Episode], period: timedelta) -> list[bool]:
    """Return for each episode of a series whether it began while the series flapped.

    Args:
        episodes: of one series, the earliest first, none within another
        period: of the rule: the states are those at its last 21 evaluations

    Returns:
        One for each.
    """
    if len(episodes) < _LEAST_EPISODES:
        return [False] * len(episodes)
    begins = [one.begins for one in episodes]

    def fires(moment: datetime) -> bool:
        place = bisect_right(begins, moment) - 1
        if place < 0:
            return False
        ends = episodes[place].ends
        return ends is None or moment < ends

    found: list[bool] = []
    flaps, seen = False, None
    for one in episodes:
        moments = [one.begins - period * back for back in range(_CHANGES, -1, -1)]
        if seen is not None and moments[0] > seen:
            flaps = False  # a whole window passed in which nothing changed
        flaps = flapping_at(flaps, change_percent([fires(moment) for moment in moments]))
        seen = one.ends or one.begins
        found.append(flaps)
    return found
