"""Answers are those of the models, computed once, and never older than the request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import event

from sentinel.alerts.actions import action_named
from sentinel.api.answers import THREADS, Answers
from sentinel.api.schemas import (
    AlertDetail,
    AlertItem,
    AlertList,
    Remediation,
    RuleItem,
    RuleList,
    StatisticsView,
)
from sentinel.clock import FakeClock
from sentinel.links import Addresses
from sentinel.rules.health import explain, health_of
from sentinel.store import Store
from sentinel.store.database.version import Version
from sentinel.store.rules.health import alert_counts, facts_of
from tests.api.served import Raised, called
from tests.databases import both_databases

BASE = "/api/v1/alerts"


@contextmanager
def counted(store: Store) -> Generator[list[str]]:
    """The statements that the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield asked
    event.remove(store.engine, "before_cursor_execute", note)


@pytest.fixture
def varied(raised: Raised, store: Store, clock: FakeClock) -> str:
    """Alerts of every kind; gives the id of one with a remediation."""
    one, two, three, *_ = raised("/a", "/b", "/c", "/é \u2028", severity="emergency")
    raised("/x", name="other", annotations={"runbook": "https://r.example.org/y"}, value=1e15)
    (fixed,) = raised("/z", name="fixed", remediate={"deployment": "restart/disk"})
    until = clock.now() + timedelta(hours=4)
    for alert, name in ((one, "acknowledge"), (two, "suppress"), (three, "resolve")):
        store.act([alert], action_named(name, actor="maria", comment="seen", until=until))
    return fixed


def links(app: FastAPI, alert: Any) -> dict[str, str | None]:
    addresses: Addresses = app.state.addresses
    run = addresses.flow_run(alert.flow_run_id) if alert.flow_run_id else None
    return {"dashboard": addresses.alert(alert.id), "flow_run": run, "evaluation": run}


def through_the_model(model: BaseModel) -> bytes:
    """What FastAPI writes of a response model, since it writes JSON in one step."""
    return model.model_dump_json().encode()


@both_databases
@pytest.mark.parametrize("order", ["history", "live"])
def test_a_list_is_byte_for_byte_what_its_models_are(
    app: FastAPI, client: httpx.Client, store: Store, varied: str, order: Any
):
    page = store.alerts.page(limit=4, order=order)
    items = [AlertItem(**alert.model_dump(), links=links(app, alert)) for alert in page.items]  # pyright: ignore[reportArgumentType] - validated
    answer = client.get(f"{BASE}/alerts", params={"limit": 4, "order": order})
    assert answer.content == through_the_model(AlertList(items=items, next_cursor=page.next))
    assert answer.headers["content-type"] == "application/json"


@both_databases
def test_one_alert_is_byte_for_byte_what_its_models_are(
    app: FastAPI, client: httpx.Client, store: Store, varied: str
):
    for alert in store.alerts.page().items:
        remedy = store.remediations.of(alert.id)
        found = AlertDetail(
            **alert.model_dump(),
            links=links(app, alert),  # pyright: ignore[reportArgumentType] - validated
            timeline=store.alerts.timeline(alert.id),
            remedy=remedy and Remediation.model_validate({**remedy.model_dump(), "flow_run": None}),
        )
        assert (remedy is not None) == (alert.id == varied)
        assert client.get(f"{BASE}/alerts/{alert.id}").content == through_the_model(found)


@both_databases
def test_rules_and_statistics_are_byte_for_byte_what_their_models_are(
    client: httpx.Client, store: Store, varied: str
):
    counts, now = alert_counts(store), store.now()
    items = [
        RuleItem.model_validate(
            {
                **row.model_dump(),
                "rank": row.severity,
                "live_alerts": counts[row.tenant, row.name].live,
                "health": health_of(facts, now),
                "health_text": explain(facts, now),
            }
        )
        for row in store.rules.list()
        for facts in [facts_of(row.model_dump(), counts[row.tenant, row.name])]
    ]
    answer = client.get(f"{BASE}/rules")
    assert answer.content == through_the_model(RuleList(items=items))
    answer = client.get(f"{BASE}/statistics")
    found = StatisticsView.model_validate_json(answer.content)
    assert answer.content == through_the_model(found)
    figures = store.statistics.figures()
    stats = found.system_stats
    assert (found.total_active_alerts, stats.alerts_generated) == (figures.active, 6)
    assert stats.rule_evaluations == figures.rule_evaluations == 3


