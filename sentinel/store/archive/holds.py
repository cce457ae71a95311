"""Legal holds: nothing of a tenant's resolved alerts is deleted while there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.archive import ArchiveHold
from sentinel.store.archive.files import FILE, HOLD
from sentinel.store.database.tables import ALERT, model_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Holds"]


class Holds:
    """The legal holds in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self) -> Sequence[ArchiveHold]:
        """Return all of them, by tenant."""
        with self._store.read() as connection:
            rows = connection.execute(select(HOLD).order_by(HOLD.c.tenant))
            return [model_of(ArchiveHold, row) for row in rows]

    def set(self, tenant: str, reason: str, *, actor: str) -> bool:
        """Hold the alerts of a tenant, which may have none yet.

        Args:
            tenant: whose alerts
            reason: why, for people
            actor: who does it

        Returns:
            Whether it has an alert, here or in the archive; a name that is misspelled has none.

        Raises:
            ConfigurationError: the name or the reason is empty or too long
            Conflict: there is a hold already
        """
        if not 0 < len(tenant) <= 100 or not 0 < len(reason.strip()) <= 1000:
            raise ConfigurationError("a legal hold needs a tenant and a reason of 1000 characters")
        with self._store.write() as connection:
            if connection.execute(select(HOLD).where(HOLD.c.tenant == tenant)).first():
                raise Conflict(f"the tenant {tenant} is on legal hold already")
            row = {"tenant": tenant, "reason": reason, "set_by": actor, "set_at": self._store.now()}
            connection.execute(HOLD.insert().values(row))
            change = Change(
                action="archive.hold_set", object_kind="tenant", object_name=tenant, tenant=tenant,
                note=reason,
            )  # fmt: skip
            self._store.audit.add(connection, change, actor=actor)
            here = select(ALERT.c.id).where(ALERT.c.tenant == tenant).limit(1)
            archived = select(FILE.c.id).where(FILE.c.tenant == tenant).limit(1)
            return any(connection.execute(one).first() is not None for one in (here, archived))

    def release(self, tenant: str, *, actor: str) -> None:
        """Let retention delete the alerts of a tenant again.

        Args:
            tenant: whose alerts
            actor: who does it

        Raises:
            NotFound: there is no hold
        """
        with self._store.write() as connection:
            if not connection.execute(HOLD.delete().where(HOLD.c.tenant == tenant)).rowcount:
                raise NotFound(
                    f"the tenant {tenant[:100]!r} is not on legal hold",
                    hint="See: sentinel archive holds",
                )
            change = Change(
                action="archive.hold_released", object_kind="tenant", object_name=tenant,
                tenant=tenant,
            )  # fmt: skip
            self._store.audit.add(connection, change, actor=actor)
