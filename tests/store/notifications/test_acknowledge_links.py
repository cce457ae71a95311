"""Acknowledge links: in the messages, what they cover, and what using them leaves behind."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import msgspec
import pytest
from sqlalchemy import text

from sentinel.access.acknowledge_tokens import SIGNS_FOR, VERIFIES_FOR
from sentinel.alerts.actions import Acknowledge, Resolve, Suppress
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import notify_due
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message, Receipt
from sentinel.store import Store
from sentinel.store.audit.queries import every
from sentinel.store.notifications.acknowledge_links import AcknowledgeLinks, Link
from tests.world import World

PUBLIC = "https://ack.example.org/sentinel"
BY = "link of receiver ops"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """A rule whose messages have links."""
    store.options = msgspec.structs.replace(store.options, public_url=PUBLIC)
    store.receivers.set("ops", ["slack-webhook/ops"])
    return World(store, clock, group_wait="0s", group_interval="1m", receivers=["ops"])


def links(world: World) -> list[str]:
    """The link of each message, and that all is sent."""
    world.tells()
    found = [message.acknowledge_url for _, message in world.recorder.messages]
    world.recorder.messages.clear()
    return found


def token_of(url: str) -> str:
    assert url.startswith(f"{PUBLIC}/ack/")
    return urlsplit(url).path.rpartition("/")[2]


def opened(world: World, url: str) -> Link:
    link = AcknowledgeLinks(world.store).find(token_of(url))
    assert link is not None
    return link


def states(link: Link) -> dict[str, tuple[str, str]]:
    return {
        alert.title.partition("=")[2] or alert.title: (alert.status, alert.how)
        for alert in link.alerts
    }


def test_a_link_acknowledges_exactly_the_alerts_of_its_message_and_says_so(world: World):
    world.rule = world.rule.model_copy(update={"annotations": {"summary": "mount={mount}"}})
    world.sees({"/": 95, "/data": 97, "/mute": 95})
    ids = {mount: world.rows("SELECT id FROM alert WHERE title = :t", t=f"mount={mount}")[0][0]
           for mount in ("/", "/data", "/mute")}  # fmt: skip
    world.store.act(
        [ids["/mute"]], Suppress(actor="ann", until=world.clock.now() + timedelta(hours=9))
    )
    (url,) = links(world)
    world.sees({"/": 95, "/data": 97, "/mute": 95, "/later": 99})
    before = opened(world, url)
    assert (before.receiver, before.expired, before.gone) == ("ops", False, 0)
    assert before.title
    assert before.expires_at > world.clock.now() + timedelta(hours=23)
    assert states(before) == {"/": ("open", ""), "/data": ("open", "")}
    results = AcknowledgeLinks(world.store).acknowledge(before, BY, "on it")
    assert [one.ok for one in results] == [True, True]
    assert sorted(world.alerts()) == [
        ("mount=/", "acknowledged"), ("mount=/data", "acknowledged"), ("mount=/later", "open"),
        ("mount=/mute", "open"),
    ]  # fmt: skip
    by_link = ("acknowledged", "by link of receiver ops")
    assert states(opened(world, url)) == {"/": by_link, "/data": by_link}
    row = next(row for some in every(world.store) for row in some)  # the newest
    assert row.action == "alert.acknowledge"
    assert (row.actor, row.door, row.kind, row.note) == (
        "link of receiver ops", "link", "link", "on it",
    )  # fmt: skip
    assert row.after is not None
    assert set(row.after["ids"]) == {ids["/"], ids["/data"]}
    # What was done once is not done twice.
    assert AcknowledgeLinks(world.store).acknowledge(opened(world, url), BY) == []


def test_what_was_acknowledged_or_is_over_meanwhile_is_shown_as_such(
    world: World, clock: FakeClock
):
    world.sees({"/": 95, "/data": 97, "/home": 96})
    (url,) = links(world)
    found = {alert.id: alert for alert in opened(world, url).alerts}
    first, second, third = found
    world.store.act([first], Acknowledge(actor="ann"))
    stale = opened(world, url)
    world.store.act([second], Resolve(actor="bob"))
    now = {alert.id: (alert.status, alert.how) for alert in opened(world, url).alerts}
    assert now == {
        first: ("acknowledged", "by ann"),
        second: ("resolved", "by bob"),
        third: ("open", ""),
    }
    assert opened(world, url).alerts[0].id == third
    # Resolved between the page and the click: the other is acknowledged all the same.
    results = {one.alert_id: one.ok for one in AcknowledgeLinks(world.store).acknowledge(stale, BY)}
    assert results == {second: False, third: True}
    with world.store.write() as connection:
        connection.execute(text("DELETE FROM alert WHERE id = :id"), {"id": second})
    after = opened(world, url)
    assert (after.gone, len(after.alerts)) == (1, 2)


def test_a_message_has_no_link_where_nothing_is_to_be_acknowledged(world: World, clock: FakeClock):
    world.sees({"/": 95, "/data": 95})
    assert [bool(url) for url in links(world)] == [True]
    world.store.act(world.ids(), Acknowledge(actor="ann"))
    world.sees({"/": 95, "/data": 20})
    clock.forward(minutes=5)
    assert links(world) == [""]  # ann acknowledged what fires still
    world.sees({"/": 20, "/data": 20})
    clock.forward(minutes=5)
    assert links(world) == [""]  # it is over
    assert len(world.rows("SELECT id FROM acknowledge_link")) == 1


def test_the_inbox_gets_no_link_and_without_a_public_address_nobody_does(world: World):
    world.store.receivers.set("ops", ["inbox"])
    world.sees({"/": 95})
    assert links(world) == [""]
    world.store.options = msgspec.structs.replace(world.store.options, public_url="")
    world.store.receivers.set("ops", ["slack-webhook/ops"])
    world.clock.forward(minutes=1)
    assert links(world) == [""]
    assert (
        world.rows("SELECT id FROM acknowledge_link") == world.rows("SELECT id FROM link_key") == []
    )


def test_each_channel_and_each_message_has_a_link_and_a_retry_the_same_one(
    world: World, clock: FakeClock
):
    world.store.receivers.set("ops", ["slack-webhook/ops", "sentinel-ntfy/ops"])
    world.recorder.fails["sentinel-ntfy/ops"] = DeliveryError("down")
    world.sees({"/": 95})
    (slack,) = links(world)
    world.recorder.fails.clear()
    clock.forward(seconds=60)
    (ntfy,) = links(world)
    stored = world.rows("SELECT channel FROM acknowledge_link ORDER BY channel")
    assert [row[0] for row in stored] == ["sentinel-ntfy/ops", "slack-webhook/ops"]
    assert opened(world, slack).id != opened(world, ntfy).id
    assert opened(world, ntfy).expires_at == opened(world, slack).expires_at + timedelta(seconds=60)


def test_a_link_expires_and_one_that_is_altered_is_none(world: World, clock: FakeClock):
    world.sees({"/": 95})
    (url,) = links(world)
    end = opened(world, url).expires_at
    links_here = AcknowledgeLinks(world.store)
    token = token_of(url)
    swapped = token[:22].swapcase() + token[22:]
    assert links_here.find(swapped) is links_here.find("") is links_here.find(token + "=") is None
    clock.forward(seconds=(end - clock.now()).total_seconds() - 1)
    assert not opened(world, url).expired
    clock.forward(seconds=1)
    over = opened(world, url)
    assert (over.expired, over.alerts, over.expires_at) == (True, (), end)
    assert links_here.acknowledge(over, BY) == []
    world.store.retain(timedelta(days=90))
    assert world.rows("SELECT id FROM acknowledge_link") == []
    assert opened(world, url).expired


def test_keys_are_made_rotated_with_overlap_and_deleted(world: World, clock: FakeClock):
    keys = "SELECT secret FROM link_key ORDER BY made_at"
    world.sees({"/": 95})
    (first,) = links(world)
    assert len(made := world.rows(keys)) == 1
    assert made[0][0] not in first
    clock.forward(seconds=(SIGNS_FOR - timedelta(hours=12)).total_seconds())
    world.sees({"/": 95, "/data": 95})
    clock.forward(minutes=5)
    (last_of_old,) = links(world)
    assert world.rows(keys) == made
    clock.forward(hours=13)
    world.sees({"/": 95, "/data": 95, "/home": 95})
    clock.forward(minutes=5)
    (new,) = links(world)
    assert len(world.rows(keys)) == 2
    assert not opened(world, last_of_old).expired
    assert not opened(world, new).expired
    assert opened(world, first).expired
    clock.forward(seconds=VERIFIES_FOR.total_seconds())
    assert AcknowledgeLinks(world.store).find(token_of(first)) is None
    world.sees({"/": 95, "/data": 95, "/home": 95, "/opt": 95})
    clock.forward(minutes=5)
    assert any(links(world))
    assert len(world.rows(keys)) == 1


def test_no_outcome_has_the_link_although_an_endpoint_quotes_it(world: World):
    world.sees({"/": 95})

    class Quotes:
        def send(self, message: Message) -> Receipt:
            raise DeliveryError(f"bad text: {message.acknowledge_url}", permanent=True)

    notify_due(world.store, lambda reference: Quotes(), by="test")
    errors = world.rows("SELECT DISTINCT error FROM delivery WHERE state = 'refused'")
    assert {row[0] for row in errors} == {
        "bad text: ***",
        "bad text: ",
    }  # the inbox got none
    logged = [row[0] for row in world.rows("SELECT message FROM system_log")]
    assert all("/ack/***" in one for one in logged if "/ack/" in one)
