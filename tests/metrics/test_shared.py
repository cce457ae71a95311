"""A read that rules share gives each what a read of its own would."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.metrics.sample import Sample
from sentinel.metrics.shared import SharedReader
from sentinel.store import Store
from tests.databases import sqlite_copy


@pytest.mark.parametrize("first", [1, 10], ids=["short first", "long first"])
def test_each_rule_sees_its_own_series_and_window(
    migrated_sqlite: Path, tmp_path: Path, first: int
):
    clock = FakeClock()
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "s.db"), clock=clock)
    for number in range(10):
        clock.forward(seconds=60)
        store.metrics.add(
            [
                Sample(name="cpu", value=number + host, at=clock.now(), labels={"host": f"h{host}"})
                for host in range(3)
                if host or number < 5
            ]
        )
    now = clock.now()
    own, shared = store.metrics.reader(), SharedReader(store.metrics.reader())
    for minutes in (first, 3, 7, 10):
        for matchers in ([], ['host="h1"'], ['host=~"h[01]"'], ['host!="h2"'], ['host="none"']):
            since = now - timedelta(minutes=minutes)
            a, b = (one.window("cpu", matchers, since, now) for one in (own, shared))
            assert (list(a.labels), list(a.units), a.since) == (
                list(b.labels), list(b.units), b.since,
            )  # fmt: skip
            assert a.starts.tolist() == b.starts.tolist()
            assert a.times.tolist() == b.times.tolist()
            assert a.values.tolist() == b.values.tolist()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        shared.window("cpu", ["nonsense"], now - timedelta(minutes=1), now)
    store.close()
