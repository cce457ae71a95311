"""Which flow depends on which is read from a real Prefect server, and used by the catalog."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client

from sentinel.clock import FakeClock
from sentinel.engine.flow_graph_watch import EVERY, follow_flow_graph
from sentinel.errors import PrefectUnreachable
from sentinel.prefect_client.client import PrefectApi
from sentinel.services.definition import ServiceDefinition
from sentinel.store import Store
from sentinel.store.services.catalog import Services
from sentinel.store.services.operation import ServicesNow
from tests.prefect_server import PrefectServer

pytestmark = [pytest.mark.prefect, pytest.mark.sqlite_alone]


@pytest.fixture
def api(prefect_server: PrefectServer) -> Generator[PrefectApi]:
    with PrefectApi(prefect_server.url, timeout=30) as api:
        yield api


def edges(store: Store, ending: str, tenant: str = "default") -> set[tuple[str, str]]:
    """The dependencies of flows of this test, without the ending of their names."""
    found = ServicesNow(store, tenant).dependencies()
    assert {one.source for one in found} <= {"prefect"}
    return {
        (one.caller.removesuffix(ending), one.callee.removesuffix(ending))
        for one in found
        if one.caller.endswith(ending) and one.callee.endswith(ending)
    }


def test_subflows_results_and_automations_are_dependencies(
    connected: PrefectServer, api: PrefectApi, store: Store, clock: FakeClock
):
    ending = f"-{uuid4().hex[:8]}"

    @flow(name=f"extract{ending}")
    def extract() -> list[int]:
        return [1]

    @task
    def clean(rows: list[int]) -> list[int]:
        return [*rows, 2]

    @flow(name=f"load{ending}")
    def load(rows: list[int]) -> None:
        assert rows == [1, 2]

    @flow(name=f"audit{ending}")
    def audit() -> None:
        """Is given nothing by the others."""

    @flow(name=f"nightly{ending}")
    def nightly() -> None:
        audit()
        load(clean(extract()))

    nightly()
    with get_client(sync_client=True) as client:
        report = client.create_deployment(
            flow_id=client.create_flow_from_name(f"report{ending}"), name=f"daily{ending}"
        )
        source = client.create_deployment(
            flow_id=client.create_flow_from_name(f"nightly{ending}"), name=f"at-two{ending}"
        )
        body = {
            "name": f"after{ending}",
            "trigger": {
                "type": "event", "posture": "Reactive", "threshold": 1, "within": 0,
                "match": {"prefect.resource.id": "prefect.flow-run.*"},
                "match_related": {
                    "prefect.resource.role": "deployment",
                    "prefect.resource.id": f"prefect.deployment.{source}",
                },
                "expect": ["prefect.flow-run.Completed"],
            },
            "actions": [{"type": "run-deployment", "deployment_id": str(report)}],
        }  # fmt: skip
        client.request("POST", "/automations/", json=body).raise_for_status()
    clock.set(datetime.now(UTC) + timedelta(minutes=1))
    assert follow_flow_graph(store, api, "default") >= 5
    assert edges(store, ending) == {
        ("nightly", "extract"), ("nightly", "load"), ("nightly", "audit"),
        ("load", "extract"),  # through a task
        ("report", "nightly"),  # by an Automation
    }  # fmt: skip

    # The catalog uses them under its own names; no other tenant sees them.
    warehouse = ServiceDefinition(name="warehouse", aliases=[f"extract{ending}"], tier=1)
    Services(store).apply([warehouse], actor="ann")
    radius = ServicesNow(store, "default").blast_radius("warehouse")
    affected = {one.name.removesuffix(ending): one.distance for one in radius.affected}
    assert affected == {"load": 1, "nightly": 1, "report": 2}
    assert {source for one in radius.affected for source in one.sources} == {"prefect"}
    assert edges(store, ending, "acme") == set()


def test_it_is_read_every_five_minutes_and_at_once_again_after_a_failure(
    api: PrefectApi, store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    asked = list[datetime]()

    def child_runs(since: datetime) -> list[object]:
        asked.append(since)
        if len(asked) == 1:
            raise PrefectUnreachable("away")
        return []

    monkeypatch.setattr(api, "child_runs", child_runs)
    with pytest.raises(PrefectUnreachable):
        follow_flow_graph(store, api, "default")
    for _ in range(2):
        follow_flow_graph(store, api, "default")
    assert len(asked) == 2
    clock.forward(seconds=EVERY.total_seconds())
    follow_flow_graph(store, api, "default")
    assert len(asked) == 3
