"""Timestamps of other systems, in the forms in which they are sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.events import Refused
from sentinel.events.incoming import taken
from sentinel.timing.moments import parse_moment

HALF_PAST_SEVEN = datetime(2026, 11, 29, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        "2026-11-29T07:30:00Z",
        "2026-11-29t07:30:00z",
        "2026-11-29T08:30:00+01:00",
        "2026-11-29 07:30:00",
        "2026-11-29 07:30:00 UTC",
        "2026-11-29 07:30:00 GMT",
        "2026-11-29 07:30:00 +0000 UTC",
        "2026-11-29 08:30:00 +0100 CET m=+0.000012",
        "2026/11/29 07:30:00",
        "20261129T073000Z",
        "Sun, 29 Nov 2026 07:30:00 +0000",
        "Sun, 29 Nov 2026 07:30:00 GMT",
        "29 Nov 2026 02:30:00 -0500",
        "29/Nov/2026:07:30:00 +0000",
        "[29/Nov/2026:07:30:00 +0000]",
        "Sun Nov 29 07:30:00 2026",
        1795937400,
        1795937400.0,
        1795937400_000,
        1795937400_000_000,
        1795937400_000_000_000,
        "1795937400",
        "1795937400.0",
        "1795937400000",
        "1795937400000000",
        "1795937400000000000",
    ],
)
def test_the_same_moment_in_the_forms_in_which_it_is_sent(given: str | float):
    assert parse_moment(given) == HALF_PAST_SEVEN


@pytest.mark.parametrize(
    "given", ["", "yesterday", "10:30", "3ms", "2026", "nan", "1" * 21, "x" * 10_000, 1e300, -1e300]
)
def test_what_is_no_moment_is_refused_with_its_text(given: str | float):
    with pytest.raises(ValueError, match="is no moment: write 2026-01-31T12:00:00Z"):
        parse_moment(given)


@given(st.text() | st.floats() | st.integers())
def test_anything_is_a_moment_in_utc_or_refused(given: str | float):
    try:
        assert parse_moment(given).tzinfo is UTC
    except ValueError as error:
        assert "is no moment" in str(error)  # noqa: PT017 - what is refused may be anything


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis wants naive ones
def test_a_number_means_the_same_moment_in_each_unit(given: datetime):
    moment = given.replace(microsecond=0, tzinfo=UTC)
    seconds = int(moment.timestamp())
    for unit in (1, 10**3, 10**6, 10**9):
        assert parse_moment(seconds * unit) == moment
        assert parse_moment(str(seconds * unit)) == moment


@pytest.mark.parametrize("name", ["timestamp", "@timestamp", "time", "occurred", "occurred_at"])
def test_an_event_whose_time_cannot_be_read_is_refused_and_not_taken_for_one_of_now(name: str):
    for nonsense in ("yesterday", True, {"a": 1}, [1]):
        found = taken("default", 3, {name: nonsense})
        assert isinstance(found, Refused)
        assert (found.index, found.field) == (3, name)
    for fine in (None, "", "2026-11-29 07:30:00 UTC", "0001-01-01T00:00:00Z", 0):
        assert not isinstance(taken("default", 0, {name: fine}), Refused)
