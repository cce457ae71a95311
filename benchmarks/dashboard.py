"""The dashboard over a million alerts, on SQLite and PostgreSQL: how long people wait.

The alerts are skewed as real ones are: a few rules open most of them, few are critical, few are
live. What is measured is what the pages ask of the store, 200 times, each different and at a
random depth, with no cache of results: pages of the history by filter, searches by words and
labels, the live page with its figures, one alert with all about it, an acknowledgement, and the
overview of each length. The peer pages with OFFSET and searches with LIKE, on the same rows in the
same run.

`SENTINEL_BENCH_ALERTS` sets how many alerts (1,000,000 by default).
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from benchmarks.table import Row
from dashboard.data import Data
from dashboard.reports import Reports
from sentinel.access import EVERYTHING
from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.links import Addresses
from sentinel.schema.columns import new_id
from sentinel.store import Store
from sentinel.store.alerts.alert_rows import searched
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.search_syntax import read_search
from sentinel.store.database.bulk import dumped, insert_many
from sentinel.store.database.tables import ALERT, ALERT_COLUMNS
from sentinel.up.temporary import temporary_postgres

ALERTS = int(os.environ.get("SENTINEL_BENCH_ALERTS", "1_000_000"))
LIVE = 1000
QUERIES = 200
PIECE = 20_000
_EMPTY: dict[str, Any] = {one.name: None if one.nullable else "" for one in ALERT.columns}
"""Of every column that a row says nothing of."""
RULES = [f"rule-{number:03d}" for number in range(200)]
WEIGHTS = [1 / (number + 1) for number in range(len(RULES))]
SEVERITIES = (
    (5, "critical", 2),
    (4, "high", 8),
    (3, "medium", 25),
    (2, "low", 35),
    (1, "info", 30),
)
CAUSES = [
    "timeout", "refused", "full", "slow", "stale", "missing", "late", "corrupt", "denied",
    "overloaded", "leaking", "drifted",
]  # fmt: skip
TEAMS = ("platform", "data", "trading", "security", "payments")


def run() -> list[Row]:
    """Rows per dialect."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        rows += _measure("_sqlite", f"sqlite:///{folder}/bench.db")
        with temporary_postgres() as server:
            rows += _measure("", server.address("sentinel"))
    return rows


def _measure(suffix: str, url: str) -> list[Row]:
    chance = random.Random(7)
    store = Store(url, clock=FakeClock())
    store.migrate()
    fill(store, chance)
    cursors = _cursors(store)
    asked = [_history(store, chance, cursors) for _ in range(QUERIES)]
    sought = [_search(store, chance) for _ in range(QUERIES)]
    live = [_live(store, chance) for _ in range(QUERIES)]
    one = [_details(store, chance) for _ in range(QUERIES)]
    open_ids = [one.id for one in store.alerts.page(limit=200, order="live").items]
    acted = [_acknowledge(store, one) for one in open_ids[:100]]
    paged, found, shown, told, done = (_p95(calls) for calls in (asked, sought, live, one, acted))
    peer_page = _p95([_offset(store, chance) for _ in range(10)])
    peer_search = _p95([_like(store, chance) for _ in range(10)])
    overview = {
        days: _p95([_overview(store, chance, days) for _ in range(QUERIES)]) for days in (1, 7, 30)
    }
    store.close()

    def row(name: str, value: float, peer: str, peer_value: float) -> Row:
        return Row(name=f"{name}{suffix}", value=value, unit="ms p95", peer=peer,
                   peer_value=peer_value)  # fmt: skip

    return [
        row("dashboard_history_page", paged, "OFFSET at a random depth", peer_page),
        row("dashboard_search", found, "LIKE over title and description", peer_search),
        row("dashboard_live_page", shown, "OFFSET at a random depth", peer_page),
        row("dashboard_one_alert", told, "LIKE over title and description", peer_search),
        row("dashboard_acknowledge", done, "LIKE over title and description", peer_search),
        row("dashboard_overview_24h", overview[1], "LIKE over title and description", peer_search),
        row("dashboard_overview_7d", overview[7], "LIKE over title and description", peer_search),
        row("dashboard_overview_30d", overview[30], "LIKE over title and description", peer_search),
    ]


