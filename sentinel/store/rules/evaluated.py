"""What an evaluation leaves on the row of its rule, for people and for the next evaluation."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from sentinel.alerts.state import AlertState
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.rules.rule import Rule
from sentinel.store.database.bulk import dumped, update_many
from sentinel.store.database.kinds import kinds_of
from sentinel.store.database.tables import RULE

if TYPE_CHECKING:
    from sentinel.store.alerts.unit_of_work import UnitOfWork

__all__ = [
    "has_old_texts",
    "is_relabelled",
    "is_reshaped",
    "texts_in",
    "texts_of",
    "write_evaluated",
    "write_rows",
]

_log = logging.getLogger(__name__)
_MATCHED = ("name", "labels", "team", "owner")
"""What `RuleLabels` reads of a rule."""

_JSON = ("spec", "state")
_NO_SHAPE = {
    "name", "renamed_from", "description", "annotations", "owner", "team", "category", "labels",
    "keep_readings", "timeout", "remediate",
}  # fmt: skip
"""Fields of a rule that decide neither when it alerts nor how often somebody is notified."""


def texts_of(rule: Rule) -> dict[str, str]:
    """Return the texts of a rule that its alerts repeat."""
    return {"description": rule.description, **rule.annotations}


def texts_in(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the same texts as the rule's row has them."""
    return {"description": spec.get("description", ""), **spec.get("annotations", {})}


def is_reshaped(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Return whether a rule has changed so that it makes other alerts or other messages.

    Args:
        before: its fields as its row has them; None or empty for none yet
        after: as they are from now on

    Returns:
        False where names, texts and people alone differ.
    """
    if not before or before == after:
        return False
    return any(before.get(name) != after.get(name) for name in {*before, *after} - _NO_SHAPE)


def is_relabelled(row: Row[Any], values: Mapping[str, Any]) -> bool:
    """Return whether matchers may see a rule's alerts otherwise than before.

    Args:
        row: the rule's, as it was
        values: what is written to it, by column

    Returns:
        False for what its first evaluation learns of its deployment.
    """
    before: Mapping[str, Any] = row.spec or {}
    after: Mapping[str, Any] = values["spec"]
    if any((before.get(name) or "") != (after.get(name) or "") for name in _MATCHED):
        return True
    if not row.evaluations:
        return False
    facts = {"tagged_owner": row.tagged_owner, "work_pool": row.work_pool}
    return any(values.get(name, known) != known for name, known in facts.items())


def has_old_texts(row: Row[Any], alert: AlertState | None) -> bool:
    """Return whether the rule was edited since the alert was seen, by an evaluation without it."""
    since = row.texts_since
    return alert is not None and since is not None and alert.last_bad_at < since


def write_evaluated(
    unit: UnitOfWork,
    evaluation: Evaluation,
    row: Row[Any],
    applied: Applied,
    *,
    category: str,
    seen: int,
    failures: int,
    takes_slot: bool,
) -> None:
    """Update the row of the rule that was evaluated.

    Args:
        unit: the evaluation's transaction, which holds the rule's lock
        evaluation: as it was applied
        row: the rule's, as it was before
        applied: what came of it
        category: of the rule, or else of its trigger
        seen: how many series it saw
        failures: evaluations in a row that failed, with this one
        takes_slot: whether a scheduled run of the same slot or an earlier one is stale from now on
    """
    source, rule = evaluation.source, evaluation.rule
    _log.debug(
        "rule %s of %s: %s, %d series seen, %d bad", rule.name, rule.tenant, applied.outcome, seen,
        applied.bad,
    )  # fmt: skip
    values: dict[str, Any] = {
        "spec": rule.dump(),
        "trigger": evaluation.trigger,
        "pack": evaluation.pack,
        # That nothing is bad is said by what was seen, not by what could not be.
        "closed_world": evaluation.closed_world
        and not (seen == 0 and evaluation.observation.not_seen),
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
        "check_seconds": evaluation.seconds,
        "updated_at": unit.now,
    }
    if is_reshaped(row.spec, values["spec"]):
        values["shaped_at"] = unit.now
    if texts_of(rule) != texts_in(row.spec):
        values["texts_since"] = evaluation.slot
    if seen:
        values["saw_at"] = evaluation.slot
    if takes_slot:
        values |= {"slot": evaluation.slot, "evaluated_at": evaluation.at}
    if not applied.error and evaluation.observation.state is not None:
        values["state"] = evaluation.observation.state
    if is_relabelled(row, values):
        unit.relabelled.add((rule.tenant, rule.name))
    if unit.rule_rows is not None:
        unit.rule_rows.append((row, values))
        return
    unit.connection.execute(
        RULE.update().where(RULE.c.tenant == rule.tenant, RULE.c.name == rule.name).values(**values)
    )


def write_rows(connection: Connection, written: Sequence[tuple[Row[Any], dict[str, Any]]]) -> None:
    """Update the rows of many rules, those of which the same columns changed by one statement.

    Args:
        connection: the transaction that holds the locks of the rules
        written: the row of each as it was, and its values by column
    """
    alike: dict[tuple[str, tuple[str, ...]], list[tuple[Any, ...]]] = {}
    for row, values in written:
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        cells = [dumped(one) if name in _JSON else one for name, one in changed.items()]
        alike.setdefault((row.tenant, tuple(changed)), []).append((row.name, *cells))
    for (tenant, names), rows in alike.items():
        columns = kinds_of(RULE, *names)
        update_many(connection, "rule", columns, rows, key="name", within={"tenant": tenant})
