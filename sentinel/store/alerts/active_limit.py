"""How many alerts may still open before the instance has as many as it is sized for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Integer, bindparam, func, literal, literal_column, select

from sentinel.alerts.state import AlertState
from sentinel.evaluation.active_limit import ALWAYS, fold, folded_print, held_to_limit
from sentinel.evaluation.evaluator import EvaluationResult
from sentinel.evaluation.model import Evaluation
from sentinel.store.alerts.unit_of_work import UnitOfWork
from sentinel.store.database.tables import ALERT, NOT_RESOLVED

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["active_alerts", "within_limit"]

_MOST = bindparam("most", type_=Integer)
_ONE = literal(1)
_LIVE = literal_column("status") != literal_column("'resolved'")
_MINE = (ALERT.c.tenant == bindparam("tenant"), ALERT.c.rule == bindparam("rule"), _LIVE)
_ALL = select(_ONE).select_from(ALERT).where(NOT_RESOLVED).limit(_MOST)
_OWN = select(_ONE).select_from(ALERT).where(*_MINE).limit(_MOST)
_COUNT_ALL = select(func.count()).select_from(_ALL.subquery())
_COUNT_OWN = select(func.count()).select_from(_OWN.subquery())


def within_limit(
    unit: UnitOfWork,
    evaluation: Evaluation,
    result: EvaluationResult,
    live: Mapping[str, AlertState],
    prints: Sequence[str] | None,
) -> EvaluationResult:
    """Return what an evaluation may open; see `sentinel.evaluation.active_limit`.

    The caller asks where a rule may have more than `ALWAYS`, and active alerts are counted only
    where it would, so that most evaluations ask nothing. Two transactions at one moment may each
    use the same room: the limit is exceeded then by what one of them opens.

    Args:
        unit: of the transaction that holds the rule's lock
        evaluation: what was seen
        result: what it comes to
        live: the rule's alerts that are not resolved, by fingerprint
        prints: the fingerprints that `live` was read for; None for all of the rule

    Returns:
        The result, with what does not open folded into one alert.
    """
    rule, most = evaluation.rule, unit.store.options.most_active_alerts
    held = held_to_limit(result, live)
    if not held and folded_print(rule) not in live:
        return result
    own = len(live)
    if prints is not None:
        asked = {"tenant": rule.tenant, "rule": rule.name, "most": ALWAYS}
        own = unit.connection.execute(_COUNT_OWN, asked).scalar_one()
    room = ALWAYS - own
    if room < len(held) or not held:
        active = unit.connection.execute(_COUNT_ALL, {"most": most}).scalar_one()
        room = max(room, most - active - unit.alerts.new)
    return fold(
        rule, result, held, live, room=room, limit=most,
        partial=evaluation.partial, at=evaluation.slot,
    )  # fmt: skip


def active_alerts(store: Store, most: int) -> int:
    """Return how many alerts are not resolved, of all tenants.

    Args:
        store: the shared database
        most: counting stops there

    Returns:
        The number, at most `most`.
    """
    with store.glance() as connection:
        return connection.execute(_COUNT_ALL, {"most": most}).scalar_one()
