"""How many runs of `disk_space` a second, beside the stock process worker on the same server.

One embedded PostgreSQL and one Prefect server with the settings that `sentinel up` gives it. As
many rules as runs, all due at one moment, made by their schedules; counted is from that moment to
the end of the last, every run with its Pending, Running and Completed, the commit into Sentinel's
database and its name. What takes longer is measured by `python -m benchmarks.worker_sustained`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from benchmarks.table import Row
from benchmarks.worker_server import Bench, bench, cpu, until

OURS, STOCKS = 200, 16
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def throughput(
    made: Bench, kind: str, runs: int, *arguments: str, **more: str
) -> tuple[float, float, float]:
    """Runs a second, and CPU seconds a run of the server and of the worker."""
    pool = made.pool(kind)
    worker = made.worker(pool, kind, *arguments, **more)
    made.make_runs(made.rules(pool, 4), 4, datetime.now(UTC))
    until(lambda: made.count(pool, *ENDED) == 4, 120)  # it is warm
    # Nobody may take one before all are there, nor be told that they are late meanwhile.
    made.http.patch(f"/work_pools/{pool}", json={"is_paused": True}).raise_for_status()
    due = datetime.now(UTC) + timedelta(seconds=5 + runs * 0.15)
    made.rules(pool, runs, due=due)
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
    made.http.patch(f"/work_pools/{pool}", json={"is_paused": False}).raise_for_status()
    server, own, began = made.server_cpu, cpu(worker), time.perf_counter()
    until(lambda: made.count(pool, *ENDED) == runs + 4, 600, pause=0.5)
    took = time.perf_counter() - began
    done = made.count(pool, "COMPLETED")
    if done != runs + 4:
        raise AssertionError(f"{kind}: {done} of {runs + 4} runs completed")
    result = (
        runs / took,
        (made.server_cpu - server) / runs,
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
