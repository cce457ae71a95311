"""What the worker tells the rules themselves, in the shared database.

A run whose process was killed or died has stored nothing: the worker stores for it that the
check failed, so that the rule's own error handling goes on. And a rule that is late time after
time, or takes longer than its period, has an alert about itself.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from sentinel.alerts.run_source import RunSource
from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.clock import utc
from sentinel.duration import parse_duration
from sentinel.errors import CheckTimeout, NotFound, SentinelError
from sentinel.evaluation.model import Evaluation
from sentinel.rollout.plan import OWNER
from sentinel.rules.rule import Rule
from sentinel.schema.alerts import LIVE
from sentinel.store import Store
from sentinel.store.database.tables import ALERT
from sentinel.worker.run_selection import rule_name

__all__ = ["LATENESS", "late_before", "period", "safely", "tell_failed", "watch_lateness"]

log = logging.getLogger("sentinel.worker")

LATENESS = "sentinel-late-rules"


class ProcessLost(SentinelError):
    """The process that ran a check ended before the check did."""


def tell_failed(
    store: Store, flow_run: Mapping[str, Any], entrypoint: str, why: str, *, late: bool
) -> None:
    """Store that a rule's check failed, for a run that could not do so itself.

    Args:
        store: the shared database
        flow_run: the run, as the API has it
        entrypoint: of its flow, whose last part is the trigger's name; empty where not known
        why: for people
        late: it was killed for taking too long
    """
    if not rule_name(flow_run):
        return
    try:
        rule = Rule.model_validate(flow_run["parameters"]["rule"])
    except ValidationError:
        return  # its run would have failed for that
    if not flow_run.get("auto_scheduled"):
        return  # it may have been a rehearsal
    error = CheckTimeout(why) if late else ProcessLost(why)
    at = store.now()
    due = datetime.fromisoformat(flow_run["expected_start_time"].replace("Z", "+00:00"))
    labels: Mapping[str, Any] = flow_run.get("labels") or {}
    trigger, category = entrypoint.rpartition(".")[2], "general"
    with contextlib.suppress(NotFound):
        known = store.rules.get(rule.name, rule.tenant)
        trigger, category = trigger or known.trigger, known.category
    store.apply(
        Evaluation(
            rule=rule,
            trigger=trigger,
            slot=min(utc(due), at),
            at=at,
            observation=Observation(readings=[], complete=False, error=error),
            default_category=category,
            source=RunSource(
                flow_run_id=flow_run["id"],
                flow_run_name=flow_run.get("name"),
                deployment_id=flow_run.get("deployment_id"),
                flow_id=flow_run.get("flow_id"),
                flow_name=trigger,
                owner="ui" if labels.get(OWNER) == "ui" else "file",
            ),
        )
    )


def period(flow_run: Mapping[str, Any]) -> float:
    """Seconds between two runs of the rule, as it says; 0 where it does not."""
    try:
        return parse_duration(flow_run["parameters"]["rule"].get("every") or 0).total_seconds()
    except ValueError:
        return 0.0


def late_before(store: Store) -> set[str]:
    """Names of the rules that have an alert for being late, whoever raised it.

    Args:
        store: the shared database
    """
    query = select(ALERT.c.labels).where(ALERT.c.rule == LATENESS, ALERT.c.status.in_(LIVE))
    with store.read() as connection:
        return {labels["check"] for labels in connection.execute(query).scalars()}


def watch_lateness(store: Store, late: Mapping[str, str], well: list[str]) -> None:
    """Keep an alert for every rule that is persistently late or over its time.

    Args:
        store: the shared database
        late: what is wrong, by rule
        well: rules of which an earlier look said so, and which are well again
    """
    rule = Rule(
        name=LATENESS,
        description="A rule that runs late, or longer than its period, sees less than it says.",
        every=timedelta(minutes=1),
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
    """Do something to the database that must not stop the worker; whether it could be done."""
    try:
        work(*arguments, **named)
    except (SentinelError, SQLAlchemyError) as error:
        log.warning("the worker could not %s: %s", what, str(error).splitlines()[0])
        return False
    return True
