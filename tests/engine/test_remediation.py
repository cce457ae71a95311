"""A rule that names a deployment to run when it fires, on a real Prefect server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect.states import Completed, Failed

from flows.sweep import sweep
from sentinel.engine.remediation import follow_remediations, start_remediations
from sentinel.rules.remediation import idempotency_key
from sentinel.store.rules.remediation import RemediationRun
from tests.flows.conftest import Gauges

pytestmark = pytest.mark.prefect

RESTART = """
from prefect import flow

@flow
def restart(service: str = "", tries: int = 1):
    pass
"""


@pytest.fixture
def restart(gauges: Gauges, tmp_path: Path) -> str:
    """A deployment of somebody's, which is to put things right; its name."""
    file = tmp_path / "restart.py"
    file.write_text(RESTART)
    name = tmp_path.name.replace("_", "-")
    gauges.server.deploy(
        tmp_path,
        {
            "name": name,
            "entrypoint": f"{file}:restart",
            "pull": [],
            "work_pool": {"name": "sentinel"},
            "parameters": {"tries": 2},
        },
    )
    return name


def runs_of(gauges: Gauges, restart: str) -> list[dict[str, Any]]:
    deployment = gauges.server.api.deployment_named("restart", restart)
    body = {"deployments": {"id": {"any_": [deployment["id"]]}}}
    return gauges.client.request("POST", "/flow_runs/filter", json=body).json()


def remediation(restart: str, **parameters: Any) -> dict[str, Any]:
    return {"deployment": f"restart/{restart}", "parameters": parameters}


@pytest.mark.slow
def test_it_is_run_once_for_an_alert_and_its_end_is_on_the_alert(gauges: Gauges, restart: str):
    rule = gauges.rule(f"heals-{restart}", remediate=remediation(restart, service="{name}"))
    gauges.shows(web=95, mail=10)
    assert gauges.run(rule).name == "Firing"
    (run,) = runs_of(gauges, restart)
    assert run["parameters"] == {"service": "web", "tries": 2}
    assert "sentinel-remedy" in run["tags"]
    (alert,) = gauges.store.alerts.page(order="live").items

    # Looking again, a sweep and a crash between start and record: still the one run.
    gauges.run(rule)
    with gauges.store.write() as connection:
        connection.exec_driver_sql("UPDATE remedy SET status = 'wanted', flow_run_id = NULL")
    assert start_remediations(gauges.store, gauges.server.api) == 1
    sweep(return_state=True)
    assert [one["id"] for one in runs_of(gauges, restart)] == [run["id"]]
    assert run["idempotency_key"] == idempotency_key(alert.id)

    made = {"key": "pods", "type": "table", "data": '[{"pod": "a"}, {"pod": "b"}]'}
    for body in (made, {"type": "result", "data": "{}"}):
        gauges.client.request("POST", "/artifacts/", json={**body, "flow_run_id": run["id"]})
    state = Failed(name="Hopeless", message="one pod did not start")
    gauges.client.set_flow_run_state(run["id"], state, force=True)
    assert sweep(return_state=True).name == "Swept"
    found = gauges.store.remediations.of(alert.id)
    assert found is not None
    assert (found.status, found.state, found.state_name) == ("ended", "FAILED", "Hopeless")
    assert found.flow_run_id == run["id"]
    assert found.outcome == "one pod did not start\npods: a table of 2 rows"
    last = gauges.store.alerts.timeline(alert.id)[-1]
    assert (last.reason, last.comment) == (
        "remediation_ended", f"Hopeless: {found.outcome}",
    )  # fmt: skip


@pytest.mark.slow
def test_many_are_followed_together(gauges: Gauges, restart: str):
    remediate = {**remediation(restart), "at_once": 3}
    rule = gauges.rule(f"heals-many-{restart}", remediate=remediate)
    gauges.shows(a=95, b=96, c=97, d=98)
    gauges.run(rule)
    runs = runs_of(gauges, restart)
    assert len(runs) == 3
    for run in runs[:2]:
        gauges.client.set_flow_run_state(run["id"], Completed(), force=True)
    gauges.client.delete_flow_run(runs[2]["id"])
    assert follow_remediations(gauges.store, gauges.server.api) == 3
    ended = [
        gauges.store.remediations.of(one.id) for one in gauges.store.alerts.page(order="live").items
    ]
    names = sorted(one.state_name for one in ended if one is not None and one.status == "ended")
    assert names == ["Completed", "Completed", "gone from Prefect"]
    assert start_remediations(gauges.store, gauges.server.api) == 1  # the fourth had to wait


@pytest.mark.slow
def test_a_deployment_that_is_not_there_is_said_on_the_alert_and_waited_for(
    gauges: Gauges, restart: str
):
    rule = gauges.rule(f"heals-not-{restart}", remediate=remediation("none"))
    gauges.shows(web=95)
    assert gauges.run(rule).name == "Firing"
    (alert,) = gauges.store.alerts.page(order="live").items
    found = gauges.store.remediations.of(alert.id)
    assert found is not None
    assert found.status == "wanted"
    assert "restart/none" in found.error
    assert not gauges.store.remediations.follow(
        alert.id, RemediationRun(flow_run_id="", state="FAILED", state_name="Failed", is_final=True)
    )


@pytest.mark.slow
def test_parameters_that_it_does_not_take_are_said_on_the_alert(gauges: Gauges, restart: str):
    rule = gauges.rule(f"heals-badly-{restart}", remediate=remediation(restart, tries="{name}"))
    gauges.shows(web=95)
    gauges.run(rule)
    (alert,) = gauges.store.alerts.page(order="live").items
    found = gauges.store.remediations.of(alert.id)
    assert found is not None
    assert (found.status, "tries" in found.error or "web" in found.error) == ("wanted", True)
