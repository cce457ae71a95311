"""A silence of a rule: no notifications of its alerts until a time, also of those that open."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.alerts.actions import Reopen, Resolve, Suppress, Unsuppress
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.store import Store
from sentinel.store.database.retention import retain
from sentinel.store.database.version import read_version
from tests.engine.test_dispatcher import FIRST
from tests.world import World

HOUR = timedelta(hours=1)


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """`/` fires; nobody was notified yet."""
    world = World(store, clock)
    world.sees({"/": 95})
    return world


def statuses(world: World) -> dict[str, str]:
    return {one.labels["mount"]: one.status for one in world.store.alerts.page(limit=50).items}


def silence(world: World, **more: timedelta) -> int:
    until = world.clock.now() + (more.get("length") or HOUR)
    return world.store.silences.begin("disk", until, actor="ann", reason="planned work")


def test_live_alerts_and_those_that_open_later_notify_nobody(world: World):
    assert silence(world) == 1
    world.sees({"/": 95, "/data": 95})
    assert statuses(world) == {"/": "suppressed", "/data": "suppressed"}
    assert world.said() == []
    (later,) = [one for one in world.store.alerts.page(limit=9).items if "data" in str(one.labels)]
    assert later.suppress_reason == "planned work"


def test_all_of_them_are_notified_when_it_ends_by_itself(world: World, clock: FakeClock):
    silence(world)
    until = clock.now() + HOUR
    world.sees({"/": 95, "/data": 95})
    assert world.said() == []
    assert read_version(world.store).ends == until
    assert world.store.notification_log.next_due() == until
    clock.set(until)
    assert world.said() == [FIRST]
    assert world.store.silences.active() == []


def test_ended_early_it_no_longer_holds_what_it_held(world: World, clock: FakeClock):
    silence(world)
    world.sees({"/": 95, "/data": 95})
    clock.forward(minutes=1)
    assert world.store.silences.end("disk", actor="bob") == 2
    assert statuses(world) == {"/": "open", "/data": "open"}
    assert world.said() == [FIRST]
    world.sees({"/": 95, "/data": 95, "/home": 95})
    assert statuses(world)["/home"] == "open"
    with pytest.raises(NotFound, match="is not silenced"):
        world.store.silences.end("disk", actor="bob")


def test_an_alert_that_recurs_is_silenced_too(world: World, clock: FakeClock):
    world.sees({"/": 20})
    silence(world)
    world.sees({"/": 95})
    assert statuses(world) == {"/": "suppressed"}
    world.sees({"/": 20})
    clock.forward(minutes=5)
    (alert,) = world.ids()
    world.store.act([alert], Reopen(actor="ann"))
    assert statuses(world) == {"/": "suppressed"}


def test_a_suppression_of_one_alert_keeps_its_own_time(world: World, clock: FakeClock):
    world.sees({"/": 95, "/data": 95})
    ids = {one.labels["mount"]: one.id for one in world.store.alerts.page(limit=9).items}
    long, short = clock.now() + 5 * HOUR, clock.now() + timedelta(minutes=10)
    world.store.act([ids["/"]], Suppress(actor="ann", until=long))
    world.store.act([ids["/data"]], Suppress(actor="ann", until=short, comment="mine"))
    assert silence(world) == 1  # the long one holds already
    clock.set(short)
    assert statuses(world) == {"/": "suppressed", "/data": "suppressed"}
    world.store.silences.end("disk", actor="bob")
    assert world.store.alerts.get(ids["/"]).suppressed_until == long
    assert statuses(world) == {"/": "suppressed", "/data": "open"}


def test_a_shorter_suppression_goes_on_when_the_silence_ends_early(world: World, clock: FakeClock):
    (alert,) = world.ids()
    own = clock.now() + timedelta(minutes=30)
    world.store.act([alert], Suppress(actor="ann", until=own, comment="mine"))
    silence(world)
    clock.forward(minutes=1)
    world.store.silences.end("disk", actor="bob")
    found = world.store.alerts.get(alert)
    assert (found.suppressed_until, found.suppress_reason) == (own, "mine")


def test_other_rules_are_heard(world: World):
    silence(world)
    world.raises("/x", name="other", group_wait="0s")
    assert "suppressed" not in statuses(world)["/x"]


def test_what_cannot_be_silenced_is_refused_in_words(world: World, clock: FakeClock):
    silences = world.store.silences
    with pytest.raises(NotFound, match="there is no rule 'nothing'"):
        silences.begin("nothing", clock.now() + HOUR, actor="ann")
    with pytest.raises(ConfigurationError, match="lies in the past"):
        silences.begin("disk", clock.now(), actor="ann")
    silence(world)
    with pytest.raises(Conflict, match="is silenced already"):
        silence(world)


def test_who_silenced_and_who_ended_it_is_in_the_system_log(world: World):
    silence(world)
    world.store.silences.end("disk", actor="bob")
    said = [(one.what, one.details["actor"]) for one in world.store.log.page()[:2]]
    assert said == [("rule.unsilenced", "bob"), ("rule.silenced", "ann")]
    kinds = [(one.kind, one.actor) for one in world.store.alerts.timeline(world.ids()[0])]
    assert kinds[-2:] == [("suppressed", "ann"), ("unsuppressed", "bob")]


def test_a_renamed_rule_stays_silenced_and_a_retired_one_does_not(world: World, clock: FakeClock):
    silence(world)
    world.raises("/new", name="space", renamed_from="disk")
    (held,) = world.store.silences.active()
    assert held.rule == "space"
    assert statuses(world)["/new"] == "suppressed"
    world.store.rules.retire("space", actor="ann")
    assert world.store.silences.active() == []


def test_old_silences_are_deleted_by_retention(world: World, clock: FakeClock):
    silence(world)
    world.store.act(world.ids(), Resolve(actor="ann"))
    clock.forward(days=2)
    retain(world.store, timedelta(days=3))
    assert world.rows("SELECT count(*) FROM silence")[0][0] == 1
    clock.forward(days=2)
    retain(world.store, timedelta(days=3))
    assert world.rows("SELECT count(*) FROM silence")[0][0] == 0


def end_silence(world: World, **later: float) -> None:
    world.clock.forward(**(later or {"minutes": 1}))
    world.store.silences.end("disk", actor="bob")


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_resolved_under_an_ended_silence_notifies_when_it_reopens(world: World, by_hand: bool):
    silence(world, length=7 * 24 * HOUR)
    world.sees({"/": 20})
    assert statuses(world) == {"/": "resolved"}
    end_silence(world)
    (alert,) = world.ids()
    assert world.store.alerts.get(alert).suppressed_until == world.clock.now()
    if by_hand:
        world.store.act([alert], Reopen(actor="ann"))
    else:
        world.sees({"/": 95})
    assert world.ids() == [alert]
    assert statuses(world) == {"/": "open"}
    assert world.said() == [FIRST]


def test_what_was_pending_under_an_ended_silence_notifies_when_it_opens(
    store: Store, clock: FakeClock
):
    world = World(store, clock, **{"for": "2m"})
    world.sees({"/": 20})
    silence(world, length=7 * 24 * HOUR)
    world.sees({"/": 95})
    assert [status for _, status in world.alerts()] == ["pending"]
    end_silence(world, seconds=1)
    assert world.store.alerts.get(world.ids()[0]).suppressed_until == clock.now()
    world.sees({"/": 95})
    assert world.said() == []
    world.sees({"/": 95})
    assert statuses(world) == {"/": "open"}
    assert world.said() == [FIRST]


def test_a_resolved_alert_keeps_its_own_suppression_when_the_silence_ends(
    world: World, clock: FakeClock
):
    (alert,) = world.ids()
    own = clock.now() + timedelta(minutes=30)
    world.store.act([alert], Suppress(actor="ann", until=own, comment="mine"))
    silence(world)
    world.sees({"/": 20})
    end_silence(world)
    world.sees({"/": 95})
    found = world.store.alerts.get(alert)
    assert (found.status, found.suppressed_until, found.suppress_reason) == (
        "suppressed", own, "mine",
    )  # fmt: skip


def test_an_older_alert_reopens_as_its_fingerprint_is_muted_now(world: World, clock: FakeClock):
    (first,) = world.ids()
    until = clock.now() + 5 * HOUR
    world.store.act([first], Suppress(actor="ann", until=until))
    world.sees({"/": 20})
    clock.forward(hours=1)
    world.sees({"/": 95})
    second = world.ids()[1]
    world.store.act([second], Unsuppress(actor="ann"))
    world.sees({"/": 20})
    world.store.act([first], Reopen(actor="ann"))
    assert world.store.alerts.get(first).status == "open"


def test_suppressing_for_a_shorter_time_leaves_the_silence(world: World, clock: FakeClock):
    (alert,) = world.ids()
    silence(world)
    until, own = clock.now() + HOUR, clock.now() + timedelta(minutes=10)
    (done,) = world.store.act([alert], Suppress(actor="ann", until=own, comment="mine"))
    assert done.ok
    found = world.store.alerts.get(alert)
    assert (found.suppressed_until, found.suppress_reason) == (until, "planned work")
    clock.forward(minutes=1)
    assert world.said() == []
    world.store.silences.end("disk", actor="bob")
    found = world.store.alerts.get(alert)
    assert (found.suppressed_until, found.suppress_reason) == (own, "mine")


def test_suppressing_for_a_longer_time_outlasts_the_silence(world: World, clock: FakeClock):
    (alert,) = world.ids()
    silence(world)
    longer = clock.now() + 2 * HOUR
    world.store.act([alert], Suppress(actor="ann", until=longer, comment="mine"))
    assert world.store.alerts.get(alert).suppressed_until == longer
    end_silence(world)
    assert world.store.alerts.get(alert).suppressed_until == longer


@pytest.mark.parametrize("own", [timedelta(minutes=10), 2 * HOUR])
def test_unsuppressing_one_alert_of_a_silenced_rule_is_refused(world: World, own: timedelta):
    (alert,) = world.ids()
    world.store.act([alert], Suppress(actor="ann", until=world.clock.now() + own))
    silence(world)
    before = world.store.alerts.get(alert)
    (done,) = world.store.act([alert], Unsuppress(actor="ann"))
    assert not done.ok
    assert "its rule is silenced until 2026-01-01 01:" in done.error
    assert "end the silence of the rule" in done.error
    assert world.store.alerts.get(alert) == before
    end_silence(world)
    (done,) = world.store.act([alert], Unsuppress(actor="ann"))
    assert done.ok
    assert statuses(world) == {"/": "open"}


def test_a_suppression_set_back_to_the_silence_ends_with_it(world: World, clock: FakeClock):
    """As an undo of a suppression does."""
    (alert,) = world.ids()
    silence(world)
    until = clock.now() + HOUR
    world.store.act([alert], Suppress(actor="ann", until=until + HOUR))
    world.store.act([alert], Suppress(actor="ann", until=until, comment="planned work"))
    assert world.store.alerts.get(alert).suppressed_until == until
    end_silence(world)
    assert statuses(world) == {"/": "open"}
