"""Events of SLOs are read again only where they changed, and are what a full reading gives."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select

from sentinel.clock import FakeClock
from sentinel.metrics.moments import micros
from sentinel.schema.slo import SloRow
from sentinel.slo.changes import MOST_CHANGES, Change, changed, spans_after, spans_of
from sentinel.slo.counts import MINUTE, Counts
from sentinel.slo.definition import definition_of
from sentinel.store import Store
from sentinel.store.database.tables import table_of
from sentinel.store.slo.counts import QUARTER, keep_counts, read_counts
from sentinel.store.slo.kept_counts import READ_WHOLE_EVERY, KeptCounts, kept_counts
from sentinel.store.slo.of_tenant import TenantSlos
from sentinel.store.slo.slos import Measurement, Slos

NOW = datetime(2026, 11, 30, 12, 0, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_SLO = table_of(SloRow)
_numbers = count()


def made(slos: Slos, **more: Any) -> str:
    """Save an SLO of a name of its own."""
    name = f"slo-{next(_numbers)}"
    slos.save(definition_of({"name": name, "objectives": [{"target": 99}], **more}), actor="ann")
    return name


def shown(counts: Counts) -> tuple[list[int], list[float], list[float]]:
    return counts.times.tolist(), counts.good.tolist(), counts.total.tolist()


def read(
    store: Store, kept: KeptCounts, name: str, since: datetime, *, coarse: bool = False
) -> Counts:
    with store.read() as connection:
        changes = connection.execute(select(_SLO.c.changes).where(_SLO.c.name == name)).scalar_one()
        return kept.read(
            connection, "default", name, since, store.now(), changes=changes, coarse=coarse
        )


def whole(store: Store, name: str, since: datetime, *, coarse: bool = False) -> Counts:
    step = QUARTER if coarse else 1
    with store.read() as connection:
        return read_counts(connection, "default", name, micros(since) // step * step, coarse=coarse)


def later(most: timedelta) -> st.SearchStrategy[timedelta]:
    return st.timedeltas(timedelta(), most)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("measure"), st.lists(later(10 * DAY), min_size=1, max_size=12)),
        st.tuples(st.just("count"), st.tuples(later(6 * DAY), later(2 * HOUR))),
        st.tuples(st.just("forward"), later(8 * DAY)),
        st.tuples(st.just("keep"), st.none()),
        st.tuples(st.just("indicator"), st.none()),
        st.tuples(st.just("read"), st.tuples(later(30 * DAY), st.booleans())),
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_what_is_read_by_its_changes_is_what_a_full_reading_gives(
    store: Store, clock: FakeClock, steps: list[tuple[str, Any]]
):
    """Whatever happened in between: late measurements, minutes that became hours, what is counted
    anew, another indicator; for a reader that reads at every step, and for one that does not."""
    clock.set(NOW)
    slos, often, seldom = Slos(store), KeptCounts(), KeptCounts()
    name = made(slos)
    order: list[tuple[str, Any]] = [*steps, ("read", (20 * DAY, False))]
    for place, (kind, what) in enumerate(order):
        now = clock.now()
        if kind == "measure":
            some = [
                Measurement(one % 3 / 2, 1 + one % 2, now - ago) for one, ago in enumerate(what)
            ]
            slos.measure(name, some)
        elif kind == "count":
            ago, length = what
            port = TenantSlos(store, "default", keeps=True)
            start = micros(now - ago) // MINUTE * MINUTE
            counts = Counts.of([(start, place, place + 1), (start + 7 * MINUTE, 1, 1)])
            begin = now - ago - timedelta(microseconds=micros(now - ago) - start)
            port.replace(port.kept(name), begin, begin + length + 10 * HOUR / 60, counts)
        elif kind == "forward":
            clock.forward(seconds=what.total_seconds())
        elif kind == "keep":
            keep_counts(store)
        elif kind == "indicator":
            there = slos.get(name).definition
            for kinds in ({"kind": "threshold", "metric": "load", "below": 1}, None):
                changed_to = {**there.model_dump(mode="json"), "indicator": kinds}
                if kinds is None:
                    changed_to["indicator"] = {"kind": "measurements"}
                slos.save(definition_of(changed_to), actor="ann")
        else:
            ago, coarse = what
            since = clock.now() - ago
            assert shown(read(store, seldom, name, since, coarse=coarse)) == shown(
                whole(store, name, since, coarse=coarse)
            )
        since = clock.now() - 28 * DAY
        several = slos.counts_of_all({("default", name): since})
        assert shown(several["default", name]) == shown(whole(store, name, since, coarse=True))
        for coarse in (False, True):
            assert shown(read(store, often, name, since, coarse=coarse)) == shown(
                whole(store, name, since, coarse=coarse)
            )


@contextmanager
def queries() -> Generator[list[Any]]:
    """The parameters of each query of events, while the block lasts."""
    said = list[Any]()

    def keep(*given: Any) -> None:
        if given[2].startswith("SELECT") and "FROM slo_count" in given[2]:
            said.append(given[3])

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


def test_only_spans_that_changed_are_read_again(store: Store, clock: FakeClock):
    clock.set(NOW)
    slos = Slos(store)
    name = made(slos)
    slos.measure(name, [Measurement(1, 1, NOW - one * HOUR) for one in range(500)])
    since = NOW.replace(second=0) - 20 * DAY
    assert len(slos.counts(name, since)) == 481
    with queries() as said:
        clock.forward(minutes=1)
        assert len(slos.counts(name, since)) == 481
        assert len(slos.counts(name, since + DAY)) == 457
    assert said == []
    slos.measure(name, [Measurement(1, 1), Measurement(0, 1, NOW - 3 * DAY)])
    slos.measure(name, [Measurement(0, 1, NOW - 3 * DAY)])
    with queries() as said:
        counts = slos.counts(name, since)
    assert counts.between(NOW - 3 * DAY - HOUR / 60, NOW - 3 * DAY + HOUR / 60) == (1, 3)
    assert len(said) == 2  # three days ago, and now
    # More than is kept, or an earlier beginning, is read whole; a process's own memory is bounded.
    with queries() as said:
        slos.counts(name, since - HOUR)
        small = KeptCounts(most=500)
        for _ in range(2):
            read(store, small, name, NOW - 19 * DAY)
            read(store, small, name, NOW - 19 * DAY, coarse=True)
    assert len(said) == 5


def test_an_slo_that_is_made_anew_has_no_events_of_the_one_before(store: Store, clock: FakeClock):
    clock.set(NOW)
    slos = Slos(store)
    name = made(slos)
    slos.measure(name, [Measurement(1, 1)])
    assert len(slos.counts(name)) == 1
    before = slos.remove(name, actor="ann").definition
    slos.save(before, actor="ann")
    assert len(slos.counts(name)) == 0
    slos.measure(name, [Measurement(2, 5)])
    assert slos.counts(name).total.tolist() == [5.0]


def test_what_a_process_of_an_older_version_writes_is_seen_within_an_hour(
    store: Store, clock: FakeClock
):
    clock.set(NOW)
    slos = Slos(store)
    name = made(slos)
    slos.measure(name, [Measurement(1, 1)])
    assert slos.counts(name).total.tolist() == [1.0]
    with store.write() as connection:  # it notes no change
        connection.exec_driver_sql(f"UPDATE slo_count SET total = 9 WHERE slo = '{name}'")
    clock.forward(seconds=READ_WHOLE_EVERY.total_seconds() - 1)
    assert slos.counts(name).total.tolist() == [1.0]
    clock.forward(seconds=1)
    assert slos.counts(name).total.tolist() == [9.0]
    assert kept_counts(store) is kept_counts(store)


@given(
    st.lists(st.lists(st.integers(0, 400), min_size=1, max_size=20), max_size=50),
    st.integers(0, 60),
)
def test_spans_after_a_change_hold_all_that_changed_after_it(minutes: list[list[int]], seen: int):
    changes = list[Change]()
    for number, some in enumerate(minutes):
        times = sorted(one * 30 * MINUTE for one in some)
        spans = spans_of(times)
        assert len(spans) <= 8
        changes = changed(changes, f"m{number}", spans)
        assert len(changes) <= MOST_CHANGES
    found = spans_after(changes, f"m{seen}")
    if seen >= len(minutes):
        assert found is None
    elif found is not None:
        after = {one * 30 * MINUTE for some in minutes[seen + 1 :] for one in some}
        assert all(any(first <= one < last for first, last in found) for one in after)
        assert found == sorted(found)
    assert spans_after(changes, "") is None
