"""Samples on both databases: stored, merged, rolled up and read by window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from sentinel import metrics
from sentinel.clock import FakeClock
from sentinel.errors import SampleError
from sentinel.metrics import Sample
from sentinel.metrics.series import Series
from sentinel.store import Store
from sentinel.store.database.tables import BLOCK, SERIES
from tests.world import World


def window(
    store: Store, name: str, *matchers: str, back: timedelta | None = None, **more: Any
) -> Series:
    until = store.now()
    since = until - (back or timedelta(hours=1))
    return store.metrics.reader(**more).window(name, matchers, since, until)


def seen(series: Series, label: str = "host") -> dict[str, list[float]]:
    return {
        labels.get(label, ""): series.of(place)[1].tolist()
        for place, labels in enumerate(series.labels)
    }


def count(store: Store, table: Any = BLOCK, *where: Any) -> int:
    with store.read() as connection:
        return connection.execute(
            select(func.count()).select_from(table).where(*where)
        ).scalar_one()


def cpu(host: str, value: float, at: datetime | None = None, **labels: str) -> Sample:
    return Sample(name="cpu", value=value, unit="percent", labels={"host": host, **labels}, at=at)


def test_samples_come_back_by_series_in_order_of_time(store: Store, clock: FakeClock):
    start = clock.now()
    late = [cpu("a", 2, start + timedelta(seconds=20)), cpu("b", 9, start)]
    store.metrics.add([*late, cpu("a", 1, start + timedelta(seconds=10))])
    clock.forward(minutes=1)
    store.metrics.add([cpu("a", 3)])
    found = window(store, "cpu")
    assert seen(found) == {"a": [1, 2, 3], "b": [9]}
    assert set(found.units) == {"percent"}
    assert store.metrics.names() == ["cpu"]


def test_a_window_is_open_on_its_left_and_closed_on_its_right(store: Store, clock: FakeClock):
    start = clock.now()
    store.metrics.add([cpu("a", n, start + timedelta(seconds=10 * n)) for n in range(4)])
    clock.forward(seconds=20)
    assert seen(window(store, "cpu", back=timedelta(seconds=20))) == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("matchers", "hosts"),
    [
        (['host="web-1"'], {"web-1"}),
        (["host!=web-1"], {"web-2", "db"}),
        (['host=~"web-.*"'], {"web-1", "web-2"}),
        (['host=~"web"'], set[str]()),  # anchored on both ends
        (['host!~"web-.*"'], {"db"}),
        (['env=""'], {"web-2", "db"}),  # a missing label equals the empty text
        (['host=~"web-.*"', "env=prod"], {"web-1"}),
    ],
)
def test_matchers_choose_series_as_prometheus_does(
    store: Store, matchers: Sequence[str], hosts: set[str], clock: FakeClock
):
    store.metrics.add([cpu("web-1", 1, env="prod"), cpu("web-2", 2), cpu("db", 3)])
    assert set(seen(window(store, "cpu", *matchers))) == hosts


def test_of_a_sample_sent_twice_the_last_value_counts(store: Store, clock: FakeClock):
    at = clock.now()
    for value in (1, 1, 7):
        store.metrics.add([cpu("a", value, at)])
    assert seen(window(store, "cpu")) == {"a": [7]}
    clock.forward(hours=2)
    store.metrics.upkeep()
    assert seen(window(store, "cpu", back=timedelta(hours=3))) == {"a": [7]}
    history = store.metrics.reader().history(
        "cpu", [], at - timedelta(hours=1), clock.now(), what="count"
    )
    assert seen(history) == {"a": [1]}


def test_tenants_never_see_each_others_samples(store: Store):
    store.metrics.add([cpu("a", 1)], tenant="red")
    store.metrics.add([cpu("a", 2)], tenant="blue")
    assert seen(window(store, "cpu", tenant="red")) == {"a": [1]}
    assert seen(window(store, "cpu", tenant="blue")) == {"a": [2]}
    assert store.metrics.names() == []


@pytest.mark.parametrize(
    ("sample", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "rule:disk"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"value": float("nan")}, "value"),
        ({"value": float("inf")}, "value"),
        ({"unit": "a\0b"}, "unit"),
        ({"labels": {"host": "a\0b"}}, "labels.host"),
        ({"labels": {str(n): "" for n in range(65)}}, "labels"),
        ({"at": datetime(2026, 1, 1)}, "timestamp"),  # noqa: DTZ001 - that is the point
        ({"at": "future"}, "timestamp"),
        ({"at": "past"}, "timestamp"),
    ],
)
def test_an_invalid_sample_is_refused_by_index_and_field_and_nothing_is_stored(
    store: Store, clock: FakeClock, sample: dict[str, Any], field: str
):
    moved = {"future": timedelta(minutes=11), "past": timedelta(days=-8)}
    if isinstance(sample.get("at"), str):
        sample["at"] = clock.now() + moved[sample["at"]]
    fields: dict[str, Any] = {"name": "cpu", "value": 1.0, **sample}
    wrong = Sample(**fields)
    with pytest.raises(SampleError) as caught:
        store.metrics.add([cpu("a", 1), wrong])
    assert (caught.value.index, caught.value.field) == (1, field)
    assert count(store) == 0


def test_python_submits_one_or_many(store: Store):
    assert metrics.submit("queue", 4, labels={"queue": "mail"}, store=store) == 1
    assert metrics.submit([cpu("a", 1), cpu("b", 2)], store=store) == 2
    assert seen(window(store, "queue"), "queue") == {"mail": [4]}
    assert seen(window(store, "cpu")) == {"a": [1], "b": [2]}


def test_readings_are_kept_as_samples_of_their_rule(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 50, "/data": 95})
    world.sees({"/": 51, "/data": 96})
    found = window(store, metrics.metric_of_rule("disk"))
    assert seen(found, "mount") == {"/": [50, 51], "/data": [95, 96]}
    assert set(found.units) == {"percent"}


def test_a_check_that_fails_midway_keeps_what_it_saw(store: Store, clock: FakeClock):
    World(store, clock).sees({"/": 50}, error=OSError("gone"))
    assert seen(window(store, "rule:disk"), "mount") == {"/": [50]}


def test_a_rule_may_keep_no_readings(store: Store, clock: FakeClock):
    World(store, clock, keep_readings="0s").sees({"/": 50})
    assert count(store) == 0
    assert count(store, SERIES) == 0


def test_an_evaluation_that_is_refused_keeps_nothing(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 50})
    late = world.evaluation({"/": 60}, slot=clock.now() - timedelta(seconds=30))
    assert store.apply(late).outcome == "stale"
    assert seen(window(store, "rule:disk"), "mount") == {"/": [50]}


def test_the_same_hour_becomes_one_block_and_its_minutes_and_hours_are_rolled_up(
    store: Store, clock: FakeClock
):
    start = clock.now()
    for n in range(120):  # two hours, a sample a minute on two hosts
        store.metrics.add([cpu("a", n), cpu("b", 2 * n)])
        clock.forward(minutes=1)
    clock.forward(minutes=10)
    assert store.metrics.upkeep().merged == 120
    assert count(store, BLOCK, BLOCK.c.level == 0) == 2
    assert count(store, BLOCK, BLOCK.c.level == 60) == 2
    assert count(store, BLOCK, BLOCK.c.level == 3600) == 1
    assert store.metrics.upkeep().merged == 0

    found = window(store, "cpu", back=timedelta(hours=3))
    assert seen(found)["a"] == list(range(120))
    # The first hour begins with its window, which is open on the left.
    hours = store.metrics.reader().history(
        "cpu", ["host=b"], start - timedelta(seconds=1), clock.now(), step=3600, what="avg"
    )
    assert seen(hours) == {"b": [59.0, 179.0]}


def test_the_history_includes_samples_that_are_not_merged_yet(store: Store, clock: FakeClock):
    clock.forward(seconds=30)
    store.metrics.add([cpu("a", 1), cpu("a", 3, clock.now() - timedelta(seconds=5))])
    clock.forward(minutes=1)
    history = store.metrics.reader().history(
        "cpu", [], clock.now() - timedelta(hours=1), clock.now(), what="sum"
    )
    assert seen(history) == {"a": [4.0]}


def test_a_late_sample_joins_the_hour_it_belongs_to(store: Store, clock: FakeClock):
    start = clock.now()
    store.metrics.add([cpu("a", 1)])
    clock.forward(hours=3)
    store.metrics.upkeep()
    # Over three hours at once, one of them merged already.
    times = [start + timedelta(minutes=minutes) for minutes in (10, 70, 130)]
    store.metrics.add([cpu("a", n, at) for n, at in enumerate(times, start=2)])
    clock.forward(hours=1)
    store.metrics.upkeep()
    assert seen(window(store, "cpu", back=timedelta(hours=5))) == {"a": [1, 2, 3, 4]}
    hours = store.metrics.reader().history(
        "cpu", [], start - timedelta(seconds=1), clock.now(), step=3600, what="max"
    )
    assert seen(hours) == {"a": [2, 3, 4]}
    assert count(store, BLOCK, BLOCK.c.level == 0) == 3


def test_samples_past_retention_are_deleted_but_their_hourly_values_stay(
    store: Store, clock: FakeClock
):
    world = World(store, clock, keep_readings="1d")
    start = clock.now()
    world.sees({"/": 50})
    store.metrics.add([cpu("a", 1)])
    clock.forward(hours=2)
    store.metrics.upkeep()
    clock.forward(days=2)
    store.metrics.upkeep()
    far = timedelta(days=500)
    assert len(window(store, "rule:disk", back=far)) == 0
    assert len(window(store, "cpu", back=far)) == 1
    clock.forward(days=6)
    store.metrics.upkeep()
    assert len(window(store, "cpu", back=far)) == 0
    hours = store.metrics.reader().history(
        "cpu", [], start - timedelta(seconds=1), clock.now(), step=3600
    )
    assert seen(hours) == {"a": [1]}
    clock.forward(days=400)
    store.metrics.upkeep()
    assert (count(store), count(store, SERIES)) == (0, 0)


def test_a_batch_of_many_metrics_and_series_is_stored_completely(store: Store):
    many = [
        Sample(name=f"m{n % 50}", value=n, labels={"host": f"h{n}", "zone": "eu"})
        for n in range(3000)
    ]
    assert store.metrics.add(many) == 3000
    assert store.metrics.add(many) == 3000
    found = window(store, "m7")
    assert len(found) == 60
    assert {labels["zone"] for labels in found.labels} == {"eu"}
    assert len(store.metrics.names()) == 50
