"""Leases: which process alone may do something, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from sentinel.schema.notifications import Lease
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of
from sentinel.store.database.written_along import without_notes

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Leases"]

LEASE = table_of(Lease)


class Leases:
    """Leases in the shared database: compare-and-set on rows, without holding a lock.

    A lease is no change that a request asks for, so none is noted with its idempotency key.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, name: str, holder: str, length: timedelta) -> bool:
        """Take or renew a lease.

        Args:
            name: what the lease is for
            holder: who takes it
            length: from now on

        Returns:
            False where another holder has it and it has not run out.
        """
        now = self._store.now()
        with without_notes(), self._store.write() as connection:
            done = connection.execute(
                LEASE.update()
                .where(LEASE.c.name == name)
                .where(or_(LEASE.c.holder == holder, LEASE.c.until <= now))
                .values(holder=holder, until=now + length)
            )
            if done.rowcount:
                return True
            new = insert_into(self._store.dialect, LEASE).values(
                name=name, holder=holder, until=now + length
            )
            mine = new.on_conflict_do_nothing().returning(LEASE.c.name)
            return connection.execute(mine).first() is not None

    def release(self, name: str, holder: str) -> None:
        """Release the lease if `holder` holds it."""
        with without_notes(), self._store.write() as connection:
            connection.execute(LEASE.delete().where(LEASE.c.name == name, LEASE.c.holder == holder))

    def holder(self, name: str) -> str | None:
        """Return who holds the lease now, or None."""
        now = self._store.now()
        with self._store.read() as connection:
            return connection.execute(
                select(LEASE.c.holder).where(LEASE.c.name == name, LEASE.c.until > now)
            ).scalar()

    def any_held(self, prefix: str) -> bool:
        """Return whether anybody holds a lease now whose name begins so."""
        now = self._store.now()
        query = select(LEASE.c.name).where(
            LEASE.c.name.startswith(prefix, autoescape=True), LEASE.c.until > now
        )
        with self._store.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def ended(self, name: str) -> datetime | None:
        """Return when the lease ended or ends, also where nobody holds it; None for never."""
        with self._store.read() as connection:
            return connection.execute(select(LEASE.c.until).where(LEASE.c.name == name)).scalar()
