"""Limits counted by a real Redis: exact, also beyond the whole numbers that a double holds."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from redis import Redis

from sentinel.api_usage.counting import State
from sentinel.api_usage.decision import Ask, Decision, judged
from sentinel.api_usage.limit import Kind, Limit, Part, checked
from sentinel.api_usage.matching import Caller, LimitSet
from sentinel.api_usage.text import parse_limits
from sentinel.asgi.guarding import Guard
from sentinel.clock import FakeClock, SystemClock
from sentinel.errors import ConfigurationError, LimitsUnavailable
from sentinel.metrics.moments import datetime_of, micros
from sentinel.schema.columns import new_id
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.api_usage.leases import LeasedLimits
from sentinel.store.api_usage.limit_states import LimitStates
from sentinel.store.api_usage.redis_states import RedisStates, limit_states
from sentinel.up.limits_check import limits_state
from tests.store.api_usage.test_limit_states import SHARED, passed_by

pytestmark = pytest.mark.sqlite_alone
START = datetime(2026, 3, 28, 22, tzinfo=UTC)
DAY = 86_400 * 10**6
_KEY = (Part.KEY,)
SETS = [
    *(
        parse_limits(text)
        for text in (
            "5/10s log by key; 9/10s counter by user; 4/3s bucket burst 6 by key; "
            "30/day quota by user",
            "3/7s bucket by key lease 2 burst 40; 50/day quota timezone Europe/Berlin lease 9",
            "2/10s log dry-run by key named new; 4/10s counter by key named old",
        )
    ),
    # Products near 2^61, which is the most that a limit may have; each alone, since one that
    # refuses keeps the others from being charged.
    *(
        (checked(one),)
        for one in (
            Limit(name="much", amount=10**9, period=2_300_000_000, by=_KEY, kind=Kind.BUCKET),
            Limit(name="long", amount=72_001, period=366 * DAY - 1, by=_KEY, kind=Kind.BUCKET),
            Limit(name="odd", amount=7, period=366 * DAY - 1, by=_KEY, kind=Kind.BUCKET, burst=9),
            Limit(name="window", amount=72_901, period=366 * DAY - 7, by=_KEY),
        )
    ),
]
LONG = SETS[4]
STEP = st.tuples(
    st.integers(-3_000_000, 9_000_000)
    | st.sampled_from([0, 1, 10_000_000, DAY])
    | st.integers(0, 400 * DAY),
    st.sampled_from(["ann", "ben"]),
    st.integers(1, 4) | st.sampled_from([10**9, 36_000, 999_999_999]),
    st.integers(0, 3),
    st.integers(0, 3),
)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A Redis of these tests, which listens on a socket in a folder."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "s"
    server = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        while not socket.exists():
            assert server.poll() is None, "redis-server ended"
            assert time.monotonic() < deadline, "redis-server did not start"
            threading.Event().wait(0.02)
        yield f"unix://{socket}?db=0"
    finally:
        server.terminate()
        server.wait()


def pure(asks: list[Ask], states: dict[str, State], now: int) -> Decision:
    given = [states.get(one.id, State()) for one in asks]
    decision, kept = judged(asks, given, now)
    states.update((ask.id, one) for ask, one in zip(asks, kept, strict=True) if one is not None)
    return decision


def stored(server: Redis, ask: Ask) -> State:
    """What the Redis has of a limit, as the pure code keeps it."""
    row: Any = server.hgetall(f"sentinel:limit:{ask.id}")
    if not row:
        return State()
    entries = [one.split(":") for one in row["entries"].split()]
    used = int(row["used"])
    if ask.limit.kind is Kind.BUCKET:
        used = used * ask.limit.period + int(row["rest"])
    pairs = tuple((int(at), int(units)) for at, units in entries)
    return State(int(row["at"]), used, int(row["previous"]), pairs)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(limits=st.sampled_from(SETS), steps=st.lists(STEP, max_size=14))
@example(limits=LONG, steps=[(0, "ann", 72_001, 0, 0), (123 * DAY + 457, "ann", 1, 3, 0)])
@example(limits=SETS[3], steps=[(0, "ann", 10**9, 0, 0), (1_234_567_891, "ann", 1, 3, 0)])
@example(limits=SETS[-1], steps=[(0, "ann", 72_901, 0, 0), (345 * DAY + 7, "ann", 1, 0, 0)])
def test_the_script_decides_as_the_pure_code_does(
    redis_url: str, limits: tuple[Limit, ...], steps: list[tuple[int, str, int, int, int]]
):
    clock, states, now = FakeClock(START), dict[str, State](), micros(START)
    counted, used = RedisStates(redis_url, clock), LimitSet(limits, new_id())
    server = Redis.from_url(redis_url, decode_responses=True)  # pyright: ignore[reportUnknownMemberType] - its keywords have no types
    for later, key, cost, more, credit in steps:
        now += later
        clock.set(datetime_of(now))
        asks = [
            Ask(one.limit, one.id, min(cost, one.limit.capacity + 1),
                min(cost, one.limit.capacity + 1) + more, credit if one.limit.lease else 0,
                now - later)
            for one in used.asks(Caller(key=key, user="u"))
        ]  # fmt: skip
        before = counted.peek(asks)
        decision = pure(asks, states, now)
        assert counted.decide(asks) == decision
        assert [one.ok for one in before] == [one.ok for one in decision.verdicts]
        for ask in asks:  # to the last microsecond, which no verdict may show
            assert stored(server, ask) == states.get(ask.id, State())


def test_redis_and_the_database_answer_the_same(redis_url: str, store: Store, clock: FakeClock):
    limits = LimitSet(parse_limits("3/10s bucket burst 5 by key; 7/minute by key"), new_id())
    both = limit_states(store), limit_states(store, redis_url)
    assert isinstance(both[0], LimitStates)
    assert isinstance(both[1], RedisStates)
    for cost in (1, 3, 2, 1, 4, 1):
        asks = limits.asks(Caller(key="k"), cost)
        first, second = (one.decide(asks) for one in both)
        assert first == second
        clock.forward(seconds=2)


def test_many_threads_never_pass_more_than_the_limit(redis_url: str):
    asks = LimitSet(parse_limits("50/day quota by key; 90/hour by key"), new_id()).asks(
        Caller(key="k")
    )
    passed: list[bool] = []

    def ask() -> None:
        counted = RedisStates(redis_url, SystemClock())
        passed.extend(counted.decide(asks).allowed for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(passed), sum(passed)) == (80, 50)


def test_leases_are_taken_and_given_back(redis_url: str):
    limits = LimitSet(parse_limits("100/day quota by key lease 40"), new_id())
    counted = RedisStates(redis_url, SystemClock())
    leased, asks = LeasedLimits(counted.decide), limits.asks(Caller(key="k"))
    assert sum(leased.decide(asks).allowed for _ in range(30)) == 30
    leased.give_back(all_of_it=True)
    assert counted.peek(asks)[0].available == 70


@pytest.mark.parametrize(("word", "allowed"), [("fail-open", True), ("fail-closed", False)])
def test_while_redis_is_away_the_limit_says_whether_requests_pass(
    store: Store, tmp_path_factory: pytest.TempPathFactory, word: str, allowed: bool
):
    guard = Guard(store, redis=f"unix://{tmp_path_factory.mktemp('none')}/s", patience=5)
    asks = LimitSet(parse_limits(f"1/s {word}")).asks(Caller())
    try:
        decision = asyncio.run(guard.decide(asks))
    finally:
        guard.close()
    assert (decision.allowed, decision.unavailable) == (allowed, True)


def test_a_redis_that_is_away_or_is_none_is_said(
    store: Store, tmp_path_factory: pytest.TempPathFactory
):
    away = limit_states(store, f"unix://{tmp_path_factory.mktemp('none')}/s")
    asks = LimitSet(parse_limits("1/s")).asks(Caller())
    with pytest.raises(LimitsUnavailable, match="does not answer"):
        away.decide(asks)
    with pytest.raises(LimitsUnavailable):
        away.peek(asks)
    with pytest.raises(ConfigurationError, match="no address of a Redis"):
        limit_states(store, "http://localhost")
    assert away.decide([]).allowed


@pytest.mark.slow
def test_eight_processes_some_killed_pass_exactly_what_the_limits_say(
    store: Store, redis_url: str, tmp_path: Path
):
    named = "; ".join(f"{one} named {new_id()}" for one in SHARED.split("; "))
    passed = passed_by(store, tmp_path, named, (0, 0, 0, 0, 0, 3, 6, 9), redis_url)
    assert (
        57 <= passed.total() <= 60
    )  # a killed process may have noted one less than it was charged
    assert max(passed.values()) <= 20


def test_health_says_what_counts_limits_and_whether_it_may_forget(redis_url: str):
    assert limits_state(Settings()).says == "counted in the shared database"
    settings = Settings(limits_redis_url=SecretStr(redis_url))
    found = limits_state(settings)
    assert found.state == "ok"
    assert re.fullmatch(r"counted in Redis \d+\.\d+\.\d+", found.says)
    server: Any = Redis.from_url(redis_url)  # pyright: ignore[reportUnknownMemberType] - its keywords have no types
    with server.monitor() as heard:
        limits_state(settings)
        asked = next(one["command"] for one in heard.listen() if one["command"].startswith("INFO"))
    assert asked == "INFO"  # Redis 6 refuses several sections
    server.config_set("maxmemory", "100mb")
    server.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = limits_state(settings)
        assert (found.state, "(allkeys-lru)" in found.says) == ("warning", True)
        assert "noeviction" in found.hint
    finally:
        server.config_set("maxmemory-policy", "noeviction")
    server.acl_setuser("nobody", enabled=True, nopass=True, commands=["+ping"])
    assert limits_state(
        Settings(limits_redis_url=SecretStr(redis_url.replace("unix://", "unix://nobody:x@")))
    ).says == "counted in Redis"  # fmt: skip
    for wrong in ("unix:///nowhere", "http://example.org"):
        found = limits_state(Settings(limits_redis_url=SecretStr(wrong)))
        assert (found.state, "SENTINEL_LIMITS_REDIS_URL" in f"{found.says} {found.hint}") == (
            "wrong", True,
        )  # fmt: skip
