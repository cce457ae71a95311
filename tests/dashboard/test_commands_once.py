"""A command is carried out once, also where the process that did it died before it answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DataError, OperationalError

from dashboard.alert_commands import Answer
from dashboard.commands import Commands
from dashboard.configuration import Configuration
from dashboard.data import Data
from dashboard.identity import unconfined
from sentinel.clock import FakeClock
from sentinel.links import Addresses
from sentinel.store import Store
from sentinel.store.access.within import Within
from sentinel.store.alerts import act_once
from tests.databases import both_databases
from tests.world import World

ADDRESSES = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")
ALERTS = {"/a": 95.0, "/b": 96.0, "/c": 97.0}


class Dashboard:
    """A dashboard's process: what it remembers ends with it."""

    def __init__(self, store: Store) -> None:
        self.commands = Commands(
            Data(store, ADDRESSES, lambda: True), Configuration(store, ADDRESSES)
        )

    def asks(self, command: dict[str, Any], *, me: str = "maria") -> Answer:
        (answer,) = self.commands.run_all([command], lambda: unconfined(me))
        return answer


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    world = World(store, clock)
    world.sees(ALERTS)
    return world


def versions(store: Store) -> list[tuple[str, int]]:
    return sorted((one.id, one.version) for one in store.alerts.page(order="live").items)


def comments(store: Store) -> list[str]:
    return [
        entry.comment
        for alert, _ in versions(store)
        for entry in store.alerts.timeline(alert, limit=50)
        if entry.kind == "commented"
    ]


@both_databases
def test_a_comment_is_written_once_however_many_processes_get_it(world: World, store: Store):
    command = {"id": "c1", "op": "comment", "items": versions(store), "comment": "looking"}
    first = Dashboard(store).asks(command)
    assert (first.done, comments(store)) == (3, ["looking"] * 3)
    assert Dashboard(store).asks(command) == first
    assert comments(store) == ["looking"] * 3
    # The id is of one person, and stands for one command.
    assert Dashboard(store).asks(command, me="lena").done == 3
    other = Dashboard(store).asks(command | {"comment": "something else"})
    assert "another command was sent with this id" in other.error
    assert len(comments(store)) == 6


@both_databases
def test_two_processes_that_get_it_at_once_write_it_once(world: World, store: Store):
    command = {"id": "c1", "op": "comment", "items": versions(store), "comment": "looking"}
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(Dashboard.asks, [Dashboard(store) for _ in range(4)], [command] * 4)]
    assert answers == [answers[0]] * 4
    assert len(comments(store)) == 3


def test_what_was_not_committed_is_carried_out_when_it_comes_again(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
):
    command = {"id": "c1", "op": "comment", "items": versions(store), "comment": "looking"}

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(act_once, "keep_answer", dies)
        with pytest.raises(KeyboardInterrupt):
            Dashboard(store).asks(command)
    assert comments(store) == []
    assert Dashboard(store).asks(command).done == 3
    assert len(comments(store)) == 3


def test_a_connection_that_dies_at_the_commit_is_no_answer_and_is_asked_for_again(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
):
    command = {"id": "c1", "op": "comment", "items": versions(store), "comment": "looking"}
    dashboard, real = Dashboard(store), Within.act_once

    def failing(error: Exception, *, commits: bool) -> list[Answer]:
        def act(*given: Any, **more: Any) -> Any:
            if commits:
                real(*given, **more)
            raise error

        with monkeypatch.context() as broken:
            broken.setattr(Within, "act_once", act)
            return dashboard.commands.run_all([command], lambda: unconfined("maria"))

    # What the database refuses it refuses again, so that ends the command.
    refused = failing(DataError("INSERT", {}, Exception("no such text")), commits=False)
    assert "the database failed" in refused[0].error
    command["id"] = "c2"
    lost = OperationalError("COMMIT", {}, Exception("server closed the connection"))
    assert failing(lost, commits=True) == []
    assert (dashboard.asks(command).done, comments(store)) == (3, ["looking"] * 3)


@pytest.mark.parametrize("op", ["acknowledge", "assign", "suppress", "resolve", "escalate"])
def test_each_action_is_answered_the_same_and_not_as_a_conflict_with_itself(
    world: World, store: Store, op: str
):
    more = {"minutes": 60, "assignee": "lena"}
    command = {"id": "c1", "op": op, "items": versions(store), **more}
    first = Dashboard(store).asks(command)
    after = versions(store)
    again = Dashboard(store).asks(command)
    assert again == first
    assert (again.conflicts, versions(store)) == ([], after)


def test_another_process_undoes_it_and_offers_the_snooze_of_a_resolve(world: World, store: Store):
    resolve = {"id": "c1", "op": "resolve", "items": versions(store)}
    first = Dashboard(store).asks(resolve)
    assert (first.done, bool(first.offer), first.undo) == (3, True, True)
    undo = {"id": "c2", "op": "undo", "of": "c1"}
    assert Dashboard(store).asks(undo).done == 3
    after = versions(store)
    assert Dashboard(store).asks(undo).done == 3
    assert Dashboard(store).asks(undo | {"id": "c3"}).error == "there is nothing left to undo"
    assert versions(store) == after
    assert Dashboard(store).asks({"id": "c4", "op": "undo", "of": "c1"}, me="lena").error
    again = Dashboard(store)
    again.asks({"id": "c5", "op": "resolve", "items": after})
    snooze = {"id": "c6", "op": "suppress", "of": "c5", "minutes": 60, "comment": "known"}
    assert [Dashboard(store).asks(snooze).done for _ in "ab"] == [3, 3]


def test_all_that_matched_is_not_looked_up_again(world: World, store: Store):
    command = {"id": "c1", "op": "resolve", "all": {"q": "disk"}}
    first = Dashboard(store).asks(command)
    assert first.done == 3
    world.sees({"/d": 99.0})
    assert Dashboard(store).asks(command) == first
    assert [one.status for one in store.alerts.page(order="live").items] == ["open"]


def test_ids_are_kept_for_a_day(world: World, store: Store, clock: FakeClock):
    command = {"id": "c1", "op": "comment", "items": versions(store), "comment": "looking"}
    Dashboard(store).asks(command)
    clock.forward(hours=24, seconds=1)
    assert Dashboard(store).asks({"id": "c2", "op": "undo", "of": "c1"}).error
    store.retain(timedelta(days=365))
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT 1 FROM answered_request").first() is None


@pytest.mark.parametrize("strange", ["", "a\0b", "a b", "é", "x" * 81])
def test_an_id_that_no_database_keeps_is_refused(world: World, store: Store, strange: str):
    command = {"id": strange, "op": "comment", "items": versions(store), "comment": "x"}
    for one in (command, command | {"id": "c1", "op": "undo", "of": strange or "\0"}):
        answers = Dashboard(store).commands.run_all([one], lambda: unconfined("maria"))
        assert all(answer.error and not answer.done for answer in answers)
    assert comments(store) == []
