"""prefect_sla judges real runs on a real Prefect server."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sentinel import Context
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, NotFound
from tests.prefect_server import PrefectServer
from tests.triggers.fleet import Fleet, ago
from triggers.prefect_sla import prefect_sla

pytestmark = pytest.mark.prefect


@pytest.fixture
def fleet(prefect_server: PrefectServer) -> Generator[Fleet]:
    fleet = Fleet(prefect_server)
    yield fleet
    fleet.close()


def evaluate(fleet: Fleet, at: datetime | None = None, /, **given: Any) -> Observation:
    ctx = Context(clock=FakeClock(at or datetime.now(UTC)), prefect=fleet.server.api)
    return prefect_sla.check(ctx=ctx, deployments=[f"{fleet.flow}/load"], **given)


def fires(seen: Observation) -> bool | None:
    """The one verdict; None where it is not known."""
    return seen.readings[0].firing if seen.readings else None


def in_(**length: float) -> datetime:
    return datetime.now(UTC) + timedelta(**length)


def test_a_run_takes_at_most_so_long_also_while_it_runs(fleet: Fleet):
    load = fleet.deployment("load")
    agreed = {"duration": timedelta(minutes=10)}
    assert evaluate(fleet, **agreed).not_seen == [
        {"deployment": f"{fleet.flow}/load", "sla": "duration"}
    ]
    fleet.ran(load, "COMPLETED")
    assert fires(evaluate(fleet, **agreed)) is False
    run = fleet.run(load)
    fleet.becomes(run, "RUNNING")
    assert fires(evaluate(fleet, in_(minutes=9), **agreed)) is False
    seen = evaluate(fleet, in_(minutes=12), **agreed)
    assert fires(seen) is True
    assert "has been running for 12m" in (seen.readings[0].summary or "")
    fleet.becomes(run, "COMPLETED")
    assert fires(evaluate(fleet, in_(minutes=12), **agreed)) is False


def test_a_run_starts_within_its_time(fleet: Fleet):
    load = fleet.deployment("load")
    agreed = {"within": timedelta(minutes=10)}
    run = fleet.run(
        load,
        state={
            "type": "SCHEDULED",
            "state_details": {"scheduled_time": ago(minutes=5).isoformat()},
        },
    )
    assert fires(evaluate(fleet, **agreed)) is False
    seen = evaluate(fleet, in_(minutes=6), **agreed)
    assert fires(seen) is True
    assert "1 run has not started within 10m" in (seen.readings[0].summary or "")
    fleet.becomes(run, "RUNNING")
    assert fires(evaluate(fleet, in_(minutes=6), **agreed)) is False


def test_data_is_stale_after_so_long_without_a_completed_run(fleet: Fleet):
    load = fleet.deployment("load")
    agreed = {"stale_after": timedelta(hours=1)}
    assert fires(evaluate(fleet, **agreed)) is None
    assert fires(evaluate(fleet, in_(hours=2), **agreed)) is True
    fleet.ran(load, "FAILED")
    assert fires(evaluate(fleet, in_(hours=2), **agreed)) is True
    fleet.ran(load, "COMPLETED")
    assert fires(evaluate(fleet, in_(minutes=59), **agreed)) is False
    assert fires(evaluate(fleet, in_(minutes=61), **agreed)) is True


def test_it_is_ready_by_seven_on_business_days(fleet: Fleet):
    load = fleet.deployment("load")
    fleet.ran(load, "COMPLETED")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today + timedelta(days=7 - today.weekday())
    agreed: dict[str, Any] = {"ready_by": "07:00"}
    # What was completed this week says nothing of next Monday.
    assert fires(evaluate(fleet, monday + timedelta(hours=7, minutes=1), **agreed)) is True
    friday = monday - timedelta(days=3)
    on_monday = evaluate(fleet, monday + timedelta(hours=6), **agreed).readings
    if on_monday:  # before seven, Friday counts
        assert f"{friday:%Y-%m-%d}" in (on_monday[0].summary or "")
    every = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    tomorrow = today + timedelta(days=1)
    early = evaluate(fleet, tomorrow + timedelta(hours=6), days=every, ready_by="23:59").readings
    assert [one.firing for one in early] in ([False], [])
    saturday = monday + timedelta(days=5)
    after = evaluate(fleet, saturday + timedelta(hours=12), **agreed).readings[0]
    assert f"Friday {saturday - timedelta(days=1):%Y-%m-%d}" in (after.summary or "")


def test_a_holiday_is_no_business_day(fleet: Fleet):
    fleet.deployment("load")
    # 2027-05-03 is a bank holiday in England, a Monday.
    noon = datetime(2027, 5, 3, 12, tzinfo=UTC)
    given = {"ready_by": "07:00", "timezone": "Europe/London"}
    (with_,) = evaluate(fleet, noon, **given, holidays="GB-ENG").readings
    (without,) = evaluate(fleet, noon, **given).readings
    assert "Friday 2027-04-30" in (with_.summary or "")
    assert "Monday 2027-05-03" in (without.summary or "")


def test_an_invalid_agreement_is_refused(fleet: Fleet):
    fleet.deployment("load")
    for given in ({}, {"ready_by": "25:00"}, {"ready_by": "07:00", "timezone": "Mars/Base"}):
        with pytest.raises(ConfigurationError):
            evaluate(fleet, None, **given)
    with pytest.raises(NotFound):
        prefect_sla.check(
            ctx=Context(prefect=fleet.server.api), deployments=["no/such"], duration=timedelta(1)
        )
