"""When no flow run lives, that is an alert, and it ends with the first that does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.run_health import RULE, RunWatch, judge_runs
from sentinel.prefect_client.port import FlowRun, RunState
from sentinel.store import Store


def run(state_type: str, *, began: bool = True, message: str = "") -> FlowRun:
    state = RunState(message=message)
    return FlowRun(id="1", name="one", state_type=state_type, state=state, run_count=int(began))


DEAD = run("CRASHED", message="its process ended: exit code 1")
UNLOADED = run("FAILED", began=False, message="its flow cannot be loaded")
REFUSED_CHECK = run("FAILED", message="the check raised")
COLLAPSED = run("CANCELLED", began=False)
OK = run("COMPLETED")
LATE = run("SCHEDULED", began=False)


@pytest.mark.parametrize(
    ("ended", "late", "bad"),
    [
        ([DEAD] * 3, [], True),
        ([UNLOADED] * 3, [], True),
        ([DEAD, COLLAPSED, DEAD, COLLAPSED, DEAD], [], True),
        ([COLLAPSED] * 3, [LATE] * 3, True),
        ([], [LATE] * 3, True),
        ([DEAD, DEAD, OK], [], False),
        ([DEAD, REFUSED_CHECK], [], False),
        ([OK], [LATE] * 3, False),
        ([DEAD] * 2, [], None),
        ([], [LATE] * 2, None),
        ([], [], None),
    ],
)
def test_all_runs_are_dead_where_none_of_those_that_were_tried_has_lived(
    ended: list[FlowRun], late: list[FlowRun], bad: bool | None
):
    assert judge_runs(ended, late).bad is bad


def test_the_reason_of_the_last_is_said():
    assert "exit code 1" in judge_runs([DEAD] * 3, []).says


class Pool:
    """Prefect, as far as it is asked for the runs of a pool."""

    def __init__(self) -> None:
        self.ended: list[FlowRun] = []

    def ended_runs(self, pool: str, since: datetime, most: int) -> Sequence[FlowRun]:
        return self.ended

    def late_runs(self, pool: str, before: datetime, most: int) -> Sequence[FlowRun]:
        return []


def test_an_alert_of_high_severity_opens_once_and_ends(store: Store, clock: FakeClock):
    pool = Pool()
    watch = RunWatch(store, pool, "sentinel")

    def look() -> list[str]:
        clock.forward(seconds=30)
        watch.evaluate(clock.now())
        return [one.status for one in store.alerts.page(limit=9).items]

    assert look() == []
    pool.ended = [OK]
    assert look() == []
    assert RULE not in {one.name for one in store.rules.list()}  # nothing to say, nothing written
    pool.ended = [DEAD] * 3
    assert look() == ["open"]
    (alert,) = store.alerts.page(limit=9).items
    assert (alert.rule, alert.severity) == (RULE, "high")
    assert "All of the last 3 flow runs died" in alert.title
    assert look() == ["open"]
    pool.ended = []  # nothing to tell by
    assert look() == ["open"]
    pool.ended = [OK, DEAD, DEAD]
    assert look() == ["resolved"]
