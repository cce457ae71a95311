"""Rollups: whatever happens to alerts, a trend equals a count of all alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from sentinel.access import EVERYTHING, Reach, Scope
from sentinel.alerts.actions import Acknowledge, Action, Reopen, Resolve, Unacknowledge
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.database.backup import backup, restore
from sentinel.store.reports.measured import measured
from sentinel.store.reports.period_reads import rollups_for
from sentinel.store.reports.trends import trend
from tests.store.days import DAY, HOUR, OF_ELSEWHERE, Days, assert_true, keep, kept, settled
from tests.store.older_schemas import as_of_schema

ACTIONS: tuple[Action, ...] = (
    Acknowledge(actor="a"), Unacknowledge(actor="a"), Resolve(actor="a"), Reopen(actor="a"),
)  # fmt: skip


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
    step("gets_elsewhere", WHICH, st.integers(1, 200)),
    step("corrects", WHICH, st.just("severity"), st.sampled_from([1, 5])),
    step("corrects", WHICH, st.sampled_from(["category", "team"]), st.sampled_from(["", "x"])),
)


def emptied(store: Store, connection: Connection) -> None:
    for table in reversed(SQLModel.metadata.sorted_tables):
        # Rows of these are never deleted, and none is an alert's.
        if not table.name.startswith(("audit", "access_review")):
            connection.execute(table.delete())


NO_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
SEQUENCES = st.lists(STEPS, min_size=6, max_size=24)


@settings(suppress_health_check=NO_CHECKS, max_examples=12)
@given(steps=SEQUENCES)
@pytest.mark.slow
def test_a_trend_from_rollups_equals_a_count_of_all_alerts(
    store: Store, steps: list[tuple[Any, ...]]
):
    holds_after_each(store, steps)


@pytest.mark.long
@settings(suppress_health_check=NO_CHECKS, max_examples=1000)
@given(steps=SEQUENCES)
def test_it_does_after_many_more_changes(store: Store, steps: list[tuple[Any, ...]]):
    holds_after_each(store, steps)


def holds_after_each(store: Store, steps: list[tuple[Any, ...]]) -> None:
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
    return settled(store, clock)


def test_settled_hours_are_not_computed_from_alerts_again(
    days: Days, monkeypatch: pytest.MonkeyPatch
):
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
def test_a_changed_alert_of_a_summed_hour_counts_as_it_is_now(days: Days, change: str):
    CHANGES[change](days)
    assert_true(days.store)
    keep(days.store)
    assert_true(days.store)
    with days.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM tally_mark")).scalar() == 0


def test_changes_that_rollups_do_not_count_leave_no_mark(days: Days):
    """A value, a comment or an alert of today costs upkeep nothing."""
    days.corrects(0, "value", 12.0)
    days.corrects(0, "assignee", "lena")
    days.sees({"/b"}, set())
    days.acts(Acknowledge(actor="a"), -1)
    with days.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM tally_mark")).scalar() == 0


def test_upkeep_continues_where_it_stopped(store: Store, clock: FakeClock):
    days = Days(store, clock)
    days.sees({"/"}, set())
    days.passes(30 * 60)
    left = store.rollups.upkeep(pieces=1).left
    assert_true(store)
    while left:
        before, left = left, store.rollups.upkeep(pieces=1).left
        assert left < before
        assert_true(store)
    assert store.rollups.upkeep() == store.rollups.upkeep(pieces=0)


@pytest.mark.slow
def test_rollups_older_than_any_report_are_deleted(days: Days):
    days.passes(70 * 24 * 60)
    days.loses(0)
    keep(days.store)
    oldest = (days.clock.now() - datetime(1970, 1, 1, tzinfo=UTC)) // HOUR - 63 * 24
    assert min(at for _, at in kept(days.store)) > oldest
    days.store.rollups.upkeep()
    assert_true(days.store)


@pytest.mark.parametrize("schema", ["", "0009"])
def test_a_restored_backup_has_no_rollups(days: Days, tmp_path: Path, schema: str):
    path = tmp_path / "b.jsonl.gz"
    backup(days.store, path)
    if schema:
        as_of_schema(path, schema)
    days.loses(0)
    keep(days.store)
    restore(days.store, path, replace=True)
    assert kept(days.store) == []
    assert_true(days.store)
    keep(days.store)
    assert kept(days.store)
    assert_true(days.store)


def test_rules_of_one_name_are_counted_for_each_tenant(store: Store, clock: FakeClock):
    days = Days(store, clock)
    days.sees({"/", "/a"}, set())
    for hours in (20, 30, 40):
        days.gets_elsewhere(0, hours)
    days.passes(3 * 24 * 60)
    keep(store)

    assert kept(store)
    assert_true(store)
    found = measured(store, store.now() - 30 * DAY, store.now()).rules
    assert [(one.tenant, one.name, one.opened) for one in found] == [
        ("elsewhere", "disk", 3), ("default", "disk", 2),
    ]  # fmt: skip


def test_rollups_answer_for_a_tenant_and_not_for_a_team(store: Store, clock: FakeClock):
    settled(store, clock)
    with store.snapshot() as connection:
        span = (store.now() - 7 * DAY, store.now())

        def hours_of(scope: Scope) -> int:
            return len(rollups_for(connection, *span, scope).days)

        assert hours_of(OF_ELSEWHERE) == hours_of(EVERYTHING) > 0
        assert hours_of(Scope((Reach(teams=frozenset({"ops"})),))) == 0
