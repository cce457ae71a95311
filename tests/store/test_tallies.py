"""Kept figures: whatever happens to alerts, and whatever is kept, a trend is what a count says."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text, update
from sqlmodel import SQLModel

from sentinel.clock import FakeClock
from sentinel.lifecycle import Acknowledge, Action, Reopen, Resolve, Unacknowledge
from sentinel.models import new_id
from sentinel.rule import Rule
from sentinel.severity import Severity
from sentinel.store import Store
from sentinel.store.backup import backup, restore
from sentinel.store.tables import ALERT
from sentinel.store.trends import MOST_RULES, Bucket, Noisy, Period, Trend, trend
from tests.store.desk import Desk

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PERIODS = ((HOUR, 5 * MINUTE), (DAY, HOUR), (7 * DAY, 6 * HOUR), (30 * DAY, DAY))
ACTIONS: tuple[Action, ...] = (
    Acknowledge(actor="a"), Unacknowledge(actor="a"), Resolve(actor="a"), Reopen(actor="a"),
)  # fmt: skip


def counted(store: Store, length: timedelta, step: timedelta) -> Trend:
    """What the definitions say, of all alerts one by one."""
    with store.read() as connection:
        alerts = connection.execute(select(ALERT)).all()
    until = store.now()
    since = until - length

    def within(moment: datetime | None, late: bool = True) -> bool:
        end = until if late else since
        return moment is not None and end - length < moment <= end

    def mean(rows: list[Any], end: str) -> float | None:
        took = [getattr(one, end) - one.opened_at for one in rows if getattr(one, end)]
        return sum(took, timedelta(0)).total_seconds() / len(took) if took else None

    def period(late: bool) -> Period:
        opened = [one for one in alerts if within(one.opened_at, late)]
        resolved = [one for one in alerts if within(one.resolved_at, late) and one.opened_at]
        return Period(
            opened=len(opened),
            resolved=len(resolved),
            unattended=sum(one.acknowledged_at is None for one in opened),
            acknowledge=mean(opened, "acknowledged_at"),
            resolve=mean(resolved, "resolved_at"),
        )

    def most(numbers: Counter[str]) -> list[tuple[str, int]]:
        return sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_RULES]

    opened = [one for one in alerts if within(one.opened_at)]
    before = Counter(one.rule for one in alerts if within(one.opened_at, late=False))
    buckets = Counter(
        (one.opened_at - (one.opened_at - datetime(1970, 1, 1, tzinfo=UTC)) % step, one.severity)
        for one in opened
    )
    noisy: list[Noisy] = []
    for rule, number in most(Counter(one.rule for one in opened)):
        of = [one for one in opened if one.rule == rule]
        noisy.append(
            Noisy(
                rule=rule, opened=number, before=before[rule],
                critical=sum(one.severity == Severity.CRITICAL for one in of),
                unattended=sum(one.acknowledged_at is None for one in of),
                acknowledge=mean(of, "acknowledged_at"), resolve=mean(of, "resolved_at"),
            )
        )  # fmt: skip
    return Trend(
        since=since, until=until, step=step, now=period(True), before=period(False),
        buckets=[Bucket(at=at, severity=rank, opened=n)
                 for (at, rank), n in sorted(buckets.items())],
        by_category=most(Counter(one.category or "none" for one in opened)),
        by_team=most(Counter(one.team or "none" for one in opened)),
        noisy=noisy,
    )  # fmt: skip


def assert_true(store: Store) -> None:
    for length, step in PERIODS:
        assert trend(store, length, step) == counted(store, length, step)


def kept(store: Store) -> list[tuple[int, int]]:
    """Width and hour of what is kept and holds."""
    query = (
        "SELECT hours, at FROM tally_hour WHERE NOT EXISTS (SELECT 1 FROM tally_mark "
        "WHERE tally_mark.at >= tally_hour.at AND tally_mark.at < tally_hour.at + hours)"
    )
    with store.read() as connection:
        return [(row[0], row[1]) for row in connection.execute(text(query))]


def keep(store: Store) -> None:
    """Upkeep until all is kept: PostgreSQL waits for whoever writes (it does by itself, too)."""
    until = time.monotonic() + 60
    settled = store.now() - 2 * HOUR
    while True:
        store.tallies.upkeep()
        with store.read() as connection:
            ready = connection.execute(text("SELECT ready FROM tally_state")).scalar_one()
        at = datetime.fromisoformat(ready).replace(tzinfo=UTC) if isinstance(ready, str) else ready
        if at > settled - HOUR:
            return
        assert time.monotonic() < until, "the figures of settled hours are not kept"


class Days:
    """A rule over days: what it sees, what people do, and what happens to the database."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.desk = Desk(store, clock, category="system", team="ops")

    def passes(self, minutes: int) -> None:
        self.clock.forward(minutes=minutes)

    def sees(self, bad: set[str], good: set[str]) -> None:
        self.desk.sees({**dict.fromkeys(good, 10.0), **dict.fromkeys(bad, 95.0)})

    def acts(self, action: Action, which: int) -> None:
        ids = self.desk.ids()
        if ids:
            self.store.act([ids[which % len(ids)]], action)

    def is_edited(self, **fields: str) -> None:
        edited = {**self.desk.rule.dump(), **fields}
        self.desk.rule = Rule.model_validate(edited)

    def is_renamed(self, name: str) -> None:
        if name != self.desk.rule.name:
            self.is_edited(name=name, renamed_from=self.desk.rule.name)

    def forgets(self, hours: int) -> None:
        self.store.retain(timedelta(hours=hours))

    def is_kept(self, pieces: int | None) -> None:
        self.store.tallies.upkeep(pieces)

    def loses(self, which: int) -> None:
        ids = self.desk.ids()
        if ids:
            with self.store.write() as connection:
                connection.execute(ALERT.delete().where(ALERT.c.id == ids[which % len(ids)]))

    def gets(self, which: int, hours: int, **columns: Any) -> None:
        """Another alert like one that is there, from long ago, as somebody brings it in."""
        ids = self.desk.ids()
        if not ids:
            return
        with self.store.write() as connection:
            like = ALERT.c.id == ids[which % len(ids)]
            row = connection.execute(select(ALERT).where(like)).mappings().one()
            at = self.clock.now() - timedelta(hours=hours)
            old = {"id": new_id(), "fingerprint": new_id(), "opened_at": at, "status": "resolved",
                   "resolved_at": at + 3 * HOUR, **columns}  # fmt: skip
            connection.execute(ALERT.insert().values({**row, **old}))

    def corrects(self, which: int, column: str, value: Any) -> None:
        ids = self.desk.ids()
        if ids:
            with self.store.write() as connection:
                like = ALERT.c.id == ids[which % len(ids)]
                connection.execute(update(ALERT).where(like).values({column: value}))


