"""What other terms of a rule would have made of its stored episodes. Pure.

Each replay returns the episodes that would have been left. An episode is as the rule saw it: with
`for`, it began so long before it opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from sentinel.noise.episode import Episode, by_series

__all__ = ["Window", "with_hold", "with_keep_firing", "without_window"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A time of the day, every day: from `start` to `end`, which may lie on the next day."""

    start: time
    end: time
    zone: ZoneInfo

    def left_of(self, moment: datetime) -> timedelta | None:
        """Return how long the window still lasts at a moment; None outside of it."""
        local = moment.astimezone(self.zone)
        ends = datetime.combine(local.date(), self.end, tzinfo=self.zone)
        starts = datetime.combine(local.date(), self.start, tzinfo=self.zone)
        if self.end <= self.start:
            if local >= starts:
                ends += timedelta(days=1)
            elif local < ends:
                starts -= timedelta(days=1)
        return ends - local if starts <= local < ends else None


def with_hold(episodes: Sequence[Episode], longer: timedelta, now: datetime) -> list[Episode]:
    """Return what a longer `for` leaves: what ends sooner never opens, the rest opens later.

    Args:
        episodes: of one rule
        longer: by how much `for` is raised
        now: the present moment, up to which an episode without an end has lasted

    Returns:
        Those that are left, in the same order.
    """
    return [
        replace(one, begins=one.begins + longer) for one in episodes if one.length(now) >= longer
    ]


def with_keep_firing(episodes: Sequence[Episode], longer: timedelta) -> list[Episode]:
    """Return what a longer `keep_firing_for` leaves: a pause that is shorter ends nothing.

    Args:
        episodes: of one rule
        longer: by how much `keep_firing_for` is raised

    Returns:
        Those that are left, by series and time; one that stands for several has what any of them
        had: the worst severity and whether somebody acted; and is noise where all of them were.
    """
    left: list[Episode] = []
    for some in by_series(episodes).values():
        whole: Episode | None = None
        for one in some:
            if whole is None or (whole.ends is not None and one.begins - whole.ends >= longer):
                if whole is not None:
                    left.append(_kept(whole, longer))
                whole = one
                continue
            ends = None if whole.ends is None or one.ends is None else max(whole.ends, one.ends)
            whole = replace(
                whole, ends=ends, severity=max(whole.severity, one.severity),
                acknowledged=whole.acknowledged or one.acknowledged,
                by_hand=whole.by_hand or one.by_hand, noise=whole.noise and one.noise,
            )  # fmt: skip
        if whole is not None:
            left.append(_kept(whole, longer))
    return left


def _kept(one: Episode, longer: timedelta) -> Episode:
    return one if one.ends is None else replace(one, ends=one.ends + longer)


def without_window(episodes: Sequence[Episode], window: Window, now: datetime) -> list[Episode]:
    """Return what a recurring silence leaves: what still fires at its end is notified then.

    Args:
        episodes: of one rule
        window: in which nobody is notified
        now: the present moment

    Returns:
        Those that are left, in the same order.
    """
    left: list[Episode] = []
    for one in episodes:
        rest = window.left_of(one.begins)
        if rest is None:
            left.append(one)
        elif one.length(now) > rest:
            left.append(replace(one, begins=one.begins + rest))
    return left
