"""The data layer: read again only when something changed, and never silent about a problem."""

from __future__ import annotations

import threading
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from dashboard.connection_check import ConnectionWatch
from dashboard.data import Data
from sentinel.access import EVERYTHING
from sentinel.alerts.actions import Suppress
from sentinel.clock import FakeClock
from sentinel.errors import DatabaseUnreachable, NotFound
from sentinel.links import Addresses
from sentinel.store import Store
from sentinel.store.alerts.filter import AlertFilter
from tests.world import World

ADDRESSES = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")


@pytest.fixture
def data(store: Store) -> Data:
    return Data(store, ADDRESSES, lambda: True)


@pytest.fixture
def asked(store: Store) -> Generator[list[str]]:
    """Every question about alerts that reaches the database."""
    seen: list[str] = []

    def note(_c: object, _cur: object, statement: str, *_: object) -> None:
        if "FROM alert" in statement:
            seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(store.engine, "before_cursor_execute", note)


def test_alerts_are_read_once_until_something_changes(
    store: Store, clock: FakeClock, data: Data, asked: list[str]
):
    world = World(store, clock)
    world.sees({"/a": 95.0})
    asked.clear()
    first = data.live(EVERYTHING)
    read = len(asked)
    assert data.live(EVERYTHING).alerts is first.alerts
    assert len(asked) == read
    world.sees({"/a": 95.0, "/b": 95.0})
    assert len(data.live(EVERYTHING).alerts) == 2


def test_a_suppression_that_ends_is_seen_although_nothing_changed(
    store: Store, clock: FakeClock, data: Data
):
    world = World(store, clock)
    world.sees({"/a": 95.0})
    until = clock.now() + timedelta(seconds=30)
    store.act(world.ids(), Suppress(actor="maria", until=until))
    assert data.live(EVERYTHING).alerts[0].status == "suppressed"
    clock.forward(seconds=31)
    assert data.live(EVERYTHING).alerts[0].status == "open"


def test_a_clock_that_went_back_is_not_believed_for_ever(
    store: Store, clock: FakeClock, data: Data, asked: list[str]
):
    World(store, clock).sees({"/a": 95.0})
    data.live(EVERYTHING)
    asked.clear()
    clock.forward(hours=-1)
    data.live(EVERYTHING)
    assert asked


def test_what_was_known_is_shown_with_its_time_while_the_database_is_down(
    store: Store, clock: FakeClock, data: Data
):
    World(store, clock).sees({"/a": 95.0})
    known = data.live(EVERYTHING)
    clock.forward(minutes=1)

    def lose(connection: Connection, *_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    event.listen(store.engine, "before_cursor_execute", lose)
    view = data.live(EVERYTHING)
    assert view.problem
    assert (view.alerts, view.at) == (known.alerts, known.at)
    event.remove(store.engine, "before_cursor_execute", lose)
    assert data.live(EVERYTHING).problem == ""


def test_each_filter_has_its_own_answer(store: Store, clock: FakeClock, data: Data):
    World(store, clock).sees({"/a": 95.0})
    assert len(data.live(EVERYTHING).alerts) == 1
    assert data.live(EVERYTHING, AlertFilter(q="nothing like it")).alerts == []
    assert len(data.live(EVERYTHING).alerts) == 1


def test_more_than_one_page_of_rows_is_read_on_request(store: Store, clock: FakeClock, data: Data):
    World(store, clock).sees({f"/{n}": 95.0 for n in range(620)})
    assert (
        len(data.live(EVERYTHING, limit=500).alerts),
        data.live(EVERYTHING, limit=500).more,
    ) == (500, True)
    assert (
        len(data.live(EVERYTHING, limit=1000).alerts),
        data.live(EVERYTHING, limit=1000).more,
    ) == (620, False)


def test_rows_are_worded_once_for_all_screens(store: Store, clock: FakeClock, data: Data):
    World(store, clock).sees({"/a": 95.0})
    assert (
        data.rows(EVERYTHING, AlertFilter(), limit=500)[1]
        is data.rows(EVERYTHING, AlertFilter(), limit=500)[1]
    )


def test_the_figures_of_now_are_counted_again_only_when_something_changed(
    store: Store, clock: FakeClock, data: Data, asked: list[str]
):
    World(store, clock).sees({"/a": 95.0})
    number, counts, problem = data.now_counts(EVERYTHING)
    asked.clear()
    assert data.now_counts(EVERYTHING) == (number, counts, problem)
    assert asked == []
    assert counts is not None
    assert counts.active == 1


def test_no_alert_is_no_details(data: Data):
    with pytest.raises(NotFound):
        data.details(EVERYTHING, "0" * 32)


def test_nothing_is_done_without_a_database():
    data = Data(Store("postgresql://u@127.0.0.1:9/none"), ADDRESSES, lambda: True)
    assert data.live(EVERYTHING).problem
    assert data.inbox(EVERYTHING).problem
    assert data.unread(EVERYTHING) == 0
    with pytest.raises(DatabaseUnreachable):
        data.some(EVERYTHING, ["0" * 32])
    assert data.change_number() is None
    assert data.now_counts(EVERYTHING)[2]


def test_nobody_waits_for_prefect():
    """The answer of a slow Prefect arrives later; until then it is not known."""
    moment = [datetime(2026, 1, 1, tzinfo=UTC)]
    let, done = threading.Event(), threading.Event()
    asked: list[datetime] = []

    def ask() -> bool:
        asked.append(moment[0])
        let.wait(20)
        done.set()
        return False

    watch = ConnectionWatch(ask, lambda: moment[0], timedelta(seconds=5))
    assert watch.answers() is None
    assert watch.answers() is None
    let.set()
    assert done.wait(20)
    for _ in range(1000):
        if watch.answers() is False:
            break
        threading.Event().wait(0.01)
    assert watch.answers() is False
    assert len(asked) == 1
    moment[0] += timedelta(seconds=6)
    assert watch.answers() is False
    for _ in range(1000):
        if len(asked) == 2:
            break
        threading.Event().wait(0.01)
    assert len(asked) == 2
