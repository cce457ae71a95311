"""What happened to alerts and incidents, read over HTTP from a cursor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.world import World

EVENTS = "/api/v1/lifecycle-events"


def test_events_are_read_from_a_cursor_on(client: httpx.Client, store: Store, clock: FakeClock):
    World(store, clock).sees({"/": 95, "/data": 95})
    first = client.get(EVENTS, params={"after": 0, "limit": 1}).json()
    assert (first["cursor"], first["last"]) == (1, 2)
    second = client.get(EVENTS, params={"after": first["cursor"]}).json()
    assert [one["type"] for one in second["events"]] == ["sentinel.alert.opened"]
    assert client.get(EVENTS, params={"after": second["cursor"]}).json()["events"] == []
    assert client.get(EVENTS).json() == {"events": [], "cursor": 2, "last": 2}


def test_a_request_that_waits_is_answered_by_what_happens(
    client: httpx.Client, store: Store, clock: FakeClock
):
    with ThreadPoolExecutor(1) as other:
        waits = other.submit(client.get, EVENTS, params={"after": 0, "wait": 30})
        World(store, clock).sees({"/": 95})
        assert [one["sequence"] for one in waits.result().json()["events"]] == [f"{1:020}"]


def test_a_cursor_ahead_of_the_newest_change_is_refused_with_what_to_do(client: httpx.Client):
    answer = client.get(EVENTS, params={"after": 7})
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == "there is no change 7 yet, the newest is 0"


def test_a_destination_says_how_far_it_is_and_how_it_fares(client: httpx.Client):
    place = "/api/v1/event-destinations/lake"
    made = client.put(place, json={"channel": "sentinel-webhook/lake", "after": 0})
    assert made.status_code == 200
    assert {"cursor": 0, "mode": "batch", "state": "healthy", "failures": 0}.items() <= (
        made.json().items()
    )
    assert client.get(place).json() == made.json()
    assert client.post(f"{place}/replay", json={"after": 1}).status_code == 409
    assert client.post(f"{place}/replay", json={"after": 0}).json()["cursor"] == 0
    assert client.delete(place).json()["cursor"] == 0
    assert client.get(place).status_code == 404
