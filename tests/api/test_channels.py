"""The health of channels over HTTP."""

from __future__ import annotations

import httpx

from sentinel.clock import FakeClock
from sentinel.errors import DeliveryError
from sentinel.store import Store
from tests.world import World

HOOK = "sentinel-webhook/ops"


def test_each_channel_says_how_it_is_and_who_uses_it(
    client: httpx.Client, store: Store, clock: FakeClock
):
    store.receivers.set("ops", ["inbox", HOOK])
    world = World(store, clock, receivers=["ops"])
    world.recorder.fails[HOOK] = DeliveryError("the webhook answered 404", permanent=True)
    world.sees({"/": 95})
    world.tells()
    inbox, hook = client.get("/api/v1/alerts/channels").json()["items"]
    assert (inbox["channel"], inbox["state"], inbox["receivers"]) == (
        "inbox", "healthy", ["default", "ops"],
    )  # fmt: skip
    assert (hook["channel"], hook["state"], hook["receivers"]) == (HOOK, "refused", ["ops"])
    assert (hook["failures"], hook["error"]) == (1, "the webhook answered 404")
    assert hook["failed_at"] is not None
