"""The Prefect server that the worker's benchmarks run on, with the settings of `sentinel up`.

PostgreSQL or SQLite; one process, or several API processes, which need Redis to hear of each
other's events.
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
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import psutil

from sentinel.store import Store
from sentinel.up.ports import any_free
from sentinel.up.services import SERVER
from sentinel.up.temporary import temporary_postgres
from sentinel.worker.job_template import base_job_template

ROOT = Path(__file__).parent.parent


@dataclass
class Bench:
    """A Prefect server, and what it and its workers use."""

    folder: Path
    environment: dict[str, str]
    http: httpx.Client
    servers: list[psutil.Process]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[Any])

    @property
    def server_cpu(self) -> float:
        """CPU seconds of all of Prefect's server until now."""
        return sum(cpu(one) for one in self.servers)

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

    def rules(
        self, pool: str, count: int, every: float | None = None, due: datetime | None = None
    ) -> list[str]:
        """Deployments of `disk_space`; their ids.

        Args:
            pool: name of their work pool
            count: how many
            every: seconds; then they have a schedule, and are spread over that time
            due: then each has one run, at this moment, as its schedule makes it
        """
        found: list[str] = []
        for number in range(count):
            name = f"bench-{secrets.token_hex(3)}-{number}"
            rule: dict[str, Any] = {"name": name, "when": {"above": 99.9}}
            more: dict[str, Any] = {}
            period = 86_400.0 if due else every
            if period:
                rule["every"] = period
                anchor = due or datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
                    seconds=number * period / count
                )
                schedule = {"interval": period, "anchor_date": anchor.isoformat()}
                more["schedules"] = [{"active": True, "schedule": schedule}]
            made = self.deploy(
                pool, "disk_space", "flows.rules.disk_space", name,
                parameters={"rule": rule}, **more,
            )  # fmt: skip
            found.append(made)
            if due:
                body = {"start_time": due.isoformat(), "min_runs": 1, "max_runs": 1}
                self.http.post(f"/deployments/{made}/schedule", json=body).raise_for_status()
        return found

    def deploy(self, pool: str, flow: str, entrypoint: str, name: str, **more: Any) -> str:
        """A deployment; its id."""
        body: dict[str, Any] = {
            "name": name,
            "flow_id": self.http.post("/flows/", json={"name": flow}).json()["id"],
            "entrypoint": entrypoint,
            "work_pool_name": pool,
            "pull_steps": [],
            **more,
        }
        answer = self.http.post("/deployments/", json=body)
        answer.raise_for_status()
        return answer.json()["id"]

    def make_runs(self, deployments: list[str], count: int, due: datetime) -> None:
        """Runs that somebody asks for, due at one moment."""
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
        command = ["prefect", "worker", "start", "--pool", pool, "--type", kind, *arguments]
        return self.start(f"{pool}.log", *command, **more)

    def start(self, log: str, module: str, *arguments: str, **more: str) -> psutil.Process:
        """Start a process of ours, which `stop_workers` ends."""
        environment = {**self.environment, **more}
        process = _start(self.folder / log, environment, module, *arguments)
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
        for log in self.folder.glob("*.log"):
            _complain(log)


@contextmanager
def bench(
    *, sqlite: bool = False, api_processes: int = 1, redis: str = "",
    server: Mapping[str, str] = SERVER, **more: str,
) -> Generator[Bench]:  # fmt: skip
    """All of it, for as long as the block lasts.

    Args:
        sqlite: Prefect's data and ours on SQLite, else both on an embedded PostgreSQL
        api_processes: of Prefect; its services run in one more where there are several
        redis: HOST:PORT of a Redis for several, whose events go through it
        server: settings of Prefect's server
        more: environment of every process
    """
    # Told to end, we end what we started: what Ctrl-C does anyway.
    signal.signal(signal.SIGTERM, _told_to_end)
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="sentinel-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if sqlite:
            ours = f"sqlite:///{folder / 'sentinel.db'}"
            theirs = f"sqlite+aiosqlite:///{folder / 'prefect.db'}"
        else:
            postgres = stack.enter_context(temporary_postgres())
            ours = postgres.address("sentinel")
            theirs = postgres.address("prefect", driver="asyncpg")
        store = Store(ours)
        store.migrate()
        store.close()
        port = any_free()
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SENT"))},
            **server,
            "PREFECT_HOME": str(folder),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": theirs,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "DO_NOT_TRACK": "1",
            # What was there stays, so that prefect-redis need not be in the environment.
            "PYTHONPATH": os.pathsep.join(
                part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part
            ),
            "SENTINEL_HOME": str(folder / "home"),
            "SENTINEL_DATABASE_URL": ours,
            **(_over(redis) if redis else {}),
            **more,
        }
        yield stack.enter_context(_server(folder, port, environment, api_processes))


def _told_to_end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)


def _over(redis: str) -> dict[str, str]:
    """What Prefect's documentation asks for where several processes serve the API."""
    host, _, port = redis.rpartition(":")
    return {
        "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_REDIS_MESSAGING_HOST": host,
        "PREFECT_REDIS_MESSAGING_PORT": port,
        "PREFECT_SERVER_DOCKET_URL": f"redis://{redis}/1",
    }


@contextmanager
def _server(
    folder: Path, port: int, environment: Mapping[str, str], api_processes: int
) -> Generator[Bench]:
    serve = ["server", "start", "--no-ui", "--host", "127.0.0.1", "--port", str(port)]
    if api_processes > 1:
        # Each would make the tables and list the blocks when it starts, and they would meet.
        upgrade = ("server", "database", "upgrade", "-y")
        made_tables = _start(folder / "upgrade.log", environment, "prefect", *upgrade).wait(300)
        if made_tables != 0:
            raise RuntimeError((folder / "upgrade.log").read_text(errors="replace")[-3000:])
        environment = {
            **environment,
            "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
            "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
        }
        serve += ["--workers", str(api_processes)]
    started = [_start(folder / "server.log", environment, "prefect", *serve)]
    with httpx.Client(
        base_url=environment["PREFECT_API_URL"], timeout=60, transport=_Patient()
    ) as http:
        made = Bench(folder, dict(environment), http, [psutil.Process(started[0].pid)])
        try:
            until(lambda: _answers(http), 120)
            if api_processes > 1:
                services = ["server", "services", "start"]
                started.append(_start(folder / "services.log", environment, "prefect", *services))
                made.servers.append(psutil.Process(started[1].pid))
            yield made
        finally:
            made.stop_workers()
            for process in reversed(started):
                process.terminate()
            for process in reversed(started):
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for log in folder.glob("*.log"):
                _complain(log)


def _start(
    log: Path, environment: Mapping[str, str], module: str, *arguments: str
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _complain(log: Path) -> None:
    """Say where a log has a traceback, once."""
    written = log.read_text(errors="replace")
    if "Traceback" in written:
        times = written.count("Traceback (most recent")
        print(f"{log.name} has {times} tracebacks, the last: {written[-3000:]}", file=sys.stderr)
    log.unlink()


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


class _Patient(httpx.HTTPTransport):
    """Asks again where the server says that it is busy, as on SQLite while another writes."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(100):
            answer = super().handle_request(request)
            if answer.status_code != 503:
                return answer
            answer.close()
            time.sleep(0.1)
        return super().handle_request(request)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.post("/flows/count", json={}).is_success
    except httpx.HTTPError:
        return False


def until(look: Callable[[], object], within: float, pause: float = 0.2) -> None:
    deadline = time.monotonic() + within
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:.0f} s")
        time.sleep(pause)
