"""Limits in both databases: exact across processes, also across those that are killed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from sentinel.api_usage.counting import State
from sentinel.api_usage.decision import Ask, Decision, judged
from sentinel.api_usage.limit import Limit
from sentinel.api_usage.matching import Caller, LimitSet
from sentinel.api_usage.text import parse_limits
from sentinel.clock import FakeClock
from sentinel.errors import DatabaseUnreachable
from sentinel.metrics.moments import datetime_of, micros
from sentinel.schema.api_usage import ApiLimitState
from sentinel.schema.columns import new_id
from sentinel.store import Store
from sentinel.store.api_usage.leases import LeasedLimits
from sentinel.store.api_usage.limit_states import LimitStates
from sentinel.store.api_usage.redis_states import limit_states
from sentinel.store.database.retention import retain
from sentinel.store.database.tables import table_of
from tests.databases import never_waits_for_disks
from tests.processes import die, ended

START = datetime(2026, 3, 28, 22, tzinfo=UTC)
SETS = [
    parse_limits(text)
    for text in (
        "5/10s log by key; 9/10s counter by user; 4/3s bucket burst 6 by key; 30/day quota by user",
        "3/7s bucket by key lease 2 burst 40; 50/day quota timezone Europe/Berlin lease 9",
        "2/10s log dry-run by key named new; 4/10s counter by key named old",
    )
]
STEP = st.tuples(
    st.integers(-3_000_000, 9_000_000) | st.sampled_from([0, 1, 10_000_000, 86_400_000_000]),
    st.sampled_from(["ann", "ben"]),
    st.integers(1, 4),
    st.integers(0, 3),
    st.integers(0, 3),
)


def pure(asks: list[Ask], states: dict[str, State], now: int) -> Decision:
    given = [states.get(one.id, State()) for one in asks]
    decision, kept = judged(asks, given, now)
    states.update((ask.id, one) for ask, one in zip(asks, kept, strict=True) if one is not None)
    return decision


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(limits=st.sampled_from(SETS), steps=st.lists(STEP, max_size=12))
def test_the_database_decides_as_the_pure_code_does(
    store: Store,
    clock: FakeClock,
    limits: tuple[Limit, ...],
    steps: list[tuple[int, ...]],
):
    in_store, states, now = LimitStates(store), dict[str, State](), micros(START)
    used = LimitSet(limits, new_id())
    for later, key, cost, more, credit in steps:
        now += later
        clock.set(datetime_of(now))
        asks = [
            Ask(one.limit, one.id, cost, cost + more, credit if one.limit.lease else 0, now - later)
            for one in used.asks(Caller(key=str(key), user="u"))
        ]
        assert in_store.decide(asks) == pure(asks, states, now)


def test_the_strictest_answers_and_a_refusal_writes_nothing(store: Store, clock: FakeClock):
    limits, states = LimitSet(parse_limits("1/minute by key; 9/minute by user")), LimitStates(store)
    assert states.decide(limits.asks(Caller(key="a", user="u"))).allowed
    before = rows(store)
    refused = states.decide(limits.asks(Caller(key="a", user="u")))
    assert refused.refused_by == ("1-per-minute-by-key",)
    assert rows(store) == before
    assert states.decide([]).allowed


def test_what_no_longer_counts_is_deleted(store: Store, clock: FakeClock):
    limits, states = LimitSet(parse_limits("5/minute bucket; 5/hour log")), LimitStates(store)
    # PostgreSQL's new rows are dated by its own clock, which the test's is set to.
    clock.set(datetime.now(UTC))
    states.decide(limits.asks(Caller()))
    assert states.forget() == 0
    clock.forward(seconds=90)
    assert states.forget() == 1
    clock.forward(hours=1)
    assert states.forget() == 1
    assert states.decide(limits.asks(Caller())).allowed


def test_retention_deletes_what_no_longer_counts_and_nothing_else(store: Store, clock: FakeClock):
    limits, states = LimitSet(parse_limits("5/minute bucket; 5/hour log")), LimitStates(store)
    clock.set(datetime.now(UTC))
    states.decide(limits.asks(Caller()))
    clock.forward(seconds=90)
    retain(store, timedelta(days=30))
    assert len(rows(store)) == 1


def test_a_request_that_costs_more_than_a_database_can_count_is_refused(store: Store):
    limits, states = LimitSet(parse_limits("5/minute by key")), LimitStates(store)
    refused = states.decide(limits.asks(Caller(key="k"), 10**30))
    assert (refused.allowed, refused.retry_after) == (False, None)


def test_an_unreachable_database_is_said(tmp_path: Path):
    store = Store("postgresql+psycopg://x@127.0.0.1:1/x")
    with pytest.raises(DatabaseUnreachable):
        LimitStates(store).decide(LimitSet(parse_limits("1/s")).asks(Caller()))


def rows(store: Store) -> list[tuple[object, ...]]:
    with store.read() as connection:
        query = select(table_of(ApiLimitState)).order_by("id")
        return [tuple(one) for one in connection.execute(query)]


# Processes ask as fast as they can, some of which are killed. What passed is one line in a file for
# each request, written before the next one is asked.
SHARED = "20/day bucket by key; 60/day counter by user; 70/day log by user; 65/day quota"
LEASED = "100/day quota by key lease 16"


def ask_until_refused(url: str, path: str, text: str, killed_after: int, redis: str = "") -> None:
    never_waits_for_disks()
    store = Store(url)
    limits, states = LimitSet(parse_limits(text)), limit_states(store, redis)
    leased = LeasedLimits(states.decide)
    with Path(path).open("a", buffering=1) as passed:
        refused, number = set[str](), 0
        while len(refused) < 4:
            key = f"key-{number % 4}"
            number += 1
            if leased.decide(limits.asks(Caller(key=key, user="u"))).allowed:
                passed.write(key + "\n")
            else:
                refused.add(key)
            if killed_after and (refused or number >= killed_after):
                die()
    leased.give_back(all_of_it=True)
    store.close()


def passed_by(
    store: Store, folder: Path, text: str, killed: Sequence[int], redis: str = ""
) -> Counter[str]:
    """Ask by a process for each of `killed`, which ends after so many requests; 0 for none."""
    url = store.engine.url.render_as_string(hide_password=False)
    paths = [folder / f"{number}.txt" for number in range(len(killed))]
    calls = [
        (url, str(path), text, after, redis) for path, after in zip(paths, killed, strict=True)
    ]
    assert ended(ask_until_refused, *calls) == [not after for after in killed]
    return Counter(line for path in paths for line in path.read_text().splitlines())


def test_eight_processes_pass_exactly_what_the_limits_say(store: Store, tmp_path: Path):
    passed = passed_by(store, tmp_path, SHARED, (0, 0, 0, 0, 0, 3, 6, 9))
    # 60 for the user, whom all four keys are of, is the strictest together. A process that was
    # killed may have been charged once for a request that it did not note.
    assert 57 <= passed.total() <= 60
    assert max(passed.values()) <= 20


def test_leases_never_pass_more_and_lose_only_what_killed_processes_had(
    store: Store, tmp_path: Path
):
    passed = passed_by(store, tmp_path, LEASED, (0, 0, 10, 30))
    assert max(passed.values()) <= 100
    # What two killed processes had leased of a key is lost, and what the third gives back may come
    # after the last of the others was refused.
    assert all(count >= 100 - 3 * 16 for count in passed.values())


class Told:
    """A store for leases, whose questions are kept."""

    def __init__(self) -> None:
        self.states, self.asked, self.now = dict[str, State](), list[list[Ask]](), micros(START)
        self.broken = False

    def decide(self, asks: Sequence[Ask]) -> Decision:
        if self.broken:
            raise DatabaseUnreachable("gone")
        self.asked.append(list(asks))
        return pure(list(asks), self.states, self.now)

    def monotonic(self) -> int:
        return self.now * 1000


def leases(text: str) -> tuple[Told, LeasedLimits, LimitSet]:
    told = Told()
    return told, LeasedLimits(told.decide, told.monotonic), LimitSet(parse_limits(text))


def test_a_lease_grows_with_the_traffic_and_begins_small():
    told, leased, limits = leases("1000/day quota by key lease 64")
    for _ in range(200):
        assert leased.decide(limits.asks(Caller(key="k"))).allowed
    assert [asks[0].most for asks in told.asked] == [1, 4, 16, 64, 64, 64]
    told.now += 15_000_000  # who comes back after the lease ended gives back what it left
    leased.decide(limits.asks(Caller(key="k")))
    assert (told.asked[-1][0].most, told.asked[-1][0].credit) == (1, 13)
    assert next(iter(told.states.values())).used == 201


def test_leases_of_yesterday_are_not_used_today():
    told, leased, limits = leases("100/day quota by key lease 64")
    told.now += 2 * 3600_000_000 - 100_000  # 0.1 s before midnight
    for _ in range(10):
        leased.decide(limits.asks(Caller(key="k")))
    told.now += 200_000
    decisions = [leased.decide(limits.asks(Caller(key="k"))).allowed for _ in range(120)]
    assert decisions.count(True) == 100


def test_units_are_kept_while_the_store_is_away_and_given_back_later():
    told, leased, limits = leases("100/day quota by key lease 64")
    for _ in range(7):
        leased.decide(limits.asks(Caller(key="k")))
    told.broken, told.now = True, told.now + 15_000_000
    with pytest.raises(DatabaseUnreachable):
        leased.decide(limits.asks(Caller(key="k")))
    with pytest.raises(DatabaseUnreachable):
        leased.give_back()
    told.broken = False
    assert leased.give_back() == 14
    assert next(iter(told.states.values())).used == 7
    assert leased.give_back() == 0


def test_units_that_may_have_been_given_back_already_are_lost_rather_than_given_back_twice():
    told, leased, limits = leases("100/day quota by key lease 64")
    for _ in range(7):
        leased.decide(limits.asks(Caller(key="k")))
    told.now += 15_000_000
    works = leased.decide_in_store

    def cut_off_after(asks: Sequence[Ask]) -> Decision:
        works(asks)
        raise OperationalError("", None, Exception("server closed the connection"))

    leased.decide_in_store = cut_off_after
    with pytest.raises(OperationalError):
        leased.give_back()
    leased.decide_in_store = works
    leased.give_back()
    assert next(iter(told.states.values())).used >= 7
    for _ in range(7):
        leased.decide(limits.asks(Caller(key="k")))
    used = next(iter(told.states.values())).used
    told.now += 15_000_000
    leased.decide_in_store = cut_off_after
    with pytest.raises(OperationalError):
        leased.decide(limits.asks(Caller(key="k")))
    leased.decide_in_store = works
    leased.give_back()
    assert next(iter(told.states.values())).used >= 14, used


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 400_000), st.integers(1, 3)), max_size=120)
)
def test_no_interval_passes_more_of_a_leased_bucket_than_the_bucket_would(
    steps: list[tuple[int, int, int]],
):
    told, first, limits = leases("20/s bucket burst 60 by key lease 16")
    processes = [first, *(LeasedLimits(told.decide, told.monotonic) for _ in range(2))]
    passed: list[tuple[int, int]] = []
    for which, later, cost in steps:
        told.now += later
        if processes[which].decide(limits.asks(Caller(key="k"), cost)).allowed:
            passed.append((told.now, cost))
    for start, (began, _) in enumerate(passed):
        total = 0
        for at, cost in passed[start:]:
            total += cost
            assert total * 1_000_000 <= 60 * 1_000_000 + 20 * (at - began)


def test_threads_of_a_process_share_leases_exactly():
    told, leased, limits = leases("500/day quota by key lease 32")
    lock, passed = threading.Lock(), Counter[bool]()

    def ask() -> None:
        for _ in range(200):
            allowed = leased.decide(limits.asks(Caller(key="k"))).allowed
            with lock:
                passed[allowed] += 1

    slow = told.decide

    def one_at_a_time(asks: Sequence[Ask]) -> Decision:
        with lock:
            return slow(asks)

    leased.decide_in_store = one_at_a_time
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert passed[True] <= 500
    leased.give_back(all_of_it=True)
    assert next(iter(told.states.values())).used == passed[True]