MOUNTS = st.sets(st.sampled_from(["/", "/a", "/b"]))
WHICH = st.integers(0, 7)


def step(name: str, *given: Any) -> Any:
    return st.tuples(st.just(name), *given)


STEPS = st.one_of(
    step("passes", st.one_of(st.integers(1, 90), st.integers(90, 3 * 24 * 60))),
    step("sees", MOUNTS, MOUNTS),
    step("sees", MOUNTS, MOUNTS),
    step("acts", st.sampled_from(ACTIONS), WHICH),
    step("is_renamed", st.sampled_from(["disk", "drive"])),
    step("forgets", st.integers(1, 100)),
    step("is_kept", st.one_of(st.none(), st.integers(1, 3))),
    step("is_kept", st.none()),
    step("loses", WHICH),
    step("gets", WHICH, st.integers(1, 200)),
    step("corrects", WHICH, st.just("severity"), st.sampled_from([1, 5])),
    step("corrects", WHICH, st.sampled_from(["category", "team"]), st.sampled_from(["", "x"])),
)


def emptied(store: Store, connection: Connection) -> None:
    for table in reversed(SQLModel.metadata.sorted_tables):
        connection.execute(table.delete())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=6, max_size=24))
def test_whatever_happens_a_trend_is_what_a_count_of_all_alerts_says(
    store: Store, steps: list[tuple[Any, ...]]
):
    clock = FakeClock()
    store.clock = clock
    with store.write() as connection:
        emptied(store, connection)
    days = Days(store, clock)
    days.sees({"/", "/a"}, set())
    for name, *how in steps:
        getattr(days, name)(*how)
        assert_true(store)