@pytest.mark.parametrize("path", ["alerts", "alerts?status=open", "rules", "statistics?hours=2"])
def test_what_was_answered_is_not_computed_again_while_nothing_changed(
    client: httpx.Client, store: Store, varied: str, path: str
):
    first = client.get(f"{BASE}/{path}").content
    with counted(store) as asked:
        assert client.get(f"{BASE}/{path}").content == first
    # What the versions are read with, and no more.
    versions = ("BEGIN", "change.number", "sum(rule.evaluations)")
    assert [text for text in asked if not any(part in text for part in versions)] == []


def test_a_change_is_in_the_next_answer(client: httpx.Client, raised: Raised):
    (one,) = raised("/a")
    status = {"acknowledge": "acknowledged", "unacknowledge": "open", "resolve": "resolved"}
    for action, shown in status.items():
        client.get(f"{BASE}/alerts")
        client.get(f"{BASE}/alerts/{one}")
        client.post(f"{BASE}/alerts/{one}/actions", json={"action": action})
        assert client.get(f"{BASE}/alerts").json()["items"][0]["status"] == shown
        assert client.get(f"{BASE}/alerts/{one}").json()["status"] == shown


def test_an_evaluation_that_changes_nothing_is_in_the_next_answer_about_rules(
    client: httpx.Client, raised: Raised, clock: FakeClock
):
    raised("/", value=5.0)
    before = client.get(f"{BASE}/rules").json()["items"][0]["evaluated_at"]
    assert client.get(f"{BASE}/statistics").json()["system_stats"]["rule_evaluations"] == 1
    raised("/", value=5.0)
    assert client.get(f"{BASE}/rules").json()["items"][0]["evaluated_at"] > before
    assert client.get(f"{BASE}/statistics").json()["system_stats"]["rule_evaluations"] == 2


def test_a_suppression_that_ends_is_in_the_next_answer_although_nothing_was_written(
    client: httpx.Client, raised: Raised, clock: FakeClock
):
    (one,) = raised("/a")
    body = {"action": "suppress", "duration_minutes": 10, "reason": "migration"}
    client.post(f"{BASE}/alerts/{one}/actions", json=body)
    assert client.get(f"{BASE}/alerts").json()["items"][0]["status"] == "suppressed"
    assert client.get(f"{BASE}/alerts", params={"status": "open"}).json()["items"] == []
    clock.forward(minutes=10)
    assert client.get(f"{BASE}/alerts").json()["items"][0]["status"] == "open"
    assert len(client.get(f"{BASE}/alerts", params={"status": "open"}).json()["items"]) == 1


def test_what_leaves_the_period_leaves_the_statistics_although_nothing_was_written(
    client: httpx.Client, raised: Raised, clock: FakeClock
):
    raised("/a")
    clock.forward(minutes=30)

    def generated() -> int:
        body = client.get(f"{BASE}/statistics", params={"hours": 1}).json()
        return body["system_stats"]["alerts_generated"]

    assert generated() == 1
    clock.forward(minutes=29)
    assert generated() == 1
    clock.forward(minutes=2)
    assert generated() == 0


def test_what_retention_deletes_is_not_answered_again(
    client: httpx.Client, raised: Raised, store: Store, clock: FakeClock
):
    (one,) = raised("/a")
    client.post(f"{BASE}/alerts/{one}/actions", json={"action": "resolve"})
    clock.forward(days=2)
    assert client.get(f"{BASE}/alerts/{one}").status_code == 200
    store.retain(timedelta(days=1))
    assert client.get(f"{BASE}/alerts/{one}").status_code == 404
    assert client.get(f"{BASE}/alerts").json()["items"] == []


