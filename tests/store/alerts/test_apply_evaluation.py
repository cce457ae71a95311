"""What one evaluation does to the shared database, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event

from sentinel import Reading
from sentinel.alerts.actions import Acknowledge, Comment, Resolve, Suppress
from sentinel.checks.reading import checked
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, ReadingError
from sentinel.store import Store
from sentinel.store.alerts import apply_evaluation
from sentinel.store.database.bulk import dumped
from tests.world import World


@pytest.fixture(params=[apply_evaluation.MANY, 0], ids=["few", "many"])
def world(
    store: Store, clock: FakeClock, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> World:
    """Every requirement holds, too, where new alerts are written beside the look at the others."""
    monkeypatch.setattr(apply_evaluation, "MANY", request.param)
    return World(store, clock)


def test_a_firing_reading_becomes_an_alert_with_timeline_group_and_events(world: World):
    applied = world.sees({"/": 95, "/data": 20})
    assert (applied.outcome, applied.seen, applied.bad, applied.live) == ("firing", 2, 1, 1)
    assert world.alerts() == [("disk: / 95 percent", "open")]
    assert world.rows("SELECT kind, flow_run_id FROM timeline") == [("opened", "run-1")]
    assert world.rows("SELECT status, firing FROM alert_group") == [("open", 1)]
    assert world.events() == ["sentinel.group.opened", "sentinel.alert.opened"]


def test_events_carry_the_run_the_deployment_and_the_flow(world: World):
    world.sees({"/": 95})
    with world.store.read() as connection:
        events = [one for _, one in world.store.outbox.unpublished(connection, 10)]
    alert = next(one for one in events if one.event == "sentinel.alert.opened")
    assert {(r["prefect.resource.role"], r["prefect.resource.id"]) for r in alert.related} == {
        ("flow-run", "prefect.flow-run.run-1"),
        ("deployment", "prefect.deployment.dep-1"),
        ("flow", "prefect.flow.flow-1"),
    }
    assert alert.resource["sentinel.severity"] == "medium"


def test_only_a_reading_seen_good_resolves(world: World):
    world.sees({"/": 95, "/data": 95})
    assert world.sees({"/data": 20}).live == 1
    assert dict(world.alerts()) == {
        "disk: / 95 percent": "open",
        "disk: /data 95 percent": "resolved",
    }


def test_a_check_that_raised_keeps_what_it_did_not_see_and_takes_what_it_did(world: World):
    world.sees({"/": 95, "/data": 95})
    applied = world.sees({"/": 20}, error=OSError("gone"))
    assert applied.outcome == "error"
    assert dict(world.alerts()) == {
        "disk: / 95 percent": "resolved",
        "disk: /data 95 percent": "open",
    }


def test_a_closed_world_check_resolves_what_it_no_longer_names(world: World):
    world.sees({"/": 95, "/data": 95}, closed_world=True)
    world.sees({}, closed_world=True, not_seen=[{"mount": "/data"}])
    assert dict(world.alerts()) == {
        "disk: / 95 percent": "resolved",
        "disk: /data 95 percent": "open",
    }
    world.sees({}, closed_world=True, error=OSError("cut short"))
    assert dict(world.alerts())["disk: /data 95 percent"] == "open"


def test_an_alert_about_a_check_counts_how_often_it_failed(world: World):
    for _ in range(40):
        world.sees(error=RuntimeError("no answer"))
    assert world.rows("SELECT occurrences FROM alert") == [(40,)]
    assert len(world.store.alerts.timeline(world.ids()[0])) == 1


def test_a_check_that_keeps_failing_becomes_one_alert_about_its_source(world: World):
    for _ in range(2):
        assert world.sees(error=OSError("no route")).changed == 0
    assert world.sees(error=OSError("no route")).changed == 1
    world.sees(error=OSError("no route"))
    assert world.alerts() == [("disk cannot be checked: OSError: no route", "open")]
    assert world.rows("SELECT source, bad_count FROM alert") == [("check", 2)]
    world.sees({"/": 20})
    assert world.rows("SELECT status, resolution FROM alert") == [("resolved", "recovered")]


def test_a_rule_that_cannot_judge_its_readings_is_an_error_not_a_recovery(
    store: Store, clock: FakeClock
):
    world = World(store, clock, when=None)
    assert "nothing says whether" in world.sees({"/": 95}).error


def test_the_same_evaluation_again_changes_nothing(world: World):
    world.clock.forward(seconds=60)
    evaluation = world.evaluation({"/": 95})
    assert world.store.apply(evaluation).outcome == "firing"
    number = world.store.change_number()
    assert world.store.apply(evaluation).outcome == "stale"
    assert world.store.change_number() == number
    assert len(world.rows("SELECT * FROM timeline")) == 1


def test_an_evaluation_that_arrives_late_is_refused(world: World):
    world.clock.forward(seconds=60)
    late = world.evaluation({"/": 20})
    world.sees({"/": 95})
    assert world.store.apply(late).outcome == "stale"
    assert world.alerts() == [("disk: / 95 percent", "open")]


def test_after_an_outage_the_late_runs_of_a_rule_count_once(store: Store, clock: FakeClock):
    world = World(store, clock, consecutive=3)
    world.sees({"/": 95})
    clock.forward(minutes=10)
    now = clock.now()
    slots = [now - timedelta(minutes=n) for n in (4, 3, 2, 1)]
    outcomes = [world.store.apply(world.evaluation({"/": 95}, slot=slot)).outcome for slot in slots]
    assert outcomes == ["ok", "collapsed", "collapsed", "collapsed"]
    assert world.alerts()[0][1] == "pending"


def test_a_run_is_admitted_exactly_when_apply_would_admit_it(world: World):
    assert world.store.rules.begin(world.rule, slot=world.clock.now(), now=world.clock.now()).go
    world.sees({"/": 95})
    now = world.clock.now()
    assert world.store.rules.begin(world.rule, slot=now, now=now).reason == "stale"
    world.store.rules.disable("disk", actor="ann")
    later = world.clock.forward(seconds=60)
    assert world.store.rules.begin(world.rule, slot=later, now=later).reason == "disabled"


def test_a_disabled_rule_closes_its_alerts_as_disabled_and_stays_off(world: World):
    world.sees({"/": 95})
    assert world.store.rules.disable("disk", actor="ann", reason="moving house") == 1
    assert world.rows("SELECT status, resolution, resolved_by FROM alert") == [
        ("resolved", "rule_disabled", "ann")
    ]
    assert world.rows("SELECT resolution FROM alert_group") == [("rule_disabled",)]
    assert world.sees({"/": 95}).outcome == "disabled"
    world.store.rules.enable("disk", actor="ann")
    assert world.sees({"/": 95}).outcome == "firing"


def test_a_renamed_rule_keeps_its_alerts_and_its_switch(
    world: World, store: Store, clock: FakeClock
):
    world.rule = world.rule.model_copy(update={"labels": {"env": "prod"}})
    world.sees({"/": 95})
    renamed = World(store, clock, name="disk-full", renamed_from="disk", labels={"env": "prod"})
    assert renamed.sees({"/": 96}).changed == 0
    assert renamed.rows("SELECT rule, status FROM alert") == [("disk-full", "open")]
    assert [row.name for row in store.rules.list()] == ["disk-full"]
    renamed.sees({"/": 20})
    assert renamed.rows("SELECT status FROM alert") == [("resolved",)]


def test_a_rename_carries_suppressions_and_the_alert_about_a_failing_check(
    world: World, store: Store, clock: FakeClock
):
    world.sees({"/": 95})
    until = clock.now() + timedelta(days=9)
    store.act(world.ids(), Suppress(actor="ann", until=until, comment="known"))
    for _ in range(3):
        world.sees(error=OSError("gone"))
    renamed = World(store, clock, name="disk-full", renamed_from="disk")
    renamed.sees(error=OSError("gone"))
    assert renamed.rows("SELECT count(*) FROM alert WHERE source = 'check'") == [(1,)]
    renamed.sees({"/": 20})
    renamed.wait(hours=1)
    renamed.sees({"/": 95})
    assert renamed.rows("SELECT suppress_reason FROM alert WHERE status = 'open'") == [("known",)]


def test_a_reading_that_no_database_keeps_is_refused_when_it_is_seen():
    for wrong in (
        Reading(labels={"file": "a\udcff"}, value=1.0),
        Reading(summary="a\udcff", value=1.0),
        Reading(details={"n": 2**70}, value=1.0),
    ):
        with pytest.raises(ReadingError):
            checked(wrong)


def test_suppression_is_by_fingerprint_and_survives_resolve_and_refire(world: World):
    world.sees({"/": 95})
    until = world.clock.now() + timedelta(hours=8)
    world.store.act(world.ids(), Suppress(actor="ann", until=until, comment="known"))
    world.sees({"/": 20})
    world.wait(hours=1)
    world.sees({"/": 95})
    assert world.rows("SELECT suppress_reason FROM alert WHERE status = 'open'") == [("known",)]
    assert world.rows("SELECT suppressed FROM alert_group WHERE status = 'open'") == [(1,)]


def test_a_storm_is_one_group_and_one_event_and_nothing_of_it_is_lost(world: World):
    applied = world.sees({f"/m{n}": 95 for n in range(250)})
    assert applied.changed == 250
    assert len(applied.changes) == 100
    assert world.rows("SELECT count(*) FROM alert") == [(250,)]
    assert world.rows("SELECT firing FROM alert_group") == [(250,)]
    assert world.events() == ["sentinel.group.opened", "sentinel.alerts.batch"]


def test_alerts_are_grouped_by_the_labels_that_the_rule_names(store: Store, clock: FakeClock):
    world = World(store, clock, group_by=["mount"])
    world.sees({"/": 95, "/data": 95})
    world.sees({"/": 20, "/data": 95})
    assert world.rows("SELECT status, count(*) FROM alert_group GROUP BY 1 ORDER BY 1") == [
        ("open", 1),
        ("resolved", 1),
    ]


def test_a_group_is_acknowledged_when_all_that_fires_in_it_is(world: World):
    world.sees({"/": 95, "/data": 95})
    first, second = world.ids()
    world.store.act([first], Acknowledge(actor="ann"))
    assert world.rows("SELECT status FROM alert_group") == [("open",)]
    world.store.act([second], Acknowledge(actor="ann"))
    assert world.rows("SELECT status FROM alert_group") == [("acknowledged",)]
    assert "sentinel.group.acknowledged" in world.events()


def test_a_recurrence_comes_back_to_its_group(world: World):
    world.sees({"/": 95})
    world.sees({"/": 20})
    world.sees({"/": 95})
    assert world.rows("SELECT status, firing, seq FROM alert_group") == [("open", 1, 3)]
    assert world.events()[-2:] == ["sentinel.group.reopened", "sentinel.alert.reopened"]


def test_an_action_on_a_version_that_has_moved_on_is_a_conflict(world: World):
    world.sees({"/": 95})
    (alert,) = world.ids()
    assert world.store.act([alert], Acknowledge(actor="ann"), expected_version=1)[0].ok
    (result,) = world.store.act([alert], Resolve(actor="bo"), expected_version=1)
    assert (result.ok, result.reason) == (False, "conflict")
    assert world.alerts()[0][1] == "acknowledged"


def test_one_that_refuses_does_not_keep_the_others_back(world: World):
    world.sees({"/": 95, "/data": 95})
    first, second = world.ids()
    world.store.act([first], Resolve(actor="ann"))
    results = world.store.act([first, second, "nope"], Acknowledge(actor="bo"))
    assert [result.ok for result in results] == [False, True, False]


def test_an_alert_resolved_manually_while_firing_reopens_after_five_minutes_with_the_reason(
    world: World,
):
    world.sees({"/": 95})
    (alert,) = world.ids()
    world.store.act([alert], Resolve(actor="ann"))
    for _ in range(4):
        assert world.sees({"/": 95}).live == 0
    assert world.sees({"/": 95}).live == 1
    assert world.ids() == [alert]
    last = world.store.alerts.timeline(alert)[-1]
    assert (last.kind, last.reason) == (
        "reopened", "reopened_still_firing",
    )  # fmt: skip
    assert world.events()[-1] == "sentinel.alert.reopened"


def test_a_good_reading_ends_the_hold_after_a_manual_resolve(world: World):
    world.sees({"/": 95, "/data": 95})
    world.store.act(world.ids(), Resolve(actor="ann"))
    assert world.sees({"/": 95, "/data": 20}).live == 0
    applied = world.sees({"/": 95, "/data": 95})
    assert [(one.title, one.reason) for one in applied.changes] == [
        ("disk: /data 95 percent", "reopened_soon")
    ]
    assert [one.reason for one in world.sees({"/": 20, "/data": 95}).changes] == []
    assert [one.reason for one in world.sees({"/": 95}).changes] == ["reopened_soon"]


def test_a_check_that_no_longer_lists_what_a_person_resolved_ends_its_hold(world: World):
    world.sees({"/": 95}, closed_world=True)
    world.store.act(world.ids(), Resolve(actor="ann"))
    assert world.sees({}, closed_world=True).live == 0
    assert world.sees({"/": 95}, closed_world=True).live == 1


def test_what_was_good_again_before_a_person_resolved_it_is_not_held(
    store: Store, clock: FakeClock
):
    world = World(store, clock, keep_firing_for="10m")
    world.sees({"/": 95})
    assert world.sees({"/": 20}).live == 1
    world.store.act(world.ids(), Resolve(actor="ann"))
    assert world.sees({"/": 95}).live == 1


def test_a_reading_from_before_a_resolve_does_not_end_its_hold(world: World):
    world.sees({"/": 95})
    world.clock.forward(seconds=90)
    world.store.act(world.ids(), Resolve(actor="ann"))
    late = world.clock.now() - timedelta(seconds=30)
    world.store.apply(world.evaluation({"/": 20}, slot=late))
    assert world.sees({"/": 95}).live == 0


def test_a_one_shot_expires_and_is_not_called_recovered(store: Store, clock: FakeClock):
    world = World(store, clock, resolve_after="10m")
    world.sees({"/": 95})
    assert store.sweep() == 0
    clock.forward(minutes=10)
    assert store.sweep() == 0  # a run of a slot that is due by now may still be late
    clock.forward(minutes=2)
    assert store.sweep() == 1
    assert world.rows("SELECT status, resolution FROM alert") == [("resolved", "expired")]
    assert world.rows("SELECT quiet FROM group_member")[0][0] in (1, True)


def test_retention_deletes_only_alerts_resolved_long_ago(world: World):
    world.sees({"/": 95, "/data": 95})
    world.sees({"/": 20})
    world.wait(days=91)
    world.store.retain(timedelta(days=90))
    assert world.alerts() == [("disk: /data 95 percent", "open")]
    assert len(world.rows("SELECT * FROM timeline")) == 1


def test_nul_characters_never_reach_the_database(world: World):
    with pytest.raises(ReadingError, match="NUL"):
        checked(Reading(labels={"mount": "a\0b"}, value=1.0))
    with pytest.raises(ReadingError, match="NUL"):
        checked(Reading(summary="a\0b", value=1.0))
    for _ in range(3):
        world.sees(error=OSError("a\0b"))
    assert world.alerts() == [("disk cannot be checked: OSError: ab", "open")]
    with pytest.raises(ConfigurationError, match="NUL"):
        world.store.act(world.ids(), Comment(actor="ann", comment="a\0b"))
    assert dumped({"a": ["x\0", {"b\0": "\\u0000"}]}) == '{"a":["x",{"b":"\\\\u0000"}]}'


def test_an_alert_that_opens_or_comes_back_is_written_by_one_statement(world: World):
    counted: list[str] = []
    event.listen(
        world.store.engine, "before_cursor_execute", lambda *args: counted.append(str(args[2]))
    )
    world.rule = world.rule.model_copy(update={"consecutive": 2})
    world.sees({"/": 95, "/data": 95})
    for values in ({"/": 96, "/data": 96}, {"/": 20, "/data": 20}, {"/": 97, "/data": 97}):
        if values["/"] == 97:
            world.rule = world.rule.model_copy(update={"consecutive": 1})
        counted.clear()
        world.sees(values)
        written = [one for one in counted if one.startswith("UPDATE alert SET")]
        assert len(written) == 1, written
    assert world.alerts()[0] == ("disk: / 97 percent", "open")
