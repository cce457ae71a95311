"""Deployments and runs on a real Prefect server, made through its own API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from sentinel import Context
from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.clock import FakeClock
from tests.prefect_server import PrefectServer
from tests.waiting import eventually
from triggers._deployments import forget
from triggers.prefect_runs import prefect_runs


def ago(**length: float) -> datetime:
    """That long before now."""
    return datetime.now(UTC) - timedelta(**length)


class Fleet:
    """Deployments that carry a tag of their own, so that a test sees no others."""

    def __init__(self, server: PrefectServer) -> None:
        self.server = server
        self.tag = f"fleet-{uuid4().hex[:8]}"
        self.flow = f"etl-{uuid4().hex[:8]}"
        self.clock = FakeClock(datetime.now(UTC))
        self._http = httpx.Client(base_url=server.url)
        self.flow_id = self.post("/flows/", name=self.flow)["id"]
        self.state: dict[str, Any] = {}

    def close(self) -> None:
        self._http.close()

    def post(self, path: str, /, **body: Any) -> Any:
        def taken() -> httpx.Response | None:
            answer = self._http.post(path, json=body)
            return None if answer.status_code == 503 else answer

        # On SQLite a Prefect server answers 503 while another of its writes holds the database.
        answer = eventually(taken, f"{path} is taken")
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None

    def delete(self, path: str) -> None:
        assert self._http.delete(path).is_success

    def deployment(self, name: str, tags: Sequence[str] = (), **fields: Any) -> str:
        body = {"name": name, "flow_id": self.flow_id, "tags": [self.tag, *tags]}
        return self.post("/deployments/", **body, **fields)["id"]

    def switch(self, deployment: str, *, paused: bool) -> None:
        """Pause a deployment, or let it go on."""
        answer = self._http.patch(f"/deployments/{deployment}", json={"paused": paused})
        assert answer.is_success, answer.text

    def run(self, deployment: str, **fields: Any) -> str:
        path = f"/deployments/{deployment}/create_flow_run"
        return self.post(path, **({"state": {"type": "SCHEDULED"}} | fields))["id"]

    def becomes(self, run: str, kind: str, name: str = "", message: str = "") -> None:
        """Put a run into a state, as its engine would; the server stamps it with its own time."""
        state: dict[str, Any] = {"type": kind, "message": message}
        state |= {"name": name} if name else {}
        self.post(f"/flow_runs/{run}/set_state", state=state, force=True)

    def ran(self, deployment: str, kind: str, name: str = "", message: str = "") -> str:
        """A run that started and ended like that just now."""
        run = self.run(deployment)
        self.becomes(run, "RUNNING")
        self.becomes(run, kind, name, message)
        return run

    def ran_alone(self, kind: str, message: str = "", **fields: Any) -> str:
        """A run without a deployment that started and ended like that just now."""
        tags = [self.tag, *fields.pop("tags", [])]
        body = {"flow_id": self.flow_id, "tags": tags, "state": {"type": "RUNNING"}}
        run = self.post("/flow_runs/", **body, **fields)["id"]
        self.becomes(run, kind, message=message)
        return run

    def evaluate(self, minutes: float = 0, **parameters: Any) -> Observation:
        """Look so many minutes from now, as the rule does, its state kept from look to look."""
        forget()  # what other tests have deployed
        return self.looks_again(minutes, **parameters)

    def looks_again(self, minutes: float = 0, **parameters: Any) -> Observation:
        """Look in the process that looked before."""
        self.clock.set(datetime.now(UTC) + timedelta(minutes=minutes))
        ctx = Context(clock=self.clock, state=self.state, prefect=self.server.api)
        seen = prefect_runs.check(ctx=ctx, **({"tags": [self.tag]} | parameters))
        assert seen.state is not None
        self.state = seen.state
        return seen

    def sees(self, deployment: str, minutes: float = 0, **parameters: Any) -> Reading:
        """The reading of the deployment of that name."""
        for reading in self.evaluate(minutes, **parameters).readings:
            if reading.labels.get("deployment") == deployment:
                return reading
        raise AssertionError(f"nothing is said about {deployment}")

    def firing(self, minutes: float = 0, **parameters: Any) -> list[str]:
        """What fires now, by name."""
        return sorted(
            reading.labels.get("deployment") or reading.labels["work_pool"]
            for reading in self.evaluate(minutes, **parameters).readings
            if reading.firing
        )
