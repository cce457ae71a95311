"""What limits count, in a Redis: the fast option, as exact as the shared database.

A decision is one script, by the clock of that Redis. What Redis loses, such as the last second
before a crash with `appendfsync everysec`, is counted no more: more than the limit may pass then.
All keys of a decision have to be on one server, so a Redis Cluster is not supported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from sentinel.api_usage.counting import SLACK, Settled, State, kept_for
from sentinel.api_usage.decision import Ask, Decision, Verdict, decided, verdict_of
from sentinel.api_usage.limit import Kind
from sentinel.clock import Clock, SystemClock
from sentinel.errors import ConfigurationError, LimitsUnavailable
from sentinel.metrics.moments import micros
from sentinel.store.api_usage.limit_states import LimitStates, quota_starts
from sentinel.store.api_usage.redis_script import DECIDE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["CountedLimits", "RedisFacts", "RedisStates", "limit_states", "redis_facts"]

_PREFIX = "sentinel:limit:"
_SECONDS = 2.0
"""For a connection, and for an answer; a request waits less (`SentinelMiddleware.patience`)."""
_EXACT = 2**53 - 1
Script = Callable[[Sequence[str], Sequence[object]], Any]


class CountedLimits(Protocol):
    """What counts: the shared database or a Redis."""

    def decide(self, asks: Sequence[Ask]) -> Decision:
        """Decide on a request; see `LimitStates.decide`."""
        ...

    def peek(self, asks: Sequence[Ask]) -> list[Verdict]:
        """Return what each limit would say; see `LimitStates.peek`."""
        ...


def limit_states(store: Store, url: str = "") -> CountedLimits:
    """Return what counts limits.

    Args:
        store: the shared database, and the clock
        url: of a Redis; empty for the shared database

    Returns:
        Either.

    Raises:
        ConfigurationError: the URL is of no Redis, or the extra `redis` is not installed
    """
    return RedisStates(url, store.clock) if url else LimitStates(store)


class RedisFacts(msgspec.Struct, frozen=True):
    """What a Redis says of itself.

    Attributes:
        version: empty where it does not say
        evicts: the policy by which it forgets what limits counted once its memory is full; empty
            where it forgets nothing
        cluster: whether it is part of a Redis Cluster
    """

    version: str = ""
    evicts: str = ""
    cluster: bool = False


class RedisStates:
    """Decides by what a Redis counted.

    Args:
        url: `redis://`, `rediss://` or `unix://`
        clock: counts only where it is no system clock; the clock of the Redis otherwise

    Raises:
        ConfigurationError: the URL is of no Redis, or the extra `redis` is not installed
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._script = _script_on(url)
        self._clock = clock
        self._own_clock = not isinstance(clock, SystemClock)

    def decide(self, asks: Sequence[Ask]) -> Decision:
        """Decide on a request, and charge all limits that apply or none.

        Args:
            asks: of the limits that apply, each of another state

        Returns:
            The decision.

        Raises:
            LimitsUnavailable: the Redis does not answer; it may have charged, or not
        """
        if not asks:
            return Decision(allowed=True)
        return decided(asks, self._found(asks, charge=True))

    def peek(self, asks: Sequence[Ask]) -> list[Verdict]:
        """Return what each limit would say, and charge nothing.

        Args:
            asks: of the limits that apply

        Returns:
            A verdict for each.

        Raises:
            LimitsUnavailable: the Redis does not answer
        """
        if not asks:
            return []
        return [
            verdict_of(ask, one, one.available >= ask.least, charge=False)
            for ask, one in zip(asks, self._found(asks, charge=False), strict=True)
        ]

    def _found(self, asks: Sequence[Ask], *, charge: bool) -> list[Settled]:
        machine = micros(self._clock.now())
        given: list[object] = [machine if self._own_clock else "", int(charge)]
        for one in asks:
            given += self._fields(one, machine)
        answer = self._script([_PREFIX + one.id for one in asks], given)
        return [_settled(ask, row) for ask, row in zip(asks, answer, strict=True)]

    def _fields(self, ask: Ask, machine: int) -> list[object]:
        limit = ask.limit
        # With a clock of its own a test may stand still, while a key's time to live does not.
        kept = 0 if self._own_clock else -(-(kept_for(limit) + SLACK) // 1_000)
        fill = limit.capacity * limit.period // limit.amount + 1
        return [
            limit.kind.value, limit.amount, limit.period, limit.capacity, min(fill, _EXACT),
            *quota_starts(limit, machine), int(limit.dry_run), ask.least, ask.most, ask.credit,
            ask.credit_at, kept,
        ]  # fmt: skip


def _settled(ask: Ask, row: Sequence[Any]) -> Settled:
    now, start, used, rest, previous = (int(one) for one in row[:5])
    if ask.limit.kind is Kind.BUCKET:
        used = used * ask.limit.period + rest
    pairs = (one.split(":") for one in str(row[5]).split())
    entries = tuple((int(at), int(units)) for at, units in pairs)
    return Settled(State(start, used, previous, entries), now, int(row[6]), bool(row[7]))


@lru_cache(maxsize=8)
def _client_of(url: str) -> tuple[Any, Any]:
    """Return the library, and a client whose connections this process keeps."""
    try:
        redis: Any = import_module("redis")
        backoff: Any = import_module("redis.backoff")
        retrying: Any = import_module("redis.retry")
    except ImportError:
        raise ConfigurationError(
            "limits in Redis need the library redis",
            hint="Install the extra: sentinel-alerts[redis].",
        ) from None
    try:
        # Never again by itself: a script whose answer was lost may have charged already.
        client = redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS,
            retry=retrying.Retry(backoff.NoBackoff(), 0),
        )  # fmt: skip
    except ValueError:
        raise ConfigurationError(
            "SENTINEL_LIMITS_REDIS_URL is no address of a Redis",
            hint="Write redis://host:6379/0, rediss:// for TLS, or unix:///path.",
        ) from None
    return redis, client


