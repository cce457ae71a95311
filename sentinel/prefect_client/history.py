"""Logs of flow runs, and the runs and task runs that ended, for the telemetry store."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

from sentinel.prefect_client.client import PrefectApi
from sentinel.prefect_client.transport import PAGE

__all__ = ["EndedRun", "LoggedLine", "RunHistory", "TaskRun"]

T = TypeVar("T")
_ENDED = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]


class LoggedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a flow run's log, with the names that Prefect gives its fields.

    `level` is as in Python's logging, 40 being ERROR; `name` is the logger's.
    """

    id: str
    timestamp: datetime
    name: str
    level: int
    message: str
    flow_run_id: str | None = None
    task_run_id: str | None = None


class TaskRun(msgspec.Struct, frozen=True, kw_only=True):
    """A task run."""

    id: str
    name: str
    state_type: str | None = None
    state_name: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    run_count: int = 0


class EndedRun(TaskRun, frozen=True, kw_only=True):
    """A flow run that ended."""

    flow_id: str
    deployment_id: str | None = None
    parent_task_run_id: str | None = None
    tags: list[str] = []


class RunHistory(PrefectApi):
    """Reads what happened, oldest lines and newest runs first; see `PrefectApi`."""

    def logged(self, after: datetime, before: datetime, offset: int) -> list[LoggedLine]:
        """Return a page of the lines of all runs.

        Args:
            after: lines from this moment on
            before: and up to this one
            offset: lines to leave out

        Returns:
            At most 200, the oldest first.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        when = {"after_": after.isoformat(), "before_": before.isoformat()}
        body = {"logs": {"timestamp": when}, "sort": "TIMESTAMP_ASC"}
        return self._read("/logs/filter", {**body, "limit": PAGE, "offset": offset}, LoggedLine)

    def ended(self, after: datetime, before: datetime) -> list[EndedRun]:
        """Return the flow runs that ended between two moments, both included.

        Args:
            after: the earlier moment
            before: the later moment

        Returns:
            All of them that began at all.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        when = {"after_": after.isoformat(), "before_": before.isoformat()}
        where = {"end_time": when, "state": {"type": {"any_": _ENDED}}}
        body = {"flow_runs": where, "sort": "END_TIME_DESC"}
        runs = self._all("/flow_runs/filter", body, EndedRun)
        return [run for run in runs if run.start_time is not None]

    def runs(self, ids: list[str]) -> dict[str, EndedRun]:
        """Return flow runs by their ids; those that Prefect deleted are left out.

        Args:
            ids: at most 200

        Returns:
            The runs by id.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        body = {"flow_runs": {"id": {"any_": ids}}, "limit": PAGE}
        return {run.id: run for run in self._read("/flow_runs/filter", body, EndedRun)}

    def tasks_of(self, flow_run_id: str) -> list[TaskRun]:
        """Return the task runs of a flow run that began, the first to begin first.

        Args:
            flow_run_id: of the flow run

        Returns:
            All of them.

        Raises:
            PrefectUnreachable: the API does not answer
        """
        body = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
        tasks = self._all("/task_runs/filter", body, TaskRun)
        return [task for task in tasks if task.start_time is not None]
