"""How a limit counts: what is left of it at a moment, what using some leaves. Pure.

All of it is in whole microseconds and whole units, so that nothing is rounded: a bucket keeps what
is missing of it in units times microseconds of its period, and the sliding counter compares both
sides of its estimate times the window. PostgreSQL works out the same, in one statement of
`sentinel.store.api_usage`.

A clock that was set back gives nobody more, and makes nobody wait longer than the limit says: what
was counted is then moved to the present moment.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from sentinel.api_usage.limit import DAY, MICROS, Kind, Limit
from sentinel.metrics.moments import datetime_of, micros
from sentinel.timing.local_time import local_of, moment_of

__all__ = [
    "SLACK",
    "Settled",
    "State",
    "charged",
    "kept_for",
    "period_of",
    "returned",
    "settled",
    "wait_for",
]

SLACK = MICROS
"""A clock that goes back by less stands still instead: several processes may differ so much."""


class State(msgspec.Struct, frozen=True):
    """What is counted for one subject of a limit; an empty one where nothing was.

    Attributes:
        at: microseconds since 1970: of a bucket and a log when it was last counted, of a counter
            when the present window begins, of a quota when the day or month begins
        used: units; of a bucket what is missing of it, times the microseconds of the period
        before: of a counter: units of the window before
        entries: of a log: when units were used, and how many, in order of time
    """

    at: int = 0
    used: int = 0
    before: int = 0
    entries: tuple[tuple[int, int], ...] = ()


class Settled(msgspec.Struct, frozen=True):
    """A state as it is at a moment.

    Attributes:
        state: what still counts
        now: the moment; later than asked for where the clock went back by less than `SLACK`
        available: units that may be used
        set_back: the clock was set back, so that the state is to be kept also if nothing is used
    """

    state: State
    now: int
    available: int
    set_back: bool = False


_periods: dict[tuple[bool, str], tuple[int, int]] = {}


def period_of(limit: Limit, now: int) -> tuple[int, int]:
    """Return where the day or month of a quota begins and ends, in microseconds since 1970."""
    key = (limit.period == DAY, limit.timezone)
    start, end = _periods.get(key, (0, 0))
    if start <= now < end:
        return start, end
    zone = ZoneInfo(limit.timezone)
    day = local_of(datetime_of(now), zone).date()
    if limit.period == DAY:
        following = day + timedelta(days=1)
    else:
        day = day.replace(day=1)
        following = (day + timedelta(days=32)).replace(day=1)
    midnights = (moment_of(datetime.combine(one, time()), zone) for one in (day, following))
    start, end = (micros(one) for one in midnights)
    _periods[key] = (start, end)
    return start, end


def kept_for(limit: Limit) -> int:
    """Return for how many microseconds a state that is not used any more still counts, at most."""
    if limit.kind is Kind.BUCKET:
        return limit.capacity * limit.period // limit.amount + 1
    if limit.kind is Kind.QUOTA:
        return 2 * DAY if limit.period == DAY else 32 * DAY
    return limit.period * (2 if limit.kind is Kind.COUNTER else 1)


def settled(limit: Limit, state: State, now: int) -> Settled:
    """Return what a state comes to at a moment.

    Args:
        limit: whose
        state: as it was kept
        now: microseconds since 1970

    Returns:
        The state without what no longer counts, and what is left of the limit.
    """
    # Also over the edge of a window: going back over it and forth again would empty the window.
    now = state.at if 0 < state.at - now <= SLACK else now
    if limit.kind is Kind.BUCKET:
        back = state.at > now
        # More than the time it fills in adds nothing, and could overflow in a database.
        flown = (
            0 if back else min(now - state.at, limit.capacity * limit.period // limit.amount + 1)
        )
        missing = max(0, state.used - flown * limit.amount)
        left = (limit.capacity * limit.period - missing) // limit.period
        return Settled(State(at=now, used=missing), now, left, back)
    if limit.kind is Kind.LOG:
        back = state.at > now
        entries = tuple(
            (min(at, now), units)
            for at, units in state.entries
            if min(at, now) > now - limit.period
        )
        used = sum(units for _, units in entries)
        kept = State(at=now, used=used, entries=entries)
        return Settled(kept, now, limit.amount - used, back)
    if limit.kind is Kind.QUOTA:
        start, _ = period_of(limit, now)
        used = state.used if state.at >= start else 0
        return Settled(State(at=start, used=used), now, limit.amount - used, state.at > start)
    start = now - now % limit.period
    used, before = state.used, state.before
    if state.at == start - limit.period:
        used, before = 0, used
    elif state.at < start:
        used, before = 0, 0
    elif state.at > start:
        used, before = min(limit.amount, used + before), 0
    estimate = before * (limit.period - (now - start)) + used * limit.period
    left = (limit.amount * limit.period - estimate) // limit.period
    return Settled(State(start, used, before), now, max(0, left), state.at > start)


def charged(limit: Limit, found: Settled, units: int) -> State:
    """Return the state after some units were used, of those that are available."""
    state = found.state
    if limit.kind is Kind.BUCKET:
        return msgspec.structs.replace(state, used=state.used + units * limit.period)
    if limit.kind is Kind.LOG and units:
        entries = (*state.entries, (found.now, units))
        return msgspec.structs.replace(state, used=state.used + units, entries=entries)
    return msgspec.structs.replace(state, used=state.used + units)


def returned(limit: Limit, state: State, units: int, at: int) -> State:
    """Return the state after leased units were given back unused.

    Args:
        limit: that they are of, a bucket or a quota
        state: as it was kept
        units: how many
        at: of a quota: when the day or month began of which they are

    Returns:
        The same state where they are of another day or month.
    """
    if limit.kind is Kind.BUCKET:
        return msgspec.structs.replace(state, used=max(0, state.used - units * limit.period))
    if limit.kind is Kind.QUOTA and state.at == at:
        return msgspec.structs.replace(state, used=max(0, state.used - units))
    return state


def wait_for(limit: Limit, found: Settled, units: int) -> int | None:
    """Return in how many microseconds so many units may be used; None for more than fit at all."""
    if units <= found.available:
        return 0
    if units > limit.capacity:
        return None
    state, now, period = found.state, found.now, limit.period
    if limit.kind is Kind.BUCKET:
        return -(-(state.used + units * period - limit.capacity * period) // limit.amount)
    if limit.kind is Kind.QUOTA:
        return period_of(limit, now)[1] - now
    if limit.kind is Kind.LOG:
        over = state.used + units - limit.amount
        for at, freed in state.entries:
            over -= freed
            if over <= 0:
                return at + period - now
    # In this window what was used in the one before counts for less and less; in the next one
    # what is used in this one does.
    over = state.before * (period - (now - state.at)) + (state.used + units - limit.amount) * period
    left = state.at + period - now
    if state.before and (first := -(-over // state.before)) < left:
        return first
    later = (state.used + units - limit.amount) * period
    return left + (max(0, -(-later // state.used)) if state.used else 0)
