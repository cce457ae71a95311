"""Who would have been refused: limits over requests that came. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from sentinel.api_usage.counting import State
from sentinel.api_usage.decision import judged
from sentinel.api_usage.limit import Kind, Part
from sentinel.api_usage.matching import Caller, LimitSet

__all__ = [
    "MOST_SIMULATED", "LimitOutcome", "PastRequest", "RefusedCaller", "Simulation",
    "most_requests", "simulated",
]  # fmt: skip

MOST_SIMULATED = 100_000
"""Requests of a simulation, of a few limits; each then costs some 20 microseconds for a limit."""
_STEPS, _LOG_STEP = 500_000, 25
_MOST_CALLERS = 20


class PastRequest(msgspec.Struct, frozen=True):
    """A request that came.

    Attributes:
        at: microseconds since 1970
        caller: as far as it is known
    """

    at: int
    caller: Caller


class LimitOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one limit would have done.

    Attributes:
        applied: requests that it applies to
        refused: of them, those for which it had not enough
        dry_run: it would have reported them alone
    """

    name: str
    dry_run: bool
    applied: int
    refused: int


class RefusedCaller(msgspec.Struct, frozen=True):
    """A caller of whom requests would have been refused."""

    caller: str
    requests: int
    refused: int


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """What limits would have done.

    Attributes:
        requests: that were looked at
        refused: of them
        unlimited: of them, those to which no limit applies
        limits: in their order
        callers: of whom most would have been refused, at most 20
        notes: why the outcome may differ from what would have happened
    """

    requests: int
    refused: int
    unlimited: int
    limits: tuple[LimitOutcome, ...]
    callers: tuple[RefusedCaller, ...]
    notes: tuple[str, ...] = ()


def most_requests(limits: LimitSet) -> int:
    """Return how many requests a simulation of limits may read, so that it ends within seconds.

    Args:
        limits: that are tried; a log costs as much more as it keeps

    Returns:
        The number, at most `MOST_SIMULATED`.
    """
    steps = sum(1 + one.amount // _LOG_STEP if one.kind is Kind.LOG else 1 for one in limits.limits)
    return min(MOST_SIMULATED, _STEPS // max(1, steps))


def simulated(limits: LimitSet, requests: Iterable[PastRequest]) -> Simulation:
    """Say what limits would have done.

    Each request costs one unit. All limits begin with nothing used.

    Args:
        limits: that are tried
        requests: in the order of time

    Returns:
        The outcome.
    """
    states = dict[str, State]()
    applied, short = Counter[str](), Counter[str]()
    came, refused_of = Counter[str](), Counter[str]()
    number = unlimited = refused = 0
    for request in requests:
        number += 1
        caller = _label(request.caller)
        came[caller] += 1
        asks = limits.asks(request.caller)
        if not asks:
            unlimited += 1
            continue
        decision, kept = judged(asks, [states.get(one.id, State()) for one in asks], request.at)
        for ask, verdict, state in zip(asks, decision.verdicts, kept, strict=True):
            applied[ask.limit.name] += 1
            if not verdict.ok:
                short[ask.limit.name] += 1
            if state is not None:
                states[ask.id] = state
        if not decision.allowed:
            refused += 1
            refused_of[caller] += 1
    return Simulation(
        requests=number, refused=refused, unlimited=unlimited,
        limits=tuple(
            LimitOutcome(
                name=one.name, dry_run=one.dry_run, applied=applied[one.name],
                refused=short[one.name],
            )
            for one in limits.limits
        ),
        callers=tuple(
            RefusedCaller(caller, came[caller], times)
            for caller, times in refused_of.most_common(_MOST_CALLERS)
        ),
        notes=_notes(limits),
    )  # fmt: skip


def _label(caller: Caller) -> str:
    for what, value in (("", caller.user), ("key ", caller.key), ("", caller.address)):
        if value:
            return what + value
    return "unknown"


def _notes(limits: LimitSet) -> tuple[str, ...]:
    notes = ["Clients that are refused try again or slow down, which no log of the past has."]
    if any(Part.ADDRESS in one.by for one in limits.limits):
        notes.append(
            "The request log keeps addresses truncated or hashed: clients of one network count as "
            "one, where they are truncated."
        )
    return tuple(notes)
