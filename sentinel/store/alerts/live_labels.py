"""The labels of a rule's live alerts, for what decides by them whether to evaluate at all."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from sentinel.schema.alerts import LIVE
from sentinel.store.database.tables import ALERT, NOT_RESOLVED

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["last_seen_bad", "live_labels"]


def live_labels(store: Store, rule: str) -> list[dict[str, str]]:
    """Return the labels of the live alerts of a rule.

    Args:
        store: the shared database
        rule: its name, of any tenant

    Returns:
        The labels of each, in no order.
    """
    live = (NOT_RESOLVED, ALERT.c.status.in_(LIVE))
    query = select(ALERT.c.labels).where(ALERT.c.rule == rule, *live)
    with store.read() as connection:
        return list(connection.execute(query).scalars())


def last_seen_bad(store: Store, rule: str) -> list[tuple[dict[str, str], datetime]]:
    """Return when each live alert of a rule was last seen to fire.

    Args:
        store: the shared database
        rule: its name, of any tenant

    Returns:
        The labels of each and the time, in no order.
    """
    live = (NOT_RESOLVED, ALERT.c.status.in_(LIVE))
    query = select(ALERT.c.labels, ALERT.c.last_bad_at).where(ALERT.c.rule == rule, *live)
    with store.read() as connection:
        return [(row.labels, row.last_bad_at) for row in connection.execute(query)]
