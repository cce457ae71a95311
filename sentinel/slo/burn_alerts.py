"""Multi-window, multi-burn-rate alerts, as The Site Reliability Workbook has them. Pure.

Each pair of windows stands for a share of the error budget that is used up within its long window:
2% in an hour and 5% in six hours page, 10% in a day and 10% in three days are a ticket. The short
window, a twelfth, ends the alert soon after the burning ends (chapter 5, table 5-8 and section 6,
https://sre.google/workbook/alerting-on-slos/). The burn rate that uses up this share follows from
the length of the objective's window, as in Sloth's `internal/alert/window.go` and its catalogs
`google-30d.yaml` and `google-28d.yaml` (github.com/slok/sloth).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

import msgspec

from sentinel.slo.budget import burn_rate
from sentinel.slo.counts import Counts
from sentinel.slo.definition import Objective, objective_name

__all__ = ["PAIRS", "SLOWEST", "Burn", "Kind", "Pair", "PairBurn", "burns_of", "factor", "pairs_of"]

Kind = Literal["page", "ticket"]
SLOWEST = 0.9
"""A pair that would fire at a lower burn rate is shortened: such a rate uses up no budget."""
_USUAL = timedelta(days=30)


class Pair(msgspec.Struct, frozen=True):
    """A long and a short window, and the share of the budget that the long one may use up."""

    kind: Kind
    long: timedelta
    short: timedelta
    share: float


PAIRS = (
    Pair("page", timedelta(hours=1), timedelta(minutes=5), 0.02),
    Pair("page", timedelta(hours=6), timedelta(minutes=30), 0.05),
    Pair("ticket", timedelta(days=1), timedelta(hours=2), 0.10),
    Pair("ticket", timedelta(days=3), timedelta(hours=6), 0.10),
)


def factor(pair: Pair, window: timedelta) -> float:
    """Return the burn rate above which a pair fires.

    Args:
        pair: of windows
        window: how long that of the objective is

    Returns:
        14.4, 6, 3 and 1 for the pairs of a window of 30 days.
    """
    return pair.share * (window / pair.long)


@lru_cache(maxsize=256)
def pairs_of(window: timedelta) -> tuple[tuple[Pair, float], ...]:
    """Return the pairs that a window of this length has, with their burn rates.

    Args:
        window: how long that of the objective is

    Returns:
        The workbook's pairs. Of a short window, in which one of them would fire at a rate that
        uses up no budget, that pair is as much shorter as the window is shorter than 30 days.
    """
    found: list[tuple[Pair, float]] = []
    for pair in PAIRS:
        if factor(pair, window) < SLOWEST:
            part = window / _USUAL
            long, short = (_whole_minutes(one * part) for one in (pair.long, pair.short))
            pair = msgspec.structs.replace(pair, long=long, short=short)
        found.append((pair, factor(pair, window)))
    return tuple(found)


def _whole_minutes(length: timedelta) -> timedelta:
    return timedelta(minutes=max(1, round(length / timedelta(minutes=1))))


class PairBurn(msgspec.Struct, frozen=True, kw_only=True):
    """Burn rates over both windows of a pair; None where there were too few events."""

    pair: Pair
    factor: float
    long: float | None
    short: float | None

    @property
    def fires(self) -> bool | None:
        """Whether both are above the factor; None where that cannot be said."""
        # One that is known to be low is enough to say no.
        if any(one is not None and one <= self.factor for one in (self.long, self.short)):
            return False
        return None if self.long is None or self.short is None else True


class Burn(msgspec.Struct, frozen=True, kw_only=True):
    """How fast an objective's budget burns, as its page or its ticket sees it.

    Attributes:
        objective: in words
        pairs: those of this kind
        fires: whether one of them does; None where none does and one cannot be said
        worst: the pair that fires, or the one closest to it; None without any known
    """

    objective: str
    kind: Kind
    pairs: list[PairBurn]
    fires: bool | None
    worst: PairBurn | None


def burns_of(objective: Objective, counts: Counts, now: datetime, minimum: float = 1) -> list[Burn]:
    """Return how fast the budget of an objective burns.

    Args:
        objective: of the SLO
        counts: its events
        now: the present moment
        minimum: events without which a long window says nothing; a short one needs a twelfth of
            it, and at least one event

    Returns:
        One for page and one for ticket, where the window has pairs of that kind.
    """
    length, budget = objective.window.length(now), objective.budget
    found: dict[Kind, list[PairBurn]] = {}
    pairs = pairs_of(length)
    tallies = counts.last(now, [one for pair, _ in pairs for one in (pair.long, pair.short)])
    for (pair, at), long, short in zip(pairs, tallies[::2], tallies[1::2], strict=True):
        found.setdefault(pair.kind, []).append(
            PairBurn(
                pair=pair,
                factor=at,
                long=burn_rate(long, budget, minimum),
                short=burn_rate(short, budget, max(1.0, minimum / 12)),
            )
        )
    name = objective_name(objective)
    return [_burn(name, kind, pairs) for kind, pairs in found.items()]


def _burn(name: str, kind: Kind, pairs: list[PairBurn]) -> Burn:
    verdicts = [one.fires for one in pairs]
    fires = True if True in verdicts else None if None in verdicts else False
    known = [one for one in pairs if one.long is not None and one.short is not None]
    worst = max(known, key=_closeness, default=None)
    return Burn(objective=name, kind=kind, pairs=pairs, fires=fires, worst=worst)


def _closeness(one: PairBurn) -> float:
    return min(one.long or 0.0, one.short or 0.0) / one.factor
