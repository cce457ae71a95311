"""Changes of alerts and incidents have numbers without gaps, in the order of their commits."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from sentinel.alerts.actions import Acknowledge, Comment
from sentinel.clock import FakeClock
from sentinel.errors import Conflict, NotFound
from sentinel.store import Store
from sentinel.store.events.destinations import Destinations
from sentinel.store.events.lifecycle import changes_after
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from tests.databases import sqlite_alone
from tests.world import World


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock)


def told(store: Store, after: int | None = 0, tenant: str = "default") -> list[tuple[int, str]]:
    found = changes_after(store, tenant, after, 100)
    return [(one.number, f"{one.what}.{one.kind}") for one in found.items]


def test_every_change_has_the_next_number(world: World):
    world.sees({"/": 95, "/data": 96})
    world.store.act(world.ids()[:1], Acknowledge(actor="ann", comment="mine"))
    world.sees({"/": 20, "/data": 20})
    assert told(world.store) == [
        (1, "alert.opened"), (2, "alert.opened"), (3, "alert.acknowledged"),
        (4, "alert.resolved"), (5, "alert.resolved"),
    ]  # fmt: skip
    assert told(world.store, after=3) == [(4, "alert.resolved"), (5, "alert.resolved")]
    acknowledged = changes_after(world.store, "default", 2, 1).items[0]
    assert {
        "rule": "disk", "status": "acknowledged", "severity": "medium", "actor": "ann",
        "comment": "mine", "labels": {"mount": "/"},
    }.items() <= acknowledged.data.items()  # fmt: skip


def test_changes_of_incidents_are_numbered_among_those_of_alerts(world: World):
    world.sees({"/": 95})
    made = Incidents(world.store).open(NewIncident(title="Shop is down"), actor="ann")
    assert told(world.store) == [(1, "alert.opened"), (2, "incident.opened")]
    (event,) = changes_after(world.store, "default", 1, 10).items
    assert (event.about, event.data["title"]) == (made.id, "Shop is down")


@sqlite_alone
def test_each_tenant_has_its_own_numbers(store: Store, clock: FakeClock):
    World(store, clock).sees({"/": 95})
    World(store, clock, tenant="red", name="red-disk").sees({"/": 95, "/data": 95})
    assert told(store) == [(1, "alert.opened")]
    assert told(store, tenant="red") == [(1, "alert.opened"), (2, "alert.opened")]
    assert {one.data["rule"] for one in changes_after(store, "red", 0, 9).items} == {"red-disk"}


@sqlite_alone
def test_what_is_rolled_back_takes_no_number(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Store, "changed", _fails)
    with pytest.raises(RuntimeError):
        world.sees({"/": 95})
    monkeypatch.undo()
    assert told(world.store) == []
    world.sees({"/data": 95})
    assert told(world.store) == [(1, "alert.opened")]


def _fails(*_: object) -> None:
    raise RuntimeError("the disk is full")


def test_writers_at_the_same_time_leave_no_gap_and_a_reader_misses_nothing(world: World):
    world.sees({f"/{n}": 95 for n in range(8)})
    ids = world.ids()
    seen: list[int] = []

    def comments(alert: str) -> None:
        for n in range(3):
            world.store.act([alert], Comment(actor="ann", comment=str(n)))

    threads = [threading.Thread(target=comments, args=(one,)) for one in ids]
    for thread in threads:
        thread.start()
    cursor = 0
    while any(thread.is_alive() for thread in threads) or cursor < 32:
        found = changes_after(world.store, "default", cursor, 5)
        seen += [one.number for one in found.items]
        cursor = found.cursor
    assert seen == list(range(1, 33))
    kept = changes_after(world.store, "default", 0, 100).items
    assert len({one.id for one in kept}) == 32
    for alert in ids:
        versions = [one.data["version"] for one in kept if one.about == alert]
        assert versions == sorted(versions)


@sqlite_alone
def test_a_deleted_alert_leaves_its_numbers(world: World):
    world.sees({"/": 95})
    world.sees({"/": 20})
    with world.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM timeline")
        connection.exec_driver_sql("DELETE FROM alert")
    assert told(world.store) == [(1, "alert.deleted"), (2, "alert.deleted")]


@sqlite_alone
def test_a_cursor_that_is_not_kept_or_not_reached_is_refused(world: World):
    world.sees({"/": 95})
    world.clock.forward(days=31)
    world.sees({"/": 20})
    world.store.retain(timedelta(days=90))
    with pytest.raises(Conflict, match="after 0 are not kept any more, up to 1"):
        changes_after(world.store, "default", 0, 10)
    assert told(world.store, after=1) == [(2, "alert.resolved")]
    with pytest.raises(Conflict, match="no change 3 yet, the newest is 2"):
        changes_after(world.store, "default", 3, 10)
    assert told(world.store, after=None) == []


def test_a_destination_that_was_away_too_long_goes_on_and_the_log_says_what_it_missed(
    world: World,
):
    destinations = Destinations(world.store)
    destinations.set(
        "lake", tenant="default", channel="sentinel-webhook/lake", mode="batch", actor="ann"
    )
    world.sees({"/": 95})
    world.clock.forward(days=31)
    world.store.retain(timedelta(days=90))
    assert destinations.get("lake").cursor == 1
    (entry,) = [one for one in world.store.log.page() if one.what == "event_destination.skipped"]
    assert entry.details == {"destination": "lake", "first": 1, "last": 1}


def test_a_destination_starts_with_what_happens_from_then_on_and_keeps_its_place(world: World):
    world.sees({"/": 95})
    destinations = Destinations(world.store)

    def lake(**more: int) -> int:
        return destinations.set(
            "lake", tenant="default", channel="sentinel-webhook/lake", mode="batch",
            actor="ann", **more,
        ).cursor  # fmt: skip

    assert lake() == 1
    assert lake(after=0) == 0
    world.sees({"/": 20})
    assert lake() == 0
    assert destinations.replay("lake", 2, actor="ann").cursor == 2
    with pytest.raises(Conflict, match="no change 3 yet"):
        destinations.replay("lake", 3, actor="ann")
    destinations.remove("lake", actor="ann")
    with pytest.raises(NotFound, match="no event destination 'lake'"):
        destinations.get("lake")
    actions = [row[0] for row in world.rows("SELECT action FROM audit ORDER BY id")]
    assert actions == [
        "event_destination.saved", "event_destination.saved", "event_destination.saved",
        "event_destination.replayed", "event_destination.removed",
    ]  # fmt: skip
