"""Rules are judged by slots, so that late and missing runs decide nothing that time decides.

Every test here gives its runs lateness: a run begins some time after the slot it stands for.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from sentinel import Reading, Rule
from sentinel.backtest import Plan, replay, stored
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.store import Store
from sentinel.store.database.tables import ALERT, TIMELINE

MINUTE = timedelta(minutes=1)
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = itertools.count()

fresh = settings(
    max_examples=8,
    # Each example has a rule of its own, so that they may share a database.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Run(NamedTuple):
    """A flow run: minutes after the begin for which it is scheduled, lateness, what it sees."""

    slot: int
    late: float
    value: float


class Life(NamedTuple):
    """What an alert has of its times and counts."""

    first_bad: datetime
    opened: datetime | None
    resolved: datetime | None
    resolution: str
    bad: int
    openings: int


class Live:
    """A rule on a real store, swept while its late runs come in."""

    def __init__(self, store: Store, clock: FakeClock, **rule: Any) -> None:
        self.store, self.clock = store, clock
        given = {"name": f"rule-{next(_numbers)}", "every": "60s", "when": {"above": 90}, **rule}
        self.rule = Rule.model_validate(given)
        self.begun = clock.set(BEGUN)

    def run(self, run: Run) -> Applied:
        """Let it begin at its slot and its lateness."""
        slot = self.begun + run.slot * MINUTE
        at = self.clock.set(max(slot + timedelta(seconds=run.late), self.clock.now()))
        readings = [Reading(value=run.value)] if run.value else []
        return self.store.apply(
            Evaluation(
                rule=self.rule, trigger="t", slot=slot, at=at,
                observation=Observation(readings=readings),
            )
        )  # fmt: skip

    def run_all(self, runs: Sequence[Run], sweeps: Sequence[float] = ()) -> list[Life]:
        """Let all runs begin, with sweeps at these minutes, and return the rule's alerts."""
        swept = sorted(sweeps)
        for run in sorted(runs, key=lambda one: one.slot * 60 + one.late):
            begins = run.slot + run.late / 60
            while swept and swept[0] <= begins:
                self.clock.set(self.begun + swept.pop(0) * MINUTE)
                self.store.sweep()
            self.run(run)
        for number in swept:
            self.clock.set(self.begun + number * MINUTE)
            self.store.sweep()
        return self.alerts()

    def alerts(self) -> list[Life]:
        """Return the rule's alerts in the order in which they began, and how often each opened."""
        openings = (
            select(func.count())
            .where(TIMELINE.c.alert_id == ALERT.c.id, TIMELINE.c.kind.in_(("opened", "reopened")))
            .scalar_subquery()
        )
        query = select(
            ALERT.c.first_bad_at, ALERT.c.opened_at, ALERT.c.resolved_at, ALERT.c.resolution,
            ALERT.c.bad_count, openings,
        )  # fmt: skip
        mine = query.where(ALERT.c.rule == self.rule.name).order_by(ALERT.c.id)
        with self.store.read() as connection:
            return [Life(*row) for row in connection.execute(mine)]


def minute(number: float) -> datetime:
    return BEGUN + number * MINUTE


@pytest.mark.parametrize(
    "late", [[0.31] + [0.30] * 9, [0.30] + [0.31] * 9, [59.0, *[0.0] * 9], [0.0] * 10]
)
def test_for_opens_at_the_same_slot_however_late_its_runs_are(
    store: Store, clock: FakeClock, late: list[float]
):
    live = Live(store, clock, **{"for": "5m"})
    runs = [Run(n, seconds, 95) for n, seconds in enumerate(late)]
    opened = [live.run(run).live for run in runs]
    assert opened == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert live.alerts()[0].opened == minute(5)


@pytest.mark.parametrize("late", [[0.31, 0.30], [0.30, 0.31], [0.0, 59.0], [59.0, 0.0]])
def test_one_missing_run_does_not_restart_for_and_two_in_a_row_do(
    store: Store, clock: FakeClock, late: list[float]
):
    live = Live(store, clock, **{"for": "4m"})
    lateness = itertools.cycle(late)
    runs = [Run(n, next(lateness), 95) for n in (0, 1, 3, 4)]  # that of minute 2 is missing
    assert live.run_all(runs)[0].opened == minute(4)

    live = Live(store, clock, **{"for": "4m"})
    runs = [Run(n, next(lateness), 95) for n in (0, 1, 4, 5, 6, 7, 8)]
    assert live.run_all(runs)[0][:2] == (minute(4), minute(8))


def test_a_run_that_is_later_than_its_period_stands_for_the_newest_slot(
    store: Store, clock: FakeClock
):
    """Nobody looked at the slots between, so that none of them counts for `for`."""
    live = Live(store, clock, **{"for": "5m"})
    late = [Run(n, (10 - n) * 60 + 0.2, 95) for n in range(10)]
    outcomes = [live.run(run).outcome for run in late]
    assert outcomes == ["ok", *["collapsed"] * 9]
    assert live.alerts()[0].first_bad == minute(10)
    assert live.run(Run(10, 0.3, 95)).outcome == "stale"
    assert live.run(Run(11, 0.3, 95)).outcome == "ok"


