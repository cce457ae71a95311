"""Alerts go where the active routes say, and every applied version is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from sentinel import Reading, Rule
from sentinel.alerts.actions import Acknowledge, Reopen, Resolve, Unacknowledge
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.evaluation.model import Evaluation
from sentinel.notifications.why import shown
from sentinel.store import Store
from sentinel.store.documents.versioned import Applied
from sentinel.store.notifications.explaining import why_of_alert
from sentinel.store.notifications.routes import Routes
from tests.databases import sqlite_alone
from tests.world import World

TREE = """
route:
  receiver: default
  routes:
    - matchers: [team="db"]
      receiver: db
      group_by: [host]
      group_wait: 10s
      continue: true
    - matchers: ['severity=~"critical|high"']
      receiver: pager
      mute_time_intervals: [night]
time_intervals:
  - name: night
    time_intervals:
      - times: [{start_time: "00:00", end_time: "06:00"}]
tests:
  - labels: {team: db, severity: critical}
    receivers: [db, pager]
  - labels: {severity: high}
    at: 2026-01-01T03:00:00Z
    receivers: pager
    muted: true
"""


class Desk(World):
    """A world whose rule's readings name a host, with three receivers."""

    def __init__(self, store: Store, clock: FakeClock, **rule: Any) -> None:
        super().__init__(store, clock, **{"group_wait": "30s", **rule})
        self.routes = Routes(store)
        for name in ("db", "pager", "own"):
            store.receivers.set(name, [f"sentinel-webhook/{name}"])

    def fires(self, *hosts: str, value: float = 95, **rule: Any) -> None:
        self.clock.forward(seconds=60)
        given = self.rule.dump() | rule
        now = self.clock.now()
        readings = [Reading(labels={"host": host}, value=value) for host in hosts]
        self.store.apply(
            Evaluation(
                rule=Rule.model_validate(given), trigger="disk_space", slot=now, at=now,
                observation=Observation(readings=readings, complete=True, error=None, state={}),
            )
        )  # fmt: skip

    def told(self) -> list[tuple[str, int]]:
        """The channels that got a message, and how many alerts it named as firing."""
        self.tells()
        told = [(ref.partition("/")[2] or ref, one.firing) for ref, one in self.recorder.messages]
        self.recorder.messages.clear()
        return sorted(told)


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Desk:
    clock.set(datetime.fromisoformat("2026-01-01T12:00:00+00:00"))
    return Desk(store, clock)


def test_without_routes_alerts_go_to_the_receivers_of_their_rules(desk: Desk, clock: FakeClock):
    desk.fires("a", receivers=["own"])
    clock.forward(seconds=30)
    assert desk.told() == [("own", 1)]


def test_alerts_go_to_every_route_that_takes_them(desk: Desk, clock: FakeClock):
    applied = desk.routes.apply(TREE, actor="ann", note="first")
    assert (applied.number, applied.changed) == (1, True)
    desk.fires("a", "b", team="db", severity="critical")
    clock.forward(seconds=10)
    assert desk.told() == [("db", 1), ("db", 1)]
    clock.forward(seconds=20)  # a route without group_wait has that of the rule
    assert desk.told() == [("pager", 2)]
    (db, pager) = sorted(why_of_alert(desk.store, desk.ids()[0]).groups, key=lambda one: one.route)
    assert (db.route, db.labels) == ('{}/{severity=~"critical|high"}', {"rule": "disk"})
    assert (pager.route, pager.labels) == ('{}/{team="db"}', {"host": "a"})
    desk.fires("a", "b", value=10, team="db", severity="critical")
    assert desk.told() == [("db", 0), ("db", 0), ("pager", 0)]


def test_a_rules_own_receivers_are_the_last_route(desk: Desk, clock: FakeClock):
    desk.routes.apply(TREE, actor="ann")
    desk.fires("a", receivers=["own"], severity="low")
    clock.forward(seconds=30)
    assert desk.told() == [("own", 1)]
    desk.fires("a", "b", receivers=["own"], severity="low", team="db", name="other")
    clock.forward(seconds=30)
    assert desk.told() == [("db", 1), ("db", 1), ("own", 2)]
    desk.fires("c", severity="low", name="third")
    clock.forward(seconds=30)
    assert desk.told() == [("inbox", 1)]


