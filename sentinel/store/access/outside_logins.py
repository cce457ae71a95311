"""Logins by an outside OIDC provider: its accounts are made and given their roles at each login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from sentinel.access import Grant
from sentinel.access.outside_names import name_from
from sentinel.audit.change import Change, differing
from sentinel.errors import ConfigurationError, Conflict
from sentinel.schema.columns import new_id
from sentinel.store.access.grants import grant, places, revoke
from sentinel.store.access.person_names import person_name
from sentinel.store.access.person_views import PERSON, PersonView, fields_of, views_of
from sentinel.store.access.sessions import Begun, Sessions

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["OutsideLogins"]

LONGEST_DISPLAY_NAME = 200


class OutsideLogins:
    """Logs people in whom a provider has recognized.

    Args:
        store: the shared database
        sessions: begins the session
    """

    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions

    def log_in(
        self, issuer: str, subject: str, *, name: str, display_name: str, role: Grant
    ) -> Begun | None:
        """Log a person in; the account is made at the first login.

        An account is known by issuer and subject, never by a name or an address, which a provider
        may let people choose.

        Args:
            issuer: of the token
            subject: its claim `sub`
            name: what timelines record, for a new account; `-` stands for what it cannot have
            display_name: as pages show it
            role: what the claims mean; it replaces the roles of the login before

        Returns:
            The new session; None where the account is disabled.

        Raises:
            ConfigurationError: nothing of the name and the subject can be one of an account
            Conflict: another account has the name
        """
        shown = " ".join(display_name.split())[:LONGEST_DISPLAY_NAME]
        shown = shown if shown.isprintable() else ""
        where = places(role.tenants, role.teams)

        def work(connection: Connection) -> Begun | None:
            now = self._store.now()
            query = select(PERSON).where(PERSON.c.issuer == issuer, PERSON.c.subject == subject)
            row = connection.execute(query.with_for_update()).first()
            before: PersonView | None = None
            if row is None:
                named = _free_name(connection, name, subject)
                person_id = new_id()
                connection.execute(
                    PERSON.insert().values(
                        id=person_id, name=named, display_name=shown or named, password_hash="",
                        issuer=issuer, subject=subject, created_at=now, created_by=named,
                    )
                )  # fmt: skip
            elif row.disabled_at is not None:
                return None
            else:
                person_id, (before,) = row.id, views_of(connection, [row])
            if before is None or before.grants != (role,):
                revoke(connection, "person", person_id, None)
                grant(self._store, connection, "person", person_id, role.role, where=where,
                      actor=issuer)  # fmt: skip
            values = {"login_at": now} | ({"display_name": shown} if shown else {})
            connection.execute(PERSON.update().where(PERSON.c.id == person_id).values(values))
            self._record(connection, before, person_id)
            return self._sessions.begin(connection, person_id)

        return self._store.in_transaction(work)

    def _record(self, connection: Connection, was: PersonView | None, person_id: str) -> None:
        rows = connection.execute(select(PERSON).where(PERSON.c.id == person_id)).all()
        (now,) = views_of(connection, rows)
        before, after = differing(fields_of(was), fields_of(now))
        if was is not None and not before and not after:
            return
        change = Change(
            action="person.created" if was is None else "person.granted", object_kind="person",
            object_name=now.name, before=None if was is None else before, after=after,
            note="by the OIDC provider",
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=person_name(now.name))


def _free_name(connection: Connection, name: str, subject: str) -> str:
    """Return the name of a new account: as it was given, or as near to that as can be."""
    # One that had to be changed may be that of another person (José and Jose).
    near = name_from(name)
    names = [near] if near == person_name(name) else [near, name_from(subject)]
    names = list(filter(None, names))
    taken = set(connection.execute(select(PERSON.c.name).where(PERSON.c.name.in_(names))).scalars())
    for one in names:
        if one not in taken:
            return one
    if not names:
        raise ConfigurationError(
            f"no account can be named {name[:100]!r}",
            hint="An admin sets SENTINEL_OIDC_NAME_CLAIM to a claim with letters or digits: email",
        )
    raise Conflict(
        f"another account is named {names[0]!r}",
        hint="An admin deletes that one (sentinel user delete), or sets SENTINEL_OIDC_NAME_CLAIM "
        "to a claim that no two people share.",
    )
