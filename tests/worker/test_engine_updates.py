"""What of the engine's updates of a run goes to the API, and what waits or is left out."""

from __future__ import annotations

from uuid import uuid4

from prefect.client.schemas.objects import FlowRun, FlowRunPolicy

from sentinel.worker.active_runs import Listener, Runs


def present(runs: Runs) -> FlowRun:
    run = FlowRun(flow_id=uuid4())
    runs.add(run)
    return run


def test_the_version_waits_for_the_name_and_goes_with_it_once():
    runs = Runs("me", Listener())
    run = present(runs)
    first = {"flow_version": "v1", "empirical_policy": FlowRunPolicy()}
    assert runs.worth_sending(run.id, (), first) is None
    assert runs.worth_sending(run.id, (), {"name": "disk"}) == {
        "name": "disk",
        "flow_version": "v1",
    }
    assert runs.worth_sending(run.id, (), {"name": "again"}) == {
        "name": "again",
        "flow_version": None,
    }


def test_a_policy_with_retries_is_sent_at_once():
    runs = Runs("me", Listener())
    run = present(runs)
    policy = FlowRunPolicy(retries=2)
    told = runs.worth_sending(run.id, (), {"flow_version": "v1", "empirical_policy": policy})
    assert told == {"empirical_policy": policy, "flow_version": "v1"}


def test_updates_of_other_runs_are_sent_unchanged():
    runs = Runs("me", Listener())
    asked = {"flow_version": "v1", "empirical_policy": FlowRunPolicy()}
    assert runs.worth_sending(uuid4(), (), asked) == asked
