"""Alerts that mute others while they fire: what is sent, when, and what is said of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.alerts.changed_rules import keep_changed
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.notifications.explaining import why_of_alert
from sentinel.store.notifications.inhibition import Inhibitors
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.routes import Routes
from tests.databases import both_databases
from tests.engine.test_dispatcher import FIRST
from tests.world import World

NEWS = ("firing", "new_firing")
ROUTES = """
route: {receiver: default}
inhibit_rules:
  - name: a host that is down mutes what runs on it
    source_matchers: [rule="host-down"]
    target_matchers: ['rule!="host-down"', severity=~"high|medium"]
    equal: [mount]
"""


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    Routes(store).apply(ROUTES, actor="ann")
    return World(store, clock, team="db", annotations={"summary": "disk {mount}"})


@pytest.fixture
def host(world: World) -> World:
    """The rule whose alerts mute those of `world` on the same mount."""
    return World(world.store, world.clock, name="host-down", team="db", receivers=[])


def sources(world: World) -> int:
    return world.rows("SELECT count(*) FROM inhibition_source")[0][0]


@both_databases
def test_what_the_source_mutes_is_named_when_the_source_ends(
    world: World, host: World, clock: FakeClock
):
    host.sees({"/": 95})
    world.sees({"/": 95, "/data": 95})
    (source,) = world.rows("SELECT id, title FROM alert WHERE rule = 'host-down'")
    world.tells()
    (message,) = [one for _, one in world.recorder.messages if "disk" in one.title]
    world.recorder.messages.clear()
    assert [one.labels["mount"] for one in message.alerts] == ["/data"]
    assert f"1 more is muted while {source[1]!r} fires" in message.reason_text
    (muted,) = world.rows("SELECT id FROM alert WHERE title = 'disk /'")
    assert why_of_alert(world.store, muted[0]).text == (
        f"The alert is inhibited by {source[1]!r} of the rule host-down, alert {source[0]}: "
        "messages of its group do not name it while that fires."
    )
    host.sees({"/": 20})
    assert sources(world) == 0
    clock.forward(minutes=5)
    world.tells()
    told = [one for _, one in world.recorder.messages if one.reason == "new_firing"]
    assert [sorted(a.labels["mount"] for a in one.alerts) for one in told] == [["/", "/data"]]
    assert "inhibited" not in why_of_alert(world.store, muted[0]).text


@both_databases
def test_where_all_that_fires_is_inhibited_the_outcome_says_so_until_the_source_ends(
    world: World, host: World, clock: FakeClock
):
    Routes(world.store).apply(ROUTES.replace("high|medium", ".*"), actor="ann")
    host.sees({"/": 95})
    world.tells()
    world.recorder.messages.clear()
    world.sees({"/": 99})
    assert world.said() == []
    (disk,) = world.rows("SELECT id FROM alert WHERE rule = 'disk'")
    (group,) = why_of_alert(world.store, disk[0]).groups
    assert [(one.reason, one.next_at) for one in group.channels] == [("inhibited", None)]
    assert [one.reason for one in group.history] == ["inhibited"]
    clock.forward(hours=5)
    assert world.said() == []
    host.sees({"/": 20})
    assert world.said() == [FIRST]


@both_databases
def test_what_depends_on_something_that_fails_is_muted_and_the_root_cause_says_so(
    store: Store, clock: FakeClock
):
    Routes(store).apply(
        """
        route: {}
        dependencies:
          - {upstream: {deployment: ingest}, downstream: {deployment: transform}}
          - {upstream: {deployment: transform}, downstream: {service: shop}}
        """,
        actor="ann",
    )
    labels = {"ingest": {"deployment": "ingest"}, "shop": {"service": "shop"}}
    ingest, shop = (
        World(
            store, clock, name=name, labels=labels[name], annotations={"summary": f"{name} fails"}
        )
        for name in ("ingest", "shop")
    )  # fmt: skip
    shop.sees({"/": 95})
    assert shop.said() == [FIRST]
    ingest.sees({"/": 95})
    assert ingest.said() == [FIRST]
    clock.forward(hours=5)
    for world in (shop, ingest):
        world.tells()
    (repeat,) = [*shop.recorder.messages, *ingest.recorder.messages]
    assert (repeat[1].reason, repeat[1].title) == ("repeat", "[medium] ingest fails")
    assert "it mutes 1 other alert while it fires" in repeat[1].reason_text
    (muted,) = store.alerts.page(AlertFilter(rule="shop")).items
    assert "inhibited by 'ingest fails' of the rule ingest" in why_of_alert(store, muted.id).text
    ingest.recorder.messages.clear()
    ingest.sees({"/": 20})
    ingest.tells()
    # Of the shop, its receiver has known all the time.
    assert sorted(one.reason for _, one in ingest.recorder.messages) == ["repeat", "resolved"]


def test_a_source_that_is_silenced_still_inhibits_and_a_silence_takes_over(
    world: World, host: World, clock: FakeClock
):
    host.sees({"/": 95})
    world.sees({"/": 95})
    until = clock.now().replace(year=2027)
    silences = MatcherSilences(world.store)
    silences.create(['rule="host-down"'], until, actor="ann")
    made, _ = silences.create(['rule="disk"'], until, actor="ann")
    assert world.said() == []
    reasons = world.rows("SELECT muted FROM group_member ORDER BY muted")
    assert reasons == [("inhibited",), ("silenced",)]
    host.sees({"/": 20})
    assert world.said() == []
    silences.expire(made.id, actor="ann")
    assert world.said() == [FIRST]


def test_new_rules_free_what_old_ones_muted_and_see_what_fires_already(
    world: World, host: World, clock: FakeClock
):
    host.sees({"/": 95})
    world.sees({"/": 95})
    world.tells()
    world.recorder.messages.clear()
    assert sources(world) == 1
    version = Routes(world.store).version().number
    Routes(world.store).apply("route: {receiver: default}", actor="ann")
    assert sources(world) == 0
    assert world.said() == [FIRST]
    Routes(world.store).rollback(version, actor="ann")
    assert sources(world) == 1
    clock.forward(hours=5)
    world.said()
    decided = world.rows(
        "SELECT reason FROM notification_log JOIN alert_group g ON g.id = group_id "
        "WHERE g.title LIKE '%disk%'"
    )
    assert decided == [("inhibited",)]


def test_a_severity_that_falls_out_of_the_rule_frees_its_targets(store: Store, clock: FakeClock):
    Routes(store).apply(
        ROUTES.replace('rule="host-down"]', 'rule="host-down", severity="critical"]'), actor="ann"
    )
    levels = {"levels": {"high": 90, "critical": 98}}
    host = World(store, clock, name="host-down", receivers=[], when=levels)
    world = World(store, clock)
    host.sees({"/": 99})
    world.sees({"/": 95})
    host.sees({"/": 95})
    assert sources(world) == 0
    host.sees({"/": 99})
    assert sources(world) == 1


TEAMS = """
route: {receiver: default}
inhibit_rules: [{source_matchers: [team="net"], target_matchers: [team="db"], equal: [mount]}]
"""


@both_databases
@pytest.mark.parametrize("edited", ["source", "target", "target in the dashboard", "silenced"])
def test_labels_that_change_while_both_fire_free_what_no_longer_matches(
    store: Store, clock: FakeClock, edited: str
):
    Routes(store).apply(TEAMS, actor="ann")
    host = World(store, clock, name="host", team="net", receivers=[])
    world = World(store, clock, team="db")
    if edited == "silenced":
        MatcherSilences(store).create(['team="db"'], clock.now() + timedelta(days=1), actor="ann")
    else:
        host.sees({"/": 95})
        host.tells()
    world.sees({"/": 95})
    assert world.said() == []
    changed = host if edited == "source" else world
    changed.rule = changed.rule.model_copy(update={"team": "web"})
    if edited == "target in the dashboard":
        keep_changed(store, world.rule, world.rule.rank)
    else:
        changed.sees({"/": 95})
    assert sources(world) == (edited in ("target", "target in the dashboard"))
    assert world.said() == [FIRST]


@both_databases
def test_of_many_sources_the_oldest_few_are_read_once_and_none_mutes_what_is_a_source_too(
    store: Store, clock: FakeClock
):
    Routes(store).apply(
        """
        route: {receiver: default}
        inhibit_rules:
          - {source_matchers: ['rule=~"host|disk"'], target_matchers: ['rule=~"disk|cpu"']}
        """,
        actor="ann",
    )
    host, disk, cpu = (World(store, clock, name=name) for name in ("host", "disk", "cpu"))
    for world in (disk, cpu):
        world.sees({f"/{number}": 95.0 for number in range(3)})
    host.sees({f"/{number}": 95.0 for number in range(5)})
    ids: dict[str, list[str]] = {}
    for row in host.rows("SELECT rule, id FROM alert ORDER BY id"):
        ids.setdefault(row.rule, []).append(row.id)
    assert sources(host) == 8
    tree = Routes(store).tree()
    assert tree is not None
    targets = {
        id_: tree.inhibitions.as_target({"rule": name, "tenant": "default"})
        for name, every in ids.items()
        for id_ in every
    }
    with store.read() as connection:
        asked: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append(given[2]))
        inhibitors = Inhibitors(connection)
        found = inhibitors.of(targets)
        assert inhibitors.of(targets) == found
        assert len(asked) == 1
    # Those of `disk` match both sides, so that only those of `host` mute them.
    assert found == {
        **dict.fromkeys(ids["disk"], ids["host"][:2]),
        **dict.fromkeys(ids["cpu"], sorted([*ids["host"][:2], *ids["disk"][:2]])),
    }


def test_other_owners_in_the_routes_free_what_was_silenced_by_them(store: Store, clock: FakeClock):
    Routes(store).apply("{owners: disk data, route: {receiver: default}}", actor="ann")
    world = World(store, clock)
    MatcherSilences(store).create(['owner="data"'], clock.now() + timedelta(days=1), actor="ann")
    world.sees({"/": 95})
    assert world.said() == []
    Routes(store).apply("{owners: disk ml, route: {receiver: default}}", actor="ann")
    assert world.said() == [FIRST]


def test_a_source_whose_rule_is_renamed_frees_its_targets(world: World, host: World):
    host.sees({"/": 95})
    host.tells()
    world.sees({"/": 95})
    assert world.said() == []
    host.rule = host.rule.model_copy(update={"name": "host", "renamed_from": "host-down"})
    host.sees({"/": 95})
    assert sources(world) == 0
    assert world.said() == [FIRST]