def _p95(calls: Sequence[Callable[[], Any]]) -> float:
    """Milliseconds that 95 of 100 calls stay under."""
    took: list[float] = []
    for call in calls:
        began = time.perf_counter()
        call()
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return took[min(len(took) - 1, int(len(took) * 0.95))]


def fill(store: Store, chance: random.Random | None = None) -> None:
    """The alerts, oldest first, over ninety days."""
    chance = chance or random.Random(7)
    now = store.now()
    step = timedelta(days=90) / ALERTS
    number = 0
    while number < ALERTS:
        piece = range(number, min(ALERTS, number + PIECE))
        with store.write() as connection:
            insert_many(connection, "alert", ALERT_COLUMNS, _rows(piece, now, step, chance))
        number = piece.stop
    with store.write() as connection:
        store.changed(connection)
    # As the relay does every 15 seconds; nothing that is measured waits for it.
    store.rollups.upkeep()
    if store.dialect == "postgresql":
        # As PostgreSQL does by itself in the background; nobody does it for SQLite.
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _rows(
    numbers: range, now: Any, step: timedelta, chance: random.Random
) -> Iterator[tuple[Any, ...]]:
    for number in numbers:
        at = now - step * (ALERTS - number)
        rank, word, _ = chance.choices(SEVERITIES, [weight for *_, weight in SEVERITIES])[0]
        rule = chance.choices(RULES, WEIGHTS)[0]
        host, cause = f"host-{chance.randrange(2000):04d}", chance.choice(CAUSES)
        live = number >= ALERTS - LIVE
        acknowledged = chance.random() < 0.5
        after = at + timedelta(minutes=chance.expovariate(1 / 20))
        title = f"{cause} on {host}: {chance.randrange(1000)}"
        value = chance.random() * 100
        description = f"service-{chance.randrange(300)} {cause} {chance.choice(CAUSES)}"
        cells = _EMPTY | {
            "id": new_id(), "tenant": "default", "rule": rule, "fingerprint": new_id(),
            "status": "open" if live else "resolved", "severity": rank, "severity_word": word,
            "category": f"category-{RULES.index(rule) % 6}", "team": chance.choice(TEAMS),
            "title": title, "value": value, "description": description,
            "searched": searched(title, description),
            "labels": dumped({"host": host, "zone": f"z{chance.randrange(9)}"}),
            "annotations": "{}", "details": "{}", "source": "rule", "first_bad_at": at,
            "last_bad_at": at, "seen_at": at, "opened_at": at, "created_at": at, "updated_at": at,
            "acknowledged_at": after if acknowledged and not live else None,
            "acknowledged_severity": 0, "resolved_at": None if live else after,
            "expires_at": None, "suppressed_until": None, "escalation_level": 0, "bad_count": 1,
            "occurrences": 1, "flow_run_id": None, "flow_run_name": None, "flow_run_state": None,
            "deployment_id": None, "version": 1,
        }  # fmt: skip
        yield tuple([cells[name] for name in ALERT_COLUMNS])


def _cursors(store: Store) -> list[str]:
    """Places all through the history, as somebody who pages has them."""
    found: list[str] = []
    span = timedelta(days=90)
    for part in range(50):
        until = store.now() - span * (part / 50)
        page = store.alerts.page(AlertFilter(until=until), limit=1)
        found += [page.next] if page.next else []
    return found


def _history(store: Store, chance: random.Random, cursors: list[str]) -> Callable[[], Any]:
    kind = chance.randrange(4)
    asked = AlertFilter()
    if kind == 1:
        asked = AlertFilter(severity=(chance.choice(SEVERITIES)[1],))
    elif kind == 2:
        asked = AlertFilter(rule=chance.choice(RULES))
    elif kind == 3:
        asked = AlertFilter(since=store.now() - timedelta(days=chance.randrange(1, 90)))
    after = chance.choice(cursors)
    return lambda: store.alerts.page(asked, limit=50, after=after)


