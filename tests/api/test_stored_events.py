"""Stored events and the system log over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest
from pydantic import BaseModel

from sentinel.access import Role
from sentinel.client import system_log
from sentinel.client.calls import Call, read
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.databases import both_databases

M = TypeVar("M", bound=BaseModel)
EVENTS, LOG = "/api/v1/events", "/api/v1/alerts/system-log"


def done(client: httpx.Client, call: Call[M]) -> M:
    found = read(call, client.send(call.request(client)))
    assert found is not None
    return found


def key(store: Store, role: Role, *tenants: str) -> dict[str, str]:
    made = Keys(store).create(f"{role} {len(tenants)}", role, actor="ada", tenants=tenants or None)
    return {"Authorization": f"Bearer {made.secret.text}"}


@both_databases
def test_events_are_listed_newest_first_by_pages_that_what_arrives_does_not_shift(
    client: httpx.Client, store: Store
):
    store.events.add([{"n": number} for number in range(3)])
    store.events.add([{"n": number} for number in range(3, 5)])
    store.events.add([{"n": "other"}], tenant="red")
    seen: list[object] = []
    cursor: str | None = None
    for page in range(3):
        found = done(client, system_log.events(limit=2, cursor=cursor))
        seen += [one.event["n"] for one in found.items]
        cursor = found.next_cursor
        store.events.add([{"n": f"late {page}"}])
    assert (seen, cursor) == ([4, 3, 2, 1, 0], None)
    one = done(client, system_log.event("1-2"))
    assert (one.id, one.event) == ("1-2", {"n": 2})
    for unknown in ("1-3", "99-0"):
        assert client.get(f"{EVENTS}/{unknown}").status_code == 404
    assert client.get(EVENTS, params={"cursor": "x"}).status_code == 422


@both_databases
def test_events_are_found_by_their_text_and_by_when_they_were_received(
    client: httpx.Client, store: Store, clock: FakeClock
):
    began = clock.now()
    store.events.add([{"action": "Login", "by": "Zoë"}, {"action": "logout", "by": "max"}])
    clock.forward(minutes=1)
    store.events.add([{"action": "login", "by": "max"}])

    def found(**asked: Any) -> list[str]:
        items = done(client, system_log.events(**asked)).items
        return [f"{one.event['action']} {one.event['by']}" for one in items]

    assert found(q="LOGIN") == ["login max", "Login Zoë"]
    assert found(q="zoË") == ["Login Zoë"]
    assert found(q="nothing") == []
    assert found(since=began + timedelta(minutes=1)) == ["login max"]
    assert found(until=began + timedelta(minutes=1), q="max") == ["logout max"]
    naive = client.get(EVENTS, params={"since": "2026-01-01T00:00:00"})
    assert naive.status_code == 422


def test_a_text_that_is_rare_is_found_page_by_page(
    client: httpx.Client, store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sentinel.store.events.stored.MOST_LOOKED_AT", 3)
    store.events.add([{"n": number, "rare": number == 1} for number in range(8)])
    cursor: str | None = None
    pages: list[list[object]] = []
    while cursor or not pages:
        found = done(client, system_log.events(q='"rare":true', cursor=cursor))
        pages.append([one.event["n"] for one in found.items])
        cursor = found.next_cursor
    assert pages == [[], [], [1]]


def test_events_are_for_editors_of_their_tenant(client: httpx.Client, store: Store):
    store.events.add([{"n": 1}], tenant="red")
    store.events.add([{"n": 2}], tenant="blue")
    red = key(store, Role.EDITOR, "red")
    assert [one["event"] for one in client.get(EVENTS, headers=red).json()["items"]] == [{"n": 1}]
    assert client.get(EVENTS, headers=red, params={"tenant": "blue"}).status_code == 403
    assert client.get(EVENTS, headers=key(store, Role.RESPONDER, "red")).status_code == 403


@both_databases
def test_the_system_log_is_read_back_from_a_moment(
    client: httpx.Client, store: Store, clock: FakeClock
):
    for number in range(3):
        store.log.write("error" if number else "warning", "test.happened", f"number {number}")
        clock.forward(minutes=1)
    store.receivers.set("r1", ["inbox"], actor="ada")
    every = done(client, system_log.entries(q="number")).items
    assert [one.message for one in every] == ["number 2", "number 1", "number 0"]
    before = done(client, system_log.entries(q="number", until=every[1].at)).items
    assert [one.message for one in before] == ["number 1", "number 0"]
    errors = done(client, system_log.entries(q="number", level=["error"], limit=1)).items
    assert [one.message for one in errors] == ["number 2"]
    assert "receiver" in done(client, system_log.entries(q="r1")).items[0].message
    assert done(client, system_log.entries(q="r1", until=every[0].at)).items == []
    far = {"until": "9999-12-31T23:59:59.999999Z"}
    assert client.get(LOG, params=far).status_code == 200
    assert client.get(LOG, headers=key(store, Role.ADMIN, "red")).status_code == 403
