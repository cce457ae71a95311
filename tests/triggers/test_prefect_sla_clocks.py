"""prefect_sla in the night in which clocks go back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sentinel import Context
from sentinel.checks.runner import observe
from sentinel.clock import FakeClock
from sentinel.prefect_client.port import FlowRun
from triggers.prefect_sla import prefect_sla


class OneDeployment:
    """A Prefect whose only deployment completed a run at `ended`."""

    def __init__(self, cron: str, zone: str, ended: datetime) -> None:
        schedule = {"cron": cron, "timezone": zone}
        self.deployment = {
            "id": "1", "created": "2026-01-01T00:00:00+00:00",
            "schedules": [{"active": True, "schedule": schedule}],
        }  # fmt: skip
        self.run = FlowRun(id="2", name="run", end_time=ended)

    def deployment_named(self, _flow: str, _name: str) -> dict[str, Any]:
        return self.deployment

    def last_runs(self, _id: str, _where: object, _most: int) -> list[FlowRun]:
        return [self.run]


@pytest.mark.parametrize(
    ("zone", "minutes", "fires"),
    [("Europe/Berlin", 79, False), ("Europe/Berlin", 91, True), ("UTC", 31, True)],
)
def test_the_hour_that_comes_twice_is_no_breach(zone: str, minutes: int, fires: bool):
    """A cron of every 20 minutes pauses for 80 when clocks go back, as Prefect plans it."""
    ended = datetime(2026, 10, 25, 0, 40, tzinfo=UTC)
    prefect: Any = OneDeployment("*/20 * * * *", zone, ended)
    ctx = Context(clock=FakeClock(ended + timedelta(minutes=minutes)), prefect=prefect)
    given = {"deployments": ["etl/load"], "stale_after": timedelta(minutes=30)}
    (reading,) = observe(prefect_sla, ctx, given, timeout=None).readings
    assert reading.firing is fires


@pytest.mark.parametrize(("minutes", "fires"), [(-1, None), (1, True)])
def test_a_time_that_does_not_exist_is_the_first_moment_that_does(minutes: int, fires: bool | None):
    """In Berlin, on 29 March, 03:00 follows 01:59: what is due at 02:30 is due at 03:00."""
    prefect: Any = OneDeployment("0 0 * * *", "UTC", datetime(2026, 3, 28, 12, tzinfo=UTC))
    due = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    ctx = Context(clock=FakeClock(due + timedelta(minutes=minutes)), prefect=prefect)
    given = {"ready_by": "02:30", "timezone": "Europe/Berlin", "days": ["sun"]}
    readings = observe(
        prefect_sla, ctx, {"deployments": ["etl/load"], **given}, timeout=None
    ).readings
    of_that_day = [one for one in readings if "2026-03-29" in (one.summary or "")]
    assert [one.firing for one in of_that_day] == ([] if fires is None else [fires])
    if fires:
        assert of_that_day[0].value == 60.0
