"""A creation with an idempotency key is worked on once, however often it is sent."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentinel.api import once
from sentinel.clock import FakeClock
from sentinel.errors import DatabaseUnreachable
from sentinel.store import Store
from sentinel.store.answered_requests import Claim, begin, give_up, note_changes
from tests.databases import both_databases

ALERT: dict[str, Any] = {"alert_name": "high_latency", "service_name": "shop"}
PLACE = "/api/alerts"


def send(client: httpx.Client, key: str | None, **more: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(more.pop("place", PLACE), json={**ALERT, **more}, headers=headers)


@both_databases
def test_the_same_request_again_is_answered_and_not_repeated(
    client: httpx.Client, clock: FakeClock
):
    first = send(client, "a-key")
    clock.forward(hours=23)
    again = send(client, "a-key")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    (item,) = client.get(f"{PLACE}/active").json()["items"]
    assert item["occurrences"] == 1


@both_databases
def test_after_a_day_the_key_is_free_again(client: httpx.Client, clock: FakeClock, store: Store):
    send(client, "a-key")
    clock.forward(hours=24, seconds=1)
    assert send(client, "a-key").json()["occurrences"] == 2
    clock.forward(days=2)
    store.retain(clock.now() - clock.now().replace(year=clock.now().year - 1))
    with store.read() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM answered_request").scalar()
    assert rows == 0


@both_databases
def test_a_key_stands_for_one_request_of_one_caller_at_one_address(client: httpx.Client):
    send(client, "a-key")
    other = send(client, "a-key", service_name="mail")
    assert (other.status_code, other.json()["error"]["field"]) == (422, "Idempotency-Key")
    assert client.post(f"{PLACE}?tenant=acme", json=ALERT, headers={"Idempotency-Key": "a-key"}
                       ).status_code == 422  # fmt: skip
    assert send(client, "a-key", place="/api/v1/alerts").json()["occurrences"] == 2
    by_maria = {"Idempotency-Key": "a-key", "X-Sentinel-User": "maria"}
    assert client.post(PLACE, json=ALERT, headers=by_maria).json()["occurrences"] == 3
    assert send(client, None).json()["occurrences"] == 4


def test_a_request_that_failed_may_be_sent_again(client: httpx.Client):
    assert send(client, "a-key", severity="loud").status_code == 422
    assert send(client, "a-key").status_code == 201


def test_a_stranger_learns_nothing_of_the_answers_of_others(
    client: httpx.Client, stranger: httpx.Client
):
    send(client, "a-key")
    assert send(stranger, "a-key").status_code == 401


@both_databases
def test_what_is_worked_on_is_not_begun_twice(client: httpx.Client, store: Store, clock: FakeClock):
    claim = Claim(caller="x", path="y", key="z", digest="d")
    assert begin(store, claim) is None
    before = begin(store, claim)
    assert before is not None
    assert (before.status, before.same) == (0, True)
    clock.forward(minutes=3)  # its process was lost
    assert begin(store, claim) is None
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, [client] * 8, ["at-once"] * 8))
    assert {one.status_code for one in answers} <= {201, 409}
    assert [one.status_code for one in answers].count(201) >= 1
    assert client.get(f"{PLACE}/active").json()["items"][0]["occurrences"] == 1


@both_databases
def test_what_changed_something_and_was_not_answered_is_never_repeated(
    client: httpx.Client, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    def dies(*_: Any, **__: Any) -> None:
        raise DatabaseUnreachable("the process is gone")

    with monkeypatch.context() as patch:
        patch.setattr(once, "finish", dies)
        assert send(client, "a-key").status_code >= 500
    assert "worked on" in send(client, "a-key").json()["error"]["message"]
    clock.forward(minutes=3)
    uncertain = send(client, "a-key")
    assert uncertain.status_code == 409
    assert "may have been carried out" in uncertain.json()["error"]["message"]
    assert "new key" in uncertain.json()["error"]["hint"]
    assert send(client, "a-key", service_name="mail").status_code == 422
    (item,) = client.get(f"{PLACE}/active").json()["items"]
    assert item["occurrences"] == 1
    clock.forward(hours=24)
    assert send(client, "a-key").json()["occurrences"] == 2


@pytest.fixture
def other_database(tmp_path: Path) -> Generator[Store]:
    other = Store(f"sqlite:///{tmp_path}/other.db")  # it has no such table
    yield other
    other.close()


@both_databases
def test_what_breaks_off_may_be_sent_again_only_where_it_changed_nothing(
    store: Store, other_database: Store
):
    def begun(key: str) -> Claim:
        claim = Claim(caller="x", path="y", key=key, digest="d")
        assert begin(store, claim) is None
        note_changes(store, claim)
        return claim

    unchanged = begun("unchanged")
    with store.read(), other_database.write():
        pass
    give_up(store, unchanged, refused=False)
    assert begin(store, unchanged) is None
    changed = begun("changed")
    with store.write():
        pass
    give_up(store, changed, refused=False)
    again = begin(store, changed)
    assert again is not None
    assert (again.status, again.lost) == (0, True), "it failed: nobody works on it any more"
    leased = begun("leased")
    assert store.leases.take("rule-change:x", "me", timedelta(minutes=2))
    store.leases.release("rule-change:x", "me")
    give_up(store, leased, refused=False)
    assert begin(store, leased) is None, "a lease is no change"
    refused = begun("refused")
    with store.write():
        pass
    give_up(store, refused)
    assert begin(store, refused) is None
