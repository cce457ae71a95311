"""Processes that act on alerts at the same time do so in turns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from sentinel.alerts.actions import Acknowledge
from sentinel.alerts.reasons import Reason
from sentinel.api.batches import Batches
from sentinel.store import Store
from sentinel.store.alerts.act_locks import take_turn
from sentinel.store.alerts.act_together import act_together
from sentinel.store.alerts.asked import Asked
from tests.api.served import Raised
from tests.databases import both_databases
from tests.waiting import eventually

_WAITS = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


@both_databases
def test_processes_that_act_at_once_take_turns_and_take_along_who_came_meanwhile(
    store: Store, raised: Raised, monkeypatch: pytest.MonkeyPatch
):
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    one, two = (Asked(ids=[each], action=Acknowledge(actor="lena")) for each in raised("/a", "/b"))
    monkeypatch.setattr("sentinel.store.alerts.act_locks.TURN_SECONDS", 60)
    came: list[Asked] = []
    with ThreadPoolExecutor(1) as threads:
        with store.write() as other:
            take_turn(other)
            work = partial(act_together, store, [one], wait=False, late=lambda: came)
            acting = threads.submit(work)
            with store.glance() as connection:
                eventually(lambda: connection.execute(_WAITS).scalar_one(), "it waits for its turn")
            came.append(two)
        results = acting.result(60)
    assert [each[0].reason for each in results if isinstance(each, list)] == [
        Reason.ACKNOWLEDGED, Reason.ACKNOWLEDGED,
    ]  # fmt: skip


@both_databases
def test_while_a_process_waits_for_its_turn_who_asks_joins_and_nobody_waits_beside(
    store: Store, raised: Raised, monkeypatch: pytest.MonkeyPatch
):
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    monkeypatch.setattr("sentinel.store.alerts.act_locks.TURN_SECONDS", 60)
    asked = [Asked(ids=[one], action=Acknowledge(actor="lena")) for one in raised("/a", "/b")]
    transactions: list[int] = []

    def noted(store: Store, few: Sequence[Asked], **more: Any) -> list[Any]:
        results = act_together(store, few, **more)
        transactions.append(len(results))
        return results

    monkeypatch.setattr("sentinel.api.batches.act_together", noted)

    def waiting() -> None:
        with store.glance() as connection:
            eventually(lambda: connection.execute(_WAITS).scalar_one(), "it waits for its turn")

    async def act() -> list[float]:
        batches = Batches(store)
        after: list[float] = []

        def call_later(delay: float, *_: object) -> None:
            after.append(delay)

        monkeypatch.setattr(asyncio.get_running_loop(), "call_later", call_later)
        with store.write() as other:
            take_turn(other)
            tasks = [asyncio.create_task(batches.act(asked[0]))]
            await asyncio.to_thread(waiting)
            tasks.append(asyncio.create_task(batches.act(asked[1])))
            await asyncio.sleep(0)
        reasons = [(await task).result.reason for task in tasks]
        await asyncio.to_thread(batches.close)
        assert reasons == [Reason.ACKNOWLEDGED] * 2
        return after

    after = asyncio.run(act())
    assert transactions == [2]
    assert after == [60], "a second transaction is begun no earlier than the first gives up"


@both_databases
def test_a_turn_that_does_not_end_holds_up_nobody(
    store: Store, raised: Raised, monkeypatch: pytest.MonkeyPatch
):
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    asked = Asked(ids=raised("/a"), action=Acknowledge(actor="lena"))
    monkeypatch.setattr("sentinel.store.alerts.act_locks.TURN_SECONDS", 0.001)
    with store.write() as other:
        other.execute(text("SET LOCAL lock_timeout = '7min'"))
        take_turn(other)
        assert other.execute(text("SHOW lock_timeout")).scalar_one() == "7min"
        (done,) = act_together(store, [asked], wait=False)
    assert isinstance(done, list)
    assert [each.reason for each in done] == [Reason.ACKNOWLEDGED]
