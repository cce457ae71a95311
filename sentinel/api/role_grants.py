"""Roles within tenants and teams, as the routes about keys, accounts and logins show them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import BaseModel, Field

from sentinel.access import Grant, Principal, Role
from sentinel.api.problems import Problem
from sentinel.tenant import TENANT_PATTERN

__all__ = [
    "TEAM_PATTERN",
    "RoleGrant",
    "TeamName",
    "TenantName",
    "beyond_scopes",
    "role_grants",
    "sorted_or_none",
]

TEAM_PATTERN = "^[^\\u0000-\\u001f\\u007f]*$"
TenantName = Annotated[str, Field(pattern=f"^({TENANT_PATTERN})$")]
TeamName = Annotated[str, Field(min_length=1, max_length=200, pattern=TEAM_PATTERN)]


class RoleGrant(BaseModel):
    """A role within some tenants and teams; null means all of them."""

    role: Role
    tenants: list[str] | None
    teams: list[str] | None


def role_grants(grants: Iterable[Grant]) -> list[RoleGrant]:
    """Return roles as responses have them, in their order."""
    return [
        RoleGrant(
            role=one.role, tenants=sorted_or_none(one.tenants), teams=sorted_or_none(one.teams)
        )
        for one in grants
    ]


def sorted_or_none(names: Collection[str] | None) -> list[str] | None:
    """Return names in order; None where it means all."""
    return None if names is None else sorted(names)


def beyond_scopes(who: Principal, hint: str, field: str | None = None) -> Problem:
    """Return the refusal of what would give somebody more than the scopes of a key allow it.

    Args:
        who: whose key is confined to some areas
        hint: what to do
        field: of the request; None for none

    Returns:
        The problem, with status 403.
    """
    own = ", ".join(sorted(who.scopes or ()))
    return Problem(403, "forbidden", f"{who.name} may use only: {own}", hint=hint, field=field)
