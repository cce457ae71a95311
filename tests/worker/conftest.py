"""Real workers on a real Prefect server, with flows that misbehave on purpose."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from sentinel.prefect_client.transport import authentication
from sentinel.store import Store
from sentinel.worker.job_template import base_job_template
from sentinel.worker.process import identity
from tests.databases import sqlite_copy
from tests.prefect_server import ROOT, PrefectServer
from tests.waiting import eventually

FLOWS = Path(__file__).with_name("odd_flows.py")


class Worker:
    """`prefect worker start --type sentinel` as a process of its own."""

    def __init__(
        self, bench: Bench, name: str, arguments: tuple[str, ...], more: Mapping[str, str]
    ):
        self.name = name
        self.log = bench.folder / f"{name}-{secrets.token_hex(3)}.log"
        self.home = bench.folder / "home"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "prefect", "worker", "start"),
                    *("--pool", bench.pool, "--type", "sentinel", "--name", name, *arguments),
                ],
                cwd=ROOT,
                env=bench.environ(**more),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        """All that it has printed."""
        return self.log.read_text(errors="replace")

    def status(self) -> dict[str, Any]:
        """Its figures, over HTTP."""
        known = json.loads((self.home / "workers" / f"{self.name}.json").read_text())
        assert known["process"] == identity(self.process.pid)
        return httpx.get(f"{known['url']}/status").json()

    def ready(self) -> Worker:
        """Wait until it has a child to run flows in."""

        def warm() -> bool:
            assert self.process.poll() is None, self.said()[-3000:]
            try:
                return self.status()["children"] > 0
            except (OSError, httpx.HTTPError, AssertionError):
                return False

        eventually(warm, "the worker is warm", within=120)
        return self

    def children(self) -> list[psutil.Process]:
        """The processes that run flows: children of its nurseries."""
        found: list[psutil.Process] = []
        for server in psutil.Process(self.process.pid).children():
            found += server.children()
        return found

    def stop(self, within: float = 60) -> int:
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def kill(self) -> None:
        """SIGKILL, to it alone."""
        self.process.kill()
        self.process.wait(60)

    def end(self) -> None:
        """However it is, make an end of it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()


