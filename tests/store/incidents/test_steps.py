"""Steps of runbooks: each run is started once, is the step's own, and its outcome is kept."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import Conflict, NotFound
from sentinel.store import Store
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.incidents.steps import StepRun, Steps
from sentinel.store.incidents.timeline import timeline_of

RUNBOOK = "1. Look\n2. [Restart](prefect:restart/prod?service={service}&count=2)\n"


@pytest.fixture
def incidents(store: Store) -> Incidents:
    return Incidents(store)


def new(**more: Any) -> NewIncident:
    return NewIncident(title="Checkout is down", **more)


def test_a_step_is_run_once_followed_and_told(incidents: Incidents, store: Store, clock: FakeClock):
    one = incidents.open(new(runbook=RUNBOOK, service="shop"), actor="ann")
    steps = Steps(store)
    with pytest.raises(Conflict, match="step 1 names no deployment"):
        steps.act(one.id, 1, "run", actor="ann")
    with pytest.raises(NotFound, match="has no step 3"):
        steps.act(one.id, 3, "run", actor="ann")
    steps.act(one.id, 1, "done", actor="ann")
    steps.act(one.id, 2, "run", actor="ann")
    with pytest.raises(Conflict, match="step 2 runs"):
        steps.act(one.id, 2, "run", actor="ben")
    (wanted,) = steps.wanted()
    assert (wanted.deployment, wanted.parameters) == ("restart/prod",
                                                      {"service": "shop", "count": 2})  # fmt: skip
    assert wanted.idempotency_key.startswith(f"sentinel-incident-{one.id}-")
    run = StepRun(flow_run_id="run-1", state="SCHEDULED", state_name="Scheduled", is_final=False)
    assert steps.started(wanted, run, "happy-cat")
    assert not steps.started(wanted, run, "happy-cat")
    assert steps.running() == {"run-1": (one.id, 2)}
    # Another runbook cannot take away a step that runs; the other one keeps its state.
    with pytest.raises(Conflict, match="step 2, Restart, runs"):
        incidents.edit(one.id, {"runbook": "1. Look"}, actor="ann")
    end = StepRun(flow_run_id="run-1", state="FAILED", state_name="Failed", is_final=True)
    assert steps.follow(one.id, 2, end)
    assert not steps.follow(one.id, 2, end)
    incidents.edit(one.id, {"runbook": "1. First\n2. Look"}, actor="ann")
    assert [(each.title, each.status) for each in steps.of(one.id)] == [
        ("First", "open"), ("Look", "done")
    ]  # fmt: skip
    said = [each.text for each in timeline_of(store, one.id).entries if "step" in each.kind]
    assert said == [
        "did step 1, Look", "asked to run step 2, Restart: restart/prod",
        "started the run happy-cat of step 2, Restart",
        "the run happy-cat of step 2, Restart, ended: Failed",
    ]  # fmt: skip


def test_a_run_keeps_its_key_while_the_runbook_changes_around_it(
    incidents: Incidents, store: Store, clock: FakeClock
):
    restart = "[Restart](prefect:restart/prod)"
    one = incidents.open(new(runbook=f"1. {restart}"), actor="ann")
    steps = Steps(store)
    steps.act(one.id, 1, "run", actor="ann")
    (first,) = steps.wanted()
    incidents.edit(one.id, {"runbook": f"1. Look\n2. {restart}"}, actor="ann")
    (moved,) = steps.wanted()
    assert (moved.number, moved.idempotency_key) == (2, first.idempotency_key)
    run = StepRun(flow_run_id="run-1", state="COMPLETED", state_name="Completed", is_final=True)
    assert not steps.started(first, run, "happy-cat")  # step 1 is another one by now
    assert steps.started(moved, run, "happy-cat")
    assert steps.follow(one.id, 2, run)
    # Another step of this number runs the same flow: its run is another one.
    clock.forward(minutes=1)
    again = "1. Look\n2. [Restart all](prefect:restart/prod)"
    incidents.edit(one.id, {"runbook": again}, actor="ann")
    steps.act(one.id, 2, "run", actor="ann")
    (other,) = steps.wanted()
    assert (other.attempt, other.idempotency_key == first.idempotency_key) == (1, False)


def test_a_late_answer_is_not_taken_for_a_later_run(
    incidents: Incidents, store: Store, clock: FakeClock
):
    one = incidents.open(new(runbook=RUNBOOK), actor="ann")
    steps = Steps(store)
    steps.act(one.id, 2, "run", actor="ann")
    (late,) = steps.wanted()
    clock.forward(minutes=10)
    assert steps.wanted() == []
    steps.act(one.id, 2, "run", actor="ann")
    run = StepRun(flow_run_id="run-1", state="SCHEDULED", state_name="Scheduled", is_final=False)
    assert not steps.started(late, run, "happy-cat")
    steps.not_started(late, "too late")
    assert (steps.of(one.id)[1].status, steps.of(one.id)[1].error) == ("wanted", "")


def test_steps_of_the_same_words_each_keep_their_state(incidents: Incidents, store: Store):
    twice = "1. [Restart](prefect:restart/prod)\n2. [Restart](prefect:restart/prod)"
    one = incidents.open(new(runbook=twice), actor="ann")
    steps = Steps(store)
    steps.act(one.id, 1, "run", actor="ann")
    steps.act(one.id, 2, "skip", actor="ann")
    incidents.edit(one.id, {"runbook": f"{twice}\n3. Look"}, actor="ann")
    assert [each.status for each in steps.of(one.id)] == ["wanted", "skipped", "open"]
    with pytest.raises(Conflict, match="step 1, Restart, runs"):
        incidents.edit(one.id, {"runbook": "1. Look"}, actor="ann")


def test_one_step_is_asked_for_alone(incidents: Incidents, store: Store):
    both = "1. [Restart](prefect:restart/prod)\n2. [Scale](prefect:scale/prod)"
    one = incidents.open(new(runbook=both), actor="ann")
    steps = Steps(store)
    for number in (1, 2):
        steps.act(one.id, number, "run", actor="ann")
    assert [each.number for each in steps.wanted((one.id, 2))] == [2]
    assert [each.number for each in steps.wanted()] == [1, 2]


def test_a_run_that_cannot_be_started_is_given_up(
    incidents: Incidents, store: Store, clock: FakeClock
):
    one = incidents.open(new(runbook=RUNBOOK), actor="ann")
    steps = Steps(store)
    steps.act(one.id, 2, "run", actor="ann")
    (wanted,) = steps.wanted()
    steps.not_started(wanted, "Prefect does not answer")
    assert steps.of(one.id)[1].status == "wanted"
    clock.forward(minutes=10)
    assert steps.wanted() == []
    assert steps.of(one.id)[1].status == "failed"
    steps.act(one.id, 2, "run", actor="ann")
    assert steps.wanted()[0].attempt == 2
