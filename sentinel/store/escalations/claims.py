"""Which escalations are due, and who carries their steps out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, text

from sentinel.schema.columns import Moment, new_id
from sentinel.store.escalations.rows import ESCALATION

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Claimed", "claim_due", "next_due_at"]

LEASE = timedelta(seconds=20)
"""After which another process takes over what one has claimed and not carried out."""


class Claimed(NamedTuple):
    """An escalation that is due, claimed by whoever has this.

    Attributes:
        id: of the escalation
        group_id: its group
        level: how many steps were done when it was claimed
        due_at: since when it is due
        claim: of this claim; what another process has claimed since is left alone
    """

    id: str
    group_id: str
    level: int
    due_at: datetime
    claim: str


def claim_due(
    store: Store, now: datetime, limit: int = 100, lease: timedelta = LEASE
) -> list[Claimed]:
    """Claim escalations whose next step is due, or whose acknowledgement has run out.

    Two processes never have the same one: what one has claimed is another's only once its lease is
    over, and `carry_out` looks at the claim again.

    Args:
        store: the shared database
        now: the present moment
        limit: at most so many, those that are due for longest
        lease: how long they are nobody else's

    Returns:
        What is to be carried out, the longest due first.
    """
    asked: dict[str, Any] = {
        "now": now, "most": limit, "claim": new_id(), "until": now + lease
    }  # fmt: skip

    def work(connection: Connection) -> list[Claimed]:
        rows = connection.execute(_CLAIM[connection.dialect.name], asked).all()
        found = [
            Claimed(row.id, row.group_id, row.level, row.due_at, asked["claim"]) for row in rows
        ]
        return sorted(found, key=lambda one: (one.due_at, one.id))

    return store.in_transaction(work)


def next_due_at(store: Store) -> datetime | None:
    """Return when the next escalation is due; None where none is."""
    query = select(func.min(ESCALATION.c.due_at)).where(ESCALATION.c.due_at.is_not(None))
    with store.glance() as connection:
        return connection.execute(query).scalar()


_DUE = """
    SELECT id FROM escalation
    WHERE due_at IS NOT NULL AND due_at <= :now
    AND (claimed_until IS NULL OR claimed_until <= :now)
    ORDER BY due_at LIMIT :most
"""
_UPDATE = "UPDATE escalation SET claimed_by = :claim, claimed_until = :until WHERE id "
_RETURNED = " RETURNING id, group_id, level, due_at"


def _claim(chosen: str) -> Any:
    moment = Moment()
    return (
        text(_UPDATE + chosen + _RETURNED)
        .bindparams(bindparam("now", type_=moment), bindparam("until", type_=moment))
        .columns(ESCALATION.c.id, ESCALATION.c.group_id, ESCALATION.c.level, ESCALATION.c.due_at)
    )


_CLAIM = {
    # As an array: in a join the limit might be evaluated more than once, and lock more rows.
    "postgresql": _claim(f"= ANY(ARRAY({_DUE} FOR UPDATE SKIP LOCKED))"),
    # The writing transaction is alone, so that the conditions guard the update.
    "sqlite": _claim(f"IN ({_DUE})"),
}
