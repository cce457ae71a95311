"""Decisions on limits a second, and what the middleware costs a request.

Two processes ask about a hundred keys as fast as they can. No limit is reached, so that everybody
does the same work. The plain upsert is what one would write by hand: one counter row for each key
and window, one statement for each request. PostgreSQL is durable; Redis is as Debian sets it up,
which may lose the last second.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from fastapi import FastAPI

from benchmarks import request_log
from benchmarks.table import Row
from sentinel.api_usage.matching import Caller, LimitSet
from sentinel.api_usage.text import parse_limits
from sentinel.asgi import SentinelMiddleware
from sentinel.store import Store
from sentinel.store.api_usage.leases import LeasedLimits
from sentinel.store.api_usage.limit_states import LimitStates
from sentinel.up.temporary import temporary_postgres

PROCESSES, WARMING, SECONDS, KEYS = 2, 10.0, 3.0, 100
LIMIT = "600000/minute bucket by key"
LEASED = f"{LIMIT} lease 1000"
REQUESTS = 3_000
ROUNDS = 5

Decide = Callable[[str], bool]


def leased(url: str) -> Decide:
    """Ours, by leases."""
    decisions, limits = LeasedLimits(LimitStates(Store(url)).decide), LimitSet(parse_limits(LEASED))
    return lambda key: decisions.decide(limits.asks(Caller(key=key))).allowed


def exact(url: str) -> Decide:
    """Ours, each request by the database."""
    states, limits = LimitStates(Store(url)), LimitSet(parse_limits(LIMIT))
    return lambda key: states.decide(limits.asks(Caller(key=key))).allowed


def upsert(url: str) -> Decide:
    """A counter row for each key and second."""
    connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)

    def decide(key: str) -> bool:
        row = connection.execute(
            "INSERT INTO plain_counter VALUES (%s, %s, 1) ON CONFLICT (key, second)"
            " DO UPDATE SET count = plain_counter.count + 1 RETURNING count",
            (key, int(time.time())),
        ).fetchone()
        return row is not None and row[0] <= 10_000

    return decide


def limits_library(port: str) -> Decide:
    """The library limits, by its script on Redis."""
    from limits import RateLimitItemPerSecond
    from limits.storage import RedisStorage
    from limits.strategies import SlidingWindowCounterRateLimiter

    strategy = SlidingWindowCounterRateLimiter(RedisStorage(f"redis://127.0.0.1:{port}/0"))
    item = RateLimitItemPerSecond(10_000)
    return lambda key: strategy.hit(item, key)


def throttled_library(port: str) -> Decide:
    """The library throttled-py, by its script on Redis."""
    from throttled import RedisStore, Throttled, rate_limiter

    throttle = Throttled(
        using="token_bucket", quota=rate_limiter.per_sec(10_000, burst=20_000),
        store=RedisStore(server=f"redis://127.0.0.1:{port}/1"),
    )  # fmt: skip
    return lambda key: not throttle.limit(key).limited


def decisions(make: Callable[[str], Decide], where: str) -> float:
    """Decisions a second of all processes together."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(PROCESSES), context.Queue()
    running = [
        context.Process(target=_work, args=(make, where, start, results)) for _ in range(PROCESSES)
    ]
    for one in running:
        one.start()
    done = [results.get(timeout=120) for _ in running]
    for one in running:
        one.join()
    return sum(done)


def _work(make: Callable[[str], Decide], where: str, start: Any, results: Any) -> None:
    decide, choose = make(where), random.Random(7)
    keys = [f"key-{number}" for number in range(KEYS)]
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < WARMING:  # rows are made, and leases grow with the traffic
        assert decide(choose.choice(keys))
    start.wait()
    began = time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for _ in range(20):
            assert decide(choose.choice(keys))
        done += 20
    results.put(done / (time.perf_counter() - began))


@contextmanager
def redis() -> Generator[str | None]:
    """The port of a Redis; None where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [program, "--port", "26379", "--bind", "127.0.0.1", "--dir", folder,
             "--appendonly", "yes"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            time.sleep(1)
            yield "26379"
        finally:
            server.terminate()
            server.wait()


def overhead(url: str) -> tuple[float, float]:
    """Microseconds of a request to a bare application, and to one behind the middleware.

    In this process and without a network. Both are measured in turns; the best of each counts.
    """
    bare = FastAPI()

    @bare.get("/orders")
    def orders() -> dict[str, int]:
        return {"orders": 3}

    behind = SentinelMiddleware(bare, store=url, limits=LEASED.replace("key", "address"))

    async def measured(app: Any) -> float:
        began = time.perf_counter()
        for _ in range(REQUESTS):
            await _request(app)
        return (time.perf_counter() - began) / REQUESTS * 1e6

    async def rounds() -> tuple[float, float]:
        for app in (bare, behind):
            await measured(app)
        pairs = [(await measured(bare), await measured(behind)) for _ in range(ROUNDS)]
        return min(one for one, _ in pairs), min(one for _, one in pairs)

    found = asyncio.run(rounds())
    behind.guard.close()
    return found


async def _request(app: Any) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        assert message.get("status", 200) == 200

    scope = {
        "type": "http", "method": "GET", "path": "/orders", "raw_path": b"/orders",
        "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1",
        "headers": [(b"host", b"shop")], "client": ("10.0.0.1", 1), "server": ("shop", 80),
    }  # fmt: skip
    await app(scope, receive, send)


def run() -> list[Row]:
    """Rows of decisions and of the middleware."""
    with ExitStack() as stack:
        server = stack.enter_context(temporary_postgres())
        url = server.address("postgres")
        store = Store(url)
        store.migrate()
        with store.write() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE plain_counter (key text, second bigint, count bigint,"
                " PRIMARY KEY (key, second))"
            )
        port = stack.enter_context(redis())
        plain, ours, each = (decisions(one, url) for one in (upsert, leased, exact))
        name, unit = "limit_decisions_per_second", "decisions/s"
        rows = [Row(name=name, value=ours, unit=unit, peer="plain upsert", peer_value=plain)]
        if port is not None:
            for peer, make in (("limits on Redis", limits_library),
                               ("throttled-py on Redis", throttled_library)):  # fmt: skip
                there = decisions(make, port)
                rows.append(Row(name=name, value=ours, unit=unit, peer=peer, peer_value=there))
        rows.append(Row(name="limit_decisions_without_leases", value=each, unit=unit,
                        peer="plain upsert", peer_value=plain))  # fmt: skip
        bare, behind = overhead(url)
        store.close()
    cost = behind - bare
    rows += request_log.rows()
    rows += [
        Row(name="middleware_overhead", value=cost, unit="µs a request, less is better",
            peer="asked", peer_value=150.0),
        Row(name="middleware_overhead_share", value=100 * cost / bare,
            unit="% of a request in process", peer="asked", peer_value=5.0),
    ]  # fmt: skip
    return rows
