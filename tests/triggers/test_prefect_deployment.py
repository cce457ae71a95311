"""prefect_deployment starts a run on a real Prefect server and judges it at a later evaluation."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sentinel import Context
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from tests.prefect_server import PrefectServer
from tests.triggers.fleet import Fleet
from triggers.prefect_deployment import prefect_deployment

pytestmark = pytest.mark.prefect


class Check:
    """A rule with this trigger: its state is kept, unless a commit is lost."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.name = f"{fleet.flow}/probe"
        self.id = fleet.deployment("probe", enforce_parameter_schema=False)
        self.clock = FakeClock(datetime.now(UTC))
        self.state: dict[str, Any] = {}

    def evaluate(self, *, minutes: float = 0, lost: bool = False, **parameters: Any) -> Observation:
        self.clock.set(datetime.now(UTC) + timedelta(minutes=minutes))
        ctx = Context(clock=self.clock, state=self.state, prefect=self.fleet.server.api)
        seen = prefect_deployment.check(ctx=ctx, deployment=self.name, **parameters)
        assert seen.state is not None
        if not lost:
            self.state = seen.state
        return seen

    def runs(self) -> list[dict[str, Any]]:
        body = {"deployments": {"id": {"any_": [self.id]}}, "sort": "EXPECTED_START_TIME_ASC"}
        return self.fleet.post("/flow_runs/filter", **body)

    def ends(self, kind: str, name: str = "", message: str = "") -> None:
        """The newest run starts and ends like that."""
        run = self.runs()[-1]["id"]
        self.fleet.becomes(run, "RUNNING")
        self.fleet.becomes(run, kind, name, message)


@pytest.fixture
def check(prefect_server: PrefectServer) -> Generator[Check]:
    fleet = Fleet(prefect_server)
    yield Check(fleet)
    fleet.close()


def test_the_first_evaluation_starts_a_run_and_is_unknown(check: Check):
    seen = check.evaluate(parameters={"day": "monday"}, tags=["probe"])
    assert seen.readings == []
    assert seen.not_seen == [{"deployment": check.name}]
    (run,) = check.runs()
    assert run["parameters"] == {"day": "monday"}
    assert "probe" in run["tags"]


def test_a_later_evaluation_judges_it_and_starts_the_next(check: Check):
    check.evaluate()
    check.ends("COMPLETED", "Firing")
    (reading,) = check.evaluate().readings
    assert reading.firing is False
    assert reading.value is not None
    assert len(check.runs()) == 2


@pytest.mark.parametrize(("kind", "word"), [("FAILED", "failed"), ("CRASHED", "crashed")])
def test_a_run_that_ended_badly_fires_with_its_reason(check: Check, kind: str, word: str):
    check.evaluate()
    check.ends(kind, message="Flow run encountered an exception: ValueError: no rows")
    run = check.runs()[0]
    (reading,) = check.evaluate().readings
    assert reading.firing is True
    assert reading.summary == f"{check.name}: run {run['name']} {word}: ValueError: no rows"
    assert reading.details is not None
    assert reading.details["run_url"].endswith(run["id"])


def test_while_a_run_is_on_its_way_no_second_one_is_started(check: Check):
    check.evaluate()
    for _ in range(3):
        seen = check.evaluate()
        assert seen.readings == []
        assert seen.not_seen == [{"deployment": check.name}]
    assert len(check.runs()) == 1


def test_a_run_that_takes_too_long_is_bad(check: Check):
    check.evaluate(longest_minutes=30)
    assert check.evaluate(minutes=29, longest_minutes=30).readings == []
    (reading,) = check.evaluate(minutes=31, longest_minutes=30).readings
    assert reading.firing is True
    assert reading.summary is not None
    assert "has not started after 31m" in reading.summary
    check.fleet.becomes(check.runs()[0]["id"], "RUNNING")
    (reading,) = check.evaluate(minutes=32, longest_minutes=30).readings
    assert "has not ended after 32m" in (reading.summary or "")
    assert len(check.runs()) == 1


def test_an_evaluation_whose_state_was_lost_starts_no_second_run(check: Check):
    check.evaluate()
    check.ends("COMPLETED")
    check.evaluate(lost=True)
    assert len(check.runs()) == 2
    (reading,) = check.evaluate().readings
    assert reading.firing is False
    assert len(check.runs()) == 2


def test_two_rules_over_one_deployment_have_runs_of_their_own(check: Check):
    check.evaluate()
    check.state = {}
    check.evaluate()
    assert len(check.runs()) == 2


@pytest.mark.parametrize("gone", [False, True])
def test_a_run_that_was_cancelled_or_deleted_says_nothing(check: Check, gone: bool):
    check.evaluate()
    run = check.runs()[0]["id"]
    if gone:
        check.fleet.delete(f"/flow_runs/{run}")
    else:
        check.fleet.becomes(run, "CANCELLED")
    seen = check.evaluate()
    assert (seen.readings, seen.not_seen) == ([], [{"deployment": check.name}])
    assert len(check.runs()) == (1 if gone else 2)


def test_a_deployment_that_is_not_there_is_named(check: Check):
    check.name = "no/such"
    with pytest.raises(ConfigurationError, match="Prefect has no deployment 'no/such'"):
        check.evaluate()


def test_it_acts_on_the_world_so_no_replay_may_call_it():
    assert prefect_deployment.backtest is False
