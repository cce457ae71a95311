"""The reading of a deployment's runs, and the text for a message. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sentinel import Reading
from sentinel.duration import format_duration
from sentinel.labels.text import storable
from sentinel.prefect_client.port import Deployed, FlowRun, PrefectPort
from triggers._outcomes import BLANK, Failure

__all__ = ["Trouble", "labels_of", "reading_of", "span"]

_REPORTED_LOG = 2500


class Trouble(NamedTuple):
    """One thing that is wrong with a deployment: what it is called, and in words."""

    kind: str
    text: str
    runs: int
    run: FlowRun | None = None


def reading_of(
    prefect: PrefectPort,
    one: Deployed,
    troubles: Sequence[Trouble],
    failure: Failure | None,
    fresh: int,
) -> Reading:
    """Make the reading of a deployment, or of a flow whose runs have none: then its name is empty.

    Args:
        prefect: for addresses
        one: the deployment
        troubles: all that is wrong with it, the worst first
        failure: how it failed last, if that is among them
        fresh: how many bad runs are new

    Returns:
        A good reading where there are no troubles, else a firing one whose value is the number
        of runs that the worst trouble concerns.
    """
    name = f"{one.flow}/{one.name}" if one.name else f"{one.flow} (without a deployment)"
    if not troubles:
        return Reading(labels=labels_of(one), value=0, firing=False, summary=f"{name} is well")
    first = troubles[0]
    details: dict[str, Any] = BLANK | {
        "kind": first.kind,
        "troubles": [trouble.text for trouble in troubles],
        "deployment_url": prefect.deployment_url(one.id) if one.name else "",
        "deployment_id": one.id if one.name else "",
        "work_pool": one.work_pool_name or "",
        "tags": list(one.tags),
    }
    run = (failure.run_id, failure.run_name) if failure else _of(first.run)
    if run is not None:
        deleted = failure is not None and failure.deleted
        url = "" if deleted else prefect.run_url(run[0])
        details |= {"run_id": run[0], "run": run[1], "run_url": url}
        if deleted:
            details["run_deleted"] = True
    if failure is not None:
        details |= {
            "message": failure.message,
            "runs": failure.count,
            "since": failure.since.isoformat(),
            "ended": failure.ended.isoformat(),
            "logs": "\n".join(failure.logs),
        }
    details["report"] = _report(details)
    also = [trouble.kind for trouble in troubles[1:]]
    more = f"; also {', '.join(also)}" if also else ""
    return Reading(
        labels=labels_of(one),
        value=first.runs,
        firing=True,
        summary=storable(f"{name} {first.text}{more}")[:1000],
        details=details,
        occurrences=fresh,
    )


def _report(details: Mapping[str, Any]) -> str:
    """Return all that is known, for a message: what is wrong, an address, the end of the log."""
    lines = [f"- {text}" for text in details["troubles"]]
    lines.append(details["run_url"] or details["deployment_url"])
    if details["logs"]:
        # The end of a traceback says what it is about.
        lines += ["", "The end of its log:", details["logs"][-_REPORTED_LOG:]]
    return storable("\n".join(lines))


def _of(run: FlowRun | None) -> tuple[str, str] | None:
    return None if run is None else (run.id, run.name)


def labels_of(one: Deployed) -> dict[str, str]:
    """Return the labels that identify it."""
    labels = {"flow": one.flow[:200]}
    # A flow whose runs have no deployment stands for all of them.
    return labels | ({"deployment": one.name[:200]} if one.name else {})


def span(length: timedelta) -> str:
    """Return a length of time for people."""
    seconds = max(0, round(length.total_seconds()))
    # Nobody reads seconds of hours.
    step = 1 if seconds < 120 else 60
    return format_duration(timedelta(seconds=seconds // step * step))
