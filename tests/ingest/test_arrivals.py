"""Messages of other systems that come at once: applied in order, many in one transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Sequence
from datetime import datetime

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from sentinel.api.app import create_app
from sentinel.checks.reading import Reading
from sentinel.errors import DatabaseError, DatabaseUnreachable
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.ingest import arrivals as room
from sentinel.ingest.arrivals import Arrivals, Message
from sentinel.settings import Settings
from sentinel.store import Store
from tests.api.conftest import app, application, settings
from tests.api.senders import ALERTMANAGER, BASE
from tests.api.served import TOKEN
from tests.databases import both_databases
from tests.waiting import eventually

__all__ = ["app", "application", "settings"]


def firing(name: str, *, over: bool = False, tenant: str = "default") -> Message:
    reading = Reading(labels={"alertname": name}, firing=not over, severity="high")
    return Message(sender="prometheus", tenant=tenant, readings=[reading])


def lost_connection() -> OperationalError:
    return OperationalError("INSERT", {}, psycopg.OperationalError("the connection is lost"))


class Door:
    """Lets the first message through to the database only when it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = threading.Event()
        self.batches: list[list[str]] = []
        apply_all = room.apply_all

        def waits(store: Store, messages: Sequence[Message]) -> list[Applied]:
            self.batches.append(
                [f"{m.tenant}/{m.readings[0].labels['alertname']}" for m in messages]
            )
            self.opened.wait(60)
            return apply_all(store, messages)

        monkeypatch.setattr(room, "apply_all", waits)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Generator[Door]:
    door = Door(monkeypatch)
    yield door
    door.opened.set()


@pytest.fixture
def arrivals(store: Store, door: Door) -> Generator[Arrivals]:
    arrivals = Arrivals(store)
    yield arrivals
    door.opened.set()
    arrivals.close()


def statuses(store: Store) -> dict[str, str]:
    return {one.labels["alertname"]: one.status for one in store.alerts.page().items}


def test_what_comes_while_one_is_applied_is_applied_together_and_in_order(
    store: Store, arrivals: Arrivals, door: Door
):
    first = arrivals.submit(firing("A"))
    eventually(lambda: door.batches == [["default/A"]], "the first is being applied")
    more = [
        arrivals.submit(one)
        for one in (firing("B"), firing("A", over=True), firing("A"), firing("B"), firing("C"))
    ]
    door.opened.set()
    assert [one.result(60).changed for one in (first, *more)] == [1, 1, 1, 1, 0, 1]
    assert [len(batch) for batch in door.batches] == [1, 5]
    assert statuses(store) == {"A": "open", "B": "open", "C": "open"}


