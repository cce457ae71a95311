"""An incident from its alert to its post-mortem, with a step that a real Prefect server runs."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.utilities.callables import parameter_schema

from flows.sweep import sweep
from sentinel.api import create_app
from sentinel.settings import Settings
from sentinel.store.incidents.policies import IncidentPolicyDocuments
from tests.api.served import TOKEN, served
from tests.flows.conftest import Gauges

pytestmark = pytest.mark.prefect

POLICIES = """
policies:
- name: web
  match: ['name="web"']
  min_severity: medium
  group_by: [name]
  title: "{name} is slow"
  runbook: |
    1. Look at the board
    2. [Restart](prefect:mend/NAME?service={name}&count=2)
    3. [Scale](prefect:mend/NAME?service={name}&count=9)
"""
_ROW = re.compile(r"\| (Opened|Acknowledged|Resolved) \| (\S+ \S+) \|")


@flow(persist_result=False)
def mend(service: str, count: int) -> None:
    """What the deployment runs.

    Args:
        service: to restart
        count: how many of its processes
    """
    if (service, count) != ("web", 2):
        raise ValueError(f"asked for {count} of {service}")


@pytest.fixture
def api(gauges: Gauges, tmp_path: Path) -> Generator[httpx.Client]:
    """The API on the same database and Prefect server."""
    given = Settings(
        home=tmp_path, api_token=TOKEN, prefect_api_url=gauges.server.url  # pyright: ignore[reportArgumentType] - pydantic makes a secret of it
    )  # fmt: skip
    app = create_app(given, store=gauges.store, relay=False)
    with (
        served(app, lifespan="off") as address,
        httpx.Client(
            base_url=f"{address}/api/v1/incidents", timeout=30,
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as client,
    ):  # fmt: skip
        yield client


def asked(client: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = client.request(method, path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def runs_of(gauges: Gauges, deployment: str) -> list[dict[str, Any]]:
    body = {"deployments": {"name": {"any_": [deployment]}}}
    return gauges.client.request("POST", "/flow_runs/filter", json=body).json()


@pytest.mark.slow
def test_an_alert_becomes_an_incident_a_step_mends_it_and_the_post_mortem_has_its_times(
    gauges: Gauges, api: httpx.Client, tmp_path: Path
):
    name = tmp_path.name.replace("_", "-")
    gauges.client.create_deployment(
        flow_id=gauges.client.create_flow(mend), name=name, work_pool_name="sentinel",
        parameter_openapi_schema=parameter_schema(mend).model_dump_for_openapi(),
    )  # fmt: skip
    IncidentPolicyDocuments(gauges.store).apply(POLICIES.replace("NAME", name), actor="ann")

    # A rule's run on the server opens an alert, and the policy the incident, in one transaction.
    gauges.shows(web=95, mail=10)
    rule = gauges.rule(f"slow-{name}", severity="high")
    assert gauges.run(rule).name == "Firing"
    (alert,) = gauges.store.alerts.page(order="live").items
    (one,) = asked(api, "GET", "/active")["items"]
    assert (one["title"], one["policy"], one["alerts"]) == ("web is slow", "web", 1)
    assert alert.opened_at is not None
    assert alert.opened_at <= datetime.fromisoformat(one["opened_at"]) == alert.updated_at
    place = f"/{one['id']}"

    # The step that is asked for starts at once, and no other.
    with gauges.store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE incident_step SET status = 'wanted', wanted_at = ? WHERE number = 3",
            (str(alert.opened_at.replace(tzinfo=None)),),
        )
    steps = asked(api, "POST", f"{place}/runbook/steps/2", {"act": "run"})["steps"]
    assert [step["status"] for step in steps] == ["open", "started", "wanted"]
    (run,) = runs_of(gauges, name)
    assert run["id"] == steps[1]["flow_run_id"]
    assert run["parameters"] == {"service": "web", "count": 2}
    asked_at = asked(api, "GET", place)["acknowledged_at"]
    with gauges.store.write() as connection:
        connection.exec_driver_sql("UPDATE incident_step SET status = 'open' WHERE number = 3")

    # Prefect runs it to its end, and the sweep tells the incident.
    started = gauges.client.read_flow_run(run["id"])
    assert gauges.execute(started, mend).name == "Completed"
    assert sweep(return_state=True).name == "Swept"
    step = asked(api, "GET", f"{place}/runbook")["steps"][1]
    assert (step["status"], step["state"]) == ("ended", "COMPLETED")
    ended = gauges.client.read_flow_run(run["id"]).end_time
    assert ended is not None
    assert datetime.fromisoformat(asked_at) <= ended <= datetime.fromisoformat(step["ended_at"])

    # It helped: the alert ends by itself, and a person resolves the incident.
    gauges.shows(web=5, mail=10)
    gauges.run(rule)
    assert gauges.store.alerts.get(alert.id).status == "resolved"
    done = asked(api, "POST", f"{place}/status", {"status": "resolved", "comment": "restarted"})
    entries = asked(api, "GET", f"{place}/timeline")["items"]
    kinds = [(each["source"], each["kind"]) for each in entries]
    order = [
        ("alert", "opened"), ("incident", "step_requested"), ("incident", "step_started"),
        ("incident", "step_ended"), ("alert", "resolved"), ("incident", "status"),
    ]  # fmt: skip
    assert [kind for kind in kinds if kind in order] == order

    # The post-mortem has these moments, to the second, and no other.
    document = asked(api, "GET", f"{place}/post-mortem")["document"]
    said = {row: datetime.fromisoformat(f"{at}+00:00") for row, at in _ROW.findall(document)}
    moments = {"Opened": one["opened_at"], "Acknowledged": asked_at,
               "Resolved": done["resolved_at"]}  # fmt: skip
    assert said == {
        row: datetime.fromisoformat(at).astimezone(UTC).replace(microsecond=0)
        for row, at in moments.items()
    }
    for each in entries:
        at = datetime.fromisoformat(each["at"]).astimezone(UTC)
        assert f"| {at:%Y-%m-%d %H:%M:%S} | " in document
    assert "ended: Completed" in document
