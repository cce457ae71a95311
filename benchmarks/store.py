"""How fast findings become durable alerts, beside SQLModel's `add_all`.

One evaluation of 20,000 series: half exist already, a quarter resolve, the rest are new. The
judgement, alerts, timeline, group, outbox and rule state are all part of it (every value has
moved since, so every alert is worded anew), committed once to a
database on disk with production settings (SQLite: WAL and synchronous=FULL; PostgreSQL:
fsync and synchronous_commit on). The peer writes the same number of findings the way SQLModel's
own documentation does: one object per row, `add_all`, commit; alert and timeline rows.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from datetime import timedelta

from sqlmodel import Session

from benchmarks.table import Row
from sentinel import Reading, Rule, above
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Evaluation
from sentinel.schema.alerts import Alert, TimelineEntry
from sentinel.schema.columns import new_id
from sentinel.store import Store
from sentinel.up.temporary import temporary_postgres

FINDINGS = 20_000
ROUNDS = 5


def run() -> list[Row]:
    """A row per dialect."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        with temporary_postgres() as server:
            rows.append(_measure("postgresql", server.address("sentinel")))
        rows.append(_measure("sqlite", f"sqlite:///{folder}/bench.db"))
    return rows


def _measure(dialect: str, url: str) -> Row:
    clock = FakeClock()
    store = Store(url, clock=clock)
    store.migrate()
    ours: list[float] = []
    for number in range(ROUNDS):
        rule = Rule(name=f"bench-{number}", when=above(90), group_wait=timedelta(0))
        # Before the measured evaluation: three quarters of the series are open alerts.
        _evaluate(store, clock, rule, bad=range(FINDINGS * 3 // 4), good=range(0))
        began = time.perf_counter()
        half, quarter = FINDINGS // 2, FINDINGS // 4
        # Half of the findings exist (and stay bad), a quarter resolve, a quarter are new.
        applied = _evaluate(
            store,
            clock,
            rule,
            bad=[*range(half), *range(half + quarter, FINDINGS)],
            good=range(half, half + quarter),
            value=96.5,
        )
        ours.append(FINDINGS / (time.perf_counter() - began))
        if applied != FINDINGS // 2:
            raise AssertionError(f"{applied} alerts changed, {FINDINGS // 2} expected")
    peer = [_add_all(store, clock) for _ in range(2)]
    store.close()
    value, peer_value = sorted(ours)[len(ours) // 2], max(peer)
    return Row(
        name="findings_to_alerts_per_second" + ("" if dialect == "postgresql" else "_sqlite"),
        value=value,
        unit="findings/s",
        peer=f"SQLModel add_all on {dialect}",
        peer_value=peer_value,
    )


def _evaluate(
    store: Store,
    clock: FakeClock,
    rule: Rule,
    *,
    bad: Iterable[int],
    good: Iterable[int],
    value: float = 95.0,
) -> int:
    clock.forward(seconds=60)
    readings = [_reading(number, value) for number in bad]
    readings += [_reading(number, 20.0) for number in good]
    evaluation = Evaluation(
        rule=rule,
        trigger="bench",
        slot=clock.now(),
        at=clock.now(),
        observation=Observation(readings=readings, state={}),
        unit="percent",
    )
    return store.apply(evaluation).changed


def _reading(number: int, value: float) -> Reading:
    return Reading(labels={"host": f"host-{number:06d}", "mount": "/data"}, value=value)


def _add_all(store: Store, clock: FakeClock) -> float:
    """Findings a second where each is an object with its timeline entry."""
    now = clock.now()
    count = FINDINGS // 4
    began = time.perf_counter()
    with Session(store.engine.execution_options(sentinel_writes=True)) as session:
        for _ in range(count):
            alert = Alert(
                id=new_id(), tenant="default", rule="peer", fingerprint=new_id(), status="open",
                severity=3, severity_word="medium", category="system", title="disk 95 percent",
                value=95.0, unit="percent", labels={"host": "h", "mount": "/data"},
                first_bad_at=now, last_bad_at=now, seen_at=now, opened_at=now, created_at=now,
                updated_at=now,
            )  # fmt: skip
            entry = TimelineEntry(
                id=new_id(), alert_id=alert.id, at=now, kind="opened", status="open", severity=3,
                version=1,
            )  # fmt: skip
            session.add_all([alert, entry])
        session.commit()
    return count / (time.perf_counter() - began)
