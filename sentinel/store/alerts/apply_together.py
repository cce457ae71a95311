"""Many evaluations in one transaction: those of the rules of one pack.

Rows, alerts and memories of all rules are read together and written together; what each
evaluation means is decided one by one, by the same code as that of a rule alone
(`apply_evaluation.collect`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from sentinel.alerts.events import related
from sentinel.checks.observation import Observation
from sentinel.clock import utc
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.store.alerts.apply_action import expire_before
from sentinel.store.alerts.apply_evaluation import collect
from sentinel.store.alerts.known import load_known_of_rules
from sentinel.store.alerts.unit_of_work import UnitOfWork
from sentinel.store.database.bulk import uncollected
from sentinel.store.rules.evaluated import write_rows
from sentinel.store.rules.lock import lock_rules
from sentinel.store.rules.rows import ensure_row, refusal
from sentinel.timing.schedule import slot_judged

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["apply_together"]

_log = logging.getLogger(__name__)


def apply_together(store: Store, evaluations: Sequence[Evaluation]) -> list[Applied]:
    """Apply evaluations of several rules of one tenant in one transaction.

    Where one of them cannot be applied, each is applied in a transaction of its own, so that the
    others do not fail with it; the one that fails is stored as a check that failed.

    Args:
        store: the shared database
        evaluations: of one flow run, each of another rule

    Returns:
        What came of each, in the order of `evaluations`.

    Raises:
        DatabaseUnreachable: the database does not answer; nothing was written
        DBAPIError: the database refused it, as `Store.in_transaction` says
    """
    if not evaluations:
        return []
    try:
        return store.in_transaction(lambda connection: _apply(store, connection, evaluations))
    except DBAPIError:
        raise
    except Exception:  # noqa: BLE001 - one rule's own text or state; which one is found by applying each alone
        _log.warning("%d evaluations are applied one by one", len(evaluations), exc_info=True)
    return [_alone(store, one) for one in evaluations]


def _alone(store: Store, evaluation: Evaluation) -> Applied:
    try:
        return store.apply(evaluation)
    except DBAPIError:
        raise
    except Exception as error:  # noqa: BLE001 - stored with the rule, where its owner looks
        failed = Observation(readings=[], complete=False, error=error)
        return store.apply(msgspec.structs.replace(evaluation, observation=failed))


def _apply(
    store: Store, connection: Connection, evaluations: Sequence[Evaluation]
) -> list[Applied]:
    now = store.now()
    done: dict[str, Applied] = {}
    judged: list[tuple[Evaluation, Row[Any]]] = []
    found = lock_rules(connection, [(one.rule.tenant, one.rule.name) for one in evaluations])
    for one in sorted(evaluations, key=lambda one: one.rule.name):
        rule, slot, at = one.rule, utc(one.slot), utc(one.at)
        row = found.get((rule.tenant, rule.name)) or ensure_row(store, connection, one, now)
        why = "disabled" if row is None else refusal(row, rule, slot, at)
        if row is None or why:
            done[rule.name] = Applied(outcome=why)
            continue
        slot = slot_judged(slot, at, every=rule.every, last=row.slot)
        judged.append((msgspec.structs.replace(one, slot=slot, at=at), row))
    if judged:
        done |= _collected(store, connection, judged)
    return [done[one.rule.name] for one in evaluations]


def _collected(
    store: Store, connection: Connection, judged: Sequence[tuple[Evaluation, Row[Any]]]
) -> dict[str, Applied]:
    first = judged[0][0]
    unit = UnitOfWork(store, connection, store.now(), slot=first.slot, about=related(first.source))
    unit.rule_rows = []
    for one, _ in judged:
        if one.rule.resolve_after is not None:
            expire_before(unit, one.rule, one.slot)
    known = load_known_of_rules(connection, [one.rule for one, _ in judged])
    done: dict[str, Applied] = {}
    with uncollected(sum(one.observation.size for one, _ in judged)):
        for one, row in judged:
            done[one.rule.name] = collect(unit, one, row, known=known[one.rule.name])
        write_rows(connection, unit.rule_rows)
        store.metrics.keep_blocks(connection, unit.blocks)
        unit.commit()
    return done
