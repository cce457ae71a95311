"""Destinations are sent every change at least once, in order, as CloudEvents that others read."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.v1.http import from_dict
from jsonschema import Draft7Validator
from pydantic import SecretStr

from blocks.webhook import SignedWebhook
from sentinel.clock import FakeClock
from sentinel.engine.event_delivery import send_events
from sentinel.errors import DeliveryError
from sentinel.events.outgoing import Mode
from sentinel.store import Store
from sentinel.store.events.destinations import Destinations
from tests.prefect_server import Receiver
from tests.world import World

SECRET = "a-shared-secret"
SCHEMA: Any = Draft7Validator(
    json.loads((Path(__file__).parent / "schemas" / "cloudevents.json").read_text()),
    format_checker=Draft7Validator.FORMAT_CHECKER,
)


class Lake:
    """A destination at a real HTTP receiver."""

    def __init__(self, store: Store, clock: FakeClock, receiver: Receiver) -> None:
        self.store, self.clock, self.receiver = store, clock, receiver
        self.world = World(store, clock)
        self.destinations = Destinations(store)
        self.webhook = SignedWebhook(url=SecretStr(receiver.url), secret=SecretStr(SECRET))

    def channel_of(self, reference: str) -> SignedWebhook:
        assert reference == "sentinel-webhook/lake"
        return self.webhook

    def opens(self, mode: Mode = "batch") -> None:
        self.destinations.set(
            "lake", tenant="default", channel="sentinel-webhook/lake", mode=mode, actor="ann"
        )

    def turn(self, **later: float) -> None:
        self.clock.forward(**later)
        send_events(self.store, self.channel_of, self.clock.now())

    def bodies(self) -> list[Any]:
        return [json.loads(one.body) for one in self.receiver.requests]

    def numbers(self) -> list[int]:
        """Numbers of all events that came, in the order in which they came."""
        found: list[int] = []
        for body in self.bodies():
            events: Any = [body] if "specversion" in body else body
            found += [int(one["sequence"]) for one in events]
        return found


@pytest.fixture
def lake(store: Store, clock: FakeClock, receiver: Receiver) -> Lake:
    return Lake(store, clock, receiver)


def test_structured_events_are_read_by_the_cloudevents_sdk_and_fit_the_published_schema(
    lake: Lake,
):
    lake.opens("structured")
    lake.world.sees({"/": 95})
    lake.turn()
    (request,) = lake.receiver.requests
    SCHEMA.validate(json.loads(request.body))
    event = from_structured_event(HTTPMessage(headers=dict(request.headers), body=request.body))
    alert = lake.world.ids()[0]
    assert event.get_type() == "sentinel.alert.opened"
    assert event.get_subject() == f"alert/{alert}"
    assert event.get_source() == "urn:sentinel-alerts:tenant:default"
    assert event.get_time() == lake.clock.now()
    assert event.get_extension("sequence") == "00000000000000000001"
    data: Any = event.get_data()
    assert (data["alert_id"], data["severity"], data["value"]) == (alert, "medium", 95)


def test_a_batch_has_up_to_a_hundred_events_and_is_signed_as_messages_are(lake: Lake):
    lake.opens()
    lake.world.sees({f"/{n}": 95 for n in range(130)})
    lake.turn()
    assert [len(body) for body in lake.bodies()] == [100, 30]
    assert lake.numbers() == list(range(1, 131))
    for event in lake.bodies()[0]:
        SCHEMA.validate(event)
        assert from_dict(event)["type"] == "sentinel.alert.opened"
    request = lake.receiver.requests[0]
    assert request.headers["Content-Type"] == "application/cloudevents-batch+json; charset=utf-8"
    expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Sentinel-Signature-256"] == f"sha256={expected}"


def test_what_was_not_taken_is_sent_again_before_anything_that_follows(lake: Lake):
    lake.opens("structured")
    lake.world.sees({"/": 95, "/data": 95})
    lake.receiver.answers = [200, 503]
    lake.turn()
    assert (lake.numbers(), lake.destinations.get("lake").cursor) == ([1, 2], 1)
    lake.world.sees({"/": 20, "/data": 95})
    lake.turn()
    lake.turn()
    assert lake.numbers() == [1, 2, 2, 3]
    first, again = (lake.bodies()[n]["id"] for n in (1, 2))
    assert first == again


def test_a_destination_that_fails_is_tried_less_often_and_its_errors_have_no_secrets(lake: Lake):
    lake.opens()
    lake.world.sees({"/": 95, "/data": 95})
    lake.receiver.answers = [503] * 4
    for _ in range(3):
        lake.turn(seconds=1)
    assert [len(body) for body in lake.bodies()] == [2, 1, 1]  # then one change alone is tried
    lake.turn(seconds=1)
    assert len(lake.receiver.requests) == 3  # the breaker is open
    lake.turn(seconds=11)
    lake.turn(seconds=11)
    assert len(lake.receiver.requests) == 4  # its second pause is twice as long
    found = lake.destinations.get("lake")
    assert found.failures == 4
    assert "503" in found.error
    assert lake.receiver.url not in found.error
    lake.turn(seconds=22)
    lake.turn(seconds=1)
    assert lake.numbers()[-2:] == [1, 2]
    assert lake.destinations.get("lake").failures == 0
    logged = [one.what for one in lake.store.log.page() if one.what.startswith("event_dest")]
    assert logged == ["event_destination.recovered", "event_destination.failing"]


def test_a_replay_sends_the_same_events_with_the_same_ids(lake: Lake):
    lake.opens()
    lake.world.sees({"/": 95, "/data": 95})
    lake.turn()
    lake.destinations.replay("lake", 1, actor="ann")
    lake.turn()
    before, after = lake.bodies()
    assert after == before[1:]


def test_a_cursor_that_was_moved_while_events_were_sent_stays_where_it_was_moved_to(lake: Lake):
    lake.opens()
    lake.world.sees({"/": 95, "/data": 95})
    post = lake.webhook.post_events

    class Moved:
        def post_events(self, request: Any) -> None:
            post(request)
            lake.destinations.replay("lake", 1, actor="ann")

    send_events(lake.store, lambda _: Moved(), lake.clock.now())
    assert lake.destinations.get("lake").cursor == 1


def test_one_destination_that_fails_keeps_no_other_from_its_events(lake: Lake):
    lake.opens()
    lake.destinations.set(
        "gone", tenant="default", channel="sentinel-webhook/gone", mode="batch", actor="ann"
    )
    lake.world.sees({"/": 95})

    def channel_of(reference: str) -> SignedWebhook:
        if reference == "sentinel-webhook/gone":
            raise DeliveryError("there is no block sentinel-webhook/gone", permanent=True)
        return lake.webhook

    send_events(lake.store, channel_of, lake.clock.now())
    assert lake.numbers() == [1]
    assert "no block" in lake.destinations.get("gone").error


@pytest.mark.slow
def test_a_process_that_is_killed_between_sending_and_its_cursor_loses_nothing(lake: Lake):
    lake.opens("structured")
    lake.world.sees({"/": 95, "/data": 95})
    program = f"""
import os, signal
from pydantic import SecretStr
from blocks.webhook import SignedWebhook
from sentinel.engine.event_delivery import send_events
from sentinel.store import Store
from sentinel.store.events.destinations import Destinations

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

Destinations.took = killed
store = Store({lake.store.engine.url.render_as_string(hide_password=False)!r})
block = SignedWebhook(url=SecretStr({lake.receiver.url!r}), secret=SecretStr({SECRET!r}))
send_events(store, lambda _: block, store.now())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert (lake.numbers(), lake.destinations.get("lake").cursor) == ([1], 0)
    lake.turn()
    assert lake.numbers() == [1, 1, 2]
    assert lake.bodies()[0] == lake.bodies()[1]
    assert lake.destinations.get("lake").cursor == 2
