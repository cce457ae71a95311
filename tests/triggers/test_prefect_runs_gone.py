"""prefect_runs and what is gone: deployments and runs that were deleted did not recover."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel import Rule
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from tests.triggers.fleet import Fleet
from tests.triggers.test_prefect_runs import fleet

__all__ = ["fleet"]

pytestmark = pytest.mark.prefect

RULE = Rule.model_validate({"name": "prefect-runs", "every": "15s"})


@pytest.mark.slow
def test_a_deployment_that_is_deleted_while_it_fails_has_not_recovered(fleet: Fleet, store: Store):
    nightly = fleet.deployment("nightly")
    fleet.ran(nightly, "FAILED")
    assert _applied(store, fleet) == ["opened"]
    fleet.delete(f"/deployments/{nightly}")
    assert _applied(store, fleet) == ["removed"]
    assert fleet.evaluate().gone == []  # said once


def test_a_deployment_that_is_watched_no_longer_has_not_recovered(fleet: Fleet):
    nightly = fleet.deployment("nightly")
    fleet.ran(nightly, "FAILED")
    assert fleet.firing() == ["nightly"]
    ((labels, how),) = fleet.evaluate(ignore=["*/nightly"]).gone
    assert (labels["deployment"], how) == ("nightly", "not_reported")


def test_a_deployment_that_was_well_goes_without_a_word(fleet: Fleet):
    nightly = fleet.deployment("nightly")
    assert fleet.firing() == []
    fleet.delete(f"/deployments/{nightly}")
    assert fleet.evaluate().gone == []


def _applied(store: Store, fleet: Fleet) -> list[str]:
    """Evaluate, apply, and return why alerts changed."""
    observation = fleet.evaluate()
    now = store.clock.now() + timedelta(seconds=len(observation.gone))
    evaluation = Evaluation(
        rule=RULE, trigger="prefect_runs", slot=now, at=now, observation=observation,
        closed_world=True,
    )  # fmt: skip
    return [change.reason for change in store.apply(evaluation).changes]


@pytest.mark.slow
def test_an_alert_says_that_its_run_is_deleted(fleet: Fleet):
    nightly = fleet.deployment("nightly")
    run = fleet.ran(nightly, "FAILED", message="boom")
    assert (fleet.sees("nightly").details or {})["run_url"].endswith(run)
    fleet.delete(f"/flow_runs/{run}")
    seen = fleet.sees("nightly")
    assert seen.firing
    assert "since deleted in Prefect" in (seen.summary or "")
    details = seen.details or {}
    assert (details["run_url"], details["run_deleted"]) == ("", True)
