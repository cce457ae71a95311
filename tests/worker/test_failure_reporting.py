"""What the worker stores for a run that could store nothing itself."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.store import Store
from sentinel.worker.failure_reporting import report_failed_check


def flow_run(**more: Any) -> dict[str, Any]:
    return {
        "id": "0192f300-0000-7000-8000-000000000000",
        "auto_scheduled": True,
        "expected_start_time": "2026-03-01T12:00:00Z",
        "parameters": {"rule": {"name": "disk", "every": "60s"}},
        **more,
    }


def told(store: Store, run: dict[str, Any]) -> None:
    report_failed_check(
        store, run, "flows.rules.disk_space", "its process ended: SIGKILL", late=False
    )


@pytest.mark.parametrize("owner", ["ui", "file"])
def test_a_lost_process_does_not_change_the_owner_of_the_rule(store: Store, owner: str):
    told(store, flow_run(labels={"sentinel.owner": owner}))
    row = store.rules.get("disk")
    assert (row.source, row.failures) == (owner, 1)
    assert "SIGKILL" in row.error


def test_a_run_by_hand_may_have_been_a_rehearsal_so_nothing_is_stored(store: Store):
    told(store, flow_run(auto_scheduled=False))
    assert store.rules.list() == []


@pytest.mark.parametrize("parameters", [{}, {"rule": {"name": "disk", "every": "soon"}}])
def test_a_run_without_a_rule_reports_no_failure(store: Store, parameters: dict[str, Any]):
    told(store, flow_run(parameters=parameters))
    assert store.rules.list() == []
