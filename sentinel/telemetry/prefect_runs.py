"""Prefect's runs as traces: a flow run is a trace, a task run a span, a line of its log a log line.

A trace's id is the flow run's, so that each is found from the other. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from sentinel.prefect_client.history import EndedRun, LoggedLine, TaskRun

__all__ = ["LOGGED_ID", "SCOPE", "lines_of_runs", "span_of", "spans_of_run", "trace_of"]

SCOPE = "prefect"
"""Attribute `prefect.source` of all of them, by which they are found again."""
LOGGED_ID = "prefect.log.id"
_LEVELS = ((50, "CRITICAL"), (40, "ERROR"), (30, "WARN"), (20, "INFO"), (10, "DEBUG"))
_BAD = ("FAILED", "CRASHED")


def trace_of(flow_run_id: str) -> str:
    """Return the trace id of a flow run: its own id, without dashes."""
    return flow_run_id.replace("-", "").lower()


def span_of(run_id: str) -> str:
    """Return the span id of a flow run or task run."""
    return blake2b(trace_of(run_id).encode(), digest_size=8).hexdigest()


def lines_of_runs(
    lines: Sequence[LoggedLine], runs: Mapping[str, EndedRun], flows: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return lines as `posted_logs` takes them.

    Args:
        lines: of any runs
        runs: flow runs by id, as far as they are known
        flows: names of flows by id

    Returns:
        An object for each; its service is the flow's name, or `prefect` where nobody knows it.
    """
    made: list[dict[str, Any]] = []
    for line in lines:
        run = runs.get(line.flow_run_id or "")
        ids = {"trace_id": trace_of(line.flow_run_id)} if line.flow_run_id else {}
        if own := line.task_run_id or line.flow_run_id:
            ids["span_id"] = span_of(own)
        level = next((word for number, word in _LEVELS if line.level >= number), "TRACE")
        flow = flows.get(run.flow_id) if run else None
        found = {
            "message": line.message or " ", "level": level,
            "timestamp": line.timestamp.isoformat(), "service_name": flow or SCOPE, **ids,
            LOGGED_ID: line.id, "prefect.source": SCOPE, "logger.name": line.name,
            "prefect.flow_run.name": run.name if run else "",
            "prefect.flow_run.id": line.flow_run_id or "",
        }  # fmt: skip
        made.append({name: value for name, value in found.items() if value})
    return made


def spans_of_run(run: EndedRun, tasks: Sequence[TaskRun], flow: str) -> list[dict[str, Any]]:
    """Return a run's spans as `posted_spans` takes them, the root last.

    Args:
        run: a flow run that began and ended
        tasks: its task runs that began
        flow: name of its flow

    Returns:
        An object for each task run and for the run.
    """
    service, root = flow or SCOPE, span_of(run.id)
    made = [
        {**_span(task, service, run.id), "parent_span_id": root, "kind": "internal",
         "prefect.task_run.id": task.id}
        for task in tasks
    ]  # fmt: skip
    more = {
        "prefect.flow_run.id": run.id, "prefect.flow_run.name": run.name,
        "prefect.deployment.id": run.deployment_id or "", "prefect.tags": ",".join(run.tags),
        "prefect.parent_task_run.id": run.parent_task_run_id or "",
    }  # fmt: skip
    named = {**_span(run, service, run.id), "operation_name": service, "kind": "server"}
    return [*made, {**named, **{name: value for name, value in more.items() if value}}]


def _span(run: TaskRun, service: str, flow_run_id: str) -> dict[str, Any]:
    start = run.start_time
    if start is None:
        raise ValueError(f"run {run.id} did not begin")
    end = max(run.end_time or start, start)
    return {
        "service_name": service, "operation_name": run.name,
        "trace_id": trace_of(flow_run_id), "span_id": span_of(run.id),
        "start_time": start.isoformat(), "end_time": end.isoformat(),
        "status": "error" if run.state_type in _BAD else "ok",
        "status_message": run.state_name or "", "prefect.source": SCOPE,
        "prefect.state": run.state_type or "", "prefect.run_count": run.run_count,
    }  # fmt: skip