def _search(store: Store, chance: random.Random) -> Callable[[], Any]:
    typed = chance.choice(
        [
            f"{chance.choice(CAUSES)} {chance.choice(CAUSES)}",
            f"host-{chance.randrange(2000):04d}",
            f"host:host-{chance.randrange(2000):04d}",
            f"service-{chance.randrange(300)} {chance.choice(CAUSES)}",
            f"rule:{chance.choice(RULES)} {chance.choice(CAUSES)}",
            f"severity:{chance.choice(SEVERITIES)[1]} {chance.choice(CAUSES)}",
            f"team:{chance.choice(TEAMS)} {chance.choice(CAUSES)[:4]}",
        ]
    )
    asked = read_search(typed)
    after = None
    for _ in range(chance.randrange(3)):  # somebody turns pages, which is not measured
        after = store.alerts.page(asked, limit=50, after=after).next
        if after is None:
            break
    return lambda: store.alerts.page(asked, limit=50, after=after)


def _live(store: Store, chance: random.Random) -> Callable[[], Any]:
    """The live page as it opens, or narrowed as people do; with the figures over it."""
    kind = chance.randrange(4)
    asked = AlertFilter()
    if kind == 1:
        asked = AlertFilter(severity=tuple({chance.choice(SEVERITIES)[1] for _ in range(2)}))
    elif kind == 2:
        asked = read_search(f"{chance.choice(CAUSES)} team:{chance.choice(TEAMS)}")
    elif kind == 3:
        asked = AlertFilter(status=("open", "escalated"), team=chance.choice(TEAMS))
    limit = chance.randrange(400, 501)

    def ask() -> None:
        store.alerts.page(asked, limit=limit, order="live")
        store.alerts.counts()

    return ask


def _details(store: Store, chance: random.Random) -> Callable[[], Any]:
    """An alert from anywhere in the history, as the drawer shows it."""
    until = store.now() - timedelta(days=90) * chance.random()
    (alert,) = (
        store.alerts.page(AlertFilter(until=until), limit=1).items
        or store.alerts.page(limit=1).items
    )
    # Nothing is kept over: this one asks with a memory of its own.
    data = Data(store, Addresses(dashboard="", prefect_api="", prefect_ui=""), lambda: True)
    return lambda: (data.details(EVERYTHING, alert.id), data.why(EVERYTHING, alert.id))


def _overview(store: Store, chance: random.Random, days: int) -> Callable[[], Any]:
    reports = Reports(store)
    length = timedelta(days=days, seconds=chance.randrange(3600))
    step = timedelta(hours={1: 1, 7: 6, 30: 24}[days])
    return lambda: reports.overview(EVERYTHING, "", length, step)


def _acknowledge(store: Store, alert_id: str) -> Callable[[], Any]:
    return lambda: store.act([alert_id], Acknowledge(actor="bench"))


def _offset(store: Store, chance: random.Random) -> Callable[[], Any]:
    depth = chance.randrange(ALERTS)

    def ask() -> None:
        with store.read() as connection:
            query = "SELECT * FROM alert ORDER BY opened_at DESC, id DESC LIMIT 50 OFFSET :depth"
            connection.execute(text(query), {"depth": depth}).all()

    return ask


def _like(store: Store, chance: random.Random) -> Callable[[], Any]:
    word = f"%host-{chance.randrange(2000):04d}%"

    def ask() -> None:
        with store.read() as connection:
            query = (
                "SELECT * FROM alert WHERE lower(title) LIKE :word "
                "OR lower(description) LIKE :word ORDER BY opened_at DESC, id DESC LIMIT 50"
            )
            connection.execute(text(query), {"word": word}).all()

    return ask
