"""A message of several pages, from the rows of its alerts to a real endpoint that refuses one."""

from __future__ import annotations

import json

import pytest
from pydantic import SecretStr

from blocks.webhook import SignedWebhook
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import DeliveryCount, notify_due
from sentinel.store import Store, StoreOptions
from tests.prefect_server import Receiver
from tests.world import World


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    store.options = StoreOptions(storm_alerts=0)  # what opens here would be one
    world = World(store, clock)
    world.sees({f"/{n}": 95 for n in range(1_100)})
    return world


def notified(world: World, receiver: Receiver) -> DeliveryCount:
    block = SignedWebhook(url=SecretStr(receiver.url), secret=SecretStr("a-shared-secret"))
    return notify_due(world.store, lambda _: block, by="test")


def pages(receiver: Receiver) -> list[int]:
    found = [json.loads(request.body)["page"] for request in receiver.requests]
    receiver.requests.clear()
    return found


def test_a_page_that_was_taken_is_not_sent_again(world: World, receiver: Receiver):
    receiver.answers = [200, 503]
    assert notified(world, receiver) == DeliveryCount(0, 1, 0)
    assert pages(receiver) == [1, 2]
    receiver.answers = [503]
    world.clock.forward(seconds=30)
    assert notified(world, receiver) == DeliveryCount(0, 1, 0)
    assert pages(receiver) == [2]
    world.clock.forward(seconds=60)
    assert notified(world, receiver) == DeliveryCount(1, 0, 0)
    assert pages(receiver) == [2, 3]


def test_a_refused_message_goes_on_with_its_next_page_too(world: World, receiver: Receiver):
    receiver.answers = [200, 413]
    assert notified(world, receiver) == DeliveryCount(0, 0, 1)
    world.clock.forward(hours=4)
    pages(receiver)
    assert notified(world, receiver) == DeliveryCount(1, 0, 0)
    assert pages(receiver) == [2, 3]


def test_the_next_message_is_sent_whole(world: World, receiver: Receiver):
    receiver.answers = [200, 503]
    notified(world, receiver)
    world.clock.forward(seconds=30)
    notified(world, receiver)
    pages(receiver)
    world.clock.forward(hours=4)
    assert notified(world, receiver) == DeliveryCount(1, 0, 0)
    assert pages(receiver) == [1, 2, 3]
