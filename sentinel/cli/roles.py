"""`sentinel role …`: who may do what, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.access import Role
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.person_rows import (
    InTenants,
    OfTeams,
    WhichPerson,
    grant_words,
    grants_of,
    person_json,
)
from sentinel.cli.remote_people import all_accounts, grant_there, one_account, revoke_there
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentinel.client.access import Account
    from sentinel.store.access.people import PersonView

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Roles of people: what they may do, in which tenants and teams."
)


@commands.command()
def grant(
    name: WhichPerson,
    role: Annotated[Role, typer.Argument(help="The role.", show_default=False)],
    tenant: InTenants = None,
    team: OfTeams = None,
    json: AsJson = False,
) -> None:
    """Give a person a role. It replaces the role that the person has in the same tenant and team.

    Example:
        sentinel role grant maria editor --tenant acme
    """
    from sentinel.store.access.people import People

    found: PersonView | Account
    if remote_url():
        found = grant_there(name, role, tenant, team)
    else:
        with open_store() as store:
            found = People(store).grant(
                name, role, actor=actor(), tenants=tenant or None, teams=team or None
            )
    if json:
        json_out(person_json(found))
    else:
        say(f"{found.name} is {grant_words(grants_of(found.grants))}.")


@commands.command()
def revoke(
    name: WhichPerson,
    tenant: InTenants = None,
    team: OfTeams = None,
    every: Annotated[
        bool, typer.Option("--all", help="All roles, wherever they were granted.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Take the role from a person that was granted in exactly these tenants and teams.

    Example:
        sentinel role revoke maria --tenant acme
    """
    from sentinel.store.access.people import People

    found: PersonView | Account
    if remote_url():
        found = revoke_there(name, tenant, team, every=every)
    else:
        with open_store() as store:
            found = People(store).revoke(
                name, actor=actor(), tenants=tenant or None, teams=team or None, all_roles=every
            )
    if json:
        json_out(person_json(found))
    else:
        say(f"{found.name} is {grant_words(grants_of(found.grants))}." if found.grants
            else f"{found.name} has no role left, and can do nothing.")  # fmt: skip


@commands.command("list")
def list_(
    name: Annotated[
        str | None, typer.Argument(help="One person only.", show_default=False)
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """List who has which role, and where.

    Example:
        sentinel role list
    """
    from sentinel.store.access.people import People

    found: Sequence[PersonView | Account]
    if remote_url():
        found = [one_account(name)] if name else all_accounts()
    else:
        with open_store() as store:
            people = People(store)
            found = [people.get(name)] if name else people.list()
    if json:
        json_out(
            {"items": [{"person": one.name, "grants": person_json(one)["grants"]} for one in found]}
        )
        return
    rows = [
        (
            one.name, grant.role.value,
            "all" if grant.tenants is None else ", ".join(sorted(grant.tenants)),
            "all" if grant.teams is None else ", ".join(sorted(grant.teams)),
        )
        for one in found
        for grant in grants_of(one.grants)
    ]  # fmt: skip
    print_table(["USER", "ROLE", "TENANTS", "TEAMS"], rows, empty="Nobody has a role.")