def test_a_mute_time_interval_holds_messages_back_until_it_ends(desk: Desk, clock: FakeClock):
    desk.routes.apply(TREE, actor="ann")
    clock.set(datetime.fromisoformat("2026-01-02T03:00:00+00:00"))
    desk.fires("a", severity="high")
    clock.forward(seconds=30)
    assert desk.told() == []
    (group,) = why_of_alert(desk.store, desk.ids()[0]).groups
    opens = datetime.fromisoformat("2026-01-02T06:00:00+00:00")
    assert group.channels[0].text == (
        "Not notified now: in a mute time interval of its route. "
        f"The next decision is at {shown(opens)}."
    )
    assert [one.reason for one in group.history] == ["mute_time"]
    assert desk.store.notification_log.next_due() == opens
    clock.set(opens)
    assert desk.told() == [("pager", 1)]


def test_a_resolve_passes_a_mute_time_interval(desk: Desk, clock: FakeClock):
    desk.routes.apply(TREE, actor="ann")
    desk.fires("a", severity="high")
    clock.forward(seconds=30)
    assert desk.told() == [("pager", 1)]
    clock.set(datetime.fromisoformat("2026-01-02T03:00:00+00:00"))
    desk.fires("a", value=10, severity="high")
    assert desk.told() == [("pager", 0)]


def test_what_is_open_stays_in_its_group_and_what_opens_goes_by_the_new_routes(
    desk: Desk, clock: FakeClock
):
    desk.routes.apply(TREE, actor="ann")
    desk.fires("a", severity="high")
    clock.forward(seconds=30)
    assert desk.told() == [("pager", 1)]
    desk.routes.apply(TREE.replace("receiver: pager", "receiver: own").partition("tests:")[0],
                      actor="ann")  # fmt: skip
    clock.forward(minutes=10)
    desk.fires("a", "b", severity="high")
    clock.forward(seconds=30)
    assert desk.told() == [("own", 1)]
    desk.fires("a", "b", value=10, severity="high")
    assert desk.told() == [("own", 0), ("pager", 0)]


def test_what_opens_in_a_live_or_young_group_brings_the_times_of_the_new_routes(
    desk: Desk, clock: FakeClock
):
    desk.routes.apply(TREE, actor="ann")
    desk.fires("a", severity="high")
    clock.forward(seconds=30)
    assert desk.told() == [("pager", 1)]
    muted = TREE.replace("[night]", "[night, noon]").replace(
        "  - name: night", "  - {name: noon, time_intervals: [{times: [{start_time: '12:00',"
        " end_time: '13:00'}]}]}\n  - name: night"
    )  # fmt: skip
    desk.routes.apply(muted, actor="ann")
    clock.forward(minutes=10)
    desk.fires("a", "b", severity="high")
    clock.forward(minutes=5)
    assert desk.told() == []  # 12:16
    desk.fires("a", "b", value=10, severity="high")
    assert desk.told() == [("pager", 0)]
    desk.routes.apply(TREE, actor="ann")
    desk.fires("c", severity="high")
    clock.forward(seconds=30)
    assert desk.told() == [("pager", 1)]
    assert len(desk.rows("SELECT id FROM alert_group")) == 1


def test_a_reopened_alert_goes_back_to_every_group_that_heard_of_it(desk: Desk, clock: FakeClock):
    desk.routes.apply(TREE, actor="ann")
    desk.fires("a", team="db", severity="critical")
    clock.forward(seconds=30)
    assert desk.told() == [("db", 1), ("pager", 1)]
    desk.store.act(desk.ids(), Resolve(actor="ann"))
    clock.forward(seconds=10)
    assert desk.told() == [("db", 0), ("pager", 0)]
    desk.routes.rollback(0, actor="ann")
    desk.store.act(desk.ids(), Reopen(actor="ann"))
    clock.forward(seconds=30)
    assert desk.told() == [("db", 1), ("pager", 1)]