@lru_cache(maxsize=8)
def _script_on(url: str) -> Script:
    """Return what runs the script on a Redis."""
    redis, client = _client_of(url)
    script = client.register_script(DECIDE)

    def run(keys: Sequence[str], given: Sequence[object]) -> Any:
        try:
            return script(keys=keys, args=given)
        except redis.exceptions.RedisError as error:
            why = str(error).partition("\n")[0]
            raise LimitsUnavailable(
                f"the Redis of limits does not answer: {why}",
                hint="SENTINEL_LIMITS_REDIS_URL names it.",
            ) from error

    return run


def redis_facts(url: str) -> RedisFacts:
    """Ask a Redis what matters to limits.

    Args:
        url: as of `RedisStates`

    Returns:
        What it says; only that it answers where it lets this user ask for no more.

    Raises:
        ConfigurationError: the URL is of no Redis, or the extra `redis` is not installed
        LimitsUnavailable: it does not answer
    """
    redis, client = _client_of(url)
    try:
        client.ping()
        try:
            found: dict[str, Any] = (
                client.info()
            )  # before Redis 7, one cannot name several sections
        except redis.exceptions.NoPermissionError:
            return RedisFacts()
    except redis.exceptions.RedisError as error:
        why = str(error).partition("\n")[0]
        raise LimitsUnavailable(
            f"the Redis of limits does not answer: {why}",
            hint="SENTINEL_LIMITS_REDIS_URL names it.",
        ) from error
    policy = str(found.get("maxmemory_policy", "noeviction"))
    return RedisFacts(
        version=str(found.get("redis_version", "")),
        evicts="" if policy == "noeviction" or not int(found.get("maxmemory", 0)) else policy,
        cluster=bool(int(found.get("cluster_enabled", 0))),
    )
