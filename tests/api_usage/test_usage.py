"""What rises, what is new or dead, and when a quota ends: with little data, nothing is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.api_usage.usage import SeenEndpoint, endpoint_changes, quota_forecast, rises

HOUR = 3_600 * 10**9
START, END = 0, 30 * 24 * HOUR


def test_a_rise_is_sure_and_no_small_number_rises() -> None:
    now = {"a": 400, "b": 110, "c": 9, "d": 100, "new": 60}
    before = {"a": 100, "b": 100, "c": 0, "d": 300}
    found = rises(now, before, least=50, limit=10)
    assert [(one.value, one.before) for one in found] == [("a", 100), ("new", 0)]
    assert [one.value for one in rises(now, before, least=5, limit=1)] == ["a"]
    assert rises({}, {}, least=1, limit=10) == []


def test_endpoints_are_new_or_dead_by_the_history_or_a_list() -> None:
    seen = [
        SeenEndpoint("GET /a", 0, 9 * HOUR, 500),
        SeenEndpoint("GET /b", 0, 2 * HOUR, 300),
        SeenEndpoint("GET /c", 6 * HOUR, 8 * HOUR, 40),
        SeenEndpoint("GET /scan", 6 * HOUR, 8 * HOUR, 2),
    ]
    found = endpoint_changes(seen, 5 * HOUR, least=10)
    assert [(one.endpoint, one.state) for one in found] == [("GET /c", "new"), ("GET /b", "dead")]
    known = ["GET  /a", "GET /b", "GET /never"]
    found = endpoint_changes(seen, 5 * HOUR, known=known, least=10)
    assert [(one.endpoint, one.state, one.last) for one in found] == [
        ("GET /c", "new", 8 * HOUR), ("GET /b", "dead", 2 * HOUR), ("GET /never", "dead", None),
    ]  # fmt: skip


def test_a_steady_key_reaches_its_quota_when_the_rate_says_so() -> None:
    now = 10 * 24 * HOUR
    hours = {at * HOUR: 10 for at in range(240)}
    found = quota_forecast(hours, start=START, end=END, now=now, amount=3_600)
    assert (found.used, found.per_hour, found.share) == (2_400, 10.0, 2_400 / 3_600)
    assert found.reached == found.earliest == found.latest == now + 120 * HOUR
    assert found.expected == 7_200
    enough = quota_forecast(hours, start=START, end=END, now=now, amount=8_000)
    assert (enough.reached, enough.earliest, enough.why) == (None, None, "")
    over = quota_forecast(hours, start=START, end=END, now=now, amount=2_000)
    assert over.reached == now


def test_days_that_differ_widen_the_interval() -> None:
    now = 8 * 24 * HOUR
    hours = {(day * 24 + 12) * HOUR: (40 if day % 2 else 400) for day in range(8)}
    found = quota_forecast(hours, start=START, end=END, now=now, amount=3_000)
    assert found.reached is not None
    assert found.earliest is not None
    assert now < found.earliest < found.reached
    assert found.latest is None or found.latest > found.reached


@pytest.mark.parametrize(
    ("hours", "end", "why"),
    [
        ({}, END, "there are 0 whole days of requests, and 3 are needed"),
        ({(240 - 30) * HOUR: 900}, END, "there are 1 whole days of requests, and 3 are needed"),
        ({120 * HOUR: 5}, END, "there are 5 requests in 5 days: 20 are needed"),
        ({(240 - 2) * HOUR: 900}, 240 * HOUR + HOUR, "there are 2 whole hours of requests"),
    ],
)
def test_without_enough_data_it_says_so(hours: dict[int, int], end: int, why: str) -> None:
    start = END if end < END else START
    found = quota_forecast(hours, start=min(start, end - HOUR), end=end, now=240 * HOUR, amount=9)
    assert found.why.startswith(why)
    assert (found.per_hour, found.expected, found.reached) == (None, None, None)


@given(
    st.dictionaries(st.integers(0, 239).map(lambda hour: hour * HOUR), st.integers(0, 500)),
    st.integers(1, 10**6),
)
def test_the_interval_is_around_the_forecast(hours: dict[int, int], amount: int) -> None:
    found = quota_forecast(hours, start=START, end=END, now=240 * HOUR, amount=amount)
    assert found.used == sum(hours.values())
    if found.reached is not None:
        assert found.earliest is not None
        assert 240 * HOUR <= found.earliest <= found.reached <= END
        assert found.latest is None or found.latest >= found.reached
