"""What the middleware asks of the shared database, without ever waiting long for it.

Questions are asked in threads of their own and waited for `patience` seconds. Once an answer did
not come, nothing is asked for `PAUSE_SECONDS`, so that a database which is away costs one request
its patience and the others nothing. A question that only waited for a thread says nothing about
the database: such a request is refused, whatever its limits say for a database that is away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from sentinel.access.keys import hash_of
from sentinel.api_usage.consumer_keys import Consumer, KeyState, consumer_of, prefix_of
from sentinel.api_usage.decision import Ask, Decision, Verdict, unavailable
from sentinel.api_usage.limit import MICROS
from sentinel.asgi.offline_keys import Away, OfflineKeys, PublicKeys
from sentinel.asgi.workers import Busy, Late, Workers
from sentinel.errors import SentinelError
from sentinel.store import Store
from sentinel.store.api_usage.consumer_keys import ConsumerKeys, Verified
from sentinel.store.api_usage.leases import LeasedLimits
from sentinel.store.api_usage.redis_states import limit_states

__all__ = ["PAUSE_SECONDS", "Away", "Guard"]

PAUSE_SECONDS = 1.0
_HELD_SECONDS, _STALE_SECONDS, _MOST_HELD = 5.0, 300.0, 10_000
_GIVE_BACK_SECONDS = 5.0
_REFUSAL_SECONDS, _MOST_REFUSED = 5.0, 10_000
_DOTS = 2
_log = logging.getLogger(__name__)
T = TypeVar("T")


def _over(who: Consumer, now: datetime) -> bool:
    return who.expires_at is not None and who.expires_at <= now


class _Refusal(msgspec.Struct, frozen=True):
    """What a limit said that refused: the same holds for so many units until then."""

    verdict: Verdict
    least: int
    at: float
    until: float


class _Held(msgspec.Struct, frozen=True):
    found: Verified
    at: float


class Guard:
    """Verifies keys and decides on limits for one application.

    Args:
        store: the shared database
        public_keys: JWK Set by which offline tokens are read, or `stored` for those of the
            database; None where they are not taken
        patience: seconds for which a request waits for the database
        monotonic: seconds that only rise
        redis: URL of the Redis that counts limits; empty for the shared database
        give_back_every: seconds after which leases that ended are given back, also when no
            request comes any more
    """

    def __init__(
        self, store: Store, *, public_keys: PublicKeys | None = None,
        patience: float = 0.25, monotonic: Callable[[], float] = time.monotonic,
        redis: str = "", give_back_every: float = _GIVE_BACK_SECONDS,
    ) -> None:  # fmt: skip
        self.leases = LeasedLimits(limit_states(store, redis).decide)
        self._keys = ConsumerKeys(store)
        self._now: Callable[[], datetime] = store.now
        self._offline = None
        if public_keys is not None:
            self._offline = OfflineKeys(store, public_keys, self._ask, monotonic)
        self._patience = patience
        self._monotonic = monotonic
        self._paused_until = 0.0
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._refused: OrderedDict[str, _Refusal] = OrderedDict()
        self._workers = Workers("sentinel-guard")
        self._give_back_every = give_back_every
        self._closed = threading.Event()
        self._timer: threading.Thread | None = None
        self._timing = threading.Lock()

    async def verify(self, given: str) -> Verified:
        """Say whose key or offline token it is.

        An answer is used for five seconds, and for five minutes while the database is away.

        Args:
            given: what the request came with

        Returns:
            What it says.

        Raises:
            Away: the database does not answer, and the key was not seen lately
            Busy: too many questions wait, and the key was not seen lately
        """
        if prefix_of(given) is None:
            who = None
            # What no JWT can be costs no question.
            if self._offline is not None and given.count(".") == _DOTS:
                who = consumer_of(await self._offline.now(), given, self._now())
            return Verified(KeyState.UNKNOWN if who is None else KeyState.VALID, who)
        name = hash_of(given)
        held = self._held.get(name)
        if held and held.found.who and _over(held.found.who, self._now()):
            return Verified(KeyState.EXPIRED)
        age = self._monotonic() - held.at if held else _STALE_SECONDS
        if held and age < _HELD_SECONDS:
            return held.found
        try:
            found = await self._ask(self._keys.verify, given)
        except (Away, Busy):
            if held and age < _STALE_SECONDS:
                return held.found
            raise
        self._held[name] = _Held(found, self._monotonic())
        self._held.move_to_end(name)
        while len(self._held) > _MOST_HELD:
            self._held.popitem(last=False)
        return found

    async def decide(self, asks: Sequence[Ask]) -> Decision:
        """Decide on a request; where the database is away, as its limits say for that.

        Args:
            asks: of the limits that apply

        Returns:
            The decision.

        Raises:
            Busy: too many questions wait
        """
        if (at_once := self.leases.decide_at_once(asks)) is not None:
            return at_once
        began = self._monotonic()
        if self._refused and (refused := self._still_refused(asks, began)):
            return Decision(False, refused)
        try:
            decision = await self._ask(self.leases.decide, asks)
        except Away:
            return unavailable([one.limit for one in asks])
        if not decision.allowed:
            self._remember_refusals(asks, decision, began)
        if self._timer is None and any(one.limit.lease for one in asks):
            self._start_timer()
        return decision

    def _still_refused(self, asks: Sequence[Ask], now: float) -> tuple[Verdict, ...]:
        """Return what limits say that refused as much lately and cannot have more yet.

        So nobody who hammers at a limit keeps the threads busy until others wait in vain.

        Args:
            asks: of the request
            now: seconds, as `monotonic` says

        Returns:
            Of each limit that still refuses; empty where the database is to be asked.
        """
        found: list[Verdict] = []
        for ask in asks:
            held = self._refused.get(ask.id)
            if held and ask.least >= held.least and now < held.until:
                wait = held.verdict.wait
                if wait is not None:
                    wait = max(1, wait - int((now - held.at) * MICROS))
                found.append(msgspec.structs.replace(held.verdict, wait=wait))
        return tuple(found)

    def _remember_refusals(self, asks: Sequence[Ask], decision: Decision, began: float) -> None:
        for ask, verdict in zip(asks, decision.verdicts, strict=True):
            # What is leased may be given back before its time.
            if verdict.ok or ask.limit.dry_run or ask.limit.lease or verdict.wait is None:
                continue
            until = began + min(_REFUSAL_SECONDS, verdict.wait / MICROS)
            self._refused[ask.id] = _Refusal(verdict, ask.least, began, until)
            self._refused.move_to_end(ask.id)
        while len(self._refused) > _MOST_REFUSED:
            self._refused.popitem(last=False)

    def close(self) -> None:
        """Give back what is leased, and end the threads."""
        self._closed.set()
        self._give_back(all_of_it=True)
        self._workers.close()

    def _start_timer(self) -> None:
        with self._timing:
            if self._timer is None and not self._closed.is_set():
                self._timer = threading.Thread(
                    target=self._give_back_now_and_then, name="sentinel-leases", daemon=True
                )
                self._timer.start()

    def _give_back_now_and_then(self) -> None:
        """Give back what ended, until nothing is leased any more."""
        while not self._closed.wait(self._give_back_every):
            self._give_back()
            with self._timing:
                if not self.leases.held:
                    self._timer = None
                    return

    def _give_back(self, *, all_of_it: bool = False) -> None:
        try:
            self.leases.give_back(all_of_it=all_of_it)
        except (SentinelError, SQLAlchemyError) as error:
            _log.warning("leased units of limits were not given back: %s", error)

    async def ask(self, work: Callable[[Any], T], given: Any) -> T:
        """Do work on the database in a thread; raises `Away` or `Busy`, as `decide` does."""
        return await self._ask(work, given)

    def in_background(self, work: Callable[[], object]) -> None:
        """Do work on the database in a thread that nobody waits for."""
        self._workers.in_background(work)

    async def _ask(self, work: Callable[[Any], T], given: Any) -> T:
        if self._monotonic() < self._paused_until:
            raise Away
        try:
            return await self._workers.do(work, given, self._patience)
        except Late:
            why = f"it did not answer in {self._patience:g} s"
        except (SentinelError, SQLAlchemyError) as error:
            why = str(error).partition("\n")[0]
        self._paused_until = self._monotonic() + PAUSE_SECONDS
        _log.warning("keys and limits are not asked for %g s: %s", PAUSE_SECONDS, why)
        raise Away
