"""Time in which Sentinel did not run, so that no sender could repeat its alerts to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, select

from sentinel.store.alerts.apply_action import OF_A_SENDER
from sentinel.store.alerts.posted_batches import postpone_ends
from sentinel.store.database.insert import insert_into
from sentinel.store.database.leases import LEASE
from sentinel.store.database.tables import ALERT, NOT_RESOLVED
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["add_unheard"]

_HEARS = "hears senders"
"""Name of the lease row that says until when Sentinel ran."""
_SHORT = timedelta(minutes=2)
_LATER = (
    ALERT.update()
    .where(ALERT.c.id == bindparam("alert"))
    .values(expires_at=bindparam("later", type_=ALERT.c.expires_at.type))
)


def add_unheard(store: Store, now: datetime) -> timedelta:
    """Note that Sentinel runs; after a stop, wait that much longer for repeats of its senders.

    Only alerts wait longer that were not reported since and had time left when Sentinel stopped.

    Args:
        store: the shared database
        now: the present moment; called more often than every two minutes while Sentinel runs

    Returns:
        For how long nothing ran; zero for two minutes or less.
    """
    return store.in_transaction(lambda connection: _added(connection, now))


def _added(connection: Connection, now: datetime) -> timedelta:
    noted_before = select(LEASE.c.until).where(LEASE.c.name == _HEARS).with_for_update()
    last: datetime | None = connection.execute(noted_before).scalar()
    gap = timedelta(0)
    if last is not None and now - last > _SHORT:
        gap = now - last
        _wait_longer(connection, last, gap)
    noted = insert_into(connection.dialect.name, LEASE).values(name=_HEARS, holder="", until=now)
    connection.execute(
        noted.on_conflict_do_update(
            index_elements=[LEASE.c.name], set_={"until": noted.excluded.until}
        )
    )
    return gap


def _wait_longer(connection: Connection, last: datetime, gap: timedelta) -> None:
    unheard = (
        NOT_RESOLVED,
        ALERT.c.expires_at > last,
        ALERT.c.last_bad_at <= last,
        OF_A_SENDER,
    )
    rules = connection.execute(select(ALERT.c.tenant, ALERT.c.rule).where(*unheard).distinct())
    lock_rules(connection, [(row.tenant, row.rule) for row in rules])
    # Read now that their rules are locked.
    rows = connection.execute(select(ALERT.c.id, ALERT.c.expires_at).where(*unheard)).all()
    if rows:
        later = [{"alert": row.id, "later": row.expires_at + gap} for row in rows]
        connection.execute(_LATER, later)
    postpone_ends(connection, last, gap)
