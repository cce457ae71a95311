"""Sessions of people in the shared database, so that every process sees at once that one ended."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from sentinel.access import Principal
from sentinel.access.sessions import SECRET, Lifetime, new_session_secret, secret_hash
from sentinel.schema.columns import new_id
from sentinel.store.access.grants import grants_of
from sentinel.store.access.people import PERSON, SESSION

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Begun", "FoundSession", "Sessions"]

_log = logging.getLogger(__name__)


class FoundSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is valid, and whose it is.

    Attributes:
        id: of the session, which is no secret
        principal: the person with the roles as they are now
        display_name: of the person, for pages
        created_at: when the person logged in
    """

    id: str
    principal: Principal
    display_name: str
    created_at: datetime


class Begun(msgspec.Struct, frozen=True):
    """A session that just began; `secret` is what the cookie holds, and is stored nowhere."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"Begun(id={self.id!r})"


class Sessions:
    """Sessions in the shared database.

    Args:
        store: the shared database
        lifetime: how long they are valid
    """

    def __init__(self, store: Store, lifetime: Lifetime) -> None:
        self._store = store
        self._lifetime = lifetime
        self._failed_at: datetime | None = None

    def begin(self, connection: Connection, person_id: str) -> Begun:
        """Begin a session in the caller's transaction; always with a new secret.

        Args:
            connection: the open transaction
            person_id: of who logged in

        Returns:
            Its id and secret.
        """
        now = self._store.now()
        connection.execute(
            SESSION.delete().where(SESSION.c.created_at <= now - self._lifetime.absolute)
        )
        begun = Begun(new_id(), new_session_secret())
        connection.execute(
            SESSION.insert().values(
                id=begun.id, secret_hash=secret_hash(begun.secret), person_id=person_id,
                created_at=now, used_at=now,
            )
        )  # fmt: skip
        return begun

    def find(self, secret: str) -> FoundSession | None:
        """Return the session of a cookie's secret; None where it is unknown, ended or expired."""
        if not SECRET.fullmatch(secret):
            return None
        return self._find(SESSION.c.secret_hash == secret_hash(secret))

    def find_by_id(self, session_id: str) -> FoundSession | None:
        """Return the session that a login token names; None where it ended or expired."""
        return self._find(SESSION.c.id == session_id)

    def end(self, session_id: str) -> None:
        """End a session; every process refuses it at once."""
        with self._store.write() as connection:
            connection.execute(SESSION.delete().where(SESSION.c.id == session_id))

    def _find(self, which: ColumnElement[bool]) -> FoundSession | None:
        query = (
            select(
                SESSION.c.id, SESSION.c.created_at, SESSION.c.used_at, SESSION.c.person_id,
                PERSON.c.name, PERSON.c.display_name,
            )
            .join(PERSON, PERSON.c.id == SESSION.c.person_id)
            .where(which, PERSON.c.disabled_at.is_(None))
        )  # fmt: skip
        now = self._store.now()
        with self._store.glance() as connection:
            row = connection.execute(query).first()
            if row is None or not self._lifetime.holds(row.created_at, row.used_at, now):
                return None
            grants = grants_of(connection, "person", [row.person_id]).get(row.person_id, ())
        if not grants:
            return None
        if now - row.used_at >= self._lifetime.note_every:
            self._note_used(row.id, now)
        first, *further = grants
        principal = Principal(
            name=row.name, kind="person", role=first.role, tenants=first.tenants,
            teams=first.teams, further=tuple(further), id=row.person_id,
        )  # fmt: skip
        return FoundSession(
            id=row.id, principal=principal, display_name=row.display_name, created_at=row.created_at
        )

    def _note_used(self, session_id: str, now: datetime) -> None:
        """Write the time of last use; where that fails, the session is valid all the same.

        A failed write may have waited long, and is tried again after a while, not by each request.
        """
        failed = self._failed_at
        if failed is not None and abs(now - failed) < self._lifetime.note_every:
            return
        try:
            with self._store.write() as connection:
                connection.execute(
                    SESSION.update()
                    .where(SESSION.c.id == session_id, SESSION.c.used_at < now)
                    .values(used_at=now)
                )
            self._failed_at = None
        except Exception:  # noqa: BLE001 - whatever the database says
            self._failed_at = now
            _log.warning("the last use of a session was not written", exc_info=True)
