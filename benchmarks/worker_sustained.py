"""What takes minutes to measure of the worker, each by hand.

    python -m benchmarks.worker_sustained --rules 120 --minutes 15 [--sqlite]
    python -m benchmarks.worker_sustained --rules 400 --minutes 480     a soak; says its memory
    python -m benchmarks.worker_sustained notify --rules 120 [--samples 40]
    python -m benchmarks.worker_sustained memory [--runs 10000]

Several API processes need a Redis and the package prefect-redis:

    python -m benchmarks.worker_sustained --api-processes 2 --redis 127.0.0.1:6379
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil

from benchmarks.worker_server import Bench, bench, cpu, until
from sentinel.store import Store

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_SETTLE = 20.0
"""Seconds for what was due at the end to come to an end."""


_SAY_SECONDS = 1800.0


@dataclass(frozen=True)
class Sustained:
    """How rules at one period went.

    Attributes:
        due: slots within the time
        completed: of them, those that a completed run stands for
        missed: the others: collapsed, crashed, still waiting, or never made
        p50, p95, p99, worst: seconds from a slot to the end of its run
        server_cpu_ms, worker_cpu_ms: CPU milliseconds a completed run, whatever they went into
        server_cores, worker_cores: share of one core
        memory_mb: resident memory of the worker, all processes, at the end
    """

    rules: int
    minutes: float
    due: int
    completed: int
    missed: int
    p50: float
    p95: float
    p99: float
    worst: float
    server_cpu_ms: float
    worker_cpu_ms: float
    server_cores: float
    worker_cores: float
    memory_mb: float


def sustained(made: Bench, rules: int, minutes: float, every: float = 60.0) -> Sustained:
    """Run so many rules for so long, after one period to get going."""
    pool = made.pool("sentinel")
    worker = made.worker(pool, "sentinel")
    made.rules(pool, rules, every)
    # The scheduler takes new deployments in within seconds; the first period is not counted.
    time.sleep(every + 15)
    began, server, own = datetime.now(UTC), made.server_cpu, cpu(worker)
    _watched(worker, minutes)
    over = datetime.now(UTC)
    server, own = made.server_cpu - server, cpu(worker) - own
    memory = sum(resident(worker).values())
    time.sleep(_SETTLE)
    delays: list[float] = []
    seen = 0
    for run in _runs(made, pool, began, over):
        seen += 1
        if run["state_type"] == "COMPLETED" and run["state_name"] != "Collapsed":
            delays.append(_seconds(run["expected_start_time"], run["end_time"]))
    made.stop_workers()
    delays.sort()
    seconds = (over - began).total_seconds()
    due = max(seen, int(rules * seconds / every))
    done = max(1, len(delays))
    return Sustained(
        rules, minutes, due, len(delays), due - len(delays),
        quantile(delays, 0.5), quantile(delays, 0.95), quantile(delays, 0.99),
        quantile(delays, 1.0), 1000 * server / done, 1000 * own / done, server / seconds,
        own / seconds, memory / 1e6,
    )  # fmt: skip


def _watched(worker: psutil.Process, minutes: float) -> None:
    """Wait, and say every half hour what the worker holds: a soak shows whether that grows."""
    began = time.monotonic()
    while (left := minutes * 60 - (time.monotonic() - began)) > 0:
        time.sleep(min(left, _SAY_SECONDS))
        passed, held = (time.monotonic() - began) / 60, resident(worker)
        print(f"{passed:.0f} minutes: {len(held)} processes of the worker, "
              f"{sum(held.values()) / 1e6:.0f} MB resident", file=sys.stderr)  # fmt: skip


@dataclass(frozen=True)
class Woken:
    """How long from an event to the start of the run that it wakes.

    Attributes:
        p50, p95, worst: seconds from the wake's commit to the start of a run of `notify`
        seconds: each of them, in order
    """

    rules: int
    samples: int
    p50: float
    p95: float
    worst: float
    seconds: list[float]


def notify(made: Bench, rules: int, samples: int, every: float = 60.0) -> Woken:
    """Ask for a wake as a commit does, and see when `notify` starts.

    The way is the product's: the wake's event goes into the outbox with the commit, the relay
    publishes it, the Automation starts the deployment on the queue `notifications`.
    """
    pool = made.pool("sentinel")
    name = "notify"
    deployment = made.deploy(
        pool, name, "flows.notify.notify", name, work_queue_name="notifications"
    )
    automation = {
        "name": "bench-notify-on-wake",
        "trigger": {
            "type": "event",
            "posture": "Reactive",
            "match": {"prefect.resource.id": "sentinel.wake.notify"},
            "expect": ["sentinel.wake.requested"],
            "threshold": 1,
            "within": 0,
        },
        "actions": [{
            "type": "run-deployment",
            "source": "selected",
            "deployment_id": deployment,
            "parameters": {"woken_by": "an Automation"},
        }],
    }  # fmt: skip
    made.http.post("/automations/", json=automation).raise_for_status()
    made.worker(pool, "sentinel")
    made.start("relay.log", "sentinel.cli", "relay")
    if rules:
        made.rules(pool, rules, every)
        time.sleep(every + 15)
    store = Store(made.environment["SENTINEL_DATABASE_URL"])
    waits: list[float] = []
    try:
        for number in range(samples + 2):
            wait = _wake(made, store, deployment)
            if number >= 2:  # the first two import and connect
                waits.append(wait)
            time.sleep(random.uniform(2, 4))
    finally:
        store.close()
        made.stop_workers()
    ranked = sorted(waits)
    return Woken(
        rules, samples, quantile(ranked, 0.5), quantile(ranked, 0.95), quantile(ranked, 1.0),
        [round(one, 3) for one in waits],
    )  # fmt: skip


def _wake(made: Bench, store: Store, deployment: str) -> float:
    """Seconds from a wake to the start of the run that it causes."""
    occurred = store.now()
    with store.write() as connection:
        store.wakes.request(connection, occurred)
    body = {
        "flow_runs": {
            "deployment_id": {"any_": [deployment]},
            "start_time": {"after_": occurred.isoformat()},
        },
        "sort": "START_TIME_ASC",
        "limit": 1,
    }
    found: list[dict[str, Any]] = []

    def started() -> bool:
        found[:] = made.http.post("/flow_runs/filter", json=body).json()
        return bool(found and found[0]["end_time"])

    # Seldom, so that asking does not slow down what is asked for.
    until(started, 90, pause=0.7)
    return _seconds(occurred.isoformat(), found[0]["start_time"])


@dataclass(frozen=True)
class Memory:
    """What a worker holds after so many runs.

    Attributes:
        first_mb, last_mb: resident megabytes of all its processes, what they share counted in each
        slope_mb: megabytes more per 1,000 runs, by least squares over the second half
        once_slope_mb: the same, of what they share counted once (Linux only)
        samples: of each look the runs so far, the processes, and both sums in megabytes
    """

    runs: int
    first_mb: float
    last_mb: float
    slope_mb: float
    once_slope_mb: float
    samples: list[tuple[int, int, float, float]]


def memory(made: Bench, runs: int, step: int = 500) -> Memory:
    """Do runs, `step` at a time, and look at the worker's memory after each."""
    pool = made.pool("sentinel")
    worker = made.worker(pool, "sentinel")
    rules = made.rules(pool, 30)
    samples: list[tuple[int, int, float, float]] = []
    done = 0
    while done < runs:
        now = min(step, runs - done)
        made.make_runs(rules, now, datetime.now(UTC))
        done += now
        wanted = done
        until(lambda: made.count(pool, *ENDED) >= wanted, 1200, pause=1.0)  # noqa: B023 - used here
        held = resident(worker)
        samples.append((done, len(held), sum(held.values()) / 1e6, proportional(worker) / 1e6))
        print(f"{done} runs: {samples[-1][1]} processes, {samples[-1][2]:.0f} MB resident, "
              f"{samples[-1][3]:.0f} MB counted once", file=sys.stderr)  # fmt: skip
    failed = done - made.count(pool, "COMPLETED")
    made.stop_workers()
    if failed:
        raise AssertionError(f"{failed} of {done} runs did not complete")
    late = samples[len(samples) // 2 :] if len(samples) > 3 else samples
    return Memory(
        done, samples[0][2], samples[-1][2],
        slope([(one[0] / 1000, one[2]) for one in late]),
        slope([(one[0] / 1000, one[3]) for one in late]),
        [(one[0], one[1], round(one[2], 1), round(one[3], 1)) for one in samples],
    )  # fmt: skip


def resident(process: psutil.Process) -> dict[int, int]:
    """Resident bytes of a process and all below it, by process id."""
    found: dict[int, int] = {}
    for one in [process, *process.children(recursive=True)]:
        try:
            found[one.pid] = one.memory_info().rss
        except psutil.Error:
            continue
    return found


def proportional(process: psutil.Process) -> float:
    """Bytes of a process and all below it, pages that several share counted once in all."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += getattr(one.memory_full_info(), "pss", 0)  # Linux only
        except psutil.Error:
            continue
    return total


def slope(points: Sequence[tuple[float, float]]) -> float:
    """How much the second rises per one of the first, by least squares; 0 for a single point."""
    middle = sum(x for x, _ in points) / len(points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    return sum((x - middle) * y for x, y in points) / spread if spread else 0.0


def quantile(ranked: Sequence[float], share: float) -> float:
    """The value that this share of sorted values is within; NaN where there is none."""
    if not ranked:
        return float("nan")
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(seconds=1)


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


def main() -> None:
    """Measure one thing and print it as JSON; tracebacks of any process go to stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.worker_sustained", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("what", nargs="?", default="sustained",
                        choices=("sustained", "notify", "memory"))  # fmt: skip
    parser.add_argument("--rules", type=int, help="default 120; for notify 0, at rest")
    parser.add_argument("--minutes", type=float, default=15.0, help="for sustained")
    parser.add_argument("--samples", type=int, default=40, help="for notify")
    parser.add_argument("--runs", type=int, default=10_000, help="for memory")
    parser.add_argument("--step", type=int, default=500, help="for memory: runs between two looks")
    parser.add_argument("--sqlite", action="store_true", help="both databases on SQLite")
    parser.add_argument("--api-processes", type=int, default=1, help="of the Prefect server")
    parser.add_argument("--redis", default="", metavar="HOST:PORT", help="for several of them")
    given = parser.parse_args()
    if given.api_processes > 1 and (given.sqlite or not given.redis):
        parser.error("several API processes need PostgreSQL and --redis HOST:PORT")
    with bench(sqlite=given.sqlite, api_processes=given.api_processes, redis=given.redis) as made:
        if given.what == "notify":
            result: Any = notify(made, given.rules or 0, given.samples)
        elif given.what == "memory":
            result = memory(made, given.runs, given.step)
        else:
            result = sustained(made, 120 if given.rules is None else given.rules, given.minutes)
    print(json.dumps(asdict(result), indent=1))


if __name__ == "__main__":
    main()
