"""A deployment whose schedule Prefect does not plan is named, and no other one is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sentinel.clock import FakeClock, SystemClock
from sentinel.engine.planned_runs import unplanned, without_planned_run
from sentinel.prefect_client.port import Deployed
from sentinel.up.setup import Setup
from tests.prefect_server import PrefectServer
from tests.waiting import eventually

NOW = FakeClock().now()
MINUTELY = {"cron": "* * * * *"}


def deployed(schedule: Mapping[str, Any], **more: Any) -> Deployed:
    age = more.pop("age", timedelta(hours=1))
    active = more.pop("active", True)
    one = {"schedule": schedule, "active": active, "updated": (NOW - age).isoformat()}
    return Deployed(id="1", name="cpu", flow_id="2", flow="cpu-usage", schedules=[one], **more)


@pytest.mark.parametrize(
    "schedule",
    [MINUTELY, {"interval": 60, "anchor_date": "2026-01-01T00:00:00+00:00"}],
    ids=["cron", "interval"],
)
def test_one_without_a_run_ahead_is_named(schedule: Mapping[str, Any]):
    assert unplanned([deployed(schedule)], set(), NOW) == ["cpu-usage/cpu"]


def test_one_with_a_run_ahead_is_not():
    assert unplanned([deployed(MINUTELY)], {"1"}, NOW) == []


@pytest.mark.parametrize(
    "one",
    [
        deployed(MINUTELY, paused=True),
        deployed(MINUTELY, active=False),
        deployed(MINUTELY, age=timedelta(minutes=1)),
        deployed({"cron": "0 0 1 1 *"}),
        Deployed(id="1", name="notify", flow_id="2"),
    ],
    ids=["paused", "switched off", "just made", "once a year", "no schedule"],
)
def test_one_that_needs_no_run_yet_is_not(one: Deployed):
    assert unplanned([one], set(), NOW) == []


@pytest.mark.prefect
def test_the_prefect_of_this_release_plans_cron_and_interval(prefect_server: PrefectServer):
    api = prefect_server.url
    made: set[str] = set()
    with Setup(api) as prefect, httpx.Client(base_url=api, timeout=30) as client:
        flow = client.post("/flows/", json={"name": "planned"}).raise_for_status().json()["id"]
        for name, schedule in (("cron", MINUTELY), ("interval", {"interval": 60})):
            schedules = [{"schedule": schedule, "active": True}]
            body = {"name": name, "flow_id": flow, "schedules": schedules}
            made.add(client.post("/deployments/", json=body).raise_for_status().json()["id"])
        ahead = SystemClock().now() + timedelta(minutes=6)  # when both schedules count as old
        where = {"expected_start_time": {"after_": ahead.isoformat()}}

        def planned() -> bool:
            return made <= set(prefect.every_run(where).of)

        eventually(planned, "both have runs ahead")
        assert not {"planned/cron", "planned/interval"} & set(without_planned_run(prefect, ahead))
        for one in made:
            client.delete(f"/deployments/{one}").raise_for_status()
