"""Roles of people and keys, per tenant and per team: granted, revoked, listed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, select

from sentinel.access import Grant, Role
from sentinel.access.principal import merged
from sentinel.errors import ConfigurationError, NotFound
from sentinel.schema.access import AccessGrant
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of
from sentinel.tenant import checked_tenant

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["GRANT", "HolderKind", "grant", "grants_of", "places", "revoke", "role_rows"]

GRANT = table_of(AccessGrant)
HolderKind = Literal["key", "person"]
MOST_GRANTS = 2_500
LONGEST_TEAM = 200
_CONTROL = re.compile("[\\x00-\\x1f\\x7f]")


def grants_of(
    connection: Connection, kind: HolderKind, holders: Sequence[str]
) -> dict[str, tuple[Grant, ...]]:
    """Return roles by the id of who has them, the highest first.

    Args:
        connection: an open one
        kind: whether `holders` are keys or people
        holders: ids

    Returns:
        Grants by id; an id without any is missing.
    """
    found = role_rows(connection, kind, holders)
    return {holder: merged(rows) for holder, rows in found.items()}


def role_rows(
    connection: Connection, kind: HolderKind, holders: Sequence[str]
) -> dict[str, list[tuple[str, str, Role]]]:
    """Return roles as they are stored: also those that another one of the same holder includes.

    Args:
        connection: an open one
        kind: whether `holders` are keys or people
        holders: ids

    Returns:
        Tenant, team and role of each row, by id; an id without any is missing.
    """
    found: dict[str, list[tuple[str, str, Role]]] = {}
    query = select(GRANT).where(GRANT.c.holder_kind == kind, GRANT.c.holder.in_(holders))
    for row in connection.execute(query):
        found.setdefault(row.holder, []).append((row.tenant, row.team, Role(row.role)))
    return found


def grant(
    store: Store, connection: Connection, kind: HolderKind, holder: str, role: Role,
    *, where: Collection[tuple[str, str]], actor: str,
) -> None:  # fmt: skip
    """Give a role in some places; it replaces another role of the same holder there.

    Args:
        store: the shared database
        connection: its open transaction
        kind: whether the holder is a key or a person
        holder: id
        role: the role
        where: tenants and teams, of `places`
        actor: who grants it
    """
    key = ["holder_kind", "holder", "tenant", "team"]
    values = {"role": role.value, "granted_at": store.now(), "granted_by": actor}
    connection.execute(
        insert_into(store.dialect, GRANT)
        .values(
            [
                {"holder_kind": kind, "holder": holder, "tenant": one, "team": team, **values}
                for one, team in where
            ]
        )
        .on_conflict_do_update(index_elements=key, set_=values)
    )


def revoke(
    connection: Connection, kind: HolderKind, holder: str, where: Collection[tuple[str, str]] | None
) -> int:
    """Take roles away.

    Args:
        connection: an open transaction
        kind: whether the holder is a key or a person
        holder: id
        where: tenants and teams, of `places`; None for all roles

    Returns:
        How many rows went.

    Raises:
        NotFound: there is no role in one of the places; nothing may be committed then
    """
    whose = (GRANT.c.holder_kind == kind, GRANT.c.holder == holder)
    if where is None:
        return connection.execute(GRANT.delete().where(*whose)).rowcount
    for tenant, team in where:
        exact = (*whose, GRANT.c.tenant == tenant, GRANT.c.team == team)
        if not connection.execute(GRANT.delete().where(*exact)).rowcount:
            place = f"the tenant {tenant!r}" if tenant else "all tenants"
            place += f" for the team {team!r}" if team else ""
            raise NotFound(
                f"there is no role that was granted in {place}",
                hint="Name the tenant and team of one that was: sentinel role list",
            )
    return len(where)


def places(tenants: Collection[str] | None, teams: Collection[str] | None) -> list[tuple[str, str]]:
    """Return the tenant and team of each row of somebody's grants.

    Args:
        tenants: names; None for all
        teams: names; None for all

    Returns:
        Every tenant with every team; an empty name means all.

    Raises:
        ConfigurationError: a tenant or team is not valid, or there are too many
    """
    for name, given in (("tenants", tenants), ("teams", teams)):
        if given is not None and not given:
            raise ConfigurationError(
                f"a role needs at least one of its {name}", hint="Leave them out for all."
            )
    for tenant in tenants or ():
        checked_tenant(tenant)
    for team in teams or ():
        if not team or len(team) > LONGEST_TEAM or _CONTROL.search(team):
            raise ConfigurationError(
                f"{team[:LONGEST_TEAM]!r} can be no team",
                hint=f"Write 1 to {LONGEST_TEAM} characters, none of them a control character.",
            )
    rows = [
        (tenant, team)
        for tenant in (sorted(set(tenants)) if tenants else [""])
        for team in (sorted(set(teams)) if teams else [""])
    ]
    if len(rows) > MOST_GRANTS:
        raise ConfigurationError(
            f"{len(rows):,} tenants and teams together are too many",
            hint=f"Name at most {MOST_GRANTS}, or leave out the teams.",
        )
    return rows
