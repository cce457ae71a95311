"""Runs of steps that a policy lets happen only after an approval, or so many times an hour."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import event

from sentinel.access import Permission
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, OutOfScope
from sentinel.incidents.policy import read_policies
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, every
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.listing import IncidentFilter
from sentinel.store.incidents.policies import IncidentPolicyDocuments
from sentinel.store.incidents.step_approvals import StepDecider
from sentinel.store.incidents.steps import StepRun, Steps, WantedStep
from sentinel.store.incidents.timeline import timeline_of
from tests.world import World

POLICY = """
policies:
- name: disks
  min_severity: low
  group_by: [mount]
  runbook: |
    1. [Clear](prefect:clear/prod)
    2. [Grow](prefect:grow/prod)
"""
APPROVAL = POLICY + "  approval: {role: editor, people: [eve, ben], expires: 30m}\n"
LIMIT = POLICY + "  runs_per_hour: 2\n"


def incidents_of(store: Store, clock: FakeClock, policy: str, *paths: str) -> list[str]:
    """Ids of incidents that the alerts of some paths opened."""
    IncidentPolicyDocuments(store).apply(policy, actor="ann")
    World(store, clock).sees(dict.fromkeys(paths or ("/data",), 97))
    return [one.id for one in Incidents(store).page(IncidentFilter()).items]


def who(person: str, *permissions: Permission) -> StepDecider:
    return StepDecider(person=person, holds=lambda one, _tenant, _team: one in permissions)


EVE = who("eve", Permission.EDIT, Permission.RESPOND)


def statuses(steps: Steps, incident: str) -> list[tuple[str, str]]:
    return [(one.status, one.error) for one in steps.of(incident)]


def starts(steps: Steps, one: WantedStep) -> None:
    run = StepRun(flow_run_id=f"run-{one.incident_id}-{one.number}-{one.wanted_at}",
                  state="SCHEDULED", state_name="Scheduled", is_final=False)  # fmt: skip
    assert steps.started(one, run, "run")


def test_a_run_waits_for_whom_the_policy_lets_approve_it(store: Store, clock: FakeClock):
    (incident,) = incidents_of(store, clock, APPROVAL)
    steps = Steps(store)
    with pytest.raises(Conflict, match="does not wait for an approval"):
        steps.act(incident, 1, "approve", actor="eve", decider=EVE)
    steps.act(incident, 1, "run", actor="ann")
    assert steps.wanted() == []
    for act in ("run", "done", "skip"):
        with pytest.raises(Conflict, match="waits for an approval"):
            steps.act(incident, 1, act, actor="ann")
    with pytest.raises(Conflict, match="step 1, Clear, runs"):
        Incidents(store).edit(incident, {"runbook": "1. Look"}, actor="ann")
    for one in (None, who("ann", Permission.EDIT), who("", Permission.EDIT)):
        with pytest.raises(OutOfScope, match="only certain people"):
            steps.act(incident, 1, "approve", actor="ann", decider=one)
    with pytest.raises(OutOfScope, match="the role editor"):
        steps.act(incident, 1, "approve", actor="ben", decider=who("ben", Permission.RESPOND))
    # Whatever the policy says by now: who may was settled when it was asked for.
    IncidentPolicyDocuments(store).apply(POLICY, actor="mallory")
    with pytest.raises(OutOfScope):
        steps.act(incident, 1, "approve", actor="mallory", decider=who("mallory", Permission.EDIT))
    clock.forward(minutes=29)
    steps.act(incident, 1, "approve", actor="eve", decider=EVE, comment="go on")
    (wanted,) = steps.wanted()
    assert (wanted.deployment, wanted.wanted_at) == ("clear/prod", clock.now())
    with pytest.raises(Conflict, match="does not wait for an approval"):
        steps.act(incident, 1, "reject", actor="eve", decider=EVE)
    starts(steps, wanted)
    told = [(one.kind, one.actor) for one in timeline_of(store, incident).entries
            if one.kind.startswith("step_")]  # fmt: skip
    assert told == [("step_requested", "ann"), ("step_approved", "eve"), ("step_started", "")]
    trail = [one for some in every(store, AuditFilter()) for one in some]
    assert [one.actor for one in trail if one.action == "incident.step"] == ["eve", "ann"]


def test_what_was_asked_for_is_what_runs_whatever_the_runbook_says_by_then(
    store: Store, clock: FakeClock
):
    (incident,) = incidents_of(store, clock, APPROVAL)
    steps = Steps(store)
    steps.act(incident, 1, "run", actor="ann")
    other = {"runbook": "1. [Clear](prefect:clear/prod?what=all)"}
    with pytest.raises(Conflict, match="waits to run with other parameters"):
        Incidents(store).edit(incident, other, actor="ann")
    steps.act(incident, 1, "approve", actor="eve", decider=EVE)
    with pytest.raises(Conflict, match="waits to run with other parameters"):
        Incidents(store).edit(incident, other, actor="ann")
    starts(steps, steps.wanted()[0])
    Incidents(store).edit(incident, other, actor="ann")
    assert steps.of(incident)[0].parameters == {"what": "all"}


@pytest.mark.parametrize("late", [False, True])
def test_what_is_rejected_or_not_approved_in_time_does_not_run(
    store: Store, clock: FakeClock, late: bool
):
    (incident,) = incidents_of(store, clock, APPROVAL)
    steps = Steps(store)
    steps.act(incident, 2, "run", actor="ann")
    if late:
        clock.forward(minutes=30)
        with pytest.raises(Conflict, match="does not wait"):
            steps.act(incident, 2, "approve", actor="eve", decider=EVE)
    else:
        steps.act(incident, 2, "reject", actor="eve", decider=EVE)
    assert steps.wanted() == []
    why = "nobody approved it in time" if late else "it was rejected"
    assert statuses(steps, incident) == [("open", ""), ("failed", why)]
    steps.act(incident, 2, "run", actor="ann")  # it may be asked for again
    assert statuses(steps, incident)[1] == ("waits", "")


def test_no_more_runs_start_within_an_hour_than_the_policy_allows(store: Store, clock: FakeClock):
    first, second = incidents_of(store, clock, LIMIT, "/a", "/b")
    steps = Steps(store)
    steps.act(first, 1, "run", actor="ann")
    starts(steps, steps.wanted()[0])
    began = clock.now()
    clock.forward(minutes=10)
    steps.act(second, 1, "run", actor="ann")  # is to start, and counts too
    with pytest.raises(Conflict, match="the limit of 2 runs an hour of the policy disks") as caught:
        steps.act(first, 2, "run", actor="ann")
    assert f"{began + timedelta(hours=1):%H:%M:%S}" in (caught.value.hint or "")
    assert statuses(steps, first)[1] == ("open", "")
    starts(steps, steps.wanted()[0])
    clock.forward(minutes=50)
    steps.act(first, 2, "run", actor="ann")


def test_of_two_who_ask_at_the_same_moment_one_run_is_within_the_limit(
    store: Store, clock: FakeClock
):
    both = incidents_of(store, clock, LIMIT.replace("hour: 2", "hour: 1"), "/a", "/b")
    steps, counting = Steps(store), Barrier(2)

    def wait_for_the_other(_: Any, __: Any, statement: str, *___: Any) -> None:
        # Two that count at once would both find none: each gives the other time to do so.
        if "incident_step" in statement and "count(" in statement:
            with suppress(BrokenBarrierError):
                counting.wait(0.5)

    def ask(incident: str) -> str:
        try:
            steps.act(incident, 1, "run", actor="ann")
        except Conflict as refused:
            return refused.message
        return "asked"

    event.listen(store.engine, "after_cursor_execute", wait_for_the_other)
    try:
        with ThreadPoolExecutor(2) as threads:
            said = sorted(threads.map(ask, both))
    finally:
        event.remove(store.engine, "after_cursor_execute", wait_for_the_other)
    assert counting.broken, "the second counted before the first was done"
    assert said == ["asked", "the limit of 1 runs an hour of the policy disks is reached"]
    assert len(steps.wanted()) == 1


def test_other_steps_run_at_once_and_a_bad_policy_is_refused(store: Store, clock: FakeClock):
    (incident,) = incidents_of(store, clock, POLICY)
    steps = Steps(store)
    steps.act(incident, 1, "run", actor="ann")
    assert [one.number for one in steps.wanted()] == [1]
    bad: list[dict[str, Any]] = [{"role": "viewer"}, {"expires": "1s"}, {"who": "ann"}]
    for approval in bad:
        with pytest.raises(ConfigurationError, match="approval"):
            read_policies(f"policies: [{{name: a, approval: {approval}}}]")
    with pytest.raises(ConfigurationError, match="runs_per_hour"):
        read_policies("policies: [{name: a, runs_per_hour: 0}]")


def test_a_run_is_refused_where_the_policy_that_says_who_approves_was_removed(
    store: Store, clock: FakeClock
):
    (incident,) = incidents_of(store, clock, APPROVAL)
    IncidentPolicyDocuments(store).apply(APPROVAL.replace("disks", "volumes"), actor="ann")
    steps = Steps(store)
    with pytest.raises(Conflict, match="policy 'disks' of this incident was removed"):
        steps.act(incident, 1, "run", actor="omar")
    steps.act(incident, 1, "done", actor="omar")
    IncidentPolicyDocuments(store).apply(APPROVAL, actor="ann")
    steps.act(incident, 2, "run", actor="omar")
    assert [status for status, _ in statuses(steps, incident)] == ["done", "waits"]
