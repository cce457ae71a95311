"""Deliveries over HTTP: attempts with what came of them, and figures by channel."""

from __future__ import annotations

import httpx

from sentinel.clock import FakeClock
from sentinel.errors import DeliveryError
from sentinel.store import Store
from tests.world import World

HOOK = "sentinel-webhook/ops"
URL = "/api/v1/alerts/deliveries"


def test_each_attempt_says_what_came_of_it(client: httpx.Client, store: Store, clock: FakeClock):
    store.receivers.set("ops", ["inbox", HOOK])
    world = World(store, clock, receivers=["ops"])
    refusal = DeliveryError("the webhook answered 504", permanent=False)
    refusal.unanswered = True
    world.recorder.fails[HOOK] = refusal
    world.sees({"/": 95})
    world.tells()
    clock.forward(seconds=20)
    world.recorder.fails.clear()
    world.tells()

    taken, missed, inbox = client.get(URL).json()["items"]
    assert {one["message_id"] for one in (taken, missed)} == {taken["message_id"]}
    assert (missed["state"], missed["error"], missed["unanswered"], missed["attempt"]) == (
        "failed", "the webhook answered 504", True, 1,
    )  # fmt: skip
    assert (taken["state"], taken["error"], taken["unanswered"], taken["attempt"]) == (
        "sent", "", False, 2,
    )  # fmt: skip
    assert taken["latency_ms"] >= 0
    assert (inbox["channel"], inbox["reason"], inbox["reason_text"]) == (
        "inbox", "first", "first notification",
    )  # fmt: skip

    wanted = {"channel": HOOK, "receiver": "ops", "state": "failed", "group": missed["group_id"]}
    assert client.get(URL, params=wanted).json()["items"] == [missed]
    assert client.get(URL, params={"group": "none"}).json() == {"items": [], "next_cursor": None}

    first = client.get(URL, params={"limit": 2}).json()
    rest = client.get(URL, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [*first["items"], *rest["items"]] == [taken, missed, inbox]
    assert rest["next_cursor"] is None
    assert client.get(URL, params={"cursor": "x"}).status_code == 422

    mail, hook = client.get(f"{URL}/statistics").json()["items"]
    assert (mail["channel"], mail["success_rate"], mail["sent"]) == ("inbox", 1.0, 1)
    assert (hook["success_rate"], hook["sent"], hook["failed"]) == (0.5, 1, 1)
    assert hook["latency_p95_ms"] >= hook["latency_p50_ms"] >= 0
