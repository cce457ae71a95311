"""What several people do at once, and what several senders send, goes into one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from sentinel.access import Reach, Scope
from sentinel.alerts.actions import Acknowledge, Reopen, Resolve
from sentinel.alerts.reasons import Reason
from sentinel.alerts.view import AlertView
from sentinel.api.batches import Acted, Batches, Sent, act_on
from sentinel.api.together import Piece
from sentinel.audit.origin import Origin
from sentinel.events import Kept
from sentinel.store import Store
from sentinel.store.alerts import apply_action
from sentinel.store.alerts.act_locks import Taken
from sentinel.store.alerts.act_together import act_together
from sentinel.store.alerts.asked import Asked
from sentinel.store.alerts.detail import Detail, read_details
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.rules.lock import lock_rules
from tests.api.served import Raised
from tests.databases import both_databases


def acted(store: Store, asked: Sequence[Asked]) -> list[Acted | BaseException]:
    """What comes of actions that are asked at the same time."""

    async def act() -> list[Acted | BaseException]:
        batches = Batches(store)
        tasks = [batches.act(one) for one in asked]
        done = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(batches.close)
        return done

    return asyncio.run(act())


def test_only_who_acted_on_an_alert_that_cannot_be_read_gets_an_error(
    store: Store, raised: Raised, monkeypatch: pytest.MonkeyPatch
):
    ids = raised("/a", "/b", "/c")
    whole, details = store.alerts.some, read_details

    def some(wanted: Sequence[str]) -> dict[str, AlertView]:
        if ids[1] in wanted:
            raise ValueError("its row is damaged")
        return whole(wanted)

    def detailed(store: Store, wanted: Sequence[str]) -> dict[str, Detail]:
        some(wanted)
        return details(store, wanted)

    monkeypatch.setattr(store.alerts, "some", some)
    monkeypatch.setattr("sentinel.api.batches.read_details", detailed)
    done = acted(store, [Asked(ids=[one], action=Acknowledge(actor="lena")) for one in ids])
    shown = [one.alert.id if isinstance(one, Acted) and one.alert else type(one) for one in done]
    assert shown == [ids[0], ValueError, ids[2]]

    async def read() -> list[object]:
        batches = Batches(store)
        asked = [batches.details.answer(one) for one in (*ids, ids[0])]
        found = await asyncio.gather(*asked, return_exceptions=True)
        await asyncio.to_thread(batches.close)
        return [one.alert["id"] if isinstance(one, Detail) else type(one) for one in found]

    assert asyncio.run(read()) == [ids[0], ValueError, ids[2], ids[0]]


def test_an_answer_shows_the_alert_before_the_next_action(store: Store, raised: Raised):
    (one,) = raised("/a")
    asked = [
        Asked(ids=[one], action=Acknowledge(actor="lena")),
        Asked(ids=[one], action=Resolve(actor="omar")),
    ]
    # Of one piece: the first question begins a piece of its own.
    (_, first, second) = acted(
        store, [Asked(ids=["0" * 32], action=Acknowledge(actor="x")), *asked]
    )
    shown = [
        each.alert.status for each in (first, second) if isinstance(each, Acted) and each.alert
    ]
    assert shown == ["acknowledged", "resolved"]


@both_databases
def test_a_locked_rule_holds_up_no_action_on_alerts_of_others(
    store: Store, raised: Raised, monkeypatch: pytest.MonkeyPatch
):
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer, who locks everything")
    (held,), (free,) = raised("/a", name="held"), raised("/b", name="free")

    calls: set[tuple[bool, bool]] = set()

    def noted(store: Store, asked: Sequence[Asked], *, wait: bool, late: Any) -> list[Any]:
        calls.add((wait, late is not None))
        return act_together(store, asked, wait=wait, late=late)

    monkeypatch.setattr("sentinel.api.batches.act_together", noted)

    async def act() -> list[Reason]:
        batches = Batches(store)
        asked = [Asked(ids=[one], action=Acknowledge(actor="lena")) for one in (held, free, free)]
        with store.write() as connection:
            assert lock_rules(connection, [("default", "held")])
            tasks = [asyncio.create_task(batches.act(one)) for one in asked]
            for task in tasks[1:]:
                await asyncio.wait_for(task, 20)
            assert not tasks[0].done()
        reasons = [(await task).result.reason for task in tasks]
        await asyncio.to_thread(batches.close)
        return reasons

    reasons = asyncio.run(act())
    assert sorted(reasons) == [Reason.ACKNOWLEDGED] * 2 + [Reason.UNCHANGED]
    # Where one alert is acted on twice, nobody is taken along: that makes two transactions.
    assert calls == {(False, False), (True, True)}


@both_databases
def test_actions_of_several_people_are_each_theirs(store: Store, raised: Raised):
    one, two, three = raised("/a", "/b", "/c")
    elsewhere = Scope((Reach(frozenset({"other"})),))
    key = Origin("api", "key")

    async def act() -> list[Acted | BaseException]:
        batches = Batches(store)
        first = Acknowledge(actor="lena")
        asked = [
            Asked(ids=[one], action=first, origin=Origin("api", "person")),
            Asked(ids=[two], action=Resolve(actor="robot"), origin=key),
            Asked(ids=[three], action=first, expected_version=99),
            Asked(ids=[three], action=first, scope=elsewhere),
            Asked(ids=[one], action=Acknowledge(actor="a\0b")),
        ]
        later = [
            Asked(ids=[two], action=Reopen(actor="robot"), origin=key),
            Asked(ids=[one], action=first),
        ]
        done: list[Acted | BaseException] = []
        for some in (asked, later):
            tasks = [batches.act(each) for each in some]
            done += await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(batches.close)
        return done

    done = asyncio.run(act())
    results = [each.result.reason if isinstance(each, Acted) else type(each) for each in done]
    assert [str(each).rpartition(".")[2].rstrip("'>") for each in results] == [
        Reason.ACKNOWLEDGED, Reason.RESOLVED_MANUALLY, Reason.CONFLICT, Reason.NOT_FOUND,
        "ConfigurationError", Reason.REOPENED_MANUALLY, Reason.UNCHANGED,
    ]  # fmt: skip
    shown = [each.alert.status for each in done if isinstance(each, Acted) and each.alert]
    assert shown == ["acknowledged", "resolved", "open", "acknowledged"]
    rows = page(store, AuditFilter(), limit=10, after=None).items
    assert sorted((row.action, row.actor, row.kind) for row in rows) == [
        ("alert.acknowledge", "lena", "person"), ("alert.reopen", "robot", "key"),
        ("alert.resolve", "robot", "key"),
    ]  # fmt: skip


@both_databases
def test_actions_in_one_transaction_are_each_in_the_audit(store: Store, raised: Raised):
    ids = raised("/a", "/b", "/c")
    people = ("lena", "omar", "lena")
    asked = [
        Asked(ids=[one], action=Acknowledge(actor=who), origin=Origin("api", kind))
        for one, who, kind in zip(ids, people, ("person", "key", "person"), strict=True)
    ]
    before = store.change_number()
    assert all(results[0].ok for results in store.act_all(asked))
    assert store.change_number() == before + 1
    rows = page(store, AuditFilter(), limit=10, after=None).items
    assert sorted((row.object_id, row.actor, row.kind, row.door) for row in rows) == sorted(
        zip(ids, people, ("person", "key", "person"), ("api",) * 3, strict=True)
    )


@both_databases
def test_what_was_asked_meanwhile_joins_who_waited_for_the_same_lock(store: Store, raised: Raised):
    (one, two), (free,), (held,) = (
        raised("/a", "/b"), raised("/c", name="free"), raised("/d", name="held"),
    )  # fmt: skip
    asked = [Asked(ids=[each], action=Acknowledge(actor="lena")) for each in (one, two, free, held)]
    calls: list[int] = []

    def late() -> list[Asked]:
        calls.append(1)
        return asked[1:]

    before = store.change_number()
    if store.dialect == "sqlite":  # it has one writer, who locks everything
        results = act_together(store, asked[:1], late=late)
    else:
        with store.write() as connection:
            assert lock_rules(connection, [("default", "held")])
            # It does not wait for the lock that another has, although it waits for its own.
            results = act_together(store, asked[:1], late=late)
        assert results.pop() == Taken("default", "held")
        results += store.act_all(asked[3:])
        before += 1
    assert [each[0].reason for each in results if not isinstance(each, Taken)] == [
        Reason.ACKNOWLEDGED
    ] * 4
    assert store.change_number() == before + 1
    assert calls == [1]


def test_who_came_before_the_turn_costs_no_statement_more(store: Store, raised: Raised):
    asked = [Asked(ids=[each], action=Acknowledge(actor="lena")) for each in raised("/a", "/b")]
    statements: list[str] = []

    def executed(_link: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(store.engine, "before_cursor_execute", executed)
    results = act_together(store, asked[:1], wait=False, late=lambda: asked[1:])
    assert [each[0].ok for each in results if isinstance(each, list)] == [True, True]
    # Both alerts' rules are locked by one statement, and so are their groups.
    for what in ("FROM rule", "FROM alert_group", "UPDATE alert_group"):
        assert sum(what in one for one in statements) == 1


def test_what_may_not_share_a_transaction_comes_after_it(store: Store, raised: Raised):
    one, two = raised("/a", "/b")
    asked = [
        Asked(ids=[one], action=Acknowledge(actor="lena")),
        Asked(ids=[two], action=Acknowledge(actor="lena")),
        Asked(ids=[one], action=Resolve(actor="omar")),
        Asked(ids=[one], action=Reopen(actor="omar")),
        Asked(ids=[two], action=Acknowledge(actor="a\0b")),
    ]
    piece = Piece(asked[:1], lambda: asked[1:])
    before = store.change_number()
    done = act_on(store, piece, wait=True)
    assert store.change_number() == before + 3
    shown = [
        each.alert.status if isinstance(each, Acted) and each.alert else type(each).__name__
        for each in done
    ]
    assert shown == [
        "acknowledged", "acknowledged", "resolved", "acknowledged", "ConfigurationError",
    ]  # fmt: skip


def test_what_comes_after_an_aborted_transaction_is_done_once(
    store: Store, raised: Raised, monkeypatch: pytest.MonkeyPatch
):
    one, two, three = raised("/a", "/b", "/c")
    first, same, joins, late = (
        Asked(ids=[alert], action=Acknowledge(actor=who))
        for alert, who in ((one, "lena"), (one, "omar"), (two, "omar"), (three, "omar"))
    )
    aborts: list[int] = []

    def aborted(store: Store, connection: Connection, asked: Any, **more: Any) -> Any:
        done = apply_action.act_all(store, connection, asked, **more)
        if aborts:
            aborts.pop()
            raise OperationalError("UPDATE", None, sqlite3.OperationalError("database is locked"))
        return done

    monkeypatch.setattr("sentinel.store.alerts.act_together.act_all", aborted)
    # What comes is of the same alert, so that it joins nothing; then some joins, and some does not.
    for meanwhile in ([same], [joins, same]):
        waits = [[late], meanwhile]  # what comes between two attempts joins neither
        aborts.append(1)
        done = act_on(store, Piece([first], waits.pop), wait=True)
        assert waits == [[late]]
        assert [each.result.alert_id for each in done if isinstance(each, Acted)] == [
            each.ids[0] for each in (first, *meanwhile)
        ]
        assert not aborts


def test_one_that_joins_and_fails_keeps_nobody_from_theirs(store: Store, raised: Raised):
    one, two = raised("/a", "/b")
    asked = [
        Asked(ids=[one], action=Acknowledge(actor="lena")),
        Asked(ids=[two], action=Acknowledge(actor="a\0b")),
    ]
    done = act_on(store, Piece(asked[:1], lambda: asked[1:]), wait=True)
    assert [type(each).__name__ for each in done] == ["Acted", "ConfigurationError"]


@both_databases
def test_events_of_several_calls_are_counted_for_each(store: Store):
    calls: list[list[object]] = [
        [{"id": "a"}, {"x": 1}], [{"id": "a"}, {"id": "b"}, 7], [{"id": ["no"]}], [],
    ]  # fmt: skip
    kept = store.events.add_calls(calls, tenant="default")
    assert [(one.accepted, one.duplicates, len(one.refused)) for one in kept] == [
        (2, 0, 0), (1, 1, 1), (0, 0, 1), (0, 0, 0),
    ]  # fmt: skip
    assert kept[1].refused[0].index == 2
    assert [block.events for block in store.events.newest(10)] == [
        [{"id": "a"}, {"x": 1}, {"id": "b"}]
    ]


def test_events_of_two_tenants_go_to_theirs(store: Store):
    async def send() -> None:
        batches = Batches(store)
        sent = [Sent("default", [{"id": "a"}]), Sent("other", [{"id": "a"}])]
        kept = await asyncio.gather(*(batches.events.answer(one) for one in sent))
        assert [one.accepted for one in kept] == [1, 1]
        await asyncio.to_thread(batches.close)

    asyncio.run(send())
    assert store.events.count() == store.events.count("other") == 1


def test_an_unknown_alert_beside_a_known_one(store: Store, raised: Raised):
    (known,) = raised("/a")

    async def read() -> list[str | None]:
        batches = Batches(store)
        asked = (batches.details.answer(one) for one in ("0" * 32, known, known))
        found = await asyncio.gather(*asked)
        await asyncio.to_thread(batches.close)
        return [None if one is None else one.alert["id"] for one in found]

    assert asyncio.run(read()) == [None, known, known]


def test_no_more_events_go_into_one_transaction_than_into_one_call(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    sizes: list[int] = []
    whole = store.events.add_calls

    def noted(calls: Sequence[Sequence[object]], *, tenant: str) -> list[Kept]:
        sizes.append(sum(map(len, calls)))
        return whole(calls, tenant=tenant)

    monkeypatch.setattr(store.events, "add_calls", noted)
    sent = Sent("default", [{"x": one} for one in range(4_000)])

    async def send() -> None:
        batches = Batches(store)
        await asyncio.gather(*(batches.events.answer(sent) for _ in range(6)))
        await asyncio.to_thread(batches.close)

    asyncio.run(send())
    assert sum(sizes) == 24_000
    assert max(sizes) <= 10_000
