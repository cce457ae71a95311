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
    year=st.integers(2007, 2030),
    which=st.integers(0, 3),
    quarters=st.integers(-100, 12),
    step=st.sampled_from([1, 1, 2, 4, 48, 96, 672]),
)
def test_moments_in_a_row_are_those_that_are_asked_for_one_by_one(
    zone: ZoneInfo, year: int, which: int, quarters: int, step: int
):
    changes = changes_of(zone, year)
    near = changes[which % len(changes)][0] if changes else datetime(year, 3, 1, tzinfo=UTC)
    length = timedelta(minutes=15 * step)
    shown = near.astimezone(zone).replace(tzinfo=None) + quarters * length
    in_a_row = list(islice(moments_of(shown, length, zone), 120))
    assert in_a_row == [moment_of(shown + place * length, zone) for place in range(120)]
