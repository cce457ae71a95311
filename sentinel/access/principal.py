"""The principal: who acts, and what they may do where."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from typing import Literal

import msgspec

from sentinel.access.areas import AREAS
from sentinel.access.roles import Permission, Role
from sentinel.access.scope import EVERYTHING, Reach, Scope

__all__ = ["Grant", "Kind", "Principal", "merged", "owner_named"]

Kind = Literal["token", "key", "person", "local"]
"""How a principal was recognized: the API's token, an API key, a login, or this machine."""


class Grant(msgspec.Struct, frozen=True):
    """A role within some tenants and teams; None means all of them."""

    role: Role
    tenants: frozenset[str] | None = None
    teams: frozenset[str] | None = None


def merged(grants: Iterable[tuple[str, str, Role]]) -> tuple[Grant, ...]:
    """Return single roles as few grants as say the same, the highest role first.

    Args:
        grants: tenant, team and role; an empty tenant or team means all of them

    Returns:
        One grant for all tenants with the same role for the same teams.
    """
    teams: dict[tuple[Role, str], set[str]] = {}
    for tenant, team, role in grants:
        teams.setdefault((role, tenant), set()).add(team)
    tenants: dict[tuple[Role, frozenset[str] | None], set[str]] = {}
    for (role, tenant), some in teams.items():
        tenants.setdefault((role, _named(some)), set()).add(tenant)
    found = [Grant(role, _named(some), of) for (role, of), some in tenants.items()]
    return tuple(sorted(found, key=lambda one: (-one.role.level, repr(one))))


def _named(names: set[str]) -> frozenset[str] | None:
    return None if "" in names else frozenset(names)


def owner_named(name: str) -> str:
    """Return what a person's own rows are kept under, which no API key can have.

    Args:
        name: of the person

    Returns:
        The name; `person:NAME` for one that could be read as another kind of owner.
    """
    return f"person:{name}" if ":" in name else name


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts.

    Attributes:
        name: what timelines and audit rows record
        kind: how it was recognized
        role: the role
        tenants: where it holds; None for all tenants
        teams: for whose alerts and rules it holds; None for all teams
        further: roles in other tenants and teams
        scopes: the areas of the API that a key is confined to, each `AREA` or `AREA:PERMISSION`,
            such as `metrics` or `alerts:read`, where a permission includes the lower ones; None
            for all
        id: of the key or person; empty for the token
        acts_for: the person whom a key acts for, as it says; empty where it does not say
    """

    name: str
    kind: Kind
    role: Role
    tenants: frozenset[str] | None = None
    teams: frozenset[str] | None = None
    further: tuple[Grant, ...] = ()
    scopes: frozenset[str] | None = None
    id: str = ""
    acts_for: str = ""

    @property
    def me(self) -> str:
        """The person that `me` means in a search: whom a key acts for, else who acts."""
        return self.acts_for or self.name

    @property
    def own_name(self) -> str:
        """What was proven, without the person whom a key or the instance's token names itself."""
        if self.kind == "token":
            return "the token of the instance"
        return self.name.removeprefix(f"{self.acts_for} via ") if self.acts_for else self.name

    @property
    def owner(self) -> str:
        """What its own saved views and dashboards are kept under: a person's name, `key:ID`.

        A key has its own, whatever it is called and whomever it says that it acts for.
        """
        return f"key:{self.id}" if self.kind == "key" else owner_named(self.name)

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All roles, each with its tenants and teams."""
        return (Grant(self.role, self.tenants, self.teams), *self.further)

    def covers(self, grant: Grant) -> bool:
        """Return whether this principal may give a role to others: an admin of all it holds for."""
        return any(
            own.role is Role.ADMIN
            and _within_names(grant.tenants, own.tenants)
            and _within_names(grant.teams, own.teams)
            for own in self.grants
        )

    def covers_scopes(self, scopes: Collection[str]) -> bool:
        """Return whether a key with these scopes may use nothing that this principal may not.

        Args:
            scopes: each `AREA` or `AREA:PERMISSION`; empty for all areas

        Returns:
            Whether each lies within the scopes of this principal.
        """
        own = self.scopes
        if own is None:
            return True
        asked = (one.partition(":") for one in scopes or AREAS)
        return all(
            not own.isdisjoint(_within(area, Permission(most) if most else Permission.ADMINISTER))
            for area, _, most in asked
        )

    def allows(self, permission: Permission, tenant: str, team: str | None = None) -> bool:
        """Return whether this principal has a permission for what belongs to a tenant and team.

        Args:
            permission: what is to be done
            tenant: name of the tenant
            team: of the object; None for what belongs to the tenant as a whole, which whoever is
                confined to teams may not touch

        Returns:
            Whether one of its roles allows it there.
        """
        return self.scope(permission).holds(tenant, team)

    def may(self, permission: Permission, area: str = "") -> bool:
        """Return whether this principal has a permission anywhere.

        Args:
            permission: what is to be done
            area: of the API, such as `alerts`; empty to leave the scopes aside

        Returns:
            Whether one of its roles has the permission, and its scopes include it.
        """
        return _may(self, permission, area)

    def scope(self, permission: Permission) -> Scope:
        """Return where this principal has a permission, for the store's queries."""
        return _scope(self, permission)


# Every request asks both, some more than once, and few principals make them.
@lru_cache(4096)
def _may(principal: Principal, permission: Permission, area: str) -> bool:
    if not any(grant.role.allows(permission) for grant in principal.grants):
        return False
    if not area or principal.scopes is None:
        return True
    return not principal.scopes.isdisjoint(_within(area, permission))


@lru_cache(4096)
def _scope(principal: Principal, permission: Permission) -> Scope:
    parts: list[Reach] = []
    for grant in principal.grants:
        if grant.role.allows(permission):
            if grant.tenants is None and grant.teams is None:
                return EVERYTHING
            parts.append(Reach(grant.tenants, grant.teams))
    return Scope(tuple(parts))


def _within_names(some: frozenset[str] | None, most: frozenset[str] | None) -> bool:
    return most is None or (some is not None and some <= most)


@cache
def _within(area: str, permission: Permission) -> frozenset[str]:
    """Return the scopes that include `permission` in `area`."""
    enough = (one for one in Permission if one.role >= permission.role)
    return frozenset({area, *(f"{area}:{one}" for one in enough)})
