"""`sentinel user …`: accounts of people."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.access import Role
from sentinel.cli.output import AsJson, ago, fields, json_out, print_table, say
from sentinel.cli.person_rows import (
    InTenants,
    OfTeams,
    WhichPerson,
    grant_words,
    grants_of,
    moment,
    person_json,
)
from sentinel.cli.remote_people import (
    all_accounts,
    create_account,
    delete_account_there,
    one_account,
    set_password_there,
    switch_account_there,
)
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentinel.client.access import Account
    from sentinel.store.access.people import PersonView

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Accounts of people. The first one switches login on."
)


@commands.command()
def create(
    name: WhichPerson,
    role: Annotated[Role, typer.Option(help="What the person may do.", show_default=False)],
    display_name: Annotated[
        str, typer.Option(help="As pages show it; by default, NAME.", show_default=False)
    ] = "",
    tenant: InTenants = None,
    team: OfTeams = None,
    json: AsJson = False,
) -> None:
    """Make an account. The password is asked for, or read as a line of standard input.

    The first account switches login on: from then on the dashboard asks everybody to log in.

    Example:
        sentinel user create maria --role responder --display-name "Maria López"
    """
    from sentinel.store.access.people import People

    if remote_url():
        there = create_account(name, role, _password(name), display_name, tenant, team)
        words = f"{there.name} can log in, as {grant_words(grants_of(there.grants))}."
        _report(there, words, json=json)
        return
    with open_store() as store:
        people = People(store)
        first = not people.exist()
        made = people.create(
            name, role, password=_password(name), actor=actor(), display_name=display_name,
            tenants=tenant or None, teams=team or None,
        )  # fmt: skip
    _report(made, f"{made.name} can log in, as {grant_words(made.grants)}.", json=json)
    if first and not json:
        say("This is the first account: the dashboard asks everybody to log in from now on.")


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """List the accounts.

    Example:
        sentinel user list
    """
    from sentinel.store.access.people import People

    found: Sequence[PersonView | Account]
    if remote_url():
        found, now = all_accounts(), datetime.now(UTC)
    else:
        with open_store() as store:
            found, now = People(store).list(), store.now()
    if json:
        json_out({"items": [person_json(one) for one in found]})
        return
    print_table(
        ["USER", "NAME", "ROLE", "STATUS", "SESSIONS", "LAST LOGIN"],
        [
            (
                one.name, one.display_name, grant_words(grants_of(one.grants)), one.state,
                one.sessions, ago(one.login_at, now) or "never",
            )
            for one in found
        ],
        empty="There are no accounts, so the dashboard has no login: sentinel user create",
    )  # fmt: skip


@commands.command()
def show(name: WhichPerson, json: AsJson = False) -> None:
    """Show one account.

    Example:
        sentinel user show maria
    """
    from sentinel.store.access.people import People

    found: PersonView | Account
    if remote_url():
        found = one_account(name)
    else:
        with open_store() as store:
            found = People(store).get(name)
    if json:
        json_out(person_json(found))
        return
    fields(
        {
            "user": found.name,
            "name": found.display_name,
            "id": found.id,
            "status": found.state,
            "role": grant_words(grants_of(found.grants)),
            "signs in with": found.issuer or ("a password" if found.has_password else "nothing"),
            "created": f"{moment(found.created_at)} by {found.created_by}",
            "password set": moment(found.password_at),
            "last login": moment(found.login_at) or "never",
            "sessions": found.sessions or "none",
            "disabled": moment(found.disabled_at),
        }
    )


@commands.command()
def password(name: WhichPerson, json: AsJson = False) -> None:
    """Give an account another password. This ends its sessions and its lockout.

    The password is asked for, or read as a line of standard input.

    Example:
        sentinel user password maria
    """
    from sentinel.store.access.people import People

    found: PersonView | Account
    if remote_url():
        one_account(name)  # before anybody types a password
        found = set_password_there(name, _password(name))
    else:
        with open_store() as store:
            people = People(store)
            people.get(name)
            found = people.set_password(name, _password(name), actor=actor())
    _report(found, f"{found.name} has a new password; all sessions ended.", json=json)


@commands.command()
def disable(name: WhichPerson, json: AsJson = False) -> None:
    """Lock an account and end its sessions at once.

    Example:
        sentinel user disable maria
    """
    from sentinel.store.access.people import People

    found: PersonView | Account
    if remote_url():
        found = switch_account_there(name, on=False)
    else:
        with open_store() as store:
            found = People(store).disable(name, actor=actor())
    _report(found, f"{found.name} cannot log in any more; all sessions ended.", json=json)


@commands.command()
def enable(name: WhichPerson, json: AsJson = False) -> None:
    """Let an account be used again, and end its lockout.

    Example:
        sentinel user enable maria
    """
    from sentinel.store.access.people import People

    found: PersonView | Account
    if remote_url():
        found = switch_account_there(name, on=True)
    else:
        with open_store() as store:
            found = People(store).enable(name, actor=actor())
    _report(found, f"{found.name} can log in.", json=json)


@commands.command()
def delete(name: WhichPerson, json: AsJson = False) -> None:
    """Remove an account with its roles and sessions. Timelines keep the name.

    Example:
        sentinel user delete maria
    """
    from sentinel.store.access.people import People

    found: PersonView | Account
    if remote_url():
        found, last = delete_account_there(name), False
    else:
        with open_store() as store:
            people = People(store)
            found = people.delete(name, actor=actor())
            last = not people.exist()
    _report(found, f"Deleted the account of {found.name}.", json=json)
    if last and not json:
        say("No account is left: the dashboard has no login, and everybody who reaches it may act.")


def _report(found: PersonView | Account, words: str, *, json: bool) -> None:
    if json:
        json_out(person_json(found))
    else:
        say(words)


def _password(name: str) -> str:
    """Ask for a new password twice; without a terminal, read a line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise ConfigurationError(
            "there is no password: standard input is empty, and there is no terminal to ask on",
            hint="Send it as a line of standard input.",
        )
    return line
