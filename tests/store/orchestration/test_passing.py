"""Alerts pass orchestration before the lifecycle, and a resolve finds what a post opened."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sentinel.alerts.actions import Resolve
from sentinel.checks.reading import Reading
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.ingest.alertmanager_intake import AlertmanagerIntake
from sentinel.ingest.alertmanager_posts import posts_of
from sentinel.ingest.arrivals import Message, arrive
from sentinel.ingest.held_alerts import release_held
from sentinel.ingest.posted_alert import post_alert
from sentinel.store import Store
from sentinel.store.database.tables import ALERT
from sentinel.store.orchestration.documents import Orchestrations, TableVersions


class Door:
    """Doors of a store: a webhook, an Alertmanager and a program."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.rules = Orchestrations(store, "default")
        self.intake = AlertmanagerIntake(store)
        self.numbers = count()

    def apply(self, text: str) -> None:
        self.rules.apply(text, actor="ann")

    def comes(self, firing: bool = True, tenant: str = "default", **labels: str) -> None:
        self.clock.forward(seconds=1)
        reading = Reading(labels=labels, firing=firing, severity="critical")
        arrive(self.store, Message(sender="prometheus", tenant=tenant, readings=[reading]))

    def posts(self, *names: str, lasts: float = 240, **labels: str) -> None:
        """Post alerts to the door of an Alertmanager, which end so many seconds later."""
        now = self.clock.now()
        alerts = [
            {"labels": {"alertname": name, **labels}, "startsAt": now.isoformat(),
             "endsAt": (now + timedelta(seconds=lasts)).isoformat()}
            for name in names
        ]  # fmt: skip
        posts, wrong = posts_of(json.dumps(alerts).encode(), now)
        assert not wrong
        self.intake.add("default", posts)
        self.intake.settle("default")

    def seen(self) -> list[tuple[str, dict[str, str]]]:
        """Status and labels of every alert, in the order in which they opened."""
        found = sorted(self.store.alerts.page().items, key=lambda one: one.id)
        return [(one.status, dict(one.labels)) for one in found]

    def open(self, tenant: str) -> int:
        """How many alerts of a tenant are live."""
        query = f"SELECT count(*) FROM alert WHERE tenant = '{tenant}' AND status != 'resolved'"
        return self.rows(query)[0][0]

    def details(self, alert_id: str) -> dict[str, Any]:
        with self.store.read() as connection:
            query = select(ALERT.c.details).where(ALERT.c.id == alert_id)
            return connection.execute(query).scalar_one()

    def rows(self, query: str) -> list[Any]:
        with self.store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]


@pytest.fixture
def door(store: Store, clock: FakeClock) -> Door:
    return Door(store, clock)


RENAMED = "rules: [{name: a, rename: {pod_name: pod}, set: {severity: low, owner: shop}}]"


def test_an_alert_opens_with_the_labels_that_rules_leave_and_its_resolve_finds_it(door: Door):
    door.apply(RENAMED)
    door.comes(alertname="Down", pod_name="a")
    (alert,) = door.store.alerts.page().items
    assert (dict(alert.labels), alert.severity, alert.team) == (
        {"alertname": "Down", "pod": "a"}, "low", "shop",
    )  # fmt: skip
    record = door.details(alert.id)["orchestration"]
    assert record["version"] == 1
    assert record["steps"][0]["changed"]["severity"] == ["critical", "low"]
    door.comes(firing=False, alertname="Down", pod_name="a")
    assert [status for status, _ in door.seen()] == ["resolved"]


def test_another_version_or_none_leaves_an_open_alert_what_it_is(door: Door):
    door.comes(alertname="Early", pod_name="e")  # before there were any rules
    door.apply(RENAMED)
    door.comes(alertname="Down", pod_name="a")
    door.apply("rules: [{name: a, drop: true}]")
    door.comes(alertname="Early", pod_name="e")
    door.comes(alertname="Down", pod_name="a")
    open_ = [
        ("open", {"alertname": "Early", "pod_name": "e"}),
        ("open", {"alertname": "Down", "pod": "a"}),
    ]
    assert door.seen() == open_
    door.rules.rollback(0, actor="ann")
    door.comes(alertname="Down", pod_name="a")
    assert door.seen() == open_
    door.comes(firing=False, alertname="Early", pod_name="e")
    door.comes(firing=False, alertname="Down", pod_name="a")
    assert [status for status, _ in door.seen()] == ["resolved", "resolved"]
    door.rules.rollback(2, actor="ann")  # the next episode goes by the active version
    door.clock.forward(hours=1)
    door.comes(alertname="Down", pod_name="a")
    assert [status for status, _ in door.seen()] == ["resolved", "resolved"]


