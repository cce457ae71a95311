"""A channel that is added to a receiver begins with what opens from then on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.store import Store
from sentinel.store.notifications.receivers import RECEIVER
from tests.world import World


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """An open group whose receiver `ops` was told; it is next due when it is repeated."""
    store.receivers.set("ops", ["inbox"])
    world = World(store, clock, group_wait="30s", receivers=["ops"])
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    assert heard(world) == ["inbox"]
    assert heard(world) == []
    return world


def heard(world: World) -> list[str]:
    """The channels that are told now."""
    world.tells()
    channels = [channel for channel, _ in world.recorder.messages]
    world.recorder.messages.clear()
    return channels


def wakes(world: World) -> int:
    return world.store.wakes.requested()


ADDED = ["inbox", "sentinel-webhook/ops"]


def test_an_added_channel_begins_with_what_opens_from_then_on(world: World):
    before = wakes(world)
    assert world.store.receivers.set("ops", ADDED) == 1
    assert (wakes(world), heard(world)) == (before, [])
    assert "open_before" in world.reasons()
    world.sees({"/": 95, "/data": 95})
    world.clock.forward(minutes=5)
    assert sorted(heard(world)) == ADDED
    world.sees({"/": 20, "/data": 20})
    assert sorted(heard(world)) == ADDED


def test_an_added_channel_hears_nothing_of_the_end_of_what_it_was_not_told(world: World):
    world.store.receivers.set("ops", ADDED)
    world.sees({"/": 20})
    assert heard(world) == ["inbox"]


def test_a_message_to_an_added_channel_names_no_end_of_what_it_was_not_told(world: World):
    world.sees({"/": 95, "/data": 95})
    world.clock.forward(minutes=5)
    world.tells()
    world.store.receivers.set("ops", ADDED)
    world.recorder.messages.clear()
    world.sees({"/": 20, "/data": 95, "/home": 95})
    world.clock.forward(minutes=5)
    world.tells()
    counts = {channel: (one.firing, one.resolved) for channel, one in world.recorder.messages}
    assert counts == {"inbox": (2, 1), "sentinel-webhook/ops": (2, 0)}


def test_an_added_channel_hears_when_it_becomes_more_severe(store: Store, clock: FakeClock):
    levels = {"levels": {"medium": 90, "critical": 98}}
    world = World(store, clock, receivers=["ops"], when=levels)
    world.sees({"/": 95})
    assert heard(world) == ["inbox"]
    store.receivers.set("ops", ADDED)
    assert heard(world) == []
    world.sees({"/": 99})
    assert sorted(heard(world)) == ADDED


def test_an_added_channel_is_notified_of_what_nobody_was_told_yet(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", receivers=["ops"])
    world.sees({"/": 95})
    assert heard(world) == []
    assert store.receivers.set("ops", ADDED) == 0
    clock.forward(seconds=30)
    assert sorted(heard(world)) == ADDED


def test_an_added_channel_is_notified_of_open_alerts_on_request(world: World):
    before = wakes(world)
    world.store.receivers.set("ops", ADDED, notify_open=True)
    assert wakes(world) == before + 1
    assert heard(world) == ["sentinel-webhook/ops"]
    assert heard(world) == []


def test_an_unchanged_receiver_requests_no_wake(world: World):
    before = wakes(world)
    world.store.receivers.set("ops", ["inbox"])
    assert wakes(world) == before


def test_changing_a_receiver_does_not_affect_groups_of_another(world: World):
    before = wakes(world)
    world.store.receivers.set("night", ["sentinel-webhook/night"])
    assert (wakes(world), heard(world)) == (before, [])


def test_an_added_channel_is_not_notified_of_resolved_alerts(world: World):
    world.sees({"/": 20})
    assert heard(world) == ["inbox"]
    world.store.receivers.set("ops", ["inbox", "sentinel-webhook/ops"])
    assert heard(world) == []


def test_default_is_notified_at_once_when_a_receiver_is_removed(world: World):
    world.store.receivers.set("default", ["sentinel-webhook/all"])
    assert heard(world) == []
    world.store.receivers.remove("ops")
    assert heard(world) == ["sentinel-webhook/all"]
    world.store.receivers.set("default", ["sentinel-webhook/all", "sentinel-webhook/more"])
    assert heard(world) == []


@pytest.mark.both_databases
def test_a_receiver_that_a_rule_pages_is_not_removed(store: Store, clock: FakeClock):
    pages = {"channels": ["phone"]}
    for name in ("phone", "mail"):
        store.receivers.set(name, ["inbox"])
    for rule, more in (("disk", {"escalation_rules": pages}), ("other", {"receivers": ["mail"]})):
        World(store, clock, name=rule, **more).sees({"/": 95})
    with pytest.raises(Conflict, match=r"escalation_rules.channels name .*'phone': rule disk\."):
        store.receivers.remove("phone")
    store.receivers.remove("mail")  # default is notified in its place
    store.rules.retire("disk", actor="ann")
    store.receivers.remove("phone")
    assert "phone" not in store.receivers.all()


def test_a_receiver_created_later_is_notified_of_what_default_was_in_its_place(
    store: Store, clock: FakeClock
):
    world = World(store, clock, group_wait="30s", receivers=["later"])
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    assert heard(world) == ["inbox"]
    assert store.receivers.set("later", ["sentinel-webhook/later"]) == 0
    assert heard(world) == ["sentinel-webhook/later"]
    world.clock.forward(hours=4)
    assert heard(world) == ["sentinel-webhook/later"]


def test_a_receiver_created_later_with_a_channel_of_default_begins_with_what_opens_then(
    store: Store, clock: FakeClock
):
    world = World(store, clock, group_wait="30s", receivers=["later"])
    world.sees({"/": 95})
    world.clock.forward(seconds=30)
    assert heard(world) == ["inbox"]
    assert store.receivers.set("later", ["inbox", "sentinel-webhook/later"]) == 1
    assert heard(world) == []


def test_a_channel_that_replaces_the_only_one_is_notified_reminded_and_told_the_resolve(
    world: World,
):
    assert world.store.receivers.set("ops", ["sentinel-webhook/new"]) == 0
    assert heard(world) == ["sentinel-webhook/new"]
    world.clock.forward(hours=4)
    assert heard(world) == ["sentinel-webhook/new"]
    world.sees({"/": 20})
    assert sorted(heard(world)) == ["inbox", "sentinel-webhook/new"]


def test_an_added_channel_takes_over_when_the_others_are_removed(world: World):
    world.store.receivers.set("ops", ADDED)
    assert heard(world) == []
    world.store.receivers.set("ops", ADDED[1:])
    assert heard(world) == ADDED[1:]
    world.clock.forward(hours=4)
    assert heard(world) == ADDED[1:]


def test_a_channel_that_another_receiver_still_has_keeps_the_new_one_to_what_opens(
    store: Store, clock: FakeClock
):
    store.receivers.set("ops", ["sentinel-webhook/ops"])
    world = World(store, clock, receivers=["default", "ops"])
    world.sees({"/": 95})
    assert sorted(heard(world)) == ADDED
    assert store.receivers.set("ops", ["sentinel-webhook/new"]) == 1
    assert heard(world) == []


def test_an_unknown_receiver_cannot_be_removed(world: World):
    before = wakes(world)
    with pytest.raises(NotFound, match="there is no receiver 'nobody'"):
        world.store.receivers.remove("nobody")
    assert wakes(world) == before


@pytest.mark.parametrize("slug", ["pager-duty-webhook", "opsgenie-webhook"])
def test_a_block_that_opens_an_incident_for_each_message_is_refused(store: Store, slug: str):
    with pytest.raises(ConfigurationError, match="one more incident") as caught:
        store.receivers.set("ops", ["inbox", f"{slug}/night"])
    assert "sentinel channel add" in caught.value.hint
    assert "ops" not in store.receivers.all()


def test_a_receiver_that_has_such_a_block_can_still_be_changed(store: Store):
    had = "pager-duty-webhook/night"
    with store.write() as connection:
        connection.execute(
            RECEIVER.insert().values(
                name="ops", channels=[had], description="", source="ui", updated_at=store.now()
            )
        )
    store.receivers.set("ops", ["inbox", had])
    assert store.receivers.all()["ops"] == ["inbox", had]


def test_the_system_log_says_who_changed_a_receiver_and_what_it_was(store: Store):
    store.receivers.set("ops", ["inbox"], actor="lena")
    store.receivers.set("ops", ["inbox", "sentinel-webhook/ops"], actor="omar")
    store.receivers.remove("ops", actor="lena")
    said = [(one.what, one.message, one.details) for one in store.log.page()]
    one, both = {"channels": ["inbox"]}, {"channels": ["inbox", "sentinel-webhook/ops"]}
    assert said == [
        ("receiver.removed", "lena removed the receiver ops", {"actor": "lena", "before": both}),
        (
            "receiver.set",
            "omar set the channels of the receiver ops",
            {"actor": "omar", "before": one, "after": both},
        ),
        (
            "receiver.set",
            "lena set the channels of the receiver ops",
            {"actor": "lena", "after": one},
        ),
    ]
    assert [row.what for row in store.log.page(words="OMAR set")] == ["receiver.set"]
    assert [row.what for row in store.log.page(1)] == ["receiver.removed"]
    assert store.log.page(levels=["error"]) == []


def test_a_receiver_that_does_not_exist_is_logged_once_beside_one_that_does(
    store: Store, clock: FakeClock
):
    world = World(store, clock, group_interval="5s", receivers=["default", "typo"])
    for mounts in ({"/": 95}, {"/": 95, "/data": 95}, {"/": 1, "/data": 1}):
        world.sees(mounts)
        assert heard(world) == ["inbox"]
    (logged,) = [one for one in store.log.page() if one.what == "receiver.unknown"]
    assert "no receiver 'typo'" in logged.message


def test_a_channel_that_moves_to_another_receiver_of_a_group_goes_on_where_it_was(
    store: Store, clock: FakeClock
):
    store.receivers.set("day", ["inbox", "sentinel-webhook/ops"])
    store.receivers.set("night", ["inbox"])
    world = World(store, clock, receivers=["day", "night"])
    world.sees({"/": 95})
    world.tells()
    world.recorder.messages.clear()
    store.receivers.set("day", ["inbox"])
    store.receivers.set("night", ["inbox", "sentinel-webhook/ops"])
    world.tells()
    assert world.recorder.messages == []

    def told() -> list[tuple[str, str]]:
        world.tells()
        found = [(ref, one.reason) for ref, one in world.recorder.messages]
        world.recorder.messages.clear()
        return sorted(found)

    world.sees({"/": 95, "/data": 95})
    clock.forward(minutes=5)
    assert told() == [("inbox", "new_firing"), ("sentinel-webhook/ops", "new_firing")]
    clock.forward(hours=4)
    assert told() == [("inbox", "repeat"), ("sentinel-webhook/ops", "repeat")]
    world.sees({"/": 20, "/data": 20})
    assert told() == [("inbox", "resolved"), ("sentinel-webhook/ops", "resolved")]


def test_a_check_sees_what_the_change_before_it_has_made(store: Store):
    store.receivers.set("ops", ["inbox"])
    seen: list[list[str]] = []
    found = Event()

    def second(channels: list[str]) -> None:
        seen.append(channels)
        found.set()

    with ThreadPoolExecutor(1) as pool:

        def first(_: list[str]) -> None:
            pool.submit(store.receivers.set, "ops", ["inbox"], check=second)
            assert not found.wait(0.3)  # it waits for this one

        store.receivers.set("ops", ADDED, check=first)
    assert seen == [ADDED]