@pytest.fixture
def days(store: Store, clock: FakeClock) -> Days:
    """Two alerts of one hour, three days ago, all of it kept."""
    days = Days(store, clock)
    days.sees({"/", "/a"}, set())
    days.passes(20)
    days.sees(set(), {"/", "/a"})
    days.passes(3 * 24 * 60)
    keep(store)
    assert len([hours for hours, _ in kept(store) if hours == 24]) >= 2
    assert_true(store)
    return days


def test_settled_hours_are_not_walked_again(days: Days, monkeypatch: pytest.MonkeyPatch):
    """What has been kept is what is answered: a figure that is changed there is seen."""
    before = trend(days.store, 7 * DAY, 6 * HOUR)
    with days.store.write() as connection:
        connection.execute(text("UPDATE tally SET opened = opened + 1 WHERE kind = 'rule'"))
    assert trend(days.store, 7 * DAY, 6 * HOUR).now.opened == before.now.opened + 1


CHANGES: dict[str, Callable[[Days], None]] = {
    "reopened": lambda days: days.acts(Reopen(actor="a"), 0),
    "acknowledged late": lambda days: days.corrects(0, "acknowledged_at", days.clock.now()),
    "ended at another time": lambda days: days.corrects(0, "resolved_at", days.clock.now()),
    "never ended": lambda days: days.corrects(0, "resolved_at", None),
    "never opened": lambda days: days.corrects(0, "opened_at", None),
    "of another severity": lambda days: days.corrects(0, "severity", 5),
    "of another rule": lambda days: days.corrects(0, "rule", "other"),
    "of another category": lambda days: days.corrects(0, "category", "other"),
    "of another team": lambda days: days.corrects(0, "team", "other"),
    "gone": lambda days: days.loses(0),
    "brought in": lambda days: days.gets(0, 60),
    "brought in from before all others": lambda days: days.gets(0, 24 * 20),
    "forgotten": lambda days: days.forgets(24),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_alert_of_a_kept_hour_that_changes_is_counted_as_it_is_now(days: Days, change: str):
    CHANGES[change](days)
    assert_true(days.store)
    keep(days.store)
    assert_true(days.store)
    with days.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM tally_mark")).scalar() == 0


def test_what_settled_hours_do_not_count_leaves_no_mark(days: Days):
    """A value, a comment or an alert of today costs upkeep nothing."""
    days.corrects(0, "value", 12.0)
    days.corrects(0, "assignee", "lena")
    days.sees({"/b"}, set())
    days.acts(Acknowledge(actor="a"), -1)
    with days.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM tally_mark")).scalar() == 0


def test_upkeep_goes_on_where_it_was_left(store: Store, clock: FakeClock):
    days = Days(store, clock)
    days.sees({"/"}, set())
    days.passes(30 * 60)
    left = store.tallies.upkeep(pieces=1).left
    assert_true(store)
    while left:
        before, left = left, store.tallies.upkeep(pieces=1).left
        assert left < before
        assert_true(store)
    assert store.tallies.upkeep() == store.tallies.upkeep(pieces=0)


def test_what_nobody_looks_at_any_more_is_let_go(days: Days):
    days.passes(70 * 24 * 60)
    days.loses(0)
    keep(days.store)
    oldest = (days.clock.now() - datetime(1970, 1, 1, tzinfo=UTC)) // HOUR - 63 * 24
    assert min(at for _, at in kept(days.store)) > oldest
    days.store.tallies.upkeep()
    assert_true(days.store)


@pytest.mark.parametrize("schema", ["", "0009"])
def test_a_backup_that_comes_back_has_none_of_the_figures_that_were_kept(
    days: Days, tmp_path: Path, schema: str
):
    path = tmp_path / "b.jsonl.gz"
    backup(days.store, path)
    if schema:  # the same tables, but for those that follow from others
        head, *rest = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        head = json.dumps({**json.loads(head), "schema": schema}).encode() + b"\n"
        path.write_bytes(gzip.compress(head + b"".join(rest)))
    days.loses(0)
    keep(days.store)
    restore(days.store, path, replace=True)
    assert kept(days.store) == []
    assert_true(days.store)
    keep(days.store)
    assert kept(days.store)
    assert_true(days.store)


@pytest.fixture
def beside(days: Days) -> Generator[Store]:
    """Another process on the same PostgreSQL."""
    if days.store.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    other = Store(days.store.engine.url.render_as_string(hide_password=False), clock=days.clock)
    yield other
    other.close()


def ids_of(connection: Connection) -> list[str]:
    return list(connection.execute(select(ALERT.c.id).order_by(ALERT.c.id)).scalars())


def test_a_change_that_is_not_committed_keeps_its_hour_from_settling(days: Days, beside: Store):
    """It was made when the hour was young, so it has left no mark."""
    days.sees({"/b"}, set())
    with beside.write() as slow:
        young = ids_of(slow)[-1]
        slow.execute(update(ALERT).where(ALERT.c.id == young).values(severity=5))
        before = kept(days.store)
        days.passes(10 * 60)
        days.store.tallies.upkeep()
        days.store.tallies.upkeep()
        assert kept(days.store) == before
        assert_true(days.store)
    assert_true(days.store)
    keep(days.store)
    assert len(kept(days.store)) > len(before)
    assert_true(days.store)


def test_a_mark_that_upkeep_did_not_see_stays(days: Days, beside: Store):
    with beside.write() as slow:
        one, another = ids_of(slow)
        slow.execute(update(ALERT).where(ALERT.c.id == one).values(severity=5))
        with days.store.write() as quick:
            quick.execute(text("SET LOCAL lock_timeout = '5s'"))
            quick.execute(update(ALERT).where(ALERT.c.id == another).values(team="x"))
        days.store.tallies.upkeep()
        assert_true(days.store)
    # Its hour has been summed up without it, after it had left its mark.
    assert_true(days.store)
    keep(days.store)
    assert_true(days.store)


def test_two_who_change_alerts_of_one_hour_do_not_wait_for_each_other(days: Days, beside: Store):
    with beside.write() as one, days.store.write() as another:
        for connection, alert in zip((one, another), ids_of(one), strict=True):
            connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            connection.execute(update(ALERT).where(ALERT.c.id == alert).values(severity=5))
        days.store.tallies.upkeep()  # nor does upkeep
    assert_true(days.store)


def test_a_dump_of_another_server_brings_no_number_to_wait_for(days: Days, beside: Store):
    with days.store.write() as connection:
        later = "ready = ready - interval '1 hour', horizon = 1000000000000"
        connection.execute(text(f"UPDATE tally_state SET {later}"))
    keep(beside)
    assert_true(days.store)


def test_several_may_sum_up_at_once_while_others_write(days: Days, beside: Store):
    stores = (days.store, beside)
    failed: list[BaseException] = []

    def work(store: Store, change: bool) -> None:
        try:
            for number in range(8):
                if change:
                    with store.write() as connection:
                        alert = ids_of(connection)[number % 2]
                        team = update(ALERT).where(ALERT.c.id == alert).values(team=f"{number}")
                        connection.execute(team)
                else:
                    store.tallies.upkeep()
                    trend(store, 7 * DAY, 6 * HOUR)
        except Exception as error:
            failed.append(error)

    threads = [
        threading.Thread(target=work, args=(store, change))
        for store in stores
        for change in (True, False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert_true(days.store)
    keep(days.store)
    assert_true(days.store)