def test_without_a_period_a_late_run_stands_for_its_slot_until_another_is_due(
    store: Store, clock: FakeClock
):
    """As of cron schedules: `for` is no matter of lateness, and an outage is no long failure."""
    live = Live(store, clock, **{"for": "15m", "every": None})
    runs = [Run(0, 31, 95), Run(5, 0.3, 95), Run(10, 200, 95), Run(15, 0.2, 95)]
    assert live.run_all(runs)[0].opened == minute(15)

    live = Live(store, clock, **{"for": "15m", "every": None})
    live.run(Run(0, 0.3, 10))
    late = [Run(n, (60 - n) * 60 + n / 100, 95) for n in (5, 10, 15, 20, 60)]
    outcomes = [live.run(run).outcome for run in late]
    assert outcomes == ["ok", "collapsed", "collapsed", "collapsed", "stale"]
    assert live.alerts()[0].first_bad == minute(60) + timedelta(seconds=0.05)


def test_a_manual_run_is_judged_by_the_moment_at_which_it_was_asked_for(
    store: Store, clock: FakeClock
):
    live = Live(store, clock, **{"for": "2m"})
    # Between the slots 0 and 1, at 30 s.
    asked = live.begun + timedelta(seconds=30)
    clock.set(asked + timedelta(seconds=3))
    live.store.apply(
        Evaluation(
            rule=live.rule, trigger="t", slot=asked, at=clock.now(),
            observation=Observation(readings=[Reading(value=95)]),
        )
    )  # fmt: skip
    assert live.run(Run(0, 40, 95)).outcome == "stale"  # what it would see is known already
    lives = live.run_all([Run(1, 5, 95), Run(2, 5, 95), Run(3, 5, 95)])
    assert lives[0][:2] == (asked, minute(3))


def test_a_finding_that_is_seen_again_when_it_would_expire_stays_open(
    store: Store, clock: FakeClock
):
    live = Live(store, clock, resolve_after="5m")
    sweeps = [n / 4 for n in range(70)]
    assert live.run_all([Run(0, 0.3, 95), Run(5, 50, 95)], sweeps) == [
        Life(minute(0), minute(0), minute(10), "expired", 2, 1)
    ]


def test_one_expires_at_its_own_time_whenever_the_sweep_comes_by(store: Store, clock: FakeClock):
    hourly = Live(store, clock, resolve_after="10m", every="1h")
    hourly.run(Run(0, 1, 95))
    clock.set(minute(10))
    assert store.sweep() == 1  # no slot is due by then, so there is nothing to wait for
    assert hourly.alerts()[0].resolved == minute(10)

    often = Live(store, clock, resolve_after="10m")
    often.run_all([Run(n, 1, 95 if n == 0 else 0) for n in range(11)])
    clock.set(minute(11))
    assert store.sweep() == 1
    assert often.alerts()[0].resolved == minute(10)


VALUES = st.sampled_from([95.0, 95.0, 95.0, 10.0, 0.0])
"""Mostly bad, sometimes good, sometimes nothing."""
RULES = st.fixed_dictionaries(
    {
        "for": st.sampled_from(["0s", "2m", "3m"]),
        "consecutive": st.integers(1, 3),
        "keep_firing_for": st.sampled_from(["0s", "1m", "3m"]),
        "resolve_after": st.sampled_from([None, "1m", "3m"]),
        "no_data": st.sampled_from([None, {"then": "ok", "after": 2}]),
    }
)
MISSING = st.sets(st.integers(0, 13), max_size=4)
SWEEPS = st.lists(st.floats(0, 25), max_size=12)


@fresh
@given(
    RULES, st.lists(VALUES, min_size=14, max_size=14), MISSING, SWEEPS,
    st.lists(st.floats(0, 59.9), min_size=14, max_size=14),
)  # fmt: skip
@pytest.mark.slow
def test_lateness_within_a_period_changes_nothing(
    store: Store, clock: FakeClock, rule: dict[str, Any], values: list[float],
    missing: set[int], sweeps: list[float], late: list[float],
):  # fmt: skip
    seen = [(n, value) for n, value in enumerate(values) if n not in missing]
    exact = Live(store, clock, **rule)
    on_time = exact.run_all([Run(n, 0, value) for n, value in seen], [30])
    tardy = Live(store, clock, **rule)
    late_runs = [Run(n, late[n], value) for n, value in seen]
    assert tardy.run_all(late_runs, [*sweeps, 30]) == on_time


@fresh
@given(
    RULES, st.lists(VALUES, min_size=14, max_size=14), MISSING, SWEEPS,
    st.lists(st.floats(0, 200), min_size=14, max_size=14),
)  # fmt: skip
@pytest.mark.slow
def test_a_backtest_of_late_runs_agrees_with_what_they_did_live(
    store: Store, clock: FakeClock, rule: dict[str, Any], values: list[float],
    missing: set[int], sweeps: list[float], late: list[float],
):  # fmt: skip
    rule = {**rule, "no_data": None}  # what saw nothing leaves no reading to replay
    live = Live(store, clock, **rule)
    runs = [Run(n, late[n], value) for n, value in enumerate(values) if n not in missing]
    live.run_all(runs, [*sweeps, 40])
    end = minute(40)
    readings = stored(store.metrics.reader(), live.rule.name, minute(-1), end, judged=True)
    found = replay(Plan(rule=live.rule, since=minute(-1), until=end), readings)
    assert [
        (one.spells[0].opened, one.spells[-1].ended, one.spells[-1].reason, len(one.spells))
        for one in found.alerts
    ] == [
        (one.opened, one.resolved, one.resolution, one.openings)
        for one in live.alerts() if one.opened is not None
    ]  # fmt: skip
