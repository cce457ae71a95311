"""Wake who escalates: for what is due and nobody has claimed, and for what is due next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from sentinel.schema.notifications import Wake
from sentinel.store.database.tables import table_of
from sentinel.store.escalations.armed import armed_events
from sentinel.store.escalations.claims import next_due_at
from sentinel.store.escalations.overdue import due_since
from sentinel.store.escalations.pages import next_page_at
from sentinel.store.notifications.wakes import ESCALATE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["arm_next", "wake_for_due"]

_WAKE = table_of(Wake)
_OUTSTANDING = select(_WAKE.c.name).where(
    _WAKE.c.name == ESCALATE, _WAKE.c.requested > _WAKE.c.served
)


def wake_for_due(store: Store, now: datetime) -> bool:
    """Request a wake where a step or a page is due and every earlier request was served.

    It covers a wake that was lost, one that came too early, and a step that nothing waits for.

    Args:
        store: the shared database
        now: the present moment

    Returns:
        Whether a wake was requested.
    """
    with store.glance() as connection:
        if connection.execute(_OUTSTANDING).first() is not None:
            return False
    if not due_since(store, now):
        return False
    with store.write() as connection:
        store.wakes.request(connection, now, ESCALATE)
    return True


def arm_next(store: Store) -> None:
    """Arm what is due next, so that something scheduled always stands for it in Prefect."""
    now = store.now()
    moments = [one for one in (next_due_at(store), next_page_at(store)) if one is not None]
    coming = [one for one in moments if one > now]
    if coming:
        with store.write() as connection:
            store.outbox.add(connection, armed_events([min(coming)], now))
