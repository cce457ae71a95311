"""Metrics: samples in over HTTP, and one rule over 100,000 series.

`samples_per_second`: batches of 10,000 over real HTTP to the API in a process of its own, into
PostgreSQL with production durability settings, from one client; the peer is SQLModel's `add_all`,
one object a sample, committed per batch, on the same database. `series_in_one_rule_per_second`:
`metric_threshold` (the average of five samples of each of 100,000 series) looked at, judged and
carried in, in a process that has seen none of it before; the peer is the same rule with a `Reading`
object for each series.
"""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path

import httpx
import orjson
from sqlmodel import Field, Session, SQLModel

from benchmarks.api_process import api_process
from benchmarks.table import Row
from sentinel import Context, Rule, above
from sentinel.checks.observation import Observation
from sentinel.checks.runner import observe
from sentinel.clock import FakeClock, SystemClock
from sentinel.evaluation.model import Evaluation
from sentinel.metrics import Sample
from sentinel.schema.columns import moment_column, object_column
from sentinel.store import Store
from sentinel.up.temporary import temporary_postgres
from triggers.metric_threshold import metric_threshold

BATCH = 10_000
BATCHES = 30
SERIES = 100_000


def run() -> list[Row]:
    """Samples in, on PostgreSQL; one rule, on both."""
    with tempfile.TemporaryDirectory() as folder, temporary_postgres() as server:
        url = server.address("sentinel")
        return [
            _ingest(url, Path(folder)),
            _one_rule("postgresql", url),
            _one_rule("sqlite", f"sqlite:///{folder}/bench.db"),
        ]


class PlainSample(SQLModel, table=True):
    """What a first design would write: one row a sample."""

    id: int | None = Field(default=None, primary_key=True)
    name: str
    value: float
    unit: str
    labels: dict[str, str] = object_column()
    at: object = moment_column(nullable=False)


def _ingest(url: str, folder: Path) -> Row:
    store = Store(url, clock=SystemClock())
    store.migrate()
    bodies = [orjson.dumps([_sample(n, turn) for n in range(BATCH)]) for turn in range(BATCHES)]
    with api_process(url, str(folder)) as client:
        _post(client, bodies[0])  # the first finds no series there yet
        began = time.perf_counter()
        for body in bodies:
            _post(client, body)
        ours = BATCH * BATCHES / (time.perf_counter() - began)
    peer = _add_all(store)
    store.close()
    return Row(
        name="samples_per_second",
        value=ours,
        unit="samples/s",
        peer="SQLModel add_all, a row each",
        peer_value=peer,
    )


def _sample(number: int, turn: int) -> dict[str, object]:
    return {
        "name": "cpu",
        "value": number % 100 + turn,
        "unit": "percent",
        "labels": {"host": f"host-{number:06d}", "zone": "eu"},
    }


def _post(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/api/v1/alerts/metrics", content=body)
    if answer.status_code != 200 or answer.json() != {"accepted": BATCH}:
        raise AssertionError(answer.text)


def _add_all(store: Store) -> float:
    SQLModel.metadata.tables["plainsample"].create(store.engine)
    began = time.perf_counter()
    with Session(store.engine) as session:
        session.add_all(
            [
                PlainSample(
                    name="cpu", value=n % 100, unit="percent",
                    labels={"host": f"host-{n:06d}", "zone": "eu"}, at=store.now(),
                )
                for n in range(BATCH)
            ]
        )  # fmt: skip
        session.commit()
    return BATCH / (time.perf_counter() - began)


def _one_rule(dialect: str, url: str) -> Row:
    clock = FakeClock()
    store = Store(url, clock=clock)
    store.migrate()
    for _ in range(5):
        clock.forward(minutes=1)
        store.metrics.add(
            [
                Sample(name="load", value=n % 100, labels={"host": f"host-{n:06d}", "zone": "eu"})
                for n in range(SERIES)
            ],
        )
    store.close()
    times = [_evaluated(url, clock, plain=False) for _ in range(3)]
    plain = [_evaluated(url, clock, plain=True) for _ in range(2)]
    return Row(
        name="series_in_one_rule_per_second" + ("" if dialect == "postgresql" else "_sqlite"),
        value=SERIES / sorted(times)[1],
        unit="series/s",
        peer=f"a Reading for each series on {dialect}",
        peer_value=SERIES / min(plain),
    )


def _evaluated(url: str, clock: FakeClock, *, plain: bool) -> float:
    """Seconds to look, judge and carry in, by a store that has nothing in memory."""
    store = Store(url, clock=clock)
    with store.read():
        pass  # connecting is not what is measured
    clock.set(clock.now() + timedelta(microseconds=1))
    rule = Rule(name="load", when=above(98.5))
    began = time.perf_counter()
    ctx = Context(clock=clock, metrics=store.metrics.reader())
    seen = observe(metric_threshold, ctx, {"metric": "load"}, timeout=None)
    if seen.error is not None:
        raise seen.error
    if plain and seen.table is not None:
        readings = [seen.table.reading(place) for place in seen.table.places()]
        seen = Observation(readings=readings, state={})
    applied = store.apply(
        Evaluation(
            rule=rule,
            trigger="metric_threshold",
            slot=clock.now(),
            at=clock.now(),
            observation=seen,
            keeps_readings=False,
        )
    )
    took = time.perf_counter() - began
    store.close()
    if (applied.seen, applied.bad) != (SERIES, SERIES // 100):
        raise AssertionError(f"{applied.seen} seen, {applied.bad} bad")
    return took
