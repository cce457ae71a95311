"""Report failures of flow runs to their rules, in the shared database.

A flow run whose process was killed or died has stored nothing. The worker stores for it that the
check failed, so that the rule's error handling applies. A rule that is late several times, or
takes longer than its period, gets an alert about itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from sentinel.alerts.run_source import RunSource
from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.clock import utc
from sentinel.duration import parse_duration
from sentinel.errors import CheckTimeout, NotFound, SentinelError
from sentinel.evaluation.model import Evaluation
from sentinel.rollout.plan import owner_of
from sentinel.rules.rule import Rule
from sentinel.store import Store
from sentinel.store.alerts.live_labels import live_labels
from sentinel.store.notifications.deliveries import release_claims
from sentinel.worker.run_selection import rule_name

__all__ = [
    "LATENESS",
    "late_before",
    "period",
    "release_claims_of",
    "report",
    "report_failed_check",
    "report_lateness",
    "safely",
]

log = logging.getLogger("sentinel.worker")

LATENESS = "sentinel-late-rules"


class ProcessLost(SentinelError):
    """The process that ran a check ended before the check did."""


def report_failed_check(
    store: Store, flow_run: Mapping[str, Any], entrypoint: str, why: str, *, late: bool
) -> None:
    """Store that a rule's check failed, for a run that could not do so itself.

    Args:
        store: the shared database
        flow_run: the flow run, as the API returns it
        entrypoint: entrypoint of its flow, which ends with the trigger's name; empty if unknown
        why: the reason in words
        late: whether it was killed because of its timeout
    """
    if not rule_name(flow_run):
        return
    try:
        rule = Rule.model_validate(flow_run["parameters"]["rule"])
    except ValidationError:
        return  # the flow run itself would have failed with this error
    if not flow_run.get("auto_scheduled"):
        return  # it may have been a rehearsal
    error = CheckTimeout(why) if late else ProcessLost(why)
    now = store.now()
    due = _moment(flow_run["expected_start_time"])
    # As of a run that stored its result itself: the failure is judged by when the check began.
    began = flow_run.get("start_time")
    at = min(max(_moment(began), due), now) if began else now
    labels: Mapping[str, Any] = flow_run.get("labels") or {}
    trigger, category = entrypoint.rpartition(".")[2], "general"
    with contextlib.suppress(NotFound):
        known = store.rules.get(rule.name, rule.tenant)
        trigger, category = trigger or known.trigger, known.category
    store.apply(
        Evaluation(
            rule=rule,
            trigger=trigger,
            slot=min(due, at),
            at=at,
            observation=Observation(readings=[], complete=False, error=error),
            default_category=category,
            source=RunSource(
                flow_run_id=flow_run["id"],
                flow_run_name=flow_run.get("name"),
                deployment_id=flow_run.get("deployment_id"),
                flow_id=flow_run.get("flow_id"),
                flow_name=trigger,
                owner=owner_of(labels),
            ),
        )
    )


def _moment(text: str) -> datetime:
    return utc(datetime.fromisoformat(text.replace("Z", "+00:00")))


async def report(
    store: Store | None, flow_run: Mapping[str, Any], entrypoint: str, why: str, *,
    late: bool = False,
) -> None:  # fmt: skip
    """Call `report_failed_check` in a thread, where there is a store, and log its errors."""
    if store is not None:
        await asyncio.to_thread(
            safely, "report a failed check to its rule", report_failed_check, store, flow_run,
            entrypoint, why, late=late,
        )  # fmt: skip


async def release_claims_of(store: Store | None, run: str) -> None:
    """End what a run had claimed: its process is gone, so it sends nothing any more.

    The relay sees that its notifications are due again, and wakes another run for them.
    """
    if store is not None:
        await asyncio.to_thread(
            safely, "release the notifications of a run that died", release_claims, store, run
        )


def period(flow_run: Mapping[str, Any]) -> float:
    """Return the rule's period in seconds; 0 if it has none."""
    try:
        return parse_duration(flow_run["parameters"]["rule"].get("every") or 0).total_seconds()
    except ValueError:
        return 0.0


def late_before(store: Store) -> set[str]:
    """Return the rules that have a live alert for lateness, raised by any worker.

    Args:
        store: the shared database

    Returns:
        Names of rules.
    """
    return {labels["check"] for labels in live_labels(store, LATENESS)}


def report_lateness(store: Store, late: Mapping[str, str], well: list[str]) -> None:
    """Raise an alert for every rule that is late or over its period several times in a row.

    Args:
        store: the shared database
        late: the problem, by name of the rule
        well: names of rules that had this problem before and no longer have it
    """
    rule = Rule(
        name=LATENESS,
        description="A rule that runs late, or longer than its period, is evaluated too rarely.",
        # No period: nothing is due while there is nothing to say, so it is never stale.
        severity="medium",
        category="system",
        group_by=["rule"],
    )
    readings = [
        Reading(labels={"check": name}, firing=True, summary=f"The rule {name} {why}")
        for name, why in sorted(late.items())
    ]
    readings += [Reading(labels={"check": name}, firing=False) for name in sorted(well)]
    at = store.now()
    evaluation = Evaluation(
        rule=rule, trigger="worker", slot=at, at=at, observation=Observation(readings=readings)
    )
    store.apply(evaluation)


def safely(what: str, work: Any, *arguments: Any, **named: Any) -> bool:
    """Call `work`, and log database errors instead of raising; return whether it succeeded."""
    try:
        work(*arguments, **named)
    except (SentinelError, SQLAlchemyError) as error:
        log.warning("the worker could not %s: %s", what, str(error).splitlines()[0])
        return False
    return True