def test_what_becomes_one_alert_is_over_when_the_last_of_it_is(door: Door):
    door.apply("rules: [{name: a, remove: [pod]}]")
    door.comes(alertname="Down", pod="a")
    door.comes(alertname="Down", pod="b")
    door.comes(firing=False, alertname="Down", pod="a")
    assert door.seen() == [("open", {"alertname": "Down"})]
    door.comes(firing=False, alertname="Down", pod="b")
    assert door.seen() == [("resolved", {"alertname": "Down"})]


def test_what_is_dropped_leaves_no_alert_and_is_known_by_its_rule(door: Door):
    door.apply("rules: [{name: noise, matchers: env=dev, drop: true}]")
    door.comes(alertname="Down", env="dev")
    door.comes(firing=False, alertname="Down", env="dev")
    door.comes(alertname="Down", env="dev")
    assert door.seen() == []
    assert door.rows("SELECT state, rule FROM incoming_alert") == [("dropped", "noise")]


HELD = "rules: [{name: wait, hold: 10m}]"


def test_what_is_held_back_opens_when_it_has_lasted_long_enough(door: Door):
    door.apply(HELD)
    door.comes(alertname="Down", host="a")
    door.comes(alertname="Down", host="b")
    door.clock.forward(minutes=5)
    door.comes(firing=False, alertname="Down", host="b")  # it ended before
    assert release_held(door.store, door.clock.now()) == 0
    door.clock.forward(minutes=5)
    assert release_held(door.store, door.clock.now()) == 1
    assert door.seen() == [("open", {"alertname": "Down", "host": "a"})]
    assert release_held(door.store, door.clock.now()) == 0
    assert door.rows("SELECT count(*) FROM timeline WHERE reason = 'opened'") == [(1,)]
    door.comes(firing=False, alertname="Down", host="a")
    assert [status for status, _ in door.seen()] == ["resolved"]


def test_what_was_resolved_while_it_was_let_pass_does_not_open(door: Door):
    from sentinel.ingest import held_alerts

    door.apply(HELD)
    door.comes(alertname="Down")
    door.clock.forward(minutes=11)
    with door.store.read() as connection:
        due = held_alerts.due_held(connection, door.clock.now())
    door.comes(firing=False, alertname="Down")
    held_alerts._release(door.store, "default", "prometheus", due, door.clock.now())  # pyright: ignore[reportPrivateUsage] - between reading and writing
    assert door.seen() == []


def test_a_post_that_changes_nothing_costs_no_row_of_an_alert_or_of_what_came_in(door: Door):
    door.apply(
        "rules: [{name: d, matchers: alertname=Dropped, drop: true},"
        "{name: h, matchers: alertname=Held, hold: 1h}, {name: a, set: {labels.x: y}}]"
    )
    names = ("Down", "Dropped", "Held")
    door.posts(*names)
    alerts, came = "SELECT * FROM alert", "SELECT * FROM incoming_alert ORDER BY source"
    before = door.rows(alerts), door.rows(came)
    for _ in range(3):
        door.clock.forward(seconds=60)
        door.posts(*names)
    assert (door.rows(alerts), door.rows(came)) == before
    assert door.seen() == [("open", {"alertname": "Down", "x": "y"})]
    assert len(door.rows("SELECT 1 FROM posted_batch")) == 3


