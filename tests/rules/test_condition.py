"""Which values are bad."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.rules.condition import When, above, below, equals, judge, levels, outside


@pytest.mark.parametrize(
    ("when", "value", "bad"),
    [
        (above(95), 95.0, False),
        (above(95), 95.1, True),
        (below(10), 10.0, False),
        (below(10), 9.9, True),
        (outside(10, 20), 10.0, False),
        (outside(10, 20), 20.1, True),
        (outside(10, 20), 9.0, True),
        (equals(0), 0.0, True),
        (equals(0), 0.1, False),
    ],
)
def test_a_value_on_the_threshold_is_good(when: When, value: float, bad: bool):
    assert judge(when, value, firing=False).bad is bad


def test_levels_give_the_worst_severity_that_is_reached():
    when = levels(high=80, critical=95)
    assert judge(when, 80, firing=False) == (False, None)
    assert judge(when, 81, firing=False) == (True, "high")
    assert judge(when, 96, firing=False) == (True, "critical")
    falling = levels("below", warning=20, emergency=5)
    assert judge(falling, 19, firing=False) == (True, "warning")
    assert judge(falling, 1, firing=False) == (True, "emergency")


@pytest.mark.parametrize(
    ("when", "value"),
    [
        (above(90, clear=80), 85.0),
        (below(10, clear=15), 12.0),
        (outside(10, 20, clear=2), 11.0),
        (levels(high=80, critical=95, clear=70), 75.0),
        (levels("below", high=20, critical=5, clear=30), 25.0),
    ],
)
def test_between_clear_and_threshold_only_what_fires_stays_bad(when: When, value: float):
    assert not judge(when, value, firing=False).bad
    assert judge(when, value, firing=True).bad


def test_between_clear_and_the_mildest_level_the_mildest_severity_stays():
    assert judge(levels(high=80, critical=95, clear=70), 75, firing=True).word == "high"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "exactly one of"),
        ({"above": 1, "below": 2}, "above and below"),
        ({"outside": [20, 10]}, "greater than"),
        ({"above": 90, "clear": 95}, "clear: must be 90 or less, got 95"),
        ({"below": 10, "clear": 5}, "must be 10 or more, got 5"),
        ({"equals": 1, "clear": 1}, "cannot be used with equals"),
        ({"levels": {}}, "at least one"),
        ({"levels": {"high": 95, "critical": 80}}, "further above"),
        ({"levels": {"critical": 95, "emergency": 96}}, "name a severity once"),
        ({"above": float("nan")}, "finite"),
        ({"over": 3}, "Extra inputs"),
    ],
)
def test_an_invalid_condition_is_refused_with_the_reason(given: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        When.model_validate(given)


numbers = st.floats(-1e9, 1e9)


@given(numbers, st.floats(0, 1e6), numbers)
def test_clearing_is_never_easier_than_firing(threshold: float, gap: float, value: float):
    when = above(threshold, clear=threshold - gap)
    if judge(when, value, firing=False).bad:
        assert judge(when, value, firing=True).bad


@given(numbers, numbers, numbers)
def test_a_greater_value_is_never_milder(low: float, high: float, value: float):
    when = levels(low=min(low, high), critical=max(low, high))
    order = [None, "low", "critical"]
    first = judge(when, value, firing=False).word
    second = judge(when, value + 1, firing=False).word
    assert order.index(second) >= order.index(first)
