"""The figures of tiles: how many series and points are drawn, and for how long a tile is kept."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from dashboard.board_figures import MOST_POINTS, thinned
from dashboard.tile_cache import MOST_KEPT, VALID_FOR, TileCache
from sentinel.clock import FakeClock
from sentinel.metrics.sample import Sample
from sentinel.store import Store


def test_a_spike_of_one_point_is_still_drawn():
    values = np.sin(np.arange(1441.0))
    values[[701, 1303]] = 90.0, -90.0
    kept = thinned(values)
    assert {701, 1303, 1440} <= set(kept.tolist())
    assert len(kept) <= MOST_POINTS
    assert list(kept) == sorted(set(kept.tolist()))
    assert thinned(values[:7]).tolist() == list(range(7))


def test_no_more_series_are_read_than_are_asked_for(store: Store, clock: FakeClock):
    now = clock.now()
    for minute in (5, 3):  # in blocks of their own
        store.metrics.add(
            [
                Sample(name="load", value=float(one), labels={"host": f"h{one}"},
                       at=now - timedelta(minutes=minute))
                for one in range(20)
            ]
        )  # fmt: skip
    reader = store.metrics.reader("default")
    since = now - timedelta(hours=1)
    assert len(reader.history("load", (), since, now)) == 20
    found = reader.history("load", (), since, now, most=9)
    assert len(found) == 9
    assert [len(found.of(place)[1]) for place in range(9)] == [2] * 9
    assert len(reader.history("nothing", (), since, now, most=9)) == 0


def test_a_tile_is_kept_for_some_seconds_and_what_failed_is_not(clock: FakeClock):
    cache = TileCache()
    drawn: list[int] = []

    def draw() -> str:
        drawn.append(1)
        return f"tile {len(drawn)}"

    def fails() -> str:
        raise OSError("down")

    with pytest.raises(OSError, match="down"):
        cache.get("a", clock.now(), fails)
    assert cache.get("a", clock.now(), draw) == cache.get("a", clock.now(), draw) == "tile 1"
    assert cache.get("b", clock.now(), draw) == "tile 2"
    clock.forward(seconds=VALID_FOR.total_seconds())
    assert cache.get("a", clock.now(), draw) == "tile 3"
    for number in range(MOST_KEPT + 1):
        cache.get(number, clock.now(), str)
    assert cache.get("a", clock.now(), draw) == "tile 4"