class _Patient(httpx.HTTPTransport):
    """Asks again where the server's SQLite is busy for a moment."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        until = time.monotonic() + 20
        while True:
            response = super().handle_request(request)
            if response.status_code != 503 or time.monotonic() > until:
                return response
            response.read()
            time.sleep(0.2)


class Bench:
    """A pool of its own on the shared server, a database of its own, and flows to run."""

    def __init__(self, server: PrefectServer, folder: Path, migrated: Path) -> None:
        self.server = server
        self.folder = folder
        self.marks = folder
        self.pool = f"warm-{secrets.token_hex(4)}"
        self.database = sqlite_copy(migrated, folder / "sentinel.db")
        self.store = Store(self.database)
        self.workers: list[Worker] = []
        self.http = httpx.Client(
            base_url=server.url,
            timeout=90,
            transport=_Patient(),
            headers=authentication(server.login),
        )
        answer = self.http.post(
            "/work_pools/",
            json={
                "name": self.pool,
                "type": "sentinel",
                "base_job_template": base_job_template(),
            },
        )
        answer.raise_for_status()

    def environ(self, **more: str) -> dict[str, str]:
        """Of a worker."""
        return self.server.environ(
            SENTINEL_HOME=str(self.folder / "home"),
            SENTINEL_DATABASE_URL=self.database,
            PREFECT_LOGGING_LEVEL="INFO",
            SENTINEL_WORKER_POLL="0.3",
            **more,
        )

    def worker(self, *arguments: str, name: str = "", **more: str) -> Worker:
        """Start a worker; not waited for."""
        worker = Worker(self, name or f"w-{secrets.token_hex(3)}", arguments, more)
        self.workers.append(worker)
        return worker

    def deploy(
        self,
        flow: str,
        *,
        entrypoint: str = "",
        name: str = "",
        queue: str = "",
        parameters: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> str:
        """A deployment of a flow of `odd_flows.py`; its id."""
        made = self.http.post("/flows/", json={"name": flow})
        body: dict[str, Any] = {
            "name": name or f"{flow}-{secrets.token_hex(4)}",
            "flow_id": made.json()["id"],
            "entrypoint": entrypoint or f"{FLOWS}:{flow}",
            "work_pool_name": self.pool,
            "parameters": dict(parameters or {}),
            "pull_steps": [],
            **({"work_queue_name": queue} if queue else {}),
            **fields,
        }
        answer = self.http.post("/deployments/", json=body)
        assert answer.is_success, answer.text
        return answer.json()["id"]

    def rule(self, name: str, *, trigger: str = "disk_space", **fields: Any) -> str:
        """A deployment of a rule, as `prefect deploy` leaves it."""
        return self.deploy(
            trigger,
            entrypoint=f"flows.rules.{trigger}",
            name=name,
            parameters={"rule": {"name": name, "group_wait": "0s", **fields}},
        )

    def start(self, deployment: str, *, ago: float | None = None, **parameters: Any) -> str:
        """A run; `ago` makes it one of the schedule, due that many seconds ago. Its id."""
        if ago is None:
            body: dict[str, Any] = {"state": {"type": "SCHEDULED"}}
            if parameters:
                body["parameters"] = parameters
            path = f"/deployments/{deployment}/create_flow_run"
            answer = self.http.post(path, json=body)
            assert answer.is_success, answer.text
            return answer.json()["id"]
        return self.scheduled(deployment, [ago])[0]

    def scheduled(self, deployment: str, ago: list[float]) -> list[str]:
        """Runs as the scheduler makes them, due so many seconds ago; their ids."""
        now = datetime.now(UTC)
        known = self.http.get(f"/deployments/{deployment}").json()
        found: list[str] = []
        for seconds in ago:
            at = (now - timedelta(seconds=seconds)).isoformat()
            answer = self.http.post(
                f"/deployments/{deployment}/create_flow_run",
                json={
                    "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at}},
                    "parameters": known["parameters"],
                },
            )
            assert answer.is_success, answer.text
            found.append(answer.json()["id"])
        return found

    def activate(self, deployment: str, every: float) -> None:
        """Give a deployment a schedule of which the first run is due in a second."""
        anchor = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        schedule = {"interval": every, "anchor_date": anchor, "timezone": "UTC"}
        self.http.post(
            f"/deployments/{deployment}/schedules",
            json=[{"active": True, "schedule": schedule, "slug": "every"}],
        ).raise_for_status()
        self.http.post(
            f"/deployments/{deployment}/schedule", json={"min_runs": 1, "max_runs": 3}
        ).raise_for_status()

    def first_scheduled(self, deployment: str) -> str:
        """The id of the first run that a deployment's schedule has made."""
        body = {
            "flow_runs": {"deployment_id": {"any_": [deployment]}},
            "sort": "EXPECTED_START_TIME_ASC",
            "limit": 1,
        }
        (found,) = self.eventually(
            lambda: self.http.post("/flow_runs/filter", json=body).json(), "a run is scheduled"
        )
        return found["id"]

    def slots(self, deployment: str, ago: list[float]) -> list[str]:
        """Runs as a schedule makes them, all at once, due so many seconds ago; their ids.

        Nothing more comes of these schedules within the day. Each slot must be later than those
        made before.
        """
        now = datetime.now(UTC)
        soon = (now + timedelta(seconds=1)).isoformat()
        known = self.http.get(f"/deployments/{deployment}/schedules").json()
        anchors = [(now - timedelta(seconds=seconds)).isoformat() for seconds in ago]
        self.http.post(
            f"/deployments/{deployment}/schedules",
            json=[
                {
                    "active": True,
                    "schedule": {"interval": 86_400, "anchor_date": anchor, "timezone": "UTC"},
                    "slug": f"slot-{len(known) + number}",
                }
                for number, anchor in enumerate(anchors)
            ],
        ).raise_for_status()
        self.http.post(
            f"/deployments/{deployment}/schedule",
            json={"start_time": min(anchors), "end_time": soon, "min_runs": 1},
        ).raise_for_status()
        body = {
            "flow_runs": {
                "deployment_id": {"any_": [deployment]},
                "expected_start_time": {"before_": soon},
            },
            "sort": "EXPECTED_START_TIME_ASC",
        }
        found = [one["id"] for one in self.http.post("/flow_runs/filter", json=body).json()]
        assert len(found) >= len(ago)
        return found[-len(ago) :]

    def run(self, run: str) -> dict[str, Any]:
        """A run as the API has it."""
        return self.http.get(f"/flow_runs/{run}").json()

    def states(self, run: str) -> list[str]:
        """The names of the states it went through."""
        answer = self.http.get("/flow_run_states/", params={"flow_run_id": run})
        found = sorted(answer.json(), key=lambda one: one["timestamp"])
        return [one["name"] for one in found]

    def ended(self, run: str, within: float = 120) -> dict[str, Any]:
        """The run, once it has ended."""

        def over() -> dict[str, Any] | None:
            found = self.run(run)
            ends = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
            return found if found["state_type"] in ends else None

        return self.eventually(over, f"run {run} ends", within)

    def running(self, run: str) -> dict[str, Any]:
        """The run, once it runs."""
        return self.eventually(
            lambda: (one := self.run(run))["state_type"] == "RUNNING" and one, f"run {run} begins"
        )

    def eventually(self, look: Callable[[], Any], what: str, within: float = 120) -> Any:
        """As `eventually`, with what the workers said where it never happens."""

        def said() -> str:
            return "\n".join(worker.said()[-1500:] for worker in self.workers)

        return eventually(look, what, within, said=said)

    def mark(self, name: str) -> Path:
        """A file that a flow may write, or wait for."""
        return self.marks / name

    def end(self) -> None:
        """Stop every worker."""
        for worker in self.workers:
            worker.end()
        self.store.close()
        self.http.close()


@pytest.fixture
def bench(prefect_server: PrefectServer, tmp_path: Path, migrated_sqlite: Path) -> Generator[Bench]:
    bench = Bench(prefect_server, tmp_path, migrated_sqlite)
    yield bench
    bench.end()


@pytest.fixture
def worker(bench: Bench) -> Worker:
    """A worker that is warm, of this test alone."""
    return bench.worker().ready()


WARM = pytest.mark.xdist_group("warm-worker")
"""Tests that use `warm` run in one process of the suite, which has the worker."""


@pytest.fixture(scope="package")
def warm_bench(
    prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path
) -> Generator[Bench]:
    bench = Bench(prefect_server, tmp_path_factory.mktemp("warm"), migrated_sqlite)
    yield bench
    bench.end()


@pytest.fixture
def warm(warm_bench: Bench, tmp_path: Path) -> Bench:
    """A bench with a worker that is warm already, for tests that neither stop nor configure it."""
    warm_bench.marks = tmp_path
    if not warm_bench.workers or warm_bench.workers[-1].process.poll() is not None:
        warm_bench.worker().ready()
    return warm_bench


def killed(pid: int) -> None:
    """SIGKILL to one process."""
    os.kill(pid, signal.SIGKILL)
