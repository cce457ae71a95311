"""Alerts that their sender does not repeat: silenced there, inhibited, or never said to be over."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest

from sentinel.clock import FakeClock
from sentinel.relay.loop import Relay
from sentinel.store import Store
from sentinel.store.alerts.unheard import add_unheard
from tests.api.senders import ALERTMANAGER, BASE, sent
from tests.databases import both_databases
from tests.world import World

ONE: dict[str, Any] = {**ALERTMANAGER, "alerts": ALERTMANAGER["alerts"][:1]}


def after(store: Store, clock: FakeClock, **time: float) -> None:
    clock.forward(**time)
    store.sweep()


def shown(client: httpx.Client) -> dict[str, Any]:
    (found,) = client.get(f"{BASE}/alerts").json()["items"]
    return found


@both_databases
def test_an_alert_that_is_not_repeated_closes_and_says_since_when(
    client: httpx.Client, store: Store, clock: FakeClock
):
    sent(client, "prometheus", ONE)
    after(store, clock, hours=4, minutes=5)  # its repeat is a group_interval late
    sent(client, "prometheus", ONE)
    last = clock.now()
    after(store, clock, hours=4, minutes=55)
    assert shown(client)["status"] == "open"
    after(store, clock, minutes=10)
    found = shown(client)
    assert (found["status"], found["resolution"]) == ("resolved", "not_repeated")
    assert found["resolution_text"] == "not repeated: its sender no longer reports it"
    timeline = client.get(f"{BASE}/alerts/{found['id']}").json()["timeline"]
    assert timeline[-1]["comment"] == f"not repeated since {last:%Y-%m-%d %H:%M:%S} UTC"


def test_receivers_hear_that_it_is_no_longer_reported_and_not_that_it_recovered(
    client: httpx.Client, store: Store, clock: FakeClock
):
    world = World(store, clock)
    store.receivers.set("default", ["inbox"])
    sent(client, "prometheus", ONE)
    clock.forward(minutes=1)
    world.tells()
    after(store, clock, hours=6)
    world.tells()
    message = world.recorder.messages[-1][1]
    assert message.status == "resolved"
    assert message.title.startswith("[not repeated: its sender no longer reports it]")


def runs(store: Store, clock: FakeClock, *, minutes: int) -> None:
    """What the relay does about the ends of alerts, for so long."""
    for _ in range(minutes):
        clock.forward(minutes=1)
        add_unheard(store, clock.now())
        store.sweep()


@both_databases
def test_after_a_stop_of_sentinel_it_waits_as_much_longer_for_repeats(
    client: httpx.Client, store: Store, clock: FakeClock
):
    sent(client, "prometheus", ONE)
    runs(store, clock, minutes=60)
    clock.forward(hours=6)  # nothing runs, and the sender's repeats are refused
    runs(store, clock, minutes=239)
    assert shown(client)["status"] == "open"
    runs(store, clock, minutes=2)
    assert shown(client)["status"] == "resolved"


def test_what_was_repeated_after_the_stop_waits_no_longer(
    client: httpx.Client, store: Store, clock: FakeClock
):
    sent(client, "prometheus", ONE)
    runs(store, clock, minutes=2)
    clock.forward(hours=6)
    sent(client, "prometheus", ONE)  # the relay runs a moment later
    runs(store, clock, minutes=299)
    assert shown(client)["status"] == "open"
    runs(store, clock, minutes=2)
    assert shown(client)["status"] == "resolved"


def test_the_relay_notes_that_it_runs(client: httpx.Client, store: Store, clock: FakeClock):
    relay = Relay(store, None, World(store, clock).recorder.channel_of, holder="one")
    relay.turn()
    sent(client, "prometheus", ONE)
    clock.forward(minutes=1)
    relay.turn()
    clock.forward(hours=6)
    relay.turn()
    assert shown(client)["status"] == "open"


@both_databases
def test_a_sender_that_repeats_less_often_says_so_in_its_address(
    client: httpx.Client, store: Store, clock: FakeClock
):
    sent(client, "prometheus", ONE, repeat_interval="24h")
    after(store, clock, hours=29)
    assert shown(client)["status"] == "open"
    after(store, clock, hours=2)
    assert shown(client)["status"] == "resolved"


@both_databases
def test_an_address_may_keep_what_is_not_repeated(
    client: httpx.Client, store: Store, clock: FakeClock
):
    sent(client, "prometheus", ONE, not_repeated="keep")
    after(store, clock, hours=6)
    found = shown(client)
    assert found["status"] == "open"
    timeline = client.get(f"{BASE}/alerts/{found['id']}").json()["timeline"]
    assert timeline[-1]["reason"] == "kept_not_repeated"
    after(store, clock, hours=6)
    again = client.get(f"{BASE}/alerts/{found['id']}").json()["timeline"]
    assert len(again) == len(timeline)  # said once


def test_what_fires_again_is_open_again(client: httpx.Client, store: Store, clock: FakeClock):
    sent(client, "prometheus", ONE)
    after(store, clock, hours=6)
    assert sent(client, "prometheus", ONE)["changed"] == 1
    statuses = [one["status"] for one in client.get(f"{BASE}/alerts").json()["items"]]
    assert sorted(statuses) == ["open", "resolved"]


def test_repeats_are_not_counted_as_occurrences(client: httpx.Client, clock: FakeClock):
    for _ in range(3):
        sent(client, "prometheus", ONE)
        clock.forward(hours=4)
    assert shown(client)["occurrences"] == 1


@pytest.mark.parametrize("given", ["soon", "0s", "-1h", "400d"])
def test_an_interval_that_is_none_is_refused(client: httpx.Client, given: str):
    body = copy.deepcopy(ONE)
    answer = client.post(
        f"{BASE}/webhooks/prometheus", json=body, params={"repeat_interval": given}
    )
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "repeat_interval"