def test_a_reopened_alert_does_not_go_back_to_a_group_that_it_had_left(
    desk: Desk, clock: FakeClock
):
    desk.routes.apply(TREE, actor="ann")
    desk.fires("a", severity="high")
    clock.forward(seconds=30)
    assert desk.told() == [("pager", 1)]
    desk.fires("a", value=10, severity="high")
    assert desk.told() == [("pager", 0)]
    left = desk.rows("SELECT * FROM alert_group")
    desk.routes.apply("route: {receiver: own}", actor="ann")
    desk.fires("a", severity="high")
    clock.forward(seconds=30)
    assert desk.told() == [("own", 1)]
    (alert,) = desk.ids()
    for action in (Acknowledge(actor="ann"), Unacknowledge(actor="ann")):
        desk.store.act([alert], action)
    clock.forward(minutes=10)
    desk.store.act([alert], Resolve(actor="ann"))
    clock.forward(seconds=10)
    assert desk.told() == [("own", 0)]
    # What becomes of the alert elsewhere does not keep the old group young.
    assert desk.rows("SELECT * FROM alert_group ORDER BY id LIMIT 1") == left
    desk.store.act([alert], Reopen(actor="ann"))
    clock.forward(seconds=30)
    assert desk.told() == [("own", 1)]


def test_every_version_is_kept_and_can_be_gone_back_to(desk: Desk, clock: FakeClock):
    routes = desk.routes
    assert routes.tree() is None
    first = TREE.replace("10s", "20s")
    assert routes.apply(first, actor="ann", note="one").number == 1
    assert not routes.apply(first, actor="ann").changed
    assert routes.apply(TREE, actor="bob", check=routes.expecting(1)).number == 2
    with pytest.raises(Conflict, match="version 2 of the routes is active, not 1"):
        routes.apply(first, actor="ann", check=routes.expecting(1))
    assert routes.rollback(1, actor="cy").number == 3
    found = [(one.number, one.applied_by, one.rolled_back_to) for one in routes.history()]
    assert found == [(3, "cy", 1), (2, "bob", None), (1, "ann", None)]
    assert routes.version().document == first
    with pytest.raises(Conflict, match="the active routes name the receiver 'db'"):
        desk.store.receivers.remove("db")
    assert routes.rollback(0, actor="cy").number == 4
    desk.store.receivers.remove("db")
    with pytest.raises(ConfigurationError, match="there is no receiver db"):
        routes.rollback(2, actor="cy")
    assert routes.version().number == 4
    assert routes.tree() is None
    with pytest.raises(NotFound, match="there is no version 9"):
        routes.rollback(9, actor="cy")
    actions = desk.rows(
        "SELECT action, object_id FROM audit WHERE object_kind = 'routes' ORDER BY object_id"
    )
    assert [tuple(row) for row in actions] == [("routes.applied", str(n)) for n in (1, 2, 3, 4)]


def test_two_who_apply_at_the_same_time_make_two_versions(desk: Desk):
    documents = [TREE.replace("10s", f"{seconds}s") for seconds in range(20, 24)]

    def applied(text: str) -> Applied:
        return desk.routes.apply(text, actor="ann")

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(applied, documents))
    assert sorted(one.number for one in found) == [1, 2, 3, 4]


@sqlite_alone
@pytest.mark.parametrize(
    ("document", "message"),
    [
        (TREE.replace("receiver: pager", "receiver: nobody").partition("tests:")[0],
         "there is no receiver nobody"),
        (TREE.replace("receivers: pager", "receivers: db"),
         "test 2: notifies pager, not db"),
        (TREE.replace("muted: true", "muted: false"),
         "test 2: is muted at 2026-01-01 03:00:00 UTC"),
        (TREE.replace("[night]", "[day]"), "there is no day"),
        (TREE.replace('[team="db"]', "[team]"), "cannot be read"),
        (TREE.replace("receiver: db", "reciever: db"), "route.routes.0.reciever"),
        ("route: [", "no YAML"),
        ("[]", "no YAML with names"),
        ("route: " + "[" * 2000, "no YAML"),
        ("route: {" + "routes: [{" * 30 + "}]" * 30 + "}", "too deep"),
        ("route: {matchers: [a=b]}", "matches everything"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(desk: Desk, document: str, message: str):
    with pytest.raises(ConfigurationError) as refused:
        desk.routes.apply(document, actor="ann")
    assert message in str(refused.value)
    assert desk.routes.history() == []
