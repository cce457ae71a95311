"""Whether Prefect plans runs for the deployments that have a schedule.

A Prefect server that cannot read a schedule plans nothing and answers as usual; only its log tells
(`findings/prefect-3-9-plans-no-cron-run.sh`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sentinel.prefect_client.port import Deployed, Runs
from sentinel.timing.planned_times import times_between

__all__ = ["ScheduledRuns", "unplanned", "without_planned_run"]

_AHEAD = timedelta(days=1)
_GRACE = timedelta(minutes=5)


class ScheduledRuns(Protocol):
    """The deployments of a Prefect API, and the runs that it has planned for them."""

    def every_deployment(self) -> Sequence[Deployed]:
        """All deployments, with their flows' names."""
        ...

    def runs_by_deployment(self, where: Mapping[str, Any], *, sort: str) -> Runs:
        """Flow runs that match `where`, a `FlowRunFilter` of Prefect's API."""
        ...


def unplanned(
    deployments: Sequence[Deployed], planned: Collection[str], now: datetime
) -> list[str]:
    """Return the deployments for which Prefect should have planned a run, and has not.

    Args:
        deployments: as Prefect has them
        planned: ids of the deployments that have a run ahead
        now: the present time; a schedule that is younger than 5 minutes is not judged, since the
            scheduler of Prefect comes by once a minute

    Returns:
        Their names as `flow/name`, in the order given. A paused one, and one whose next run is
        more than a day ahead, is not among them.
    """
    return [
        f"{one.flow}/{one.name}"
        for one in deployments
        if not one.paused
        and one.id not in planned
        and times_between(_settled(one.schedules, now), now, now + _AHEAD)
    ]


def _settled(schedules: Sequence[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    """Return the schedules that Prefect's scheduler must have seen."""
    oldest = (now - _GRACE).isoformat()
    return [
        one
        for one in schedules
        if datetime.fromisoformat(one.get("updated") or one.get("created") or oldest)
        <= now - _GRACE
    ]


def without_planned_run(prefect: ScheduledRuns, now: datetime) -> list[str]:
    """Ask Prefect for its deployments and for the runs ahead, and compare them.

    Args:
        prefect: the API
        now: the present time

    Returns:
        See `unplanned`; empty as well where there are too many runs to tell.

    Raises:
        PrefectUnreachable: the API does not answer
    """
    where: Mapping[str, Any] = {
        "state": {"type": {"any_": ["SCHEDULED"]}},
        "expected_start_time": {"after_": now.isoformat()},
    }
    runs = prefect.runs_by_deployment(where, sort="EXPECTED_START_TIME_ASC")
    return [] if runs.cut else unplanned(prefect.every_deployment(), set(runs.of), now)
