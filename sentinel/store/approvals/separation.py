"""In which tenants a change to a critical rule needs a second person: a row each, so that every
door of every process knows.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, select

from sentinel.audit.change import Change
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import SEPARATED
from sentinel.tenant import checked_tenant

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Separated", "Separation"]


class Separated(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant in which separation of duties is on; None for all tenants."""

    tenant: str | None
    switched_at: datetime
    switched_by: str


class Separation:
    """Switches separation of duties on and off.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self) -> list[Separated]:
        """Return where it is on, all tenants first."""
        with self._store.read() as connection:
            rows = connection.execute(select(SEPARATED).order_by(SEPARATED.c.tenant)).all()
        return [
            Separated(
                tenant=row.tenant or None, switched_at=row.switched_at, switched_by=row.switched_by
            )
            for row in rows
        ]

    def switch(self, tenant: str | None, *, on: bool, actor: str, reason: str = "") -> bool:
        """Switch it on or off for a tenant; what waits goes on waiting.

        Args:
            tenant: name; None for all tenants, which is a switch of its own
            on: whether a second person is needed from now on
            actor: who switches it
            reason: why

        Returns:
            Whether that changed something.

        Raises:
            ConfigurationError: no tenant can have this name
        """
        name = "" if tenant is None else checked_tenant(tenant)

        def work(connection: Connection) -> bool:
            if on:
                new = insert_into(self._store.dialect, SEPARATED).values(
                    tenant=name, switched_at=self._store.now(), switched_by=actor
                )
                fresh = new.on_conflict_do_nothing().returning(SEPARATED.c.tenant)
                changed = connection.execute(fresh).first() is not None
            else:
                old = SEPARATED.delete().where(SEPARATED.c.tenant == name)
                changed = connection.execute(old).rowcount > 0
            if changed:
                change = Change(
                    action="separation.switched", object_kind="settings",
                    object_name=f"separation of duties in {name or 'all tenants'}", tenant=name,
                    before={"on": not on}, after={"on": on}, note=reason,
                )  # fmt: skip
                self._store.audit.add(connection, change, actor=actor)
            return changed

        return self._store.in_transaction(work)
