"""Rules on a real Prefect server, run in this process as a worker would run them."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.flow_engine import run_flow
from prefect.states import Pending
from prefect.utilities.callables import parameter_schema

from flows import connections
from flows.rules import flow_of
from sentinel import Reading, above, trigger
from sentinel.settings import settings
from sentinel.store import Store
from tests.databases import sqlite_copy
from tests.prefect_server import PrefectServer


@trigger(category="test", unit="percent", when=above(90))
def gauge(path: str, factor: float = 1.0) -> Iterator[Reading]:
    """What a file says: a value per name.

    Args:
        path: a JSON file
        factor: every value is multiplied by this
    """
    for name, value in json.loads(Path(path).read_text()).items():
        yield Reading(labels={"name": name}, value=value * factor)


class Gauges:
    """Deploys the gauge's rules, runs them, and looks at what came of it."""

    def __init__(
        self, server: PrefectServer, store: Store, folder: Path, client: SyncPrefectClient
    ) -> None:
        self.server = server
        self.store = store
        self.file = folder / "gauge.json"
        self.client = client
        self.flow: Flow[..., Any] = flow_of(gauge)

    def shows(self, **values: float) -> None:
        """What the gauge shows from now on."""
        self.file.write_text(json.dumps(values))

    def rule(self, name: str, *, every: float | None = None, **fields: Any) -> str:
        """Deploy a rule; the deployment's id."""
        schedules = (
            [DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(seconds=every)))]
            if every
            else None
        )
        return str(
            self.client.create_deployment(
                flow_id=self.client.create_flow(self.flow),
                name=name,
                parameters={
                    "path": str(self.file),
                    "rule": {"name": name, "group_wait": "0s", **fields},
                },
                parameter_openapi_schema=parameter_schema(self.flow).model_dump_for_openapi(),
                work_pool_name="sentinel",
                schedules=schedules,
            )
        )

    def start(self, deployment: str, **parameters: Any) -> FlowRun:
        """A run of a deployment as the UI makes it; with `parameters` a custom one."""
        return self.client.create_flow_run_from_deployment(
            deployment_id=deployment,  # pyright: ignore[reportArgumentType] - Prefect takes text too
            parameters=parameters or None,
        )

    def execute(self, run: FlowRun, flow: Flow[..., Any] | None = None) -> State[Any]:
        """Run it to its end, and return the state that the server then has."""
        self.client.set_flow_run_state(run.id, Pending(), force=True)
        run_flow(flow or self.flow, flow_run=self.client.read_flow_run(run.id), return_type="state")
        state = self.client.read_flow_run(run.id).state
        assert state is not None
        return state

    def run(self, deployment: str, **parameters: Any) -> State[Any]:
        """Start and run to the end."""
        return self.execute(self.start(deployment, **parameters))

    def artifacts(self, key: str) -> list[Mapping[str, Any]]:
        """All artifacts of that key, the oldest first."""
        body = {"artifacts": {"key": {"any_": [key]}}, "sort": "ID_DESC"}
        response = self.client.request("POST", "/artifacts/filter", json=body)
        return sorted(response.json(), key=lambda one: one["created"])


@pytest.fixture
def gauges(
    connected: PrefectServer,
    tmp_path: Path,
    migrated_sqlite: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Generator[Gauges]:
    """With an empty database of its own."""
    url = sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db")
    monkeypatch.setenv("SENTINEL_DATABASE_URL", url)
    settings.cache_clear()
    connections.store.cache_clear()
    connections.prefect_api.cache_clear()
    store = Store(url)
    with get_client(sync_client=True) as client:
        yield Gauges(connected, store, tmp_path, client)
    store.close()
    connections.store().close()
    api = connections.prefect_api()
    if api is not None:
        api.close()
    settings.cache_clear()
    connections.store.cache_clear()
    connections.prefect_api.cache_clear()
