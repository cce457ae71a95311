"""Decide on a request by all limits that apply to it: all of them, or none, are charged. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sentinel.api_usage.counting import Settled, State, charged, returned, settled, wait_for
from sentinel.api_usage.limit import MICROS, Limit

__all__ = ["Ask", "Decision", "Verdict", "decided", "judged", "unavailable", "verdict_of"]


class Ask(msgspec.Struct, frozen=True):
    """What a request wants of one limit.

    Attributes:
        limit: which
        id: of the subject's state
        least: units without which the request is refused
        most: units that are taken where they are available; at least `least`
        credit: leased units that are given back first
        credit_at: of a quota: the beginning of the day or month of which they are
    """

    limit: Limit
    id: str
    least: int = 1
    most: int = 1
    credit: int = 0
    credit_at: int = 0


class Verdict(msgspec.Struct, frozen=True):
    """What one limit says.

    Attributes:
        limit: which
        ok: it had enough
        taken: units that were charged
        available: units left after that
        wait: microseconds until the request would pass, or, where it did, until more is available;
            None where its cost is more than the limit ever allows
        period_at: of a quota: when the day or month begins; microseconds since 1970
        at: microseconds since 1970 by the clock of the store
    """

    limit: Limit
    ok: bool
    taken: int
    available: int
    wait: int | None
    period_at: int = 0
    at: int = 0


class Decision(msgspec.Struct, frozen=True):
    """Whether a request passes.

    Attributes:
        allowed: every limit that is no dry run had enough
        verdicts: of every limit that applies, in their order
        unavailable: the store did not answer, and nothing was charged
    """

    allowed: bool
    verdicts: tuple[Verdict, ...] = ()
    unavailable: bool = False

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Names of the limits that refuse it."""
        return tuple(one.limit.name for one in self.verdicts if not (one.ok or one.limit.dry_run))

    @property
    def would_refuse(self) -> tuple[str, ...]:
        """Names of the dry runs that would have refused it."""
        return tuple(one.limit.name for one in self.verdicts if not one.ok and one.limit.dry_run)

    @property
    def retry_after(self) -> int | None:
        """Seconds until it would pass, rounded up; None where it passes or never would."""
        waits = [one.wait for one in self.verdicts if not (one.ok or one.limit.dry_run)]
        known = [one for one in waits if one is not None]
        return -(-max(known) // MICROS) if known and len(known) == len(waits) else None


def judged(
    asks: Sequence[Ask], states: Sequence[State], now: int
) -> tuple[Decision, list[State | None]]:
    """Decide by states.

    Args:
        asks: of one request
        states: of each, as they were kept
        now: microseconds since 1970

    Returns:
        The decision, and for each the state to keep; None where it is the one that was kept.
    """
    found: list[Settled] = []
    for ask, state in zip(asks, states, strict=True):
        given = returned(ask.limit, state, ask.credit, ask.credit_at) if ask.credit else state
        found.append(settled(ask.limit, given, now))
    decision = decided(asks, found)
    kept = list[State | None]()
    for ask, one, verdict in zip(asks, found, decision.verdicts, strict=True):
        write = verdict.taken or one.set_back or ask.credit
        kept.append(charged(ask.limit, one, verdict.taken) if write else None)
    return decision, kept


def decided(asks: Sequence[Ask], found: Sequence[Settled]) -> Decision:
    """Decide by states as they are now."""
    fits = [one.available >= ask.least for ask, one in zip(asks, found, strict=True)]
    allowed = all(fit or ask.limit.dry_run for fit, ask in zip(fits, asks, strict=True))
    verdicts = (
        verdict_of(ask, one, fit, charge=allowed and fit)
        for ask, one, fit in zip(asks, found, fits, strict=True)
    )
    return Decision(allowed, tuple(verdicts))


def verdict_of(ask: Ask, found: Settled, ok: bool, *, charge: bool) -> Verdict:
    """Return what a limit says.

    Args:
        ask: what was wanted
        found: what was left before
        ok: it was enough
        charge: units are taken

    Returns:
        The verdict, with what is left after that.
    """
    limit, taken = ask.limit, 0
    if charge:
        taken = min(ask.most, found.available)
        left = found.available - taken
        found = Settled(charged(limit, found, taken), found.now, left)
    wait = wait_for(limit, found, found.available + 1) if ok else wait_for(limit, found, ask.least)
    if ok and wait is None:  # all of it is available
        wait = limit.window * MICROS
    return Verdict(limit, ok, taken, max(0, found.available), wait, found.state.at, found.now)


def unavailable(limits: Sequence[Limit]) -> Decision:
    """Return the decision while the store does not answer: each limit says whether that refuses."""
    closed = any(one.when_unavailable == "closed" and not one.dry_run for one in limits)
    return Decision(allowed=not closed, unavailable=True)
