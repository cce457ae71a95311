"""Logins with a password: the lockout, the verification and the new session.

A login is counted as a failure (`login_limits`) before the password is verified, and the count is
removed when it was right. So several processes, or many requests at once, get no further guesses.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Literal

import msgspec
from sqlalchemy import Connection, select

from sentinel.access.client_address import one_client
from sentinel.access.passwords import verify_password
from sentinel.access.security_events import SecurityEvent
from sentinel.store.access.grants import grants_of
from sentinel.store.access.login_limits import Counted, Waits, count, forget
from sentinel.store.access.people import PERSON
from sentinel.store.access.person_names import person_name
from sentinel.store.access.sessions import Begun, Sessions

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.access.security_log import SecurityLog

__all__ = ["Logins", "Refused"]

UNKNOWN_EVERY = timedelta(minutes=1)
"""How long one row of the system log counts failed logins of unknown names."""


class Refused(msgspec.Struct, frozen=True):
    """A login that was refused.

    Attributes:
        wait: how long to wait before the next try; zero for not at all
        verified: whether a password was verified; not while the name or the address must wait
        who: whether the name must wait or the address, with whatever name
    """

    wait: timedelta
    verified: bool
    who: Literal["name", "address"] = "name"


class Logins:
    """Logs people in.

    Args:
        store: the shared database
        sessions: begins the session
        door: where they log in
        security: records failed logins as security events; None for nobody
    """

    def __init__(
        self,
        store: Store,
        sessions: Sessions,
        door: Literal["api", "dashboard"] = "api",
        security: SecurityLog | None = None,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._door: Literal["api", "dashboard"] = door
        self.security = security
        self._unknown = _UnknownNames(store)

    def log_in(self, name: str, password: str, address: str = "") -> Begun | Refused:
        """Log a person in with a password.

        The answer is the same for a wrong password, an unknown name, and an account that is
        disabled or has no role.

        Args:
            name: as it was typed
            password: as it was typed
            address: of the client; empty where it is unknown, so that only the name is limited

        Returns:
            The new session, or why there is none.
        """
        named, client = person_name(name), one_client(address)
        counted = self._store.in_transaction(
            lambda connection: count(self._store, connection, named, client)
        )
        if isinstance(counted, Waits):
            return Refused(counted.wait, verified=False, who=counted.who)
        row = None
        if "\0" not in named:
            with self._store.read() as connection:
                row = connection.execute(select(PERSON).where(PERSON.c.name == named)).first()
        stored = row.password_hash if row is not None and row.password_hash else None
        found = verify_password(password, stored)
        if row is None or not found.right:
            return self._failed(named, address, counted, known=row is not None)

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
            forget(self._store, connection, named, row.id, client, counted)
            values: dict[str, object] = {"login_at": self._store.now()}
            if found.better is not None:
                values["password_hash"] = found.better
            connection.execute(PERSON.update().where(PERSON.c.id == row.id).values(values))
            self._store.log.add(
                connection, "info", "login.succeeded", f"{named} logged in", {"person": named}
            )
            return self._sessions.begin(connection, row.id)

        begun = self._store.in_transaction(work)
        return self._failed(named, address, counted, known=True) if begun is None else begun

    def _failed(self, named: str, address: str, counted: Counted, *, known: bool) -> Refused:
        now: datetime = self._store.now()
        if self.security is not None:
            event = SecurityEvent(
                action="login.failed", door=self._door, who=named if known else "",
                who_kind="person" if known else "", address=address,
                failures=counted.name.count, address_failures=counted.address.level,
            )  # fmt: skip
            self.security.note(event)
        if known:
            words = f"a login of {named} failed ({counted.name.count} in a row)"
            details = {"failures": counted.name.count, "person": named}
            self._store.log.write("warning", "login.failed", words, details)
        else:
            self._unknown.note(now)
        who = "address" if counted.address.wait(now) > counted.name.wait(now) else "name"
        return Refused(counted.wait(now), verified=True, who=who)


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
