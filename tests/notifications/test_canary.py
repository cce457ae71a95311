"""How the path to each channel stands, by its newest canary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import ConfigurationError
from sentinel.notifications.canary import (
    Arrival,
    Canary,
    CanaryPath,
    CanaryPlan,
    checked_plan,
    judge,
    plan_from,
)

BEGUN = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVERY, WITHIN = 900, 300
PLAN = CanaryPlan(receivers=("ops",), every=EVERY, within=WITHIN)


def judged(after: float, arrival: Arrival | None = None, *, every: float = EVERY) -> CanaryPath:
    """The path to the one channel, so many seconds after its canary opened."""
    arrivals = {} if arrival is None else {"hook": arrival}
    canary = Canary(alert_id="a", receiver="ops", opened_at=BEGUN, arrivals=arrivals)
    given = CanaryPlan(receivers=("ops",), every=every, within=WITHIN)
    now = BEGUN + timedelta(seconds=after)
    (path,) = judge(given, [canary], {"ops": ["hook"], "other": ["inbox"]}, {}, now)
    return path


def test_a_canary_that_arrived_in_time_proves_its_path_until_the_next_is_overdue():
    came = Arrival(at=BEGUN + timedelta(seconds=WITHIN))
    for after in (WITHIN, EVERY, EVERY + WITHIN):
        assert (judged(after, came).state, judged(after, came).took) == ("delivered", WITHIN)
    overdue = judged(EVERY + WITHIN + 1, came)
    assert (overdue.state, overdue.broken) == ("lost", True)
    assert "should have arrived by 2026-01-05 12:20:00 UTC" in overdue.error
    assert judged(10 * EVERY, came, every=0).state == "delivered"


def test_a_canary_waits_for_its_time_and_is_then_lost():
    failed = Arrival(error="it answered 500")
    assert judged(WITHIN, failed).state == "waiting"
    lost = judged(WITHIN + 1, failed)
    assert (lost.state, lost.error, lost.broken) == ("lost", "it answered 500", True)


def test_one_that_came_too_late_broke_its_bound():
    late = judged(WITHIN + 2, Arrival(at=BEGUN + timedelta(seconds=WITHIN + 1)))
    assert (late.state, late.broken) == ("late", True)


def test_one_that_a_summary_stands_for_proves_nothing():
    assert judged(WITHIN + 1, Arrival(held=True)).state == "held"


def test_a_receiver_without_a_canary_waits_only_while_its_run_may_still_open_one():
    plan = CanaryPlan(receivers=("ops", "new"), every=EVERY, within=WITHIN)
    canary = Canary(alert_id="a", receiver="ops", opened_at=BEGUN, arrivals={})
    channels = {"ops": ["hook"], "new": ["mail"]}
    for after, state in ((WITHIN, "waiting"), (WITHIN + 1, "lost")):
        paths = judge(plan, [canary], channels, {}, BEGUN + timedelta(seconds=after))
        assert [(one.channel, one.state) for one in paths] == [("hook", state), ("mail", state)]


def test_a_receiver_that_was_removed_has_no_path():
    assert judge(PLAN, [], {"other": ["inbox"]}, {}, BEGUN) == []


@given(st.integers(0, 3 * EVERY), st.one_of(st.none(), st.integers(0, 3 * EVERY)))
def test_a_path_is_broken_just_where_nothing_came_in_time_or_the_next_is_overdue(
    after: int, took: int | None
):
    came = None if took is None or took > after else Arrival(at=BEGUN + timedelta(seconds=took))
    in_time = came is not None and took is not None and took <= WITHIN
    wanted = after > EVERY + WITHIN or (
        not in_time and (after > WITHIN or (took is not None and WITHIN < took <= after))
    )
    assert judged(after, came).broken is wanted


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"receivers": ["nonesuch"]}, "there is no receiver 'nonesuch'"),
        ({"receivers": [f"r{n}" for n in range(21)]}, "21 receivers are too many"),
        ({"within": timedelta(seconds=59)}, "at least 1m"),
        ({"every": timedelta(minutes=5)}, "the next canary would open after 5m"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(given: dict[str, Any], said: str):
    asked: dict[str, Any] = {
        "receivers": ["r1"], "known": {f"r{n}": ["inbox"] for n in range(21)},
        "every": timedelta(minutes=15), "within": timedelta(minutes=5),
    }  # fmt: skip
    with pytest.raises(ConfigurationError, match=said):
        checked_plan(**{**asked, **given})


def test_a_plan_without_names_has_all_receivers_and_is_read_back_as_it_is_stored():
    plan = checked_plan([], {"b": [], "a": []}, every=timedelta(0), within=timedelta(minutes=1))
    assert plan == CanaryPlan(receivers=("a", "b"), every=0, within=60)
    stored = {"plan": {"receivers": ["a", "b"], "every": 0.0, "within": 60.0}}
    assert plan_from(stored) == plan
