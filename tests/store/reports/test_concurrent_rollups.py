"""Rollups while several processes change alerts and sum up at once, on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest
from sqlalchemy import Connection, select, text, update

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.database.tables import ALERT
from sentinel.store.reports.trends import trend
from tests.store.days import DAY, HOUR, Days, assert_true, keep, kept, settled


@pytest.fixture
def days(store: Store, clock: FakeClock) -> Days:
    return settled(store, clock)


@pytest.fixture
def beside(days: Days) -> Generator[Store]:
    """Another process on the same PostgreSQL."""
    if days.store.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    other = Store(days.store.engine.url.render_as_string(hide_password=False), clock=days.clock)
    yield other
    other.close()


def ids_of(connection: Connection) -> list[str]:
    return list(connection.execute(select(ALERT.c.id).order_by(ALERT.c.id)).scalars())


def test_a_change_that_is_not_committed_keeps_its_hour_from_settling(days: Days, beside: Store):
    """It was made when the hour was young, so it has left no mark."""
    days.sees({"/b"}, set())
    with beside.write() as slow:
        young = ids_of(slow)[-1]
        slow.execute(update(ALERT).where(ALERT.c.id == young).values(severity=5))
        before = kept(days.store)
        days.passes(10 * 60)
        days.store.rollups.upkeep()
        days.store.rollups.upkeep()
        assert kept(days.store) == before
        assert_true(days.store)
    assert_true(days.store)
    keep(days.store)
    assert len(kept(days.store)) > len(before)
    assert_true(days.store)


def test_a_mark_that_upkeep_did_not_see_stays(days: Days, beside: Store):
    with beside.write() as slow:
        one, another = ids_of(slow)
        slow.execute(update(ALERT).where(ALERT.c.id == one).values(severity=5))
        with days.store.write() as quick:
            quick.execute(text("SET LOCAL lock_timeout = '5s'"))
            quick.execute(update(ALERT).where(ALERT.c.id == another).values(team="x"))
        days.store.rollups.upkeep()
        assert_true(days.store)
    # Its hour has been summed up without it, after it had left its mark.
    assert_true(days.store)
    keep(days.store)
    assert_true(days.store)


def test_two_writers_of_alerts_of_one_hour_do_not_wait_for_each_other(days: Days, beside: Store):
    with beside.write() as one, days.store.write() as another:
        for connection, alert in zip((one, another), ids_of(one), strict=True):
            connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            connection.execute(update(ALERT).where(ALERT.c.id == alert).values(severity=5))
        days.store.rollups.upkeep()  # nor does upkeep
    assert_true(days.store)


def test_a_dump_of_another_server_does_not_stop_upkeep(days: Days, beside: Store):
    with days.store.write() as connection:
        later = "ready = ready - interval '1 hour', horizon = 1000000000000"
        connection.execute(text(f"UPDATE tally_state SET {later}"))
    keep(beside)
    assert_true(days.store)


def test_several_may_sum_up_at_once_while_others_write(days: Days, beside: Store):
    stores = (days.store, beside)
    failed: list[BaseException] = []

    def work(store: Store, change: bool) -> None:
        try:
            for number in range(8):
                if change:
                    with store.write() as connection:
                        alert = ids_of(connection)[number % 2]
                        team = update(ALERT).where(ALERT.c.id == alert).values(team=f"{number}")
                        connection.execute(team)
                else:
                    store.rollups.upkeep()
                    trend(store, 7 * DAY, 6 * HOUR)
        except Exception as error:
            failed.append(error)

    threads = [
        threading.Thread(target=work, args=(store, change))
        for store in stores
        for change in (True, False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert_true(days.store)
    keep(days.store)
    assert_true(days.store)
