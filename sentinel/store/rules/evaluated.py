"""What an evaluation leaves on the row of its rule, for people and for the next evaluation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from sentinel.alerts.state import AlertState
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.rules.rule import Rule
from sentinel.store.database.tables import RULE

__all__ = ["has_old_texts", "texts_in", "texts_of", "write_evaluated"]

_log = logging.getLogger(__name__)


def texts_of(rule: Rule) -> dict[str, str]:
    """Return the texts of a rule that its alerts repeat."""
    return {"description": rule.description, **rule.annotations}


def texts_in(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the same texts as the rule's row has them."""
    return {"description": spec.get("description", ""), **spec.get("annotations", {})}


def has_old_texts(row: Row[Any], alert: AlertState | None) -> bool:
    """Return whether the rule was edited since the alert was seen, by an evaluation without it."""
    since = row.texts_since
    return alert is not None and since is not None and alert.last_bad_at < since


def write_evaluated(
    connection: Connection,
    evaluation: Evaluation,
    row: Row[Any],
    applied: Applied,
    *,
    category: str,
    seen: int,
    failures: int,
    takes_slot: bool,
    now: datetime,
) -> None:
    """Update the row of the rule that was evaluated.

    Args:
        connection: the evaluation's transaction, which holds the rule's lock
        evaluation: as it was applied
        row: the rule's, as it was before
        applied: what came of it
        category: of the rule, or else of its trigger
        seen: how many series it saw
        failures: evaluations in a row that failed, with this one
        takes_slot: whether a scheduled run of the same slot or an earlier one is stale from now on
        now: the present moment
    """
    source, rule = evaluation.source, evaluation.rule
    _log.debug(
        "rule %s of %s: %s, %d series seen, %d bad", rule.name, rule.tenant, applied.outcome, seen,
        applied.bad,
    )  # fmt: skip
    values: dict[str, Any] = {
        "spec": rule.dump(),
        "trigger": evaluation.trigger,
        "closed_world": evaluation.closed_world,
        "category": category,
        "severity": int(rule.rank),
        "deployment_id": source.deployment_id or row.deployment_id,
        "flow_id": source.flow_id or row.flow_id,
        "flow_name": source.flow_name or row.flow_name,
        "source": source.owner,
        "tagged_owner": source.tagged_owner,
        "work_pool": source.work_pool[:255],
        "flow_run_id": source.flow_run_id,
        "outcome": applied.outcome,
        "seen": seen,
        "bad": applied.bad,
        "failures": failures,
        "error": applied.error[:4000],
        "evaluations": row.evaluations + 1,
        "updated_at": now,
    }
    if texts_of(rule) != texts_in(row.spec):
        values["texts_since"] = evaluation.slot
    if seen:
        values["saw_at"] = evaluation.slot
    if takes_slot:
        values |= {"slot": evaluation.slot, "evaluated_at": evaluation.at}
    if not applied.error and evaluation.observation.state is not None:
        values["state"] = evaluation.observation.state
    connection.execute(
        RULE.update().where(RULE.c.tenant == rule.tenant, RULE.c.name == rule.name).values(**values)
    )
