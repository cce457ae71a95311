"""Which of the runs that are due are claimed now, and which are let go. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from sentinel.duration import parse_duration

__all__ = ["Choice", "Due", "choose", "due_of", "hard_timeout", "in_order", "is_rule", "rule_name"]

LAST = 1_000_000
"""The priority of a queue that is not known."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A flow run that the pool has for us.

    Attributes:
        at: when it is due
        queue: name of its work queue
        priority: of that queue; 1 comes first
        collapses: a newer run of the same deployment stands for it
    """

    id: str
    deployment: str | None
    at: datetime
    queue: str
    priority: int
    collapses: bool
    flow_run: dict[str, Any]


class Choice(msgspec.Struct, frozen=True):
    """What to do now: claim these in this order; end those, each with the run that stands for it.

    `again` asks for another look at once: the page was full, and what is newest is not known.
    """

    claim: list[Due]
    collapse: list[str]
    again: bool = False


def due_of(flow_run: dict[str, Any], priorities: Mapping[str, int]) -> Due:
    """What the API says of a scheduled run, as far as it matters here."""
    queue: str = flow_run.get("work_queue_name") or ""
    when = flow_run.get("next_scheduled_start_time") or flow_run["expected_start_time"]
    return Due(
        id=flow_run["id"],
        deployment=flow_run.get("deployment_id"),
        at=datetime.fromisoformat(when.replace("Z", "+00:00")),
        queue=queue,
        priority=priorities.get(queue, LAST),
        collapses=bool(flow_run.get("auto_scheduled"))
        and flow_run.get("run_count", 0) == 0
        and (is_rule(flow_run) or "sentinel-system" in flow_run.get("tags", ())),
        flow_run=flow_run,
    )


def choose(due: Sequence[Due], *, now: datetime, known: Collection[str], full: bool) -> Choice:
    """Sort out what the pool has.

    Of a rule's scheduled runs that are due by now only the newest is claimed: after an outage
    every rule looks once, and what it missed stays unknown to it.

    Args:
        due: what the API answered
        now: the present moment
        known: runs that this worker has in its hands already
        full: the API had more than it answered
    """
    fresh = [one for one in due if one.id not in known]
    newest: dict[str, Due] = {}
    collapse: list[str] = []
    claim: list[Due] = []
    for one in sorted(fresh, key=lambda one: one.at):
        if not one.collapses or one.deployment is None or one.at > now:
            claim.append(one)
            continue
        before = newest.get(one.deployment)
        if before is not None:
            collapse.append(before.id)
        newest[one.deployment] = one
    if not (full and collapse):
        # On a full page with late runs the newest may be on the next one.
        claim += newest.values()
    return Choice(in_order(claim, now), collapse, again=full and bool(collapse))


def in_order(runs: Sequence[Due], now: datetime) -> list[Due]:
    """Runs as they are to be claimed: what is due by now, the first queue, the longest wait."""
    return sorted(runs, key=lambda one: (one.at > now, one.priority, one.at))


def is_rule(flow_run: Mapping[str, Any]) -> bool:
    """Whether this is a run of a rule."""
    return bool(rule_name(flow_run))


def rule_name(flow_run: Mapping[str, Any]) -> str:
    """The rule that a run evaluates, or an empty text."""
    parameters: dict[str, Any] = flow_run.get("parameters") or {}
    rule: Any = parameters.get("rule")
    name: Any = rule.get("name") if isinstance(rule, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - it is JSON
    return name if isinstance(name, str) else ""


def hard_timeout(flow_run: Mapping[str, Any], *, grace: timedelta, other: timedelta) -> timedelta:
    """How long a run may take before its child is killed.

    Args:
        flow_run: as the API gave it
        grace: added to a rule's own timeout, within which the check ends by itself
        other: for what is no rule
    """
    if not is_rule(flow_run):
        return other
    try:
        own = parse_duration(flow_run["parameters"]["rule"].get("timeout", 60))
    except ValueError:
        own = timedelta(seconds=60)  # the run itself will say what is wrong with it
    return own + grace
