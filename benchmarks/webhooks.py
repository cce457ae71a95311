"""What a message of one alert costs where many alerts are open, against the cost where none is.

Measured in the store, on SQLite, in pairs: a store with nothing open and one with `OPEN` alerts of
Alertmanager take the same messages in turn, so that both have the same machine.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.table import Row
from sentinel.ingest.webhooks import arrive, prometheus
from sentinel.store import Store

OPEN = 10_000
GROUPS = 1500
ROUNDS = 150


def run() -> list[Row]:
    """One row: how many times as much a message costs, beside the bound."""
    with tempfile.TemporaryDirectory() as folder:
        full, empty = _store(Path(folder) / "full.db"), _store(Path(folder) / "empty.db")
        for start in range(0, OPEN, 2000):
            _send(full, *range(start, start + 2000))
        for number in range(-20, 0):  # statements are compiled, pages are warm
            _round(full, number)
            _round(empty, number)
        took = [(_round(full, number), _round(empty, number)) for number in range(ROUNDS)]
        full.close()
        empty.close()
    busy, idle = (median(one[side] for one in took) for side in (0, 1))
    return [
        Row(
            name="webhook_cost_growth",
            value=busy / idle,
            unit=f"times, {OPEN:,} open against 0",
            peer="the bound",
            peer_value=1.2,
        )
    ]


def _store(path: Path) -> Store:
    store = Store(f"sqlite:///{path}")
    store.migrate()
    return store


def _round(store: Store, number: int) -> float:
    """Open an alert, repeat it and resolve it; return the seconds."""
    began = time.perf_counter()
    for status in ("firing", "firing", "resolved"):
        _send(store, 1_000_000 + number, status=status)
    return time.perf_counter() - began


def _send(store: Store, *numbers: int, status: str = "firing") -> None:
    alerts: list[dict[str, Any]] = [
        {
            "status": status,
            "labels": {
                "alertname": f"Down{number % GROUPS}", "instance": f"host-{number}",
                "severity": "critical",
            },
            "annotations": {"summary": f"host-{number} is down", "description": "For 5 minutes."},
            "generatorURL": "http://prometheus.example.org/graph?g0.expr=up",
        }
        for number in numbers
    ]  # fmt: skip
    arrive(store, "prometheus", prometheus({"alerts": alerts}).readings, "default")
