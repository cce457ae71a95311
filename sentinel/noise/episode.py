"""One time that an alert fired, as the analysis of noise sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

__all__ = ["BRIEF", "Episode", "by_series", "messages"]


BRIEF = timedelta(minutes=5)
"""What is over by itself sooner was over before anybody could act."""


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """An alert from when it opened, or reopened, to when it was resolved.

    Attributes:
        series: fingerprint of the alert
        begins: when it opened or reopened
        ends: when it was resolved; None where it still fires
        severity: 1 info to 5 critical
        acknowledged: whether a person acknowledged it
        by_hand: whether a person resolved it
        noise: whether a person marked it as noise
    """

    series: str
    begins: datetime
    ends: datetime | None
    severity: int
    acknowledged: bool = False
    by_hand: bool = False
    noise: bool = False

    @property
    def acted(self) -> bool:
        """Whether a person did anything about it."""
        return self.acknowledged or self.by_hand

    def needed(self, now: datetime) -> bool:
        """Return whether somebody needed it.

        Args:
            now: up to which one that still fires has lasted

        Returns:
            Whether a person resolved it, or acknowledged it and it lasted for five minutes or more,
            and nobody marked it as noise: what ends by itself sooner was over before anybody could
            act.
        """
        lasted = self.acknowledged and self.length(now) >= BRIEF
        return (self.by_hand or lasted) and not self.noise

    def length(self, now: datetime) -> timedelta:
        """Return how long it fired, up to `now` where it still does."""
        return (self.ends or now) - self.begins


def by_series(episodes: Iterable[Episode]) -> dict[str, list[Episode]]:
    """Return the episodes of each series, the earliest first."""
    found: dict[str, list[Episode]] = {}
    for one in sorted(episodes, key=lambda one: one.begins):
        found.setdefault(one.series, []).append(one)
    return found


def messages(episodes: Sequence[Episode], together: timedelta = timedelta(0)) -> int:
    """Return how many messages a receiver gets about them.

    A message says what began and what ended. What follows the first change within `together` is in
    the same message. Repeats of an alert that lasts are not counted.

    Args:
        episodes: of one rule, in any order
        together: how long changes are gathered, the rule's `group_interval`

    Returns:
        Their number.
    """
    changes = sorted(
        moment for one in episodes for moment in (one.begins, one.ends) if moment is not None
    )
    count, until = 0, None
    for moment in changes:
        if until is None or moment > until:
            count += 1
            until = moment + together
    return count
