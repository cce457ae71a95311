"""The moments of local times, one by one and in rows, also where the clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from sentinel.timing.local_time import changes_of, moment_of, moments_of

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
    "Africa/Casablanca", "America/St_Johns", "Asia/Tehran",
)  # fmt: skip


def test_the_changes_of_a_year_are_named_with_the_offsets_around_them():
    hour = timedelta(hours=1)
    assert changes_of(ZoneInfo("Europe/Berlin"), 2026) == (
        (datetime(2026, 3, 29, 1, tzinfo=UTC), hour, 2 * hour),
        (datetime(2026, 10, 25, 1, tzinfo=UTC), 2 * hour, hour),
    )
    assert changes_of(ZoneInfo("Asia/Kolkata"), 2026) == ()


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    minutes=st.integers(0, 20 * 365 * 24 * 60),
    step=st.integers(1, 40 * 24 * 4),
)
def test_moments_in_a_row_are_those_that_are_asked_for_one_by_one(
    zone: ZoneInfo, minutes: int, step: int
):
    shown = datetime(2010, 1, 1) + timedelta(minutes=minutes)  # noqa: DTZ001 - a local time
    length = timedelta(minutes=15 * step)
    in_a_row = list(islice(moments_of(shown, length, zone), 60))
    assert in_a_row == [moment_of(shown + place * length, zone) for place in range(60)]
