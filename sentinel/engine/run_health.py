"""Whether the flow runs of the work pool begin, judged by what Prefect recorded of them.

A worker whose runs all die evaluates no rule and notifies nobody, so no rule can report it. The
relay, which needs no worker, evaluates this and opens an alert; `sentinel doctor` prints it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from sentinel.checks.reading import Reading
from sentinel.engine.own_rules import apply_own
from sentinel.prefect_client.port import FlowRun, PoolRuns
from sentinel.store import Store
from sentinel.store.alerts.live_labels import live_labels

__all__ = ["RULE", "RunHealth", "RunWatch", "judge_runs", "run_health"]

RULE = "sentinel-flow-runs"
_WINDOW = timedelta(minutes=5)
_LATE = timedelta(minutes=2)
_LEAST = 3
_MOST = 50


class RunHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The health of the flow runs of a work pool.

    Attributes:
        bad: whether all runs died or wait; None where too few ended to tell
        says: what is wrong, or what was seen, in words
    """

    bad: bool | None
    says: str


def judge_runs(ended: Sequence[FlowRun], late: Sequence[FlowRun]) -> RunHealth:
    """Judge the runs that ended in the window, and those that wait.

    A run whose check fails has not died: it began, and ended as Failed. A run that crashed, or that
    failed before it began, has died.

    Args:
        ended: the newest end first
        late: the runs that are due for two minutes or more, the longest due first

    Returns:
        Bad where three or more ended and all of them died, or where none ended and three or more
        are late.
    """
    # What was cancelled may never have been tried: a late run that a newer one replaced.
    tried = [run for run in ended if run.state_type != "CANCELLED"]
    dead = [run for run in tried if _died(run)]
    if len(dead) < len(tried):
        says = f"{len(tried) - len(dead)} of the last {len(tried)} ran"
        return RunHealth(bad=False, says=says)
    if len(dead) >= _LEAST:
        why = (dead[0].state.message if dead[0].state is not None else None) or "no reason given"
        says = f"all of the last {len(dead)} flow runs died, so no rule is evaluated: {why[:300]}"
        return RunHealth(bad=True, says=says)
    if not tried and len(late) >= _LEAST:
        says = "flow runs are due for minutes and none starts, so no rule is evaluated"
        return RunHealth(bad=True, says=says)
    return RunHealth(bad=None, says="too few flow runs ended in the last 5 minutes to tell")


def run_health(prefect: PoolRuns, pool: str, now: datetime) -> RunHealth:
    """Ask Prefect for the runs of the last five minutes, and judge them.

    Args:
        prefect: the API
        pool: name of the work pool
        now: the present time

    Returns:
        The health.

    Raises:
        PrefectUnreachable: the API does not answer
    """
    ended = prefect.ended_runs(pool, now - _WINDOW, _MOST)
    return judge_runs(ended, prefect.late_runs(pool, now - _LATE, _LEAST))


class RunWatch:
    """Opens an alert of high severity while all flow runs of the work pool die.

    Args:
        store: the shared database
        prefect: the API
        pool: name of the work pool
    """

    def __init__(self, store: Store, prefect: PoolRuns, pool: str) -> None:
        self._store = store
        self._prefect = prefect
        self._pool = pool

    def evaluate(self, now: datetime) -> None:
        """Evaluate once.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        health = run_health(self._prefect, self._pool, now)
        if health.bad is None or (not health.bad and not live_labels(self._store, RULE)):
            return
        reading = Reading(
            labels={"work_pool": self._pool}, firing=health.bad, summary=_sentence(health.says)
        )
        apply_own(
            self._store, now, [reading], name=RULE,
            description="Flow runs of the work pool die, so Sentinel evaluates no rule.",
        )  # fmt: skip


def _died(run: FlowRun) -> bool:
    return run.state_type == "CRASHED" or (run.state_type == "FAILED" and not run.run_count)


def _sentence(says: str) -> str:
    return says[:1].upper() + says[1:]
