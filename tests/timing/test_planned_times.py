"""When a deployment's schedules ask for a run, reckoned as Prefect reckons them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule

from sentinel.timing.planned_times import MOST, repeated_between, times_between

SINCE = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def on(schedule: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"schedule": schedule, "active": True, **more}]


@pytest.mark.parametrize(
    "schedule",
    [
        {"cron": "*/15 * * * *"},
        {"cron": "0 2 * * *", "timezone": "America/New_York"},
        {"cron": "30 6 * * MON-FRI", "timezone": "Europe/Berlin"},
        {"cron": "0 0 1,15 * 3"},
        {"cron": "0 4 * * 7"},
        {"interval": 3600, "anchor_date": "2026-01-01T00:10:00+00:00"},
        {"interval": 86400, "anchor_date": "2026-04-01T09:00:00+00:00",
         "timezone": "America/New_York"},
        {"interval": 90, "anchor_date": "2026-07-01T00:00:07+00:00"},
    ],
)  # fmt: skip
def test_it_is_what_prefect_plans(schedule: dict[str, Any]):
    until = SINCE + timedelta(days=8)
    kind: Any = CronSchedule if "cron" in schedule else IntervalSchedule
    planned = asyncio.run(kind(**schedule).get_dates(n=MOST, start=SINCE, end=until))
    expected = [at for at in planned if at > SINCE][:MOST]
    found = times_between(on(schedule), SINCE, until)
    assert found[: len(expected)] == expected
    assert len(found) in (len(expected), MOST)


def test_a_time_belongs_to_one_window_only():
    schedule = on({"cron": "0 * * * *"})
    hours = [SINCE + timedelta(hours=n) for n in range(4)]
    found = [times_between(schedule, a, b) for a, b in pairwise(hours)]
    assert found == [[hours[1]], [hours[2]], [hours[3]]]


@pytest.mark.parametrize(
    "schedules",
    [
        [],
        [{"schedule": {"cron": "* * * * *"}, "active": False}],
        on({"rrule": "FREQ=MINUTELY"}),
        on({"cron": "not a cron"}),
        on({"cron": "* * * * *", "timezone": "Nowhere/Atall"}),
        on({"cron": "0 0 1 * 3", "day_or": False}),
        on({"interval": 0, "anchor_date": "2026-01-01T00:00:00Z"}),
        on({"interval": 60}),
        on({"interval": 60, "anchor_date": "2026-01-01T00:00:00"}),
        on({"interval": 86400, "anchor_date": "2026-01-01T17:30:00+00:00",
            "timezone": "America/New_York"}),
        on({"cron": "* * * * *"}, updated="2026-05-01T13:00:00Z"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_not_reckoned(schedules: list[dict[str, Any]]):
    assert times_between(schedules, SINCE, SINCE + timedelta(hours=1)) == []


def test_around_a_change_of_the_clocks_nothing_is_reckoned():
    change = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    schedule = {"cron": "*/30 * * * *", "timezone": "Europe/Berlin"}
    hour = timedelta(hours=1)
    assert times_between(on(schedule), change - hour, change + hour) == []
    assert (
        len(times_between(on({**schedule, "timezone": "UTC"}), change - hour, change + hour)) == 4
    )


BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""When clocks go back in Berlin."""


@pytest.mark.parametrize(
    ("schedule", "hours"),
    [
        ({"cron": "*/20 * * * *", "timezone": "Europe/Berlin"}, 1),
        ({"cron": "*/20 * * * *", "timezone": "UTC"}, 0),
        ({"cron": "*/20 * * * *"}, 0),
        ({"interval": 1200, "timezone": "Europe/Berlin"}, 0),
    ],
)
def test_an_hour_that_comes_twice_is_planned_once_by_cron(schedule: dict[str, Any], hours: int):
    before, after = BACK - timedelta(minutes=30), BACK + timedelta(minutes=30)
    assert repeated_between(on(schedule), before, after) == timedelta(hours=hours)
    assert repeated_between(on(schedule), after, after + timedelta(days=1)) == timedelta(0)
    assert repeated_between([{"schedule": schedule, "active": False}], before, after) == timedelta(
        0
    )