def test_requests_that_wait_together_are_computed_once(store: Store, clock: FakeClock):
    answers, computed = Answers(store), list[str]()

    def read() -> tuple[bytes, None]:
        computed.append("once")
        return b"{}", None

    async def asked() -> list[bytes]:
        version = await answers.version()
        return await asyncio.gather(*(answers.of("key", version, read) for _ in range(50)))

    assert asyncio.run(asked()) == [b"{}"] * 50
    assert computed == ["once"]
    answers.close()


def test_an_error_is_not_kept(store: Store, clock: FakeClock):
    answers = Answers(store)
    version = Version(1, clock.now(), None)

    def fails() -> tuple[bytes, None]:
        raise LookupError("not now")

    async def asked() -> bytes:
        with pytest.raises(LookupError):
            await answers.of("key", version, fails)
        return await answers.of("key", version, lambda: (b"{}", None))

    assert asyncio.run(asked()) == b"{}"
    answers.close()


def test_what_is_kept_is_bounded(store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sentinel.api.answers.MOST_KEPT_BYTES", 5000)
    answers, computed = Answers(store), list[int]()
    version = Version(1, clock.now(), None)

    async def ask(number: int) -> None:
        def read() -> tuple[bytes, None]:
            computed.append(number)
            return b"x" * 300, None

        await answers.of(number, version, read)

    async def all_of_them() -> None:
        for number in (1, 2, 3, 1, 4, 1, 2):  # the fourth makes room by the oldest, which is 2
            await ask(number)

    asyncio.run(all_of_them())
    assert computed == [1, 2, 3, 4, 2]
    answers.close()


@pytest.mark.parametrize("long", ["", "a long filter" * 300], ids=["short", "long"])
def test_what_is_kept_is_bounded_where_answers_are_small(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, long: str
):
    """An empty answer has a key and objects too, which count."""
    monkeypatch.setattr("sentinel.api.answers.MOST_KEPT_BYTES", 20_000)
    answers, computed = Answers(store), list[int]()
    version = Version(1, clock.now(), None)

    async def ask(number: int) -> None:
        def read() -> tuple[bytes, None]:
            computed.append(number)
            return b"", None

        await answers.of((long, number), version, read)

    async def all_of_them() -> None:
        for number in (*range(100), 99, 0):
            await ask(number)

    asyncio.run(all_of_them())
    assert computed == [*range(100), 0]
    answers.close()


@pytest.mark.parametrize(
    "given",
    [{name: "x" * 301} for name in ("rule", "category", "team", "assignee", "q", "cursor")]
    + [{name: [word] * 51} for name, word in (("status", "open"), ("severity", "high"))],
)
def test_a_filter_that_is_too_long_is_refused(client: httpx.Client, given: dict[str, Any]):
    assert client.get(f"{BASE}/alerts", params=given).status_code == 422


def test_an_unknown_alert_is_still_not_found(app: FastAPI, client: httpx.Client):
    with called(app) as stranger:
        assert stranger.get(f"{BASE}/alerts/{'0' * 32}").status_code == 401
    assert client.get(f"{BASE}/alerts/{'0' * 32}").status_code == 404


def test_slow_queries_do_not_keep_others_from_learning_that_nothing_changed(store: Store):
    """As many queries as there are threads are under way, and more wait."""
    answers, over = Answers(store), threading.Event()

    def slow() -> tuple[int, None]:
        over.wait(60)
        return 7, None

    async def ask() -> list[int]:
        version = await answers.version()
        waiting = [asyncio.create_task(answers.of(n, version, slow)) for n in range(2 * THREADS)]
        await asyncio.sleep(0)
        again = await answers.version()
        await answers.rules_version()
        assert again.number == version.number
        over.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(asyncio.wait_for(ask(), 30)) == [7] * 2 * THREADS
    answers.close()
