"""How many runs of `disk_space` a second, beside the stock process worker on the same server.

One embedded PostgreSQL and one Prefect server with the settings that `sentinel up` gives it. The
runs are made first, due at one moment; counted is from that moment to the end of the last, every
run with its Pending, Running and Completed, the commit into Sentinel's database and its name.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.table import Row
from sentinel.store import Store
from sentinel.up.parts import SERVER
from sentinel.up.ports import any_free
from sentinel.up.temporary import temporary_postgres
from sentinel.worker.template import base_job_template

ROOT = Path(__file__).parent.parent
OURS, STOCKS = 200, 16
RULES = 30
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass
class Bench:
    """A Prefect server over PostgreSQL, and what it and its workers use."""

    folder: Path
    environment: dict[str, str]
    http: httpx.Client
    server: psutil.Process
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[Any])

    def pool(self, kind: str) -> str:
        """A new work pool."""
        name = f"bench-{kind}-{secrets.token_hex(3)}"
        template = base_job_template()
        if kind == "process":
            views = self.http.get("/collections/views/aggregate-worker-metadata").json()
            template = views["prefect"]["process"]["default_base_job_configuration"]
        body = {"name": name, "type": kind, "base_job_template": template}
        self.http.post("/work_pools/", json=body).raise_for_status()
        if kind == "sentinel":  # as `sentinel up` makes it
            queue = {"name": "notifications", "priority": 1}
            self.http.post(f"/work_pools/{name}/queues", json=queue).raise_for_status()
        return name

    def rules(self, pool: str, count: int, every: float | None = None) -> list[str]:
        """Deployments of `disk_space`; with `every` they have a schedule. Their ids."""
        flow = self.http.post("/flows/", json={"name": "disk_space"}).json()["id"]
        found: list[str] = []
        for number in range(count):
            name = f"bench-{secrets.token_hex(3)}-{number}"
            body: dict[str, Any] = {
                "name": name,
                "flow_id": flow,
                "entrypoint": "flows.rules.disk_space",
                "work_pool_name": pool,
                "pull_steps": [],
                "parameters": {"rule": {"name": name, "when": {"above": 99.9}}},
            }
            if every:
                body["parameters"]["rule"]["every"] = every
                anchor = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
                    seconds=number * every / count
                )
                body["schedules"] = [{
                    "active": True,
                    "schedule": {"interval": every, "anchor_date": anchor.isoformat()},
                }]  # fmt: skip
            answer = self.http.post("/deployments/", json=body)
            answer.raise_for_status()
            found.append(answer.json()["id"])
        return found

    def make_runs(self, deployments: list[str], count: int, due: datetime) -> None:
        """Runs that are due at one moment."""
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
        for number in range(count):
            path = f"/deployments/{deployments[number % len(deployments)]}/create_flow_run"
            self.http.post(path, json={"state": state}).raise_for_status()

    def count(self, pool: str, *kinds: str) -> int:
        """Runs of a pool in these types of state."""
        body = {
            "work_pools": {"name": {"any_": [pool]}},
            "flow_runs": {"state": {"type": {"any_": list(kinds)}}},
        }
        return int(self.http.post("/flow_runs/count", json=body).json())

    def worker(self, pool: str, kind: str, *arguments: str, **more: str) -> psutil.Process:
        """Start a worker."""
        with (self.folder / f"{pool}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", kind,
                 *arguments],
                cwd=ROOT,
                env={**self.environment, **more},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return psutil.Process(process.pid)

    def stop_workers(self) -> None:
        """End them all."""
        for process in self.processes:
            process.send_signal(signal.SIGINT)
        for process in self.processes:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()


@contextmanager
def bench(**more: str) -> Generator[Bench]:
    """All of it, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="sentinel-bench-"))
    try:
        with temporary_postgres() as postgres:
            ours = postgres.address("sentinel")
            store = Store(ours)
            store.migrate()
            store.close()
            port = any_free()
            environment = {
                **{k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SENT"))},
                **SERVER,
                "PREFECT_HOME": str(folder),
                "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
                "PREFECT_SERVER_DATABASE_CONNECTION_URL": postgres.address(
                    "prefect", driver="asyncpg"
                ),
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "PREFECT_LOGGING_LEVEL": "WARNING",
                "DO_NOT_TRACK": "1",
                "PYTHONPATH": str(ROOT),
                "SENTINEL_HOME": str(folder / "home"),
                "SENTINEL_DATABASE_URL": ours,
                **more,
            }
            with _server(folder, port, environment) as made:
                yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(folder: Path, port: int, environment: Mapping[str, str]) -> Generator[Bench]:
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--no-ui", "--host", "127.0.0.1",
             "--port", str(port)],
            env=dict(environment),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    with httpx.Client(base_url=environment["PREFECT_API_URL"], timeout=60) as http:
        made = Bench(folder, dict(environment), http, psutil.Process(process.pid))
        try:
            _until(lambda: _answers(http), 120)
            yield made
        finally:
            made.stop_workers()
            process.terminate()
            process.wait(30)
            written = (folder / "server.log").read_text(errors="replace")
            if "Traceback" in written:
                print(f"the server's log has a traceback: {written[-3000:]}")


