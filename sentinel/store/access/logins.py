"""Logins with a password: the lockout, the verification and the new session.

A login is counted as a failure before the password is verified, and the count is removed when it
was right. So several processes, or many requests at once, get no further guesses.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, select

from sentinel.access.lockout import FORGOTTEN_AFTER, Failures
from sentinel.access.passwords import verify_password
from sentinel.store.access.grants import grants_of
from sentinel.store.access.people import FAILED, PERSON, name_hash, person_name
from sentinel.store.access.sessions import Begun, Sessions
from sentinel.store.database.insert import insert_into

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Logins", "Refused"]

_NEVER = timedelta(0)
UNKNOWN_EVERY = timedelta(minutes=1)
"""How long one row of the system log counts failed logins of unknown names."""


class Refused(msgspec.Struct, frozen=True):
    """A login that was refused.

    Attributes:
        wait: how long this name must wait before the next try; zero for not at all
        verified: whether a password was verified; not while the name must wait
    """

    wait: timedelta
    verified: bool


class Logins:
    """Logs people in.

    Args:
        store: the shared database
        sessions: begins the session
    """

    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions
        self._unknown = _UnknownNames(store)

    def log_in(self, name: str, password: str) -> Begun | Refused:
        """Log a person in with a password.

        The answer is the same for a wrong password, an unknown name, and an account that is
        disabled or has no role.

        Args:
            name: as it was typed
            password: as it was typed

        Returns:
            The new session, or why there is none.
        """
        named = person_name(name)
        counted = self._store.in_transaction(lambda connection: self._count(connection, named))
        if isinstance(counted, Refused):
            return counted
        row = None
        if "\0" not in named:
            with self._store.read() as connection:
                row = connection.execute(select(PERSON).where(PERSON.c.name == named)).first()
        stored = row.password_hash if row is not None and row.password_hash else None
        found = verify_password(password, stored)
        if row is None or not found.right:
            return self._failed(named, counted, known=row is not None)

        def work(connection: Connection) -> Begun | None:
            # The password may have been changed, or the account disabled, since it was read.
            query = select(PERSON).where(PERSON.c.id == row.id).with_for_update()
            now_row = connection.execute(query).first()
            if (
                now_row is None
                or now_row.password_hash != stored
                or now_row.disabled_at is not None
                or not grants_of(connection, "person", [row.id])
            ):
                return None
            connection.execute(FAILED.delete().where(FAILED.c.name_hash == name_hash(named)))
            values: dict[str, object] = {"login_at": self._store.now()}
            if found.better is not None:
                values["password_hash"] = found.better
            connection.execute(PERSON.update().where(PERSON.c.id == row.id).values(values))
            self._store.log.add(
                connection, "info", "login.succeeded", f"{named} logged in", {"person": named}
            )
            return self._sessions.begin(connection, row.id)

        begun = self._store.in_transaction(work)
        return self._failed(named, counted, known=True) if begun is None else begun

    def _count(self, connection: Connection, named: str) -> Failures | Refused:
        """Count one more failure, unless the name must wait."""
        now, key = self._store.now(), name_hash(named)
        connection.execute(FAILED.delete().where(FAILED.c.last_at <= now - FORGOTTEN_AFTER))
        connection.execute(
            insert_into(self._store.dialect, FAILED)
            .values(name_hash=key, failures=0, last_at=now)
            .on_conflict_do_nothing()
        )
        query = select(FAILED).where(FAILED.c.name_hash == key).with_for_update()
        row = connection.execute(query).one()
        before = Failures(row.failures, row.last_at)
        if (wait := before.wait(now)) > _NEVER:
            return Refused(wait, verified=False)
        after = before.after(now)
        connection.execute(
            FAILED.update()
            .where(FAILED.c.name_hash == key)
            .values(failures=after.count, last_at=after.last_at)
        )
        return after

    def _failed(self, named: str, counted: Failures, *, known: bool) -> Refused:
        now: datetime = self._store.now()
        if known:
            words = f"a login of {named} failed ({counted.count} in a row)"
            details = {"failures": counted.count, "person": named}
            self._store.log.write("warning", "login.failed", words, details)
        else:
            self._unknown.note(now)
        return Refused(counted.wait(now), verified=True)


class _UnknownNames:
    """Failed logins of unknown names in the system log: one row a minute from each process.

    Anybody can try as many names as they like, and would push all else out of the log. What was
    typed is not written, since it may be a password.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._row = ""
        self._began: datetime | None = None
        self._count = 0

    def note(self, now: datetime) -> None:
        """Count one more, in the row of this minute."""
        with self._lock:
            if self._began is None or abs(now - self._began) >= UNKNOWN_EVERY:
                self._row = self._store.log.write(
                    "warning", "login.failed", "a login of an unknown name failed", {"failures": 1}
                )
                self._began, self._count = now, 1
            else:
                self._count += 1
                words = f"{self._count} logins of unknown names failed within a minute"
                self._store.log.reword(self._row, words, {"failures": self._count})
