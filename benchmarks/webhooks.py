"""What a message of one alert costs where many alerts are open, against the cost where none is.

Measured in the store, on SQLite and on PostgreSQL, in pairs: a store with nothing open and one with
`OPEN` alerts of Alertmanager take the same messages in turn, so that both have the same machine.
The open alerts are of `GROUPS` groups, and then all of one.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from statistics import median
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.table import Row
from sentinel.ingest.arrivals import Message, arrive
from sentinel.ingest.webhooks import prometheus
from sentinel.store import Store
from sentinel.up.temporary import temporary_postgres

OPEN = 10_000
GROUPS = 1500
ROUNDS = 150
BOUND = 1.2


def run() -> list[Row]:
    """A row per dialect and number of groups: how many times as much a message costs."""
    with tempfile.TemporaryDirectory() as folder, temporary_postgres() as server:
        homes = {"": f"sqlite:///{folder}/{{}}.db", "_postgresql": server.address("{}")}
        with psycopg.connect(
            server.address("postgres").replace("+psycopg", ""), autocommit=True
        ) as connection:
            for name in [
                f"{side}_{groups}" for side in ("full", "empty") for groups in (GROUPS, 1)
            ]:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return [
            _measure(f"webhook_cost_growth{shape}{dialect}", home, groups)
            for dialect, home in homes.items()
            for shape, groups in (("", GROUPS), ("_one_group", 1))
        ]


def _measure(name: str, home: str, groups: int) -> Row:
    with (
        _store(home.format(f"full_{groups}")) as full,
        _store(home.format(f"empty_{groups}")) as empty,
    ):
        for start in range(0, OPEN, 2000):
            _send(full, groups, *range(start, start + 2000))
        for number in range(-20, 0):  # statements are compiled, pages are warm
            _round(full, groups, number)
            _round(empty, groups, number)
        took = [
            (_round(full, groups, number), _round(empty, groups, number))
            for number in range(ROUNDS)
        ]
    busy, idle = (median(one[side] for one in took) for side in (0, 1))
    of = "one group" if groups == 1 else f"{groups:,} groups"
    return Row(
        name=name,
        value=busy / idle,
        unit=f"times, {OPEN:,} open in {of} against 0",
        peer="the bound",
        peer_value=BOUND,
    )


@contextmanager
def _store(url: str) -> Generator[Store]:
    store = Store(url)
    store.migrate()
    try:
        yield store
    finally:
        store.close()


def _round(store: Store, groups: int, number: int) -> float:
    """Open an alert, repeat it and resolve it; return the seconds."""
    began = time.perf_counter()
    for status in ("firing", "firing", "resolved"):
        _send(store, groups, 1_000_000 + number, status=status)
    return time.perf_counter() - began


def _send(store: Store, groups: int, *numbers: int, status: str = "firing") -> None:
    alerts: list[dict[str, Any]] = [
        {
            "status": status,
            "labels": {
                "alertname": f"Down{number % groups}", "instance": f"host-{number}",
                "severity": "critical",
            },
            "annotations": {"summary": f"host-{number} is down", "description": "For 5 minutes."},
            "generatorURL": "http://prometheus.example.org/graph?g0.expr=up",
        }
        for number in numbers
    ]  # fmt: skip
    readings = prometheus({"alerts": alerts}).readings
    arrive(store, Message(sender="prometheus", tenant="default", readings=readings))
