"""Deployments run to their end in warm processes, and look as they always do in Prefect."""

from __future__ import annotations

import pytest

from tests.worker.conftest import Bench, Worker

pytestmark = pytest.mark.prefect


@pytest.mark.slow
def test_a_rule_runs_and_its_alerts_are_stored(bench: Bench, worker: Worker):
    rule = bench.rule("disk-almost-empty", when={"above": 0.0001}, severity="info")
    run = bench.start(rule)
    ended = bench.ended(run)
    assert ended["state_name"] == "Firing"
    assert bench.states(run) == ["Scheduled", "Pending", "Running", "Firing"]
    assert ended["name"].startswith("disk-almost-empty · firing")
    assert ended["flow_version"]
    assert bench.store.alerts.counts().active > 0
