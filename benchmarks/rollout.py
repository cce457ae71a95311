"""How fast a thousand rules that nobody changed are rolled out, beside `prefect deploy --all`.

Each against a Prefect server of its own on PostgreSQL, as `sentinel up` starts one. Ours reads the
file, asks the server for all thousand and compares them field by field; the peer deploys again
whatever is in the file, so it is given twenty of them, and its figure is theirs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from benchmarks.table import Row
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.apply import apply_plan, plan_rollout
from sentinel.rollout.files import read_files
from sentinel.rollout.flow_cache import FlowCache
from sentinel.timing.schedule import anchor_for
from sentinel.up.ports import any_free
from sentinel.up.services import SERVER
from sentinel.up.setup import Setup
from sentinel.up.temporary import temporary_postgres

RULES = 1000
PEERS = 20
ROUNDS = 3
ROOT = Path(__file__).parent.parent


def run() -> list[Row]:
    """Rules a second, ours and the peer's."""
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as (url, environment):
        whole, few = Path(folder) / "rules.yaml", Path(folder) / "few.yaml"
        _write(whole, RULES)
        _write(few, PEERS)
        with Setup(url) as setup:
            setup.ensure_pool("sentinel")
        with RolloutApi(url) as api:
            apply_plan(api, plan_rollout(api, read_files([whole]), _known(folder)))
            ours = min(_unchanged(api, whole, folder) for _ in range(ROUNDS))
        began = time.perf_counter()
        subprocess.run(
            [*(sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"),
             *("--prefect-file", str(few))],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True,
        )  # fmt: skip
        peer = (time.perf_counter() - began) / PEERS
    return [
        Row(
            name=f"rollout of {RULES:,} unchanged rules",
            value=RULES / ours,
            unit="rules/s",
            peer="prefect deploy --all",
            peer_value=1 / peer,
        )
    ]


def _unchanged(api: RolloutApi, file: Path, folder: str) -> float:
    """Seconds from nothing to knowing that nothing is to be done."""
    began = time.perf_counter()
    steps = plan_rollout(api, read_files([file]), _known(folder))
    took = time.perf_counter() - began
    changed = [step.name for step in steps if step.kind != "unchanged"]
    if changed:
        raise SystemExit(f"{len(changed)} rules changed by themselves, {changed[0]} first")
    return took


def _known(folder: str) -> FlowCache:
    from flows import flow_facts

    return FlowCache(lambda: flow_facts, Path(folder) / "facts.json")


def _write(file: Path, count: int) -> None:
    entries: list[dict[str, Any]] = []
    for number in range(count):
        name = f"bench-{number:04}"
        anchor = anchor_for(name, timedelta(seconds=60)).isoformat()
        entries.append(
            {
                "name": name,
                "tags": ["sentinel", "bench"],
                "entrypoint": f"flows.rules.{('disk_space', 'cpu_usage')[number % 2]}",
                "pull": [],
                "work_pool": {"name": "sentinel"},
                "parameters": {
                    "rule": {
                        "name": name,
                        "every": "60s",
                        "when": {"above": 95, "clear": 93},
                        "severity": "high",
                        "annotations": {"summary": "{host} is {value} percent full"},
                    }
                },
                # Off, so that the server is not busy with planning their runs.
                "schedules": [
                    {"slug": "every", "interval": 60, "anchor_date": anchor, "active": False}
                ],
            }
        )
    file.write_text(yaml.safe_dump({"name": "bench", "deployments": entries}, sort_keys=False))


@contextmanager
def _server(folder: Path) -> Generator[tuple[str, dict[str, str]]]:
    port = any_free()
    url = f"http://127.0.0.1:{port}/api"
    with temporary_postgres() as database:
        address = database.address("prefect").replace("postgresql+psycopg", "postgresql+asyncpg")
        environment = {
            **os.environ,
            **SERVER,
            "PREFECT_HOME": str(folder),
            "PREFECT_API_URL": url,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": address,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "PYTHONPATH": str(ROOT),
        }
        process = subprocess.Popen(
            [*(sys.executable, "-m", "prefect", "server", "start", "--no-ui"),
             *("--host", "127.0.0.1", "--port", str(port))],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            with RolloutApi(url) as api:
                until = time.monotonic() + 120
                while not api.healthy():
                    if process.poll() is not None or time.monotonic() > until:
                        raise SystemExit("the Prefect server did not start")
                    time.sleep(0.2)
            yield url, environment
        finally:
            process.terminate()
            process.wait(30)
