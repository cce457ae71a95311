"""`prefect_runs`: what should have run and did not, and runs that have no deployment."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.prefect_server import PrefectServer
from tests.triggers.fleet import Fleet, ago
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.prefect]


@pytest.fixture
def fleet(prefect_server: PrefectServer) -> Generator[Fleet]:
    fleet = Fleet(prefect_server)
    yield fleet
    fleet.close()


class TestATimeThatWasSkipped:
    """A schedule's time for which Prefect made no run, while it goes on making others."""

    @pytest.fixture
    def times(self, fleet: Fleet) -> list[str]:
        """Ids of the runs that are planned for every third minute, the next first."""
        hourly = {"schedule": {"cron": "*/3 * * * *"}, "active": True}
        self.deployment = fleet.deployment("often", schedules=[hourly])
        return [run["id"] for run in eventually(lambda: self.planned(fleet), "runs are planned")]

    def planned(self, fleet: Fleet) -> list[dict[str, str]]:
        found = fleet.post(
            "/flow_runs/filter",
            deployments={"id": {"any_": [self.deployment]}},
            sort="EXPECTED_START_TIME_ASC",
        )
        return found if len(found) >= 3 else []

    def missed(self, fleet: Fleet, minutes: float) -> list[str]:
        return fleet.firing(minutes=minutes, late_minutes=0)

    def test_is_missing_until_a_later_run_is_good(self, fleet: Fleet, times: list[str]):
        first, second, third = times[:3]
        assert self.missed(fleet, 0) == []
        for run in (first, third):
            fleet.becomes(run, "COMPLETED")
        fleet.delete(f"/flow_runs/{second}")
        assert self.missed(fleet, 12) == ["often"]
        assert self.missed(fleet, 13) == ["often"]
        for run in self.planned(fleet)[2:]:
            fleet.becomes(run["id"], "COMPLETED")
        # The server stamps ends with its own time, in which nothing has passed.
        fleet.state["memory"]["looked"] = ago(minutes=1).isoformat()
        assert self.missed(fleet, 13.5) == []

    def test_says_which(self, fleet: Fleet, times: list[str]):
        slot = self.planned(fleet)[1]["expected_start_time"][:16].replace("T", " ")
        self.missed(fleet, 0)
        fleet.delete(f"/flow_runs/{times[1]}")
        reading = fleet.sees("often", 11.9, late_minutes=0)
        assert f"is missing: Prefect made no run for {slot}" in (reading.summary or "")

    def test_is_none_where_a_run_was_made_whatever_became_of_it(
        self, fleet: Fleet, times: list[str]
    ):
        self.missed(fleet, 0)
        fleet.becomes(times[0], "CANCELLED")
        assert self.missed(fleet, 12) == []

    def test_is_none_before_the_first_evaluation_nor_while_the_schedule_was_off(
        self, fleet: Fleet, times: list[str]
    ):
        assert self.missed(fleet, 12) == []
        fleet.switch(self.deployment, paused=True)
        assert self.missed(fleet, 14) == []
        for run in self.planned(fleet) or []:
            fleet.delete(f"/flow_runs/{run['id']}")
        assert self.missed(fleet, 30) == []
        fleet.switch(self.deployment, paused=False)
        assert self.missed(fleet, 31) == []


class TestRunsWithoutADeployment:
    """Those of one flow are one alert, named after the flow."""

    def firing(self, fleet: Fleet, minutes: float = 0, **parameters: object) -> list[str]:
        readings = fleet.evaluate(minutes, pools=False, **parameters).readings
        return [reading.labels["flow"] for reading in readings if reading.firing]

    def test_fire_until_one_is_good(self, fleet: Fleet):
        fleet.ran_alone("FAILED", "Flow run encountered an exception: ValueError: no rows")
        fleet.ran_alone("CRASHED")
        seen = fleet.evaluate(pools=False)
        (reading,) = seen.readings
        assert (reading.labels, reading.firing) == ({"flow": fleet.flow}, True)
        assert (reading.summary or "").startswith(f"{fleet.flow} (without a deployment) crashed")
        assert (reading.value, reading.occurrences) == (2, 2)
        assert self.firing(fleet) == [fleet.flow]
        fleet.ran_alone("COMPLETED")
        assert self.firing(fleet) == []

    def test_are_distinct_from_the_deployments_of_their_flow(self, fleet: Fleet):
        fleet.ran(fleet.deployment("nightly"), "COMPLETED")
        fleet.ran_alone("FAILED")
        readings = fleet.evaluate(pools=False).readings
        assert {len(reading.labels): reading.firing for reading in readings} == {2: False, 1: True}

    def test_count_neither_when_another_run_started_them_nor_when_they_are_left_out(
        self, fleet: Fleet
    ):
        fleet.ran_alone("FAILED", tags=["scratch"])
        assert self.firing(fleet, ignore_tags=["scratch"]) == []
        assert self.firing(fleet, ignore=[f"{fleet.flow}/*"]) == []
        assert self.firing(fleet, undeployed_runs=False) == []
        parent = fleet.ran_alone("COMPLETED")
        task = fleet.post("/task_runs/", flow_run_id=parent, task_key="child", dynamic_key="0")
        fleet.ran_alone("FAILED", parent_task_run_id=task["id"])
        assert self.firing(fleet) == []

    def test_one_is_not_reported_for_ever(self, fleet: Fleet):
        fleet.ran_alone("FAILED")
        assert self.firing(fleet, minutes=23 * 60) == [fleet.flow]
        assert self.firing(fleet, minutes=25 * 60) == []


def test_a_rule_of_sentinel_is_no_deployment_to_watch_whatever_its_tags(fleet: Fleet):
    rule = fleet.deployment("raising", entrypoint="flows.rules.raising")
    other = fleet.deployment("mine", entrypoint="flows.py:mine")
    for one in (rule, other):
        fleet.ran(one, "FAILED")
    assert fleet.firing() == ["mine"]
    assert sorted(fleet.firing(ignore_tags=[])) == ["mine", "raising"]