def test_an_announced_end_counts_for_what_is_held_back_and_for_each_of_those_that_are_one(
    door: Door,
):
    door.apply(
        "rules: [{name: h, matchers: alertname=Held, hold: 10m}, {name: one, remove: [pod]}]"
    )
    door.posts("Held", host="a")
    door.posts("Held", host="b")
    door.posts("Down", pod="a")
    for _ in range(10):
        door.clock.forward(seconds=60)
        door.posts("Held", host="a")  # b is posted no longer, so it has ended
        door.posts("Down", pod="b")
    release_held(door.store, door.clock.now())
    assert door.seen() == [
        ("open", {"alertname": "Down"}), ("open", {"alertname": "Held", "host": "a"}),
    ]  # fmt: skip
    door.posts("Down", lasts=0, pod="b")  # a has ended by itself
    assert door.seen()[0][0] == "resolved"


def test_what_a_program_posts_is_answered_with_what_became_of_it(door: Door):
    door.apply(
        "rules: [{name: d, matchers: alertname=Dropped, drop: true},"
        "{name: h, matchers: alertname=Held, hold: 1h}, {name: a, rename: {x: y}}]"
    )

    def posted(name: str) -> Any:
        labels = {"alertname": name, "x": "1"}
        return post_alert(door.store, actor="bot", labels=labels, title=name, severity="high")

    assert (posted("Dropped").kept, posted("Dropped").by) == ("dropped", "d")
    held = posted("Held")
    assert (held.kept, held.due) == ("held", door.clock.now() + timedelta(hours=1))
    first = posted("Down")
    door.clock.forward(seconds=1)
    again = posted("Down")
    assert (first.opened, again.opened, again.alert_id) == (True, False, first.alert_id)
    door.store.act([first.alert_id], Resolve(actor="ann"))
    assert door.seen() == [("resolved", {"alertname": "Down", "y": "1"})]


def test_tenants_have_rules_and_tables_of_their_own(door: Door):
    rules = (
        "rules: [{name: a, enrich: {table: hosts, where: {h: labels.h}, set: {severity: word}}}]"
    )
    with pytest.raises(ConfigurationError, match="there is no table hosts"):
        door.apply(rules)
    tables = TableVersions(door.store, "default", "hosts")
    tables.apply("h,word\na,low\n", actor="ann")
    door.apply(rules)

    def words() -> dict[str, str]:
        door.comes(alertname="Down", h="a")
        return {one.tenant: one.severity for one in door.store.alerts.page().items}

    door.comes(alertname="Down", h="a", tenant="other")
    assert words() == {"default": "low", "other": "critical"}
    tables.apply("h,word\na,high\n", actor="ann")
    assert words()["default"] == "high"
    with pytest.raises(ConfigurationError, match="the active rules enrich from"):
        tables.rollback(0, actor="ann")
    assert [one.number for one in tables.history()] == [2, 1]


VERSIONS = (
    "", "rules: [{name: a, rename: {pod: p}}]", "rules: [{name: a, remove: [pod]}]",
    "rules: [{name: a, matchers: pod=a, drop: true}]", "rules: [{name: a, hold: 5m}]",
    "rules: [{name: a, matchers: pod=b, set: {labels.pod: a, severity: low}}]",
)  # fmt: skip
_STEP = st.one_of(
    st.tuples(st.just("apply"), st.sampled_from(range(len(VERSIONS)))),
    st.tuples(st.sampled_from(["fires", "ends"]), st.sampled_from(range(3))),
)


@settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(_STEP, min_size=4, max_size=14))
def test_whatever_versions_come_and_go_what_is_over_leaves_no_alert_open(
    door: Door, steps: list[tuple[str, int]]
):
    tenant = f"t{next(door.numbers)}"
    rules = Orchestrations(door.store, tenant)
    firing: set[int] = set()
    for what, number in steps:
        text = VERSIONS[number] if what == "apply" else ""
        if text:
            rules.apply(text, actor="ann")
        elif what == "apply":
            rules.rollback(0, actor="ann")
        else:
            door.comes(what == "fires", tenant, alertname="Down", pod="abc"[number])
            firing = firing | {number} if what == "fires" else firing - {number}
        if not firing:
            assert door.open(tenant) == 0
        before = door.open(tenant)
        for one in firing:  # what fires as before is what it was
            door.comes(True, tenant, alertname="Down", pod="abc"[one])
        assert door.open(tenant) >= before
    door.clock.forward(minutes=10)
    release_held(door.store, door.clock.now())
    for one in range(3):
        door.comes(False, tenant, alertname="Down", pod="abc"[one])
    assert door.open(tenant) == 0
