"""What comes while work is done is the next piece of it; errors go to whom they concern."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from sentinel.access import Reach, Scope
from sentinel.alerts.actions import Acknowledge, Reopen, Resolve
from sentinel.alerts.reasons import Reason
from sentinel.alerts.view import AlertView
from sentinel.api.batches import Acted, Batches, Sent
from sentinel.api.together import Together
from sentinel.audit.origin import Origin
from sentinel.events import Kept
from sentinel.store import Store
from sentinel.store.alerts.asked import Asked
from sentinel.store.alerts.detail import Detail, read_details
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.rules.lock import lock_rules
from tests.api.served import Raised
from tests.databases import both_databases


class Counts:
    """Work that waits until it may go on, and notes what it got together."""

    def __init__(self) -> None:
        self.pieces: list[list[int]] = []
        self.begun, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, questions: Sequence[int]) -> list[int | Exception]:
        self.pieces.append([*questions])
        self.begun.set()
        assert self.goes_on.wait(20)
        if 13 in questions:
            raise ValueError("all of it fails")
        return [KeyError(one) if one < 0 else one * 2 for one in questions]


def answers(*later: int, most: int = 100) -> tuple[list[list[int]], list[int | BaseException]]:
    """The pieces of work, and the answers, of one question and those that come meanwhile."""
    work = Counts()
    together = Together("test", work, most=most)

    async def ask() -> list[int | BaseException]:
        first = asyncio.create_task(together.answer(0))
        await asyncio.to_thread(work.begun.wait, 20)
        others = [asyncio.create_task(together.answer(one)) for one in later]
        await asyncio.sleep(0)  # they are asked now
        work.goes_on.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    try:
        return work.pieces, asyncio.run(ask())
    finally:
        together.close()


def test_what_comes_meanwhile_is_one_piece_of_work():
    assert answers(1, 2, 3) == ([[0], [1, 2, 3]], [0, 2, 4, 6])


def test_a_piece_has_a_bound():
    assert answers(1, 2, 3, most=2)[0] == [[0], [1, 2], [3]]


def test_a_piece_that_takes_long_holds_up_nobody():
    held, done = threading.Event(), threading.Event()

    def work(questions: Sequence[int]) -> list[int]:
        if questions == [0]:
            held.set()
            assert done.wait(20)
        return [*questions]

    together = Together("test", work, threads=2, patience=0.01)

    async def ask() -> list[int]:
        first = asyncio.create_task(together.answer(0))
        await asyncio.to_thread(held.wait, 20)
        second = await together.answer(1)
        done.set()
        return [await first, second]

    assert asyncio.run(ask()) == [0, 1]
    together.close()


def test_answers_to_other_than_was_asked_are_an_error():
    together: Together[int, int] = Together("test", lambda _: [])
    with pytest.raises(AssertionError, match="0 answers to 1 questions"):
        asyncio.run(together.answer(1))
    together.close()


def test_an_error_of_one_is_raised_to_that_one_alone():
    _, (_, one, bad) = answers(1, -1)
    assert one == 2
    assert isinstance(bad, KeyError)


def test_an_error_of_all_is_raised_to_all():
    _, (first, *others) = answers(1, 13)
    assert first == 0
    assert [type(one) for one in others] == [ValueError, ValueError]


class TwoWords(ValueError):
    """Takes more than it hands on to its base, as some errors of Sentinel do."""

    def __init__(self, word: str, other: str) -> None:
        super().__init__(other)
        self.word = word


@pytest.mark.parametrize("error", [KeyError("x"), TwoWords("a", "b")])
def test_an_error_is_raised_to_each_as_their_own(error: Exception):
    def work(questions: Sequence[int]) -> list[int | Exception]:
        return [error for _ in questions]

    together: Together[int, int] = Together("test", work)

    async def ask() -> list[int | BaseException]:
        return await asyncio.gather(*map(together.answer, range(3)), return_exceptions=True)

    given = asyncio.run(ask())
    together.close()
    assert len({id(one) for one in given}) == 3
    for one in given:
        assert isinstance(one, type(error))
        assert (one.args, one.__dict__, one.__cause__) == (error.args, error.__dict__, error)


def test_more_than_may_wait_are_refused_and_so_is_whoever_comes_after_the_end():
    work = Counts()
    together = Together("test", work, most_waiting=1)

    async def ask() -> list[int | BaseException]:
        first = asyncio.create_task(together.answer(0))
        await asyncio.to_thread(work.begun.wait, 20)
        others = [asyncio.create_task(together.answer(one)) for one in (1, 2)]
        await asyncio.sleep(0)
        work.goes_on.set()
        done = await asyncio.gather(first, *others, return_exceptions=True)
        await asyncio.to_thread(together.close)
        return [*done, *await asyncio.gather(together.answer(3), return_exceptions=True)]

    first, second, *refused = asyncio.run(ask())
    assert (first, second) == (0, 2)
    assert [getattr(one, "status", None) for one in refused] == [503, 503]


def test_a_question_that_waits_at_the_end_is_answered():
    work = Counts()
    together = Together("test", work, threads=2, patience=0.02)

    async def ask() -> list[int]:
        first = asyncio.create_task(together.answer(0))
        await asyncio.to_thread(work.begun.wait, 20)
        second = asyncio.create_task(together.answer(1))
        await asyncio.sleep(0)
        end = asyncio.create_task(asyncio.to_thread(together.close))
        await asyncio.sleep(0.05)  # its timer finds the end
        work.goes_on.set()
        await end
        return [await first, await second]

    assert asyncio.run(ask()) == [0, 2]


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
def test_a_locked_rule_holds_up_no_action_on_alerts_of_others(store: Store, raised: Raised):
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer, who locks everything")
    (held,), (free,) = raised("/a", name="held"), raised("/b", name="free")

    async def act() -> list[Reason]:
        batches = Batches(store)
        asked = [Asked(ids=[one], action=Acknowledge(actor="lena")) for one in (held, free) * 2]
        with store.write() as connection:
            assert lock_rules(connection, [("default", "held")])
            tasks = [asyncio.create_task(batches.act(one)) for one in asked]
            for task in tasks[1::2]:
                await asyncio.wait_for(task, 20)
            assert not any(task.done() for task in tasks[::2])
        reasons = [(await task).result.reason for task in tasks]
        await asyncio.to_thread(batches.close)
        return reasons

    reasons = asyncio.run(act())
    assert sorted(reasons) == [Reason.ACKNOWLEDGED] * 2 + [Reason.UNCHANGED] * 2


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
