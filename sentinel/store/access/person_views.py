"""Accounts as people see them, and what of them an audit row records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.access import Grant, Role
from sentinel.access.principal import merged
from sentinel.schema.people import Person, PersonSession
from sentinel.store.access.grants import role_rows
from sentinel.store.database.tables import table_of

__all__ = ["PERSON", "SESSION", "PersonView", "fields_of", "views_of"]

PERSON = table_of(Person)
SESSION = table_of(PersonSession)


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as people see it.

    Attributes:
        grants: its roles, the highest first
        roles: tenant, team and role of each row that is stored, in order; empty for all of them
        has_password: whether it can log in with one
        issuer: of the OIDC provider that signs the person in; empty for none
        password_at: when the password was set
        login_at: last login; None for never
        disabled_at: since when it cannot be used; None while it can
        sessions: how many logins have not ended
    """

    id: str
    name: str
    display_name: str
    grants: tuple[Grant, ...]
    has_password: bool
    issuer: str
    created_at: datetime
    created_by: str
    password_at: datetime | None
    login_at: datetime | None
    disabled_at: datetime | None
    sessions: int
    roles: tuple[tuple[str, str, Role], ...] = ()

    @property
    def state(self) -> Literal["active", "disabled"]:
        """Whether the account can be used."""
        return "active" if self.disabled_at is None else "disabled"


def fields_of(person: PersonView | None) -> dict[str, Any]:
    """Return what is recorded of an account; its names are kept apart from the audit trail."""
    if person is None:
        return {}
    fields: dict[str, Any] = msgspec.to_builtins(person)
    kept = ("grants", "issuer", "disabled_at")
    # Not under its own name, which sounds like a secret.
    return {name: fields[name] for name in kept} | {"login_changed_at": fields["password_at"]}


def views_of(connection: Connection, rows: Sequence[Row[Any]]) -> list[PersonView]:
    """Return accounts, with their roles and the number of their sessions, for their rows."""
    ids = [row.id for row in rows]
    roles = role_rows(connection, "person", ids)
    open_sessions = connection.execute(
        select(SESSION.c.person_id).where(SESSION.c.person_id.in_(ids))
    ).scalars()
    sessions = list(open_sessions)
    return [
        PersonView(
            id=row.id, name=row.name, display_name=row.display_name,
            grants=merged(roles.get(row.id, ())), has_password=bool(row.password_hash),
            issuer=row.issuer, created_at=row.created_at, created_by=row.created_by,
            password_at=row.password_at, login_at=row.login_at, disabled_at=row.disabled_at,
            sessions=sessions.count(row.id), roles=tuple(sorted(roles.get(row.id, ()))),
        )
        for row in rows
    ]  # fmt: skip
