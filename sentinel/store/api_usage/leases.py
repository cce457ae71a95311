"""Decide within a process where a limit lets it take units in batches.

A process takes up to `Limit.lease` units of a subject at once and uses them for `Limit.lease_life`
(10 s at most), without asking the store. The size of a lease follows the traffic: it begins with
what one request costs and grows fourfold each time that a lease is used up before it ends, so that
who calls rarely leaves nothing unused. What is left is given back with the next question, or by
`give_back`. Where the store fails after it was asked, it may have taken that back already: then the
units are lost rather than given back twice.

Never more than the limit passes: units are charged before they are used, and a leased bucket holds
as much less as flows into it while a lease lasts. Fewer may pass while a lease is held: at most the
limit's `lease` for each process, and what a killed one had is lost to a quota until its end, and to
a bucket until it has filled again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from sentinel.api_usage.counting import period_of
from sentinel.api_usage.decision import Ask, Decision, Verdict
from sentinel.api_usage.limit import Kind, Limit
from sentinel.errors import DatabaseUnreachable

__all__ = ["LeasedLimits"]

_GROWTH = 4
_MOST_HELD = 100_000


@dataclass(slots=True)
class _Lease:
    """Units of one subject that this process may use.

    Attributes:
        limit: whose
        units: that are left
        until: microseconds of the monotonic clock
        size: of the next lease
        period_at: of a quota: when the day or month begins of which the units are
        available: what the store had left when it last answered
        wait: as it said then; microseconds
        unused: units of leases that ended, to be given back
    """

    limit: Limit
    units: int = 0
    until: int = 0
    size: int = 1
    period_at: int = 0
    available: int = 0
    wait: int | None = None
    unused: int = 0

    def end(self) -> None:
        """Stop using what is left, so that it is given back."""
        self.unused += self.units
        self.units = 0


@dataclass(slots=True)
class LeasedLimits:
    """Decides by leases where it can, and by the store where it must.

    Attributes:
        decide_in_store: `LimitStates.decide` or another store's
        monotonic: nanoseconds of a clock that is never set
    """

    decide_in_store: Callable[[Sequence[Ask]], Decision]
    monotonic: Callable[[], int] = time.monotonic_ns
    _leases: dict[str, _Lease] = field(default_factory=dict[str, _Lease])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def held(self) -> int:
        """Of how many subjects units are leased, or wait to be given back."""
        return len(self._leases)

    def decide_at_once(self, asks: Sequence[Ask]) -> Decision | None:
        """Decide without the store; None where it must be asked.

        Args:
            asks: of the limits that apply

        Returns:
            A decision by which the request passes, or None.
        """
        if not all(one.limit.lease for one in asks):
            return None
        now = self.monotonic() // 1000
        with self._lock:
            held = [self._leases.get(one.id) for one in asks]
            leases = [one for one in held if one is not None]
            if len(leases) < len(held) or not all(
                lease.units >= ask.least and now < lease.until
                for lease, ask in zip(leases, asks, strict=True)
            ):
                return None
            return Decision(
                True, tuple(_use(one, ask) for one, ask in zip(leases, asks, strict=True))
            )

    def decide(self, asks: Sequence[Ask]) -> Decision:
        """Decide on a request, by leases where all limits that apply have enough.

        Args:
            asks: of the limits that apply

        Returns:
            The decision.

        Raises:
            DatabaseUnreachable: the store does not answer; nothing was charged
            DBAPIError: it failed over the question; what was given back with it is lost
        """
        if (decision := self.decide_at_once(asks)) is not None:
            return decision
        began = self.monotonic() // 1000
        with self._lock:
            wanted = [self._wanted(one, began) for one in asks]
        try:
            decision = self.decide_in_store(wanted)
        except DatabaseUnreachable:
            with self._lock:
                for one in wanted:
                    lease = self._leases.get(one.id)
                    if one.credit and lease is not None and lease.period_at == one.credit_at:
                        lease.unused += one.credit
            raise
        with self._lock:
            verdicts = [
                self._took(ask, one, began)
                for ask, one in zip(asks, decision.verdicts, strict=True)
            ]
        return Decision(decision.allowed, tuple(verdicts), decision.unavailable)

    def give_back(self, *, all_of_it: bool = False) -> int:
        """Give back what ended leases left, and forget subjects that have none.

        Args:
            all_of_it: also of leases that last still, since the process ends

        Returns:
            How many units.

        Raises:
            DatabaseUnreachable: the store does not answer; they are kept for the next time
            DBAPIError: it failed over the question; what that gave back is lost
        """
        now, given = self.monotonic() // 1000, 0
        with self._lock:
            ended = [
                (id_, one) for id_, one in self._leases.items() if all_of_it or now >= one.until
            ]
        for id_, lease in ended:
            with self._lock:
                if not (all_of_it or now >= lease.until):
                    continue  # another request has begun a new one
                lease.end()
                units, lease.unused = lease.unused, 0
                if not units:
                    self._leases.pop(id_, None)
                    continue
            back = Ask(lease.limit, id_, 0, 0, units, lease.period_at)
            try:
                self.decide_in_store([back])
            except DatabaseUnreachable:
                with self._lock:
                    lease.unused += units
                raise
            given += units
        return given

    def _wanted(self, ask: Ask, now: int) -> Ask:
        """Return what to ask of the store: a lease, where the limit has them."""
        limit = ask.limit
        if not limit.lease:
            return ask
        lease = self._leases.get(ask.id)
        if lease is None:
            if len(self._leases) >= _MOST_HELD:
                return ask  # as if the limit had no leases
            lease = self._leases[ask.id] = _Lease(limit)
        elif lease.until:
            used_up = lease.units < ask.least and now < lease.until
            lease.size = min(limit.lease, lease.size * _GROWTH) if used_up else 1
        lease.end()
        credit, lease.unused = lease.unused, 0
        most = max(ask.most, min(lease.size, limit.capacity))
        return msgspec.structs.replace(ask, most=most, credit=credit, credit_at=lease.period_at)

    def _took(self, ask: Ask, verdict: Verdict, began: int) -> Verdict:
        """Keep what was leased beyond the request's own cost."""
        limit = ask.limit
        if not limit.lease or not verdict.taken:
            return verdict
        lease = self._leases.get(ask.id)
        if lease is None:
            if verdict.taken == ask.least:
                return verdict
            lease = self._leases[ask.id] = _Lease(limit)
        until = began + limit.lease_life
        if limit.kind is Kind.QUOTA:
            until = min(until, began + period_of(limit, verdict.at)[1] - verdict.at)
            if lease.period_at != verdict.period_at:
                lease.units = lease.unused = 0  # of the day or month before
        # Another thread may have taken some meanwhile.
        lease.until = min(lease.until, until) if lease.units else until
        lease.units += verdict.taken - ask.least
        lease.period_at, lease.available = verdict.period_at, verdict.available
        lease.wait = verdict.wait
        return msgspec.structs.replace(
            verdict, taken=ask.least, available=verdict.available + lease.units
        )


def _use(lease: _Lease, ask: Ask) -> Verdict:
    lease.units -= ask.least
    left = lease.available + lease.units
    return Verdict(ask.limit, True, ask.least, left, lease.wait, lease.period_at)