def cpu(process: psutil.Process) -> float:
    """CPU seconds of a process and all below it that live; of those that ended, where reaped."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        try:
            times = one.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def throughput(
    made: Bench, kind: str, runs: int, *arguments: str, **more: str
) -> tuple[float, float, float]:
    """Runs a second, and CPU seconds a run of the server and of the worker."""
    pool = made.pool(kind)
    deployments = made.rules(pool, RULES)
    worker = made.worker(pool, kind, *arguments, **more)
    made.make_runs(deployments, 4, datetime.now(UTC))
    _until(lambda: made.count(pool, *ENDED) == 4, 120)  # it is warm
    # Nobody may take one before all are there, nor be told that they are late meanwhile.
    made.http.patch(f"/work_pools/{pool}", json={"is_paused": True}).raise_for_status()
    due = datetime.now(UTC) + timedelta(seconds=5 + runs * 0.1)
    made.make_runs(deployments, runs, due)
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
    made.http.patch(f"/work_pools/{pool}", json={"is_paused": False}).raise_for_status()
    server, own, began = cpu(made.server), cpu(worker), time.perf_counter()
    _until(lambda: made.count(pool, *ENDED) == runs + 4, 600, pause=0.5)
    took = time.perf_counter() - began
    done = made.count(pool, "COMPLETED")
    if done != runs + 4:
        raise AssertionError(f"{kind}: {done} of {runs + 4} runs completed")
    result = (
        runs / took,
        (cpu(made.server) - server) / runs,
        (cpu(worker) - own) / runs,
    )
    made.stop_workers()
    return result


def run() -> list[Row]:
    """Runs a second, and what a run costs."""
    with bench() as made:
        ours = throughput(made, "sentinel", OURS)
        stock = max(
            throughput(made, "process", STOCKS, *limit, PREFECT_WORKER_QUERY_SECONDS="1")
            for limit in ((), ("--limit", "4"))
        )
    peer = "stock process worker, polling every second, with its best limit"
    return [
        Row(name="flow_runs_per_second", value=ours[0], unit="runs/s", peer=peer,
            peer_value=stock[0]),
        Row(name="server_cpu_per_run", value=ours[1] * 1000, unit="CPU ms", peer=peer,
            peer_value=stock[1] * 1000),
        Row(name="worker_cpu_per_run", value=ours[2] * 1000, unit="CPU ms", peer=peer,
            peer_value=stock[2] * 1000),
    ]  # fmt: skip


@dataclass(frozen=True)
class Sustained:
    """How rules at one period went.

    Attributes:
        missed: slots within the time that no completed run stands for
        delays: seconds from a slot to the end of its run, sorted
        server_cpu, worker_cpu: share of one core
        memory: bytes of the worker, all processes, at the end
    """

    rules: int
    minutes: float
    completed: int
    missed: int
    delays: list[float]
    server_cpu: float
    worker_cpu: float
    memory: int

    def delay(self, share: float) -> float:
        """The delay that this share of the runs was within."""
        return self.delays[min(len(self.delays) - 1, int(share * len(self.delays)))]


def sustained(made: Bench, rules: int, minutes: float, every: float = 60.0) -> Sustained:
    """Run so many rules for so long, after one period to get going."""
    pool = made.pool("sentinel")
    worker = made.worker(pool, "sentinel")
    made.rules(pool, rules, every)
    time.sleep(every + 15)
    began, server, own = datetime.now(UTC), cpu(made.server), cpu(worker)
    time.sleep(minutes * 60)
    over = datetime.now(UTC)
    server, own = cpu(made.server) - server, cpu(worker) - own
    memory = sum(one.memory_info().rss for one in [worker, *worker.children(recursive=True)])
    time.sleep(20)  # what was due at the end has ended by then, or is late
    delays: list[float] = []
    due = 0
    for run in _runs(made, pool, began, over):
        due += 1
        if run["state_type"] == "COMPLETED" and run["state_name"] != "Collapsed":
            end = datetime.fromisoformat(run["end_time"])
            delays.append(
                (end - datetime.fromisoformat(run["expected_start_time"])).total_seconds()
            )
    made.stop_workers()
    seconds = (over - began).total_seconds()
    return Sustained(
        rules, minutes, len(delays), max(due, int(rules * seconds / every)) - len(delays),
        sorted(delays), server / seconds, own / seconds, memory,
    )  # fmt: skip


def _runs(made: Bench, pool: str, after: datetime, before: datetime) -> Generator[dict[str, Any]]:
    offset = 0
    while True:
        body = {
            "work_pools": {"name": {"any_": [pool]}},
            "flow_runs": {"expected_start_time": {
                "after_": after.isoformat(), "before_": before.isoformat()}},
            "sort": "EXPECTED_START_TIME_ASC",
            "limit": 200,
            "offset": offset,
        }  # fmt: skip
        page: list[dict[str, Any]] = made.http.post("/flow_runs/filter", json=body).json()
        yield from page
        offset += len(page)
        if len(page) < 200:
            return


def _answers(http: httpx.Client) -> bool:
    try:
        return http.post("/flows/count", json={}).is_success
    except httpx.HTTPError:
        return False


def _until(look: Any, within: float, pause: float = 0.2) -> None:
    until = time.monotonic() + within
    while not look():
        if time.monotonic() > until:
            raise TimeoutError(f"not within {within:.0f} s")
        time.sleep(pause)
