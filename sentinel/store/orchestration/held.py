"""Alerts that orchestration holds back: those that are due, and those that ended before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, bindparam, select, update

from sentinel.store.orchestration.active import INCOMING

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_DUE", "due_held", "end_held", "state_of", "target_of"]

MOST_DUE = 500


def due_held(connection: Connection, now: datetime) -> Sequence[Row[Any]]:
    """Return alerts that have lasted as long as they must, up to `MOST_DUE`, the first due first.

    Args:
        connection: an open transaction
        now: the present moment

    Returns:
        Tenant, sender, source, content, reading, until and last_seen of each.
    """
    return connection.execute(_DUE, {"now": now}).all()


def end_held(store: Store, connection: Connection, tenant: str, sources: Sequence[str]) -> int:
    """Note that alerts ended while they were held back; nobody hears of them.

    Args:
        store: whose clock holds
        connection: an open writing transaction
        tenant: whose alerts
        sources: fingerprints of their labels as they were posted

    Returns:
        How many were held back.
    """
    asked = {"of": tenant, "prints": sources, "now": store.now()}
    return connection.execute(_END, asked).rowcount


def state_of(store: Store, tenant: str, source: str) -> Row[Any] | None:
    """Return what is known of an alert that came in.

    Args:
        store: the shared database
        tenant: whose
        source: fingerprint of its labels as they were posted

    Returns:
        Its state, rule, due_at and target; None where it never came.
    """
    with store.read() as connection:
        return connection.execute(_STATE, {"of": tenant, "source": source}).first()


def target_of(store: Store, tenant: str, source: str) -> str:
    """Return the fingerprint of the alert that an alert which came in became.

    Args:
        store: the shared database
        tenant: whose
        source: fingerprint of its labels as they were posted

    Returns:
        That of the alert here; `source` itself where no rule changed its labels.
    """
    row = state_of(store, tenant, source)
    return source if row is None or not row.target else row.target


_OF = INCOMING.c.tenant == bindparam("of")
# Built once, since SQLAlchemy compiles a statement once for each object.
_DUE = (
    select(
        INCOMING.c.tenant, INCOMING.c.sender, INCOMING.c.source, INCOMING.c.content,
        INCOMING.c.reading, INCOMING.c.until, INCOMING.c.last_seen,
    )
    .where(INCOMING.c.due_at <= bindparam("now", type_=INCOMING.c.due_at.type))
    .order_by(INCOMING.c.due_at, INCOMING.c.source)
    .limit(MOST_DUE)
)  # fmt: skip
_END = (
    update(INCOMING)
    .where(_OF, INCOMING.c.source.in_(bindparam("prints", expanding=True)))
    .where(INCOMING.c.state == "held")
    .values(
        state="ended", due_at=None, reading="", content="",
        last_seen=bindparam("now", type_=INCOMING.c.last_seen.type),
    )
)  # fmt: skip
_STATE = select(
    INCOMING.c.state, INCOMING.c.rule, INCOMING.c.due_at, INCOMING.c.target
).where(_OF, INCOMING.c.source == bindparam("source"))  # fmt: skip
