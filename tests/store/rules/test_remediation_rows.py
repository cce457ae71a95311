"""Rows of remediations: one for each alert, started once, followed to the end."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from sentinel.access import EVERYTHING, Permission, Reach, Scope
from sentinel.alerts.actions import Resolve
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound, OutOfScope
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, every
from sentinel.store.rules import remediation
from sentinel.store.rules.remediation import GIVE_UP_AFTER, Decider, RemediationRun
from tests.databases import sqlite_alone
from tests.world import World

REMEDIATION = {
    "deployment": "restart/disk",
    "parameters": {"mount": "{mount}", "why": ["{title}, {severity}"], "tries": 3},
}


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock, remediate=REMEDIATION)


def reasons(world: World, alert_id: str) -> list[tuple[str, str]]:
    timeline = world.store.alerts.timeline(alert_id)
    return [(entry.reason, entry.comment) for entry in timeline if entry.kind == "remedy"]


def test_an_alert_that_opens_requests_its_remediation_with_its_own_labels(world: World):
    world.sees({"/data": 97, "/home": 20})
    (wanted,) = world.store.remediations.to_start()
    (alert,) = world.ids()
    assert (wanted.alert_id, wanted.deployment) == (alert, "restart/disk")
    title = world.store.alerts.get(alert).title
    assert wanted.parameters == {"mount": "/data", "why": [f"{title}, medium"], "tries": 3}


def test_a_remediation_is_requested_once_per_alert(world: World):
    world.sees({"/data": 97})
    (alert,) = world.ids()
    assert world.store.remediations.started(alert, "run-9", "restart · 1", "SCHEDULED")
    world.sees({"/data": 98})
    world.sees({"/data": 10})
    world.sees({"/data": 99})  # the same alert again
    assert world.ids() == [alert]
    assert world.store.remediations.to_start() == []
    assert not world.store.remediations.started(alert, "run-10", "restart · 2", "SCHEDULED")
    found = world.store.remediations.of(alert)
    assert found is not None
    assert (found.flow_run_id, found.flow_run_name) == ("run-9", "restart · 1")


def test_a_pending_alert_requests_no_remediation(store: Store, clock: FakeClock):
    world = World(store, clock, remediate=REMEDIATION, consecutive=2)
    world.sees({"/data": 97})
    assert store.remediations.to_start() == []
    world.sees({"/data": 97})
    assert len(store.remediations.to_start()) == 1


def test_a_failed_check_requests_no_remediation(store: Store, clock: FakeClock):
    world = World(store, clock, remediate=REMEDIATION, errors={"after": 1})
    world.sees(error=RuntimeError("no such disk"))
    assert len(world.ids()) == 1
    assert store.remediations.to_start() == []


def test_the_remediation_of_a_resolved_alert_is_dropped(world: World):
    world.sees({"/data": 97})
    (alert,) = world.ids()
    world.store.act([alert], Resolve(actor="ada"))
    assert world.store.remediations.to_start() == []
    found = world.store.remediations.of(alert)
    assert found is not None
    assert (found.status, found.error) == (
        "dropped",
        "its alert was resolved before it could be started",
    )
    assert reasons(world, alert) == [("remediation_not_started", found.error)]


def test_a_remediation_that_cannot_start_is_retried_and_given_up_in_time(world: World):
    world.sees({"/data": 97})
    (alert,) = world.ids()
    world.store.remediations.not_started(alert, "there is no deployment restart/disk")
    assert [one.alert_id for one in world.store.remediations.to_start()] == [alert]
    world.clock.forward(seconds=GIVE_UP_AFTER.total_seconds())
    assert world.store.remediations.to_start() == []
    ((reason, comment),) = reasons(world, alert)
    assert reason == "remediation_not_started"
    assert "could not be started for an hour: there is no deployment restart/disk" in comment


def test_no_more_remediations_run_at_once_than_the_rule_allows(store: Store, clock: FakeClock):
    world = World(store, clock, remediate={**REMEDIATION, "at_once": 2})
    world.sees({f"/{n}": 97 for n in range(5)})
    first = store.remediations.to_start()
    assert len(first) == 2
    for one in first:
        store.remediations.started(one.alert_id, f"run-{one.alert_id}", "restart", "SCHEDULED")
    assert store.remediations.to_start() == []
    done = RemediationRun(
        flow_run_id="run", state="COMPLETED", state_name="Completed", is_final=True
    )
    store.remediations.follow(first[0].alert_id, done)
    assert len(store.remediations.to_start()) == 1


def test_the_timeline_follows_the_state_of_the_remediation_run(world: World):
    world.sees({"/data": 97})
    (alert,) = world.ids()
    store = world.store
    store.remediations.started(alert, "run-9", "restart · 1", "SCHEDULED")
    assert store.remediations.running() == {"run-9": alert}
    running = RemediationRun(
        flow_run_id="run-9", state="RUNNING", state_name="Running", is_final=False
    )
    before = store.change_number()
    assert store.remediations.follow(alert, running)
    assert store.change_number() > before
    assert not store.remediations.follow(alert, running)
    failed = RemediationRun(flow_run_id="run-9", state="FAILED", state_name="Failed", is_final=True)
    assert store.remediations.follow(alert, failed)
    assert store.remediations.running() == {}
    found = store.remediations.of(alert)
    assert found is not None
    assert (found.status, found.state, found.state_name) == ("ended", "FAILED", "Failed")
    assert reasons(world, alert) == [
        ("remediation_started", "restart · 1"),
        ("remediation_ended", "Failed"),
    ]


def test_two_concurrent_reports_of_a_start_count_as_one(world: World):
    world.sees({"/data": 97})
    (alert,) = world.ids()
    barrier, said = Barrier(2), list[bool]()

    def say(name: str) -> None:
        barrier.wait(10)
        said.append(world.store.remediations.started(alert, "run-9", name, "SCHEDULED"))

    threads = [Thread(target=say, args=(f"restart {n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(said) == [False, True]
    assert len(reasons(world, alert)) == 1


def test_a_remediation_is_deleted_with_its_alert(world: World):
    world.sees({"/data": 97})
    (alert,) = world.ids()
    world.sees({"/data": 10})
    world.clock.forward(seconds=86_400)
    world.store.retain(timedelta(hours=1))
    assert world.ids() == []
    assert world.store.remediations.of(alert) is None


WAITS = {**REMEDIATION, "approval": {"role": "editor", "expires": "30m"}}


def decider(
    name: str = "ann",
    *,
    most: Permission = Permission.EDIT,
    person: bool = True,
    scope: Scope = EVERYTHING,
) -> Decider:
    def holds(wanted: Permission, _: str, __: str) -> bool:
        return most.role.allows(wanted)

    return Decider(name=name, person=name if person else "", scope=scope, holds=holds)


def test_a_remediation_waits_for_an_approval_which_is_audited_and_given_once(
    store: Store, clock: FakeClock
):
    world = World(store, clock, remediate=WAITS)
    world.sees({"/data": 97})
    (alert,) = world.ids()
    assert store.remediations.to_start() == []
    with pytest.raises(ConfigurationError, match="comment: has a NUL character"):
        store.remediations.decide(alert, decider(), approve=True, comment="a\0b")
    with pytest.raises(OutOfScope, match="the role editor"):
        store.remediations.decide(alert, decider(most=Permission.RESPOND), approve=True)
    assert (
        store.remediations.decide(alert, decider(), approve=True, comment="yes").status == "wanted"
    )
    with pytest.raises(Conflict, match="does not wait"):
        store.remediations.decide(alert, decider("ben"), approve=False)
    assert [one.alert_id for one in store.remediations.to_start()] == [alert]
    assert reasons(world, alert) == [("remediation_approved", "yes")]
    trail = [one for some in every(store, AuditFilter()) for one in some]
    assert [(one.action, one.actor) for one in trail if "remediation" in one.action] == [
        ("remediation.approved", "ann")
    ]


def test_one_that_nobody_approves_in_time_or_that_is_rejected_never_runs(
    store: Store, clock: FakeClock
):
    world = World(store, clock, remediate=WAITS)
    world.sees({"/data": 97, "/home": 97})
    late, bad = world.ids()
    store.remediations.decide(bad, decider(), approve=False, comment="a test")
    clock.forward(minutes=30)
    with pytest.raises(Conflict):
        store.remediations.decide(late, decider(), approve=True)
    assert store.remediations.to_start() == []
    errors = [one.error for one in map(store.remediations.of, (late, bad)) if one is not None]
    # Who rejected it is in the column that an erasure of personal data empties, and in no text.
    assert errors == ["nobody approved it in time", "it was rejected"]


@sqlite_alone
def test_what_is_decided_while_the_alert_resolves_is_refused(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    world = World(store, clock, remediate=WAITS)
    world.sees({"/data": 97})
    (alert,) = world.ids()
    lock = remediation.lock_rules

    def late(connection: Connection, rules: Any) -> Any:
        # As where another process held the lock, and resolved it.
        connection.execute(text("UPDATE alert SET status = 'resolved'"))
        return lock(connection, rules)

    monkeypatch.setattr(remediation, "lock_rules", late)
    with pytest.raises(Conflict, match="does not wait"):
        store.remediations.decide(alert, decider(), approve=True)


def test_only_the_people_that_a_rule_names_decide_and_no_key_in_their_name(
    store: Store, clock: FakeClock
):
    world = World(store, clock, remediate={**WAITS, "approval": {"people": ["eve"]}})
    world.sees({"/data": 97})
    (alert,) = world.ids()
    for who in (decider("ann"), decider("eve", person=False)):
        with pytest.raises(OutOfScope, match="only certain people"):
            store.remediations.decide(alert, who, approve=True)
    hidden = decider("eve", scope=Scope((Reach(frozenset({"acme"})),)))
    with pytest.raises(NotFound):
        store.remediations.decide(alert, hidden, approve=True)
    assert store.remediations.decide(alert, decider("eve"), approve=True).decided_by == "eve"


def test_no_more_start_within_an_hour_than_the_rule_allows(store: Store, clock: FakeClock):
    world = World(store, clock, remediate={**REMEDIATION, "per_hour": 2})
    world.sees({f"/{n}": 97 for n in range(3)})
    for one in store.remediations.to_start():
        store.remediations.started(one.alert_id, f"run-{one.alert_id}", "restart", "SCHEDULED")
        ended = RemediationRun(flow_run_id="run", state="COMPLETED", state_name="Completed",
                               is_final=True, outcome="restarted 3 pods")  # fmt: skip
        store.remediations.follow(one.alert_id, ended)
    assert store.remediations.to_start() == []
    rows = [one for one in map(store.remediations.of, world.ids()) if one is not None]
    (waiting,) = [one for one in rows if one.status == "wanted"]
    assert waiting.error == "the limit of 2 an hour of its rule is reached"
    said = {comment for one in world.ids() for reason, comment in reasons(world, one)
            if reason == "remediation_ended"}  # fmt: skip
    assert said == {"Completed: restarted 3 pods"}
    assert sorted(one.outcome for one in rows) == ["", "restarted 3 pods", "restarted 3 pods"]
    clock.forward(minutes=59)
    assert store.remediations.to_start() == []


@sqlite_alone
def test_what_waits_for_the_limit_is_noted_once_by_one_statement(store: Store, clock: FakeClock):
    world = World(store, clock, remediate={**REMEDIATION, "per_hour": 1})
    world.sees({f"/{n}": 97 for n in range(4)})
    (first,) = store.remediations.to_start()[:1]
    store.remediations.started(first.alert_id, "run-1", "restart", "SCHEDULED")
    with store.write() as connection:
        connection.execute(text("UPDATE remedy SET error = '' WHERE status = 'wanted'"))
    statements: list[str] = []

    def executed(_link: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(store.engine, "before_cursor_execute", executed)
    for _ in range(2):
        assert store.remediations.to_start() == []
    assert sum("UPDATE remedy" in one for one in statements) == 1
    assert [row[0] for row in world.rows("SELECT error FROM remedy WHERE status = 'wanted'")] == [
        "the limit of 1 an hour of its rule is reached"
    ] * 3
