"""Accounts as the command line writes them, and options that name tenants and teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.access import Grant, Role

if TYPE_CHECKING:
    from sentinel.client.access import Account
    from sentinel.store.access.people import PersonView

__all__ = [
    "InTenants",
    "OfTeams",
    "WhichPerson",
    "grant_words",
    "grants_of",
    "moment",
    "person_json",
]

WhichPerson = Annotated[
    str, typer.Argument(metavar="NAME", help="What the person logs in with.", show_default=False)
]
InTenants = Annotated[
    list[str] | None,
    typer.Option("--tenant", help="Tenant in which the role holds; repeatable. By default, all.",
                 show_default=False),
]  # fmt: skip
OfTeams = Annotated[
    list[str] | None,
    typer.Option("--team", help="Team for whose alerts and rules it holds; repeatable. By "
                 "default, all.", show_default=False),
]  # fmt: skip


def moment(at: datetime | None) -> str:
    """Return a moment for people, in UTC; empty for none."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def grant_words(grants: tuple[Grant, ...]) -> str:
    """Return roles for people: `responder of acme for db; viewer of all tenants`."""
    return "; ".join(_one(grant) for grant in grants) or "no role"


def grants_of(given: Sequence[Grant | Mapping[str, Any]]) -> tuple[Grant, ...]:
    """Return roles as the database or the API has them."""
    return tuple(one if isinstance(one, Grant) else _read(one) for one in given)


def _read(grant: Mapping[str, Any]) -> Grant:
    where = (grant.get("tenants"), grant.get("teams"))
    tenants, teams = (None if one is None else frozenset(map(str, one)) for one in where)
    return Grant(Role(grant["role"]), tenants, teams)


def _one(grant: Grant) -> str:
    tenants = "all tenants" if grant.tenants is None else ", ".join(sorted(grant.tenants))
    teams = "" if grant.teams is None else f" for {', '.join(sorted(grant.teams))}"
    return f"{grant.role} of {tenants}{teams}"


def person_json(person: PersonView | Account) -> dict[str, Any]:
    """Return an account for programs."""
    return {
        "id": person.id, "name": person.name, "display_name": person.display_name,
        "state": person.state, "has_password": person.has_password, "issuer": person.issuer,
        "grants": [
            {
                "role": one.role.value,
                "tenants": None if one.tenants is None else sorted(one.tenants),
                "teams": None if one.teams is None else sorted(one.teams),
            }
            for one in grants_of(person.grants)
        ],
        "sessions": person.sessions, "created_at": person.created_at,
        "created_by": person.created_by, "password_at": person.password_at,
        "login_at": person.login_at, "disabled_at": person.disabled_at,
    }  # fmt: skip
