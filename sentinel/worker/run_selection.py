"""Select the due flow runs to claim, and the late ones to collapse. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from sentinel.duration import parse_duration

__all__ = [
    "ActiveRun",
    "Choice",
    "Due",
    "choose",
    "due_of",
    "hard_timeout",
    "has_place",
    "in_order",
    "is_rule",
    "rule_name",
]

LAST = 1_000_000
"""The priority of an unknown queue."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduled flow run of the pool.

    Attributes:
        at: scheduled time
        queue: name of its work queue
        priority: priority of that queue; 1 comes first
        collapses: whether a newer run of the same deployment replaces it
    """

    id: str
    deployment: str | None
    at: datetime
    queue: str
    priority: int
    collapses: bool
    flow_run: dict[str, Any]


class ActiveRun(msgspec.Struct):
    """A flow run that this worker has claimed, or is about to claim."""

    due: Due
    entrypoint: str
    since: float
    began: bool = False


class Choice(msgspec.Struct, frozen=True):
    """The runs to claim, in this order, and the ids of late runs to collapse.

    `again` requests another poll at once: the page was full, so the newest runs are not known.
    """

    claim: list[Due]
    collapse: list[str]
    again: bool = False


def due_of(flow_run: dict[str, Any], priorities: Mapping[str, int]) -> Due:
    """Return a scheduled run as the API returned it, reduced to what matters here."""
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
    """Choose which runs to claim and which to collapse.

    Of a rule's scheduled runs that are due, only the newest is claimed: after an outage every
    rule is evaluated once, and the missed times stay unknown.

    Args:
        due: the runs that the API returned
        now: the present time
        known: ids of the active runs of this worker
        full: whether the page was full, so that there may be more runs

    Returns:
        The runs to claim and to collapse.
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
        # If a full page has late runs, the newest ones may be on the next page.
        claim += newest.values()
    return Choice(in_order(claim, now), collapse, again=full and bool(collapse))


def in_order(runs: Sequence[Due], now: datetime) -> list[Due]:
    """Sort runs in the order of claims: due before not due, then priority, then time."""
    return sorted(runs, key=lambda one: (one.at > now, one.priority, one.at))


def has_place(
    due: Due, active: Sequence[Due], priorities: Mapping[str, int], limit: int, notifications: int
) -> bool:
    """Return whether a run may start beside those that are active.

    Runs of the first of several work queues are notifications. They and all others have places of
    their own, so that neither can take those of the other.

    Args:
        due: the run
        active: the active runs that need a child of their own
        priorities: priority by name of the queue
        limit: largest number of other runs
        notifications: largest number of notifications

    Returns:
        Whether fewer runs of its kind are active than may be.
    """
    first = min(priorities.values(), default=0)

    def is_notification(one: Due) -> bool:
        return len(priorities) > 1 and one.priority <= first

    alike = sum(1 for one in active if is_notification(one) == is_notification(due))
    return alike < (notifications if is_notification(due) else limit)


def is_rule(flow_run: Mapping[str, Any]) -> bool:
    """Return whether this is a flow run of a rule."""
    return bool(rule_name(flow_run))


def rule_name(flow_run: Mapping[str, Any]) -> str:
    """Return the name of the rule that a flow run evaluates, or an empty text."""
    parameters: dict[str, Any] = flow_run.get("parameters") or {}
    rule: Any = parameters.get("rule")
    name: Any = rule.get("name") if isinstance(rule, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - it is JSON
    return name if isinstance(name, str) else ""


def hard_timeout(flow_run: Mapping[str, Any], *, grace: timedelta, other: timedelta) -> timedelta:
    """Return how long a flow run may take before its child is killed.

    Args:
        flow_run: the flow run, as the API returned it
        grace: added to the rule's own timeout, so that the check can end by itself
        other: timeout of flow runs that are not of a rule

    Returns:
        The longest duration.
    """
    if not is_rule(flow_run):
        return other
    try:
        own = parse_duration(flow_run["parameters"]["rule"].get("timeout", 60))
    except ValueError:
        own = timedelta(seconds=60)  # the flow run itself will report the error
    return own + grace
