"""How the runs of each deployment ended, remembered from one evaluation to the next. Pure.

A deployment is bad from a run that failed or crashed until a later one is good. What is kept is
small: only the deployments that are bad now, and of each the last bad run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from sentinel.prefect_client.port import FlowRun

__all__ = ["BAD", "BLANK", "GOOD", "Failure", "Memory", "Planning", "Slots", "Usual", "fold"]

BAD = ("FAILED", "CRASHED")
GOOD = "COMPLETED"
BLANK: dict[str, Any] = {
    "message": "",
    "logs": "",
    "report": "",
    "run": "",
    "run_id": "",
    "run_url": "",
}
"""Details that are always there, so that a rule's description may name them whatever is wrong."""
_KEYS = 20
"""So many of the last bad runs are remembered, so that none is counted twice."""


class Failure(msgspec.Struct, kw_only=True):
    """The last bad run of a deployment, and how many there were in a row.

    `settled` once its log is whole: the last lines arrive later than the state. `deleted` where
    Prefect no longer has the run.
    """

    kind: str
    run_id: str
    run_name: str
    ended: datetime
    since: datetime
    message: str = ""
    count: int = 1
    keys: list[str] = []
    logs: list[str] = []
    settled: bool = False
    deleted: bool = False


class Usual(msgspec.Struct, kw_only=True):
    """How long good runs of a deployment take: their median, and how many were looked at."""

    seconds: float
    runs: int
    at: datetime


class Planning(msgspec.Struct, kw_only=True):
    """Since when Prefect has planned no next run of a deployment, and when it was last asked."""

    at: datetime
    missing: dict[str, datetime] = {}


class Slots(msgspec.Struct, kw_only=True):
    """Which times of schedules were looked at, and for which of them Prefect made no run.

    Attributes:
        at: when this was last asked
        until: times before this were looked at
        off: deployments whose schedules were off then
        on: since when one that was off is on, as long as that matters
        missing: the last time of each deployment for which there is no run
    """

    at: datetime
    until: datetime
    off: list[str] = []
    on: dict[str, datetime] = {}
    missing: dict[str, datetime] = {}


class Memory(msgspec.Struct, kw_only=True):
    """What one rule remembers.

    Attributes:
        api: the server that it belongs to
        looked: when it was asked last
        bad: the last bad run of each deployment that is bad
        usual: how long its good runs take
        planning: what Prefect plans
        slots: which times of schedules were looked at
        troubled: labels of the deployments that were bad last time, by id
    """

    api: str = ""
    looked: datetime | None = None
    bad: dict[str, Failure] = {}
    usual: dict[str, Usual] = {}
    planning: Planning | None = None
    slots: Slots | None = None
    troubled: dict[str, dict[str, str]] = {}

    @classmethod
    def of(cls, state: Mapping[str, Any], api: str) -> Memory:
        """Return the memory in a rule's state, or a fresh one where it is of another server."""
        try:
            kept = msgspec.convert(state.get("memory") or {}, cls)
        except msgspec.ValidationError:
            # Of an older version of this file: what is bad now is found out again.
            kept = cls()
        return kept if kept.api == api else cls(api=api)

    def kept(self) -> dict[str, Any]:
        """As JSON."""
        return msgspec.to_builtins(self)


def fold(
    memory: Memory, ended: Mapping[str, Sequence[FlowRun]], wanted: set[str]
) -> dict[str, int]:
    """Add the runs that ended to what is remembered of their deployments.

    Args:
        memory: changed in place
        ended: runs that completed, failed or crashed by deployment, the last to end first
        wanted: ids of the deployments that are watched; others are forgotten

    Returns:
        How many new bad runs each deployment has, by its id; those without one are left out.
    """
    memory.bad = {one: failure for one, failure in memory.bad.items() if one in wanted}
    fresh: dict[str, int] = {}
    for deployment, runs in ended.items():
        if deployment not in wanted:
            continue
        known = memory.bad.get(deployment)
        first = runs[0]
        if first.state_type == GOOD:
            if known is None or _end(first) >= known.ended:
                memory.bad.pop(deployment, None)
            continue
        streak = _streak(runs)
        # A good run among those seen ended the row that was known.
        row = known if len(streak) == len(runs) else None
        new = [run for run in streak if known is None or _unseen(run, known)]
        if known is not None and not new:
            continue
        fresh[deployment] = len(new)
        memory.bad[deployment] = Failure(
            kind="crashed" if first.state_type == "CRASHED" else "failed",
            run_id=first.id,
            run_name=first.name,
            ended=_end(first),
            since=row.since if row else _end(streak[-1]),
            message=_message(first),
            count=(row.count + len(new)) if row else len(streak),
            keys=[_key(run) for run in streak[:_KEYS]],
        )
    return fresh


def _streak(runs: Sequence[FlowRun]) -> list[FlowRun]:
    """Return the bad runs since the last good one."""
    streak: list[FlowRun] = []
    for run in runs:
        if run.state_type == GOOD:
            break
        streak.append(run)
    return streak


def _unseen(run: FlowRun, known: Failure) -> bool:
    if _end(run) > known.ended:
        return True
    # One that ended earlier may still have arrived later.
    return len(known.keys) < _KEYS and _key(run) not in known.keys


def _key(run: FlowRun) -> str:
    # A run that is tried again by hand and fails again is another occurrence.
    return f"{run.id} {_end(run).timestamp():.0f}"


def _end(run: FlowRun) -> datetime:
    if run.end_time is None:
        raise ValueError(f"run {run.id} has not ended")
    return run.end_time


def _message(run: FlowRun) -> str:
    text = (run.state.message or "") if run.state else ""
    return text.removeprefix("Flow run encountered an exception: ").strip()[:1000]
