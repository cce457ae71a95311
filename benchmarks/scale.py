"""What a rule, a flow run and a storm cost, beside the build that the tag `before-scale` names.

Both builds are measured in turn in one run, on the same machine, by processor time: of the worker,
Prefect's server and PostgreSQL together. The older build is checked out beside this one, and its
worker and its store run with the packages that are installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.table import Row, Skipped
from benchmarks.worker_server import Bench, bench, until

ROOT = Path(__file__).parent.parent
TAG = "before-scale"
PAIRS, ROUNDS, RULES, PACKS, MEMBERS, CORES = 2, 4, 25, 3, 500, 2


def run() -> list[Row]:
    """Rows for storms on both databases, flow runs, and rule packs."""
    with _tagged() as older:
        rows = [row for dialect in ("postgresql", "sqlite") for row in _storms(dialect, older)]
        return rows + _flow_runs(older)


@contextmanager
def _tagged() -> Generator[Path]:
    """Check the older build out for as long as the block lasts."""
    git = ["git", "-C", str(ROOT)]
    if subprocess.run([*git, "rev-parse", "-q", "--verify", TAG], capture_output=True).returncode:
        raise Skipped(f"the tag {TAG}, which names the build to compare with, is not here")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "older"
        subprocess.run([*git, "worktree", "add", "-q", "--detach", str(tree), TAG], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=True)


def _storms(dialect: str, older: Path) -> list[Row]:
    script = str(ROOT / "benchmarks" / "scale_storm.py")
    best: dict[Path, dict[str, float]] = {ROOT: {}, older: {}}
    for _ in range(PAIRS):
        for tree, found in best.items():
            answer = subprocess.run(
                [sys.executable, script, dialect], env={**os.environ, "PYTHONPATH": str(tree)},
                cwd=tree, capture_output=True, check=True, text=True,
            )  # fmt: skip
            for name, value in json.loads(answer.stdout.splitlines()[-1]).items():
                found[name] = max(value, found.get(name, 0.0))
    suffix = "" if dialect == "postgresql" else "_sqlite"
    names = {
        "findings": "findings_to_alerts_per_second", "storm": "known_alerts_touched_per_second"
    }  # fmt: skip
    return [
        Row(name=said + suffix, value=best[ROOT][name], unit="per CPU s", peer=TAG,
            peer_value=best[older][name])
        for name, said in names.items()
    ]  # fmt: skip


def _flow_runs(older: Path) -> list[Row]:
    """What a flow run costs each build with its own server settings, and a rule of a pack."""
    single: dict[Path, list[float]] = {ROOT: [], older: []}
    packed: list[float] = []
    for _ in range(PAIRS):
        for tree, costs in single.items():
            with bench(server=_server_of(tree)) as made:
                # Without the safe path, Python would import from the folder that it starts in.
                costs.append(_cost(made, _singles, PYTHONPATH=str(tree), PYTHONSAFEPATH="1"))
                if tree == ROOT:
                    packed.append(_cost(made, _packs) / MEMBERS)
    ours, theirs, member = min(single[ROOT]), min(single[older]), min(packed)
    return [
        Row(name="flow_runs_per_second", value=CORES / ours, unit="runs/s on 2 cores", peer=TAG,
            peer_value=CORES / theirs),
        Row(name="pack_rules_per_minute", value=60 * CORES / member, unit="rules/min on 2 cores",
            peer="rules of their own, same run", peer_value=60 * CORES / ours),
    ]  # fmt: skip


def _server_of(tree: Path) -> dict[str, str]:
    """Return the settings that a build gives Prefect's server."""
    asked = "import json; from sentinel.up.services import SERVER; print(json.dumps(SERVER))"
    answer = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"},
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    return json.loads(answer.stdout)


def _singles(made: Bench, pool: str) -> list[str]:
    return made.rules(pool, RULES)


def _packs(made: Bench, pool: str) -> list[str]:
    found: list[str] = []
    for number in range(PACKS):
        name = f"{pool}-{number}"
        parameters: dict[str, Any] = {
            "trigger": "disk_space",
            "members": [{"name": f"{name}-{place}"} for place in range(MEMBERS)],
            "rule": {"name": name, "when": {"above": 99.9}},
        }
        found.append(
            made.deploy(pool, "rule_pack", "flows.rules.rule_pack", name, parameters=parameters)
        )
    return found


def _cost(made: Bench, deployed: Callable[[Bench, str], list[str]], **environment: str) -> float:
    """CPU seconds of a flow run, all told: worker, Prefect's server and PostgreSQL."""
    pool, began = made.pool("sentinel"), 0.0
    made.worker(pool, "sentinel", **environment)
    deployments = deployed(made, pool)
    done = 0

    def ran() -> bool:
        return made.count(pool, "COMPLETED", "FAILED", "CRASHED") >= done

    # Each once in every round: of two runs of one rule at once, one may be stale and cost less.
    for number in range(1 + ROUNDS):
        if number == 1:  # it is warm, and the rules have their rows
            began = _all_cpu()
        done += len(deployments)
        made.make_runs(deployments, len(deployments), datetime.now(UTC))
        until(ran, 600)
    took = _all_cpu() - began
    body = {
        "work_pools": {"name": {"any_": [pool]}},
        "flow_runs": {"state": {"name": {"any_": ["OK", "Firing"]}}},
    }
    counted = int(made.http.post("/flow_runs/count", json=body).json())
    if counted != done:  # a rehearsal, or a run that is refused, costs less
        raise AssertionError(f"{done - counted} of {done} runs stored no evaluation")
    made.stop_workers()
    return took / (ROUNDS * len(deployments))


def _all_cpu() -> float:
    """CPU seconds of all processes that this one started."""
    total = 0.0
    for one in psutil.Process().children(recursive=True):
        try:
            times = one.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total
