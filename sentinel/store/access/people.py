"""Accounts of people: made, listed, disabled and deleted, with their passwords and roles."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from sentinel.access import Role
from sentinel.access.passwords import checked_password, hash_password
from sentinel.audit.change import Change, differing
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.columns import new_id
from sentinel.schema.people import FailedLogin, LoginAddress
from sentinel.schema.web_push import PushSubscription
from sentinel.store.access.grants import grant, places, revoke
from sentinel.store.access.person_names import checked_name, name_hash, person_name
from sentinel.store.access.person_views import PERSON, SESSION, PersonView, fields_of, views_of
from sentinel.store.database.tables import table_of
from sentinel.store.own_rows import delete_own_rows
from sentinel.store.web_feeds import revoke_feeds_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["FAILED", "PERSON", "SESSION", "Check", "People", "PersonView"]

FAILED = table_of(FailedLogin)
_ADDRESS = table_of(LoginAddress)
_BROWSER = table_of(PushSubscription)
LONGEST_DISPLAY_NAME = 200
Check = Callable[[PersonView], None]
"""Called with the account as it is, while nobody else changes it; may refuse that version."""


class People:
    """Accounts in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def exist(self) -> bool:
        """Return whether there is any account, which switches login on."""
        with self._store.read() as connection:
            return connection.execute(select(PERSON.c.id).limit(1)).first() is not None

    def create(
        self,
        name: str,
        role: Role,
        *,
        password: str,
        actor: str,
        display_name: str = "",
        tenants: Collection[str] | None = None,
        teams: Collection[str] | None = None,
    ) -> PersonView:
        """Make an account.

        Args:
            name: what the person logs in with; capitals become small letters
            role: what the person may do
            password: of at least 12 characters; it is stored as a hash
            actor: who makes it
            display_name: as the pages show it; the name where it is empty
            tenants: where the role holds; None for all
            teams: for whose alerts and rules; None for all

        Returns:
            The account.

        Raises:
            ConfigurationError: the name, the password, a tenant or a team cannot be used
            Conflict: there is an account of that name
        """
        named = checked_name(name)
        shown = " ".join(display_name.split()) or named
        if len(shown) > LONGEST_DISPLAY_NAME or not shown.isprintable():
            raise ConfigurationError(
                "this name cannot be shown",
                hint=f"Write at most {LONGEST_DISPLAY_NAME} printable characters.",
            )
        where = places(tenants, teams)
        hashed = hash_password(checked_password(password, named))
        now, person_id = self._store.now(), new_id()

        def work(connection: Connection) -> PersonView:
            connection.execute(
                PERSON.insert().values(
                    id=person_id, name=named, display_name=shown, password_hash=hashed, issuer="",
                    subject="", created_at=now, created_by=actor, password_at=now,
                )
            )  # fmt: skip
            grant(self._store, connection, "person", person_id, role, where=where, actor=actor)
            made = _one(connection, named)
            self._record(connection, "person.created", actor, None, made)
            return made

        try:
            return self._store.in_transaction(work)
        except IntegrityError:
            raise Conflict(
                f"there is an account named {named!r}",
                hint="Choose another name, or change that one: sentinel user password, sentinel "
                "role grant",
            ) from None

    def list(self) -> list[PersonView]:
        """Return all accounts by name."""
        with self._store.read() as connection:
            rows = connection.execute(select(PERSON).order_by(PERSON.c.name)).all()
            return views_of(connection, rows)

    def get(self, name: str) -> PersonView:
        """Return one account.

        Args:
            name: of the person

        Returns:
            The account.

        Raises:
            NotFound: there is none of that name
        """
        with self._store.read() as connection:
            return _one(connection, name)

    def set_password(
        self, name: str, password: str, *, actor: str, check: Check | None = None
    ) -> PersonView:
        """Give an account another password, end all its sessions, and forget its failed logins.

        Args:
            name: of the person
            password: the new one
            actor: who changes it
            check: may refuse the version that there is

        Returns:
            The account as it is now.

        Raises:
            ConfigurationError: the password cannot be used
            NotFound: there is no such account
        """
        hashed = hash_password(checked_password(password, person_name(name)))
        values = {"password_hash": hashed, "password_at": self._store.now()}
        return self._change(
            name,
            actor,
            "person.password",
            values,
            ends_sessions=True,
            unlocks=True,
            check=check,
        )

    def disable(self, name: str, *, actor: str, check: Check | None = None) -> PersonView:
        """Lock an account, end its sessions and calendar feeds; NotFound where there is none."""
        return self._change(
            name, actor, "person.disabled",
            {"disabled_at": self._store.now()}, ends_sessions=True, check=check,
        )  # fmt: skip

    def enable(self, name: str, *, actor: str, check: Check | None = None) -> PersonView:
        """Let an account be used again and forget its failed logins; NotFound if there is none."""
        return self._change(
            name, actor, "person.enabled", {"disabled_at": None},
            unlocks=True, check=check,
        )  # fmt: skip

    def end_sessions(self, name: str, *, actor: str) -> PersonView:
        """End all sessions of an account; NotFound where there is none."""
        return self._change(name, actor, "person.sessions", {}, ends_sessions=True)

    def delete(
        self, name: str, *, actor: str, keeps_one: bool = False, check: Check | None = None
    ) -> PersonView:
        """Remove an account, its roles, sessions, feeds, browsers, saved views and own dashboards.

        What the person did stays in timelines and in the audit trail, under the name.

        Args:
            name: of the person
            actor: who removes it
            keeps_one: refuse to remove the last account, which would switch login off
            check: may refuse the version that there is

        Returns:
            The account as it was.

        Raises:
            NotFound: there is none
            Conflict: it is the last one
        """

        def work(connection: Connection) -> PersonView:
            found = _locked(connection, name, check)
            other = select(PERSON.c.id).where(PERSON.c.id != found.id).limit(1)
            if keeps_one and connection.execute(other).first() is None:
                raise Conflict(
                    f"{found.name} is the last account, and the dashboard asks nobody to log in "
                    "where there is none",
                    hint="Make another one first, or use: sentinel user delete",
                )
            _end_sessions(connection, found.id)
            revoke(connection, "person", found.id, None)
            connection.execute(_ADDRESS.delete().where(_ADDRESS.c.person_id == found.id))
            connection.execute(_BROWSER.delete().where(_BROWSER.c.person == found.name))
            delete_own_rows(connection, found.name)
            revoke_feeds_of(self._store, connection, found.name, actor=actor)
            connection.execute(PERSON.delete().where(PERSON.c.id == found.id))
            self._record(connection, "person.deleted", actor, found, None)
            return found

        return self._store.in_transaction(work)

    def grant(
        self,
        name: str,
        role: Role,
        *,
        actor: str,
        tenants: Collection[str] | None = None,
        teams: Collection[str] | None = None,
        check: Check | None = None,
    ) -> PersonView:
        """Give a person a role; it replaces another one in the same tenant and team.

        Args:
            name: of the person
            role: the role
            actor: who grants it
            tenants: where; None for all
            teams: for whose alerts and rules; None for all
            check: may refuse the version that there is

        Returns:
            The account as it is now. Open sessions have the role from their next request on.

        Raises:
            ConfigurationError: a tenant or a team is not valid
            NotFound: there is no such account
        """
        where = places(tenants, teams)

        def change(connection: Connection, person_id: str) -> None:
            grant(self._store, connection, "person", person_id, role, where=where, actor=actor)

        return self._role(name, actor, "person.granted", change, check)

    def revoke(
        self,
        name: str,
        *,
        actor: str,
        tenants: Collection[str] | None = None,
        teams: Collection[str] | None = None,
        all_roles: bool = False,
        check: Check | None = None,
    ) -> PersonView:
        """Take a role from a person, in the tenants and teams in which it was granted.

        Args:
            name: of the person
            actor: who revokes it
            tenants: of the grant; None for the one in all tenants
            teams: of the grant; None for the one for all teams
            all_roles: take all of them; who has none left can do nothing
            check: may refuse the version that there is

        Returns:
            The account as it is now.

        Raises:
            ConfigurationError: a tenant or a team is not valid
            NotFound: there is no such account, or no such role
        """
        where = None if all_roles else places(tenants, teams)

        def change(connection: Connection, person_id: str) -> None:
            revoke(connection, "person", person_id, where)

        return self._role(name, actor, "person.revoked", change, check)

    def set_roles(
        self, name: str, roles: Collection[tuple[str, str, Role]], *, actor: str,
        check: Check | None = None,
    ) -> PersonView:  # fmt: skip
        """Give a person exactly these roles, each a tenant and a team, which are empty for all.

        Returns:
            The account as it is now.

        Raises:
            NotFound: there is no such account
        """

        def change(connection: Connection, person_id: str) -> None:
            revoke(connection, "person", person_id, None)
            for tenant, team, role in roles:
                where = places([tenant] if tenant else None, [team] if team else None)
                grant(self._store, connection, "person", person_id, role, where=where, actor=actor)

        return self._role(name, actor, "person.granted", change, check)

    def _role(
        self,
        name: str,
        actor: str,
        what: str,
        change: Callable[[Connection, str], None],
        check: Check | None,
    ) -> PersonView:
        def work(connection: Connection) -> PersonView:
            found = _locked(connection, name, check)
            change(connection, found.id)
            after = _one(connection, name)
            self._record(connection, what, actor, found, after)
            return after

        return self._store.in_transaction(work)

    def _change(
        self,
        name: str,
        actor: str,
        what: str,
        values: dict[str, Any],
        *,
        ends_sessions: bool = False,
        unlocks: bool = False,
        check: Check | None = None,
    ) -> PersonView:
        def work(connection: Connection) -> PersonView:
            found = _locked(connection, name, check)
            if values:
                connection.execute(PERSON.update().where(PERSON.c.id == found.id).values(values))
            if ends_sessions:
                _end_sessions(connection, found.id)
            if values.get("disabled_at"):
                revoke_feeds_of(self._store, connection, found.name, actor=actor)
            if unlocks:
                connection.execute(
                    FAILED.delete().where(FAILED.c.name_hash == name_hash(found.name))
                )
                mine = _ADDRESS.c.person_id == found.id
                none = {"failures": 0, "failed_at": None}
                connection.execute(_ADDRESS.update().where(mine).values(none))
            after = _one(connection, name)
            self._record(connection, what, actor, found, after)
            return after

        return self._store.in_transaction(work)

    def _record(
        self,
        connection: Connection,
        action: str,
        actor: str,
        was: PersonView | None,
        now: PersonView | None,
    ) -> None:
        """Write the audit row: what of the account differs, without its names."""
        before, after = differing(fields_of(was), fields_of(now))
        either = was or now
        change = Change(
            action=action, object_kind="person", object_name=either.name if either else "",
            before=None if was is None else before, after=None if now is None else after,
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)


def _end_sessions(connection: Connection, person_id: str) -> None:
    connection.execute(SESSION.delete().where(SESSION.c.person_id == person_id))


def _locked(connection: Connection, name: str, check: Check | None) -> PersonView:
    """Return an account that nobody else changes before this transaction ends."""
    found = _one(connection, name, lock=True)
    if check is not None:
        check(found)
    return found


def _one(connection: Connection, name: str, *, lock: bool = False) -> PersonView:
    query = select(PERSON).where(PERSON.c.name == person_name(name))
    query = query.with_for_update() if lock else query
    row = None if "\0" in name else connection.execute(query).first()
    if row is None:
        raise NotFound(
            f"there is no account named {name[:100]!r}",
            hint="See which there are: sentinel user list",
        )
    return views_of(connection, [row])[0]
