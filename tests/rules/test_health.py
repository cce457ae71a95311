"""What is said of a rule: one word, the same at every door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.rules.health import (
    LABELS,
    RuleFacts,
    RuleHealth,
    explain,
    health_of,
    lateness_of,
    next_evaluation,
    stale_after,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GOOD = RuleFacts(slot=NOW - MINUTE, every=MINUTE, seen=3)


@pytest.mark.parametrize(
    ("changed", "health", "why"),
    [
        ({}, RuleHealth.OK, "0 of 3 series firing"),
        ({"bad": 1, "pending": 1}, RuleHealth.PENDING, "not for long or often enough"),
        ({"bad": 1}, RuleHealth.PENDING, "not for long or often enough"),  # n of the last m
        ({"bad": 1, "live": 1}, RuleHealth.FIRING, "1 of 3 series firing"),
        ({"live": 1}, RuleHealth.FIRING, "0 of 3 series firing"),  # kept firing
        ({"live": 1, "seen": 0}, RuleHealth.FIRING, "1 live alert"),  # posted over the API
        ({"live": 2, "seen": 0}, RuleHealth.FIRING, "2 live alerts"),
        ({"seen": 0}, RuleHealth.NO_DATA, "the last evaluation saw nothing"),
        ({"seen": 0, "saw": False}, RuleHealth.NO_DATA, "check what it reads and its matchers"),
        ({"seen": 0, "closed_world": True}, RuleHealth.OK, "0 of 0 series firing"),
        ({"seen": 0, "by_event": True, "slot": None}, RuleHealth.OK, "no event fires now"),
        ({"bad": 1, "by_event": True}, RuleHealth.OK, "no event fires now"),
        ({"failures": 1, "error": "OSError: no"}, RuleHealth.ERROR, "error: OSError: no"),
        ({"failures": 1, "live": 2}, RuleHealth.ERROR, "error"),
        ({"slot": None}, RuleHealth.NEVER_EVALUATED, "no evaluation yet"),
        ({"slot": NOW - timedelta(hours=1)}, RuleHealth.STALE, "more than two periods of 1m"),
        ({"slot": NOW - timedelta(hours=1), "live": 1}, RuleHealth.STALE, "more than two"),
        ({"slot": NOW - timedelta(hours=1), "every": None}, RuleHealth.OK, "0 of 3"),
        ({"paused": True, "live": 1}, RuleHealth.PAUSED, "paused in Prefect"),
        ({"enabled": False, "paused": True}, RuleHealth.DISABLED, "nothing is evaluated"),
        (
            {"bad": 1, "held_until": NOW + MINUTE}, RuleHealth.FIRING,
            "a person resolved its alerts, and it still fires",
        ),
        ({"bad": 1, "held_until": NOW - 2 * MINUTE}, RuleHealth.PENDING, "not for long"),
        ({"held_until": NOW + MINUTE}, RuleHealth.OK, "0 of 3 series firing"),
    ],
)  # fmt: skip
def test_each_state_is_what_it_is_called(changed: dict[str, Any], health: RuleHealth, why: str):
    facts = msgspec.structs.replace(GOOD, **changed)
    assert health_of(facts, NOW) is health
    assert why in explain(facts, NOW)


FACTS = st.builds(
    RuleFacts,
    enabled=st.booleans(),
    paused=st.booleans(),
    by_event=st.booleans(),
    closed_world=st.booleans(),
    slot=st.none() | st.sampled_from([NOW - n * MINUTE for n in (0, 1, 2, 60)]),
    every=st.sampled_from([None, MINUTE]),
    failures=st.integers(0, 1),
    seen=st.integers(0, 2),
    bad=st.integers(0, 2),
    live=st.integers(0, 1),
    pending=st.integers(0, 1),
    held_until=st.none() | st.sampled_from([NOW - 3 * MINUTE, NOW + MINUTE]),
)


@given(FACTS)
def test_ok_is_said_only_where_all_is_well(facts: RuleFacts):
    health = health_of(facts, NOW)
    assert health in LABELS
    assert explain(facts, NOW)
    if health is not RuleHealth.OK:
        return
    assert facts.enabled
    assert not (facts.paused)
    assert not (facts.failures)
    assert not (facts.live)
    assert not (facts.pending)
    assert facts.by_event or (facts.slot is not None and not facts.bad)
    assert facts.by_event or facts.seen or facts.closed_world
    after = stale_after(facts)
    assert after is None or after >= NOW


def test_a_rule_is_stale_only_after_two_runs_that_are_missing():
    """A run that is missing, and one that is a period late and takes all its time, are none."""
    after = stale_after(GOOD)
    assert after is not None
    assert after == NOW + 2 * MINUTE + GOOD.timeout
    assert health_of(GOOD, after) is RuleHealth.OK
    assert health_of(GOOD, after + timedelta(microseconds=1)) is RuleHealth.STALE


@pytest.mark.parametrize(
    ("changed", "began", "due", "late"),
    [
        ({}, NOW - MINUTE, NOW, timedelta(0)),
        ({}, NOW - MINUTE / 2, NOW, MINUTE / 2),
        ({"slot": NOW - 3 * MINUTE}, NOW - 3 * MINUTE, NOW - 2 * MINUTE, 2 * MINUTE),
        ({"enabled": False}, NOW, None, None),
        ({"paused": True}, NOW, None, None),
        ({"by_event": True}, NOW, None, None),
        ({"every": None}, NOW, None, None),
        ({"slot": None}, None, None, None),
    ],
)
def test_a_rule_is_late_by_its_last_evaluation_or_by_the_one_that_is_overdue(
    changed: dict[str, Any], began: datetime | None, due: datetime | None, late: timedelta | None
):
    facts = msgspec.structs.replace(GOOD, **changed)
    assert next_evaluation(facts) == due
    first = next_evaluation(facts, NOW + MINUTE)  # of one that was never evaluated
    assert first == (due if facts.slot is not None else NOW + MINUTE)
    assert lateness_of(facts, began, NOW) == late