def test_other_rules_and_too_many_readings_are_another_transaction(
    arrivals: Arrivals, door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(room, "_MOST_READINGS", 2)
    arrivals.submit(firing("A"))
    eventually(lambda: len(door.batches) == 1, "the first is being applied")
    results = [
        arrivals.submit(firing(name, tenant=tenant))
        for name, tenant in [("B", "default"), ("C", "acme"), ("D", "acme"), ("E", "acme")]
    ]
    door.opened.set()
    assert [one.result(60).changed for one in results] == [1, 1, 1, 1]
    assert door.batches[1:] == [["default/B"], ["acme/C", "acme/D"], ["acme/E"]]


@both_databases
def test_a_message_that_cannot_be_applied_takes_no_other_with_it(
    store: Store, arrivals: Arrivals, door: Door, monkeypatch: pytest.MonkeyPatch
):
    apply = room.apply

    def picky(*given: object) -> Applied:
        if "BAD" in str(given[-1]):
            raise ZeroDivisionError
        return apply(*given)  # pyright: ignore[reportArgumentType] - passed on

    monkeypatch.setattr(room, "apply", picky)
    arrivals.submit(firing("A"))
    eventually(lambda: len(door.batches) == 1, "the first is being applied")
    good, bad, also = (arrivals.submit(firing(name)) for name in ("B", "BAD", "C"))
    door.opened.set()
    assert (good.result(60).changed, also.result(60).changed) == (1, 1)
    with pytest.raises(ZeroDivisionError):
        bad.result(60)
    assert statuses(store) == {"A": "open", "B": "open", "C": "open"}


@pytest.mark.parametrize("error", [DatabaseUnreachable("it does not answer"), lost_connection()])
def test_an_error_of_the_database_is_waited_for_once_and_not_once_per_message(
    arrivals: Arrivals, door: Door, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    def down(*_given: object) -> Applied:
        raise error

    monkeypatch.setattr(room, "apply", down)
    first = arrivals.submit(firing("A"))
    eventually(lambda: len(door.batches) == 1, "the first is being applied")
    more = [arrivals.submit(firing(name)) for name in ("B", "C", "D")]
    door.opened.set()
    assert [type(one.exception(60)) for one in (first, *more)] == [type(error)] * 4
    assert [len(batch) for batch in door.batches] == [1, 3]


def test_more_than_can_wait_are_told_to_come_again(
    arrivals: Arrivals, door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(room, "_MOST_WAITING", 2)
    arrivals.submit(firing("A"))
    eventually(lambda: len(door.batches) == 1, "the first is being applied")
    arrivals.submit(firing("B"))
    arrivals.submit(firing("C"))
    with pytest.raises(DatabaseError, match="2 messages wait"):
        arrivals.submit(firing("D"))


def test_what_comes_after_the_close_is_told_to_come_again_and_not_applied(
    store: Store, arrivals: Arrivals, door: Door
):
    """Else it would be applied, and once more when its sender repeats it."""
    waits = arrivals.submit(firing("A"))
    eventually(lambda: door.batches == [["default/A"]], "the first is being applied")
    also = arrivals.submit(firing("B"))
    closing = threading.Thread(target=arrivals.close)
    closing.start()
    eventually(lambda: arrivals.closed, "it is closing")
    with pytest.raises(DatabaseError, match="stops"):
        arrivals.submit(firing("C"))
    door.opened.set()
    closing.join(60)
    assert (waits.result(60).changed, also.result(60).changed) == (1, 1)
    assert statuses(store) == {"A": "open", "B": "open"}
    assert arrivals.waiting == 0


def test_the_api_answers_503_while_it_stops_and_applies_what_waits(
    store: Store, settings: Settings, door: Door
):
    """The event loop goes on, so that whoever waits for an answer gets it."""
    app = create_app(settings, store=store, relay=False)

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", headers=headers, timeout=60
        ) as client:
            stopping = app.router.lifespan_context(app)
            await stopping.__aenter__()
            first = asyncio.create_task(
                client.post(f"{BASE}/webhooks/prometheus", json=ALERTMANAGER)
            )
            while not door.batches:
                await asyncio.sleep(0.01)
            ending = asyncio.create_task(stopping.__aexit__(None, None, None))
            while not app.state.arrivals.closed:
                await asyncio.sleep(0.01)
            late = await client.post(f"{BASE}/webhooks/prometheus", json=ALERTMANAGER)
            door.opened.set()
            answers = [await first, late]
            await ending
        return [one.status_code for one in answers]

    assert asyncio.run(ask()) == [200, 503]


@both_databases
def test_messages_are_tried_again_as_a_whole_where_another_process_was_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    apply, slots = room.apply, list[datetime]()

    def second_is_stale_once(store: Store, connection: Connection, one: Evaluation) -> Applied:
        slots.append(one.slot)
        stale = len(slots) == 2
        return Applied(outcome="stale") if stale else apply(store, connection, one)

    monkeypatch.setattr(room, "apply", second_is_stale_once)
    done = room.apply_all(store, [firing("A"), firing("B")])
    assert [one.changed for one in done] == [
        1,
        1,
    ]  # of the first try, nothing is left
    assert len(slots) == 4


@pytest.mark.slow
def test_the_api_answers_while_hundreds_of_messages_wait(app: FastAPI, door: Door):
    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", headers=headers, timeout=60
        ) as client:
            sends = [
                asyncio.create_task(client.post(f"{BASE}/webhooks/prometheus", json=ALERTMANAGER))
                for _ in range(200)
            ]
            while app.state.arrivals.waiting < 199:
                await asyncio.sleep(0.01)
            listed = await client.get(f"{BASE}/alerts")
            inbox = await client.get(f"{BASE}/inbox")
            door.opened.set()
            answers = await asyncio.gather(*sends)
        return [one.status_code for one in (listed, inbox, *answers)]

    assert asyncio.run(ask()) == [200] * 202
