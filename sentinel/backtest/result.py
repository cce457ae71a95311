"""What a backtest found, as plain values: for tables, pictures, JSON and reviews."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

__all__ = ["MOST_PEAKS", "Backtest", "Message", "ReplayedAlert", "Spell"]

MOST_PEAKS = 1000
"""Values over time that an answer over HTTP holds."""


class Spell(msgspec.Struct, frozen=True, kw_only=True):
    """One time that an alert was open; `ended` is None where it still was at the end.

    `reason` is the code of what ended it, and `reason_text` its words.
    """

    opened: datetime
    ended: datetime | None
    reason: str = ""
    reason_text: str = ""


class ReplayedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that would have been.

    Attributes:
        title: when it was last bad
        labels: of its series
        severity: the word, as it last was
        rank: what that means, 1 to 5
        spells: when it was open, oldest first; more than one where it came back
        source: rule, or check where the check failed
        rule: whose it is; of a pack, the policy's
    """

    title: str
    labels: Mapping[str, str]
    severity: str
    rank: int
    spells: Sequence[Spell]
    source: str = "rule"
    rule: str = ""

    def lasted(self, until: datetime) -> timedelta:
        """Return how long it was open, all its spells together, up to `until`."""
        return sum(((one.ended or until) - one.opened for one in self.spells), timedelta())


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message that a channel would have got."""

    at: datetime
    receiver: str
    channel: str
    reason: str
    reason_text: str
    severity: str
    title: str


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule would have done between `since` and `until`.

    Attributes:
        evaluations: how many there were
        bad: how many of those saw something bad
        failed: how many could not judge what they saw
        error: of the first that could not
        series: how many different ones were seen
        peaks: when each evaluation was, and the greatest value it saw (None where it saw none)
        notes: what this backtest cannot know
        of: what was replayed. Of events, `evaluations` counts those, `bad` how often a policy
            matched one and `series` the policies, and `peaks` has stretches of time with the
            number of matches in each
    """

    rule: str
    since: datetime
    until: datetime
    evaluations: int
    bad: int
    failed: int
    error: str
    series: int
    alerts: Sequence[ReplayedAlert]
    messages: Sequence[Message]
    peaks: Sequence[tuple[datetime, float | None]]
    notes: Sequence[str] = ()
    of: Literal["readings", "events"] = "readings"

    @property
    def resolved(self) -> int:
        """Return how many of the alerts were resolved at the end."""
        return sum(one.spells[-1].ended is not None for one in self.alerts)

    @property
    def open_for(self) -> timedelta:
        """Return how long alerts were open, all together."""
        return sum((one.lasted(self.until) for one in self.alerts), timedelta())

    def few_peaks(self) -> list[tuple[datetime, float | None]]:
        """Return at most `MOST_PEAKS` of the peaks: of neighbours, the greatest and its moment."""
        together = -(-len(self.peaks) // MOST_PEAKS)
        if together <= 1:  # of events there are never more
            return [*self.peaks]
        return [
            max(self.peaks[start : start + together], key=_height)
            for start in range(0, len(self.peaks), together)
        ]


def _height(peak: tuple[datetime, float | None]) -> float:
    return -math.inf if peak[1] is None else peak[1]
