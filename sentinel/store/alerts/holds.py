"""Alerts that people resolved while they still fired: for a while they do not fire again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, tuple_

from sentinel.alerts.inputs import Good
from sentinel.alerts.lifecycle import holds, step
from sentinel.alerts.state import AlertState, Terms
from sentinel.evaluation.judge import Judged
from sentinel.rules.rule import Rule
from sentinel.store.alerts.loading import load_recent
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import RULE

if TYPE_CHECKING:
    from sentinel.store.alerts.unit_of_work import UnitOfWork

__all__ = ["end_holds", "hold_rules", "load_held"]


def hold_rules(connection: Connection, rules: Iterable[tuple[str, str]], until: datetime) -> None:
    """Note that a person resolved alerts of these rules, so that evaluations look for them.

    Args:
        connection: a writing transaction that holds the locks of the rules
        rules: tenant and name of each
        until: when the last hold ends by itself
    """
    mine = tuple_(RULE.c.tenant, RULE.c.name)
    for some in chunks(sorted(set(rules))):
        connection.execute(RULE.update().where(mine.in_(list(some))).values(held_until=until))


def load_held(
    unit: UnitOfWork,
    rule: Rule,
    row: Row[Any],
    slot: datetime,
    prints: Sequence[str] | None = None,
) -> dict[str, AlertState]:
    """Return, by fingerprint, the alerts that a good reading makes free to fire again.

    Args:
        unit: of the evaluation, whose transaction holds the rule's lock
        rule: whose alerts
        row: the rule's, as it was before the evaluation
        slot: by which the evaluation is judged
        prints: only alerts of these fingerprints; None for all

    Returns:
        Resolved alerts. Most evaluations need none, and then nothing is read.
    """
    if row.held_until is None or row.held_until < slot:
        return {}
    found = load_recent(unit.connection, rule, slot, unit.store.options, prints)
    return {print_: alert for print_, alert in found.items() if holds(alert)}


def end_holds(
    unit: UnitOfWork, held: Mapping[str, AlertState], verdicts: Mapping[str, Judged], terms: Terms
) -> None:
    """Let a good reading end the hold of what a person resolved.

    Args:
        unit: that writes it
        held: what `load_held` returned
        verdicts: of this evaluation, by fingerprint
        terms: the times and counts of the rule
    """
    for print_, alert in held.items():
        one = verdicts.get(print_)
        if one is None or not isinstance(one.verdict, Good):
            continue
        free = step(None, alert, one.verdict, unit.now, terms).state
        if free is not None:
            unit.alerts.state(free)
