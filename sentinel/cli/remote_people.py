"""Accounts and roles of a server on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sentinel.access import Role
from sentinel.cli.remote import client_here

if TYPE_CHECKING:
    from sentinel.client.access import Account

__all__ = [
    "all_accounts",
    "create_account",
    "delete_account_there",
    "grant_there",
    "one_account",
    "revoke_there",
    "set_password_there",
    "switch_account_there",
]


def all_accounts() -> list[Account]:
    """Return all accounts of the server, by name."""
    from sentinel.client.access import accounts

    found: list[Account] = []
    cursor: str | None = None
    with client_here() as client:
        while True:
            page = client.do(accounts(cursor=cursor))
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found


def one_account(name: str) -> Account:
    """Return an account of the server; NotFound where there is none."""
    from sentinel.client.access import account

    with client_here() as client:
        return client.do(account(name))


def create_account(
    name: str, role: Role, password: str, display_name: str, tenants: Sequence[str] | None,
    teams: Sequence[str] | None,
) -> Account:  # fmt: skip
    """Make an account of the server."""
    from sentinel.client.access import make_account

    asked = make_account(
        name, role.value, password, display_name=display_name, tenants=tenants or None,
        teams=teams or None,
    )  # fmt: skip
    with client_here() as client:
        return client.do(asked)


def set_password_there(name: str, password: str) -> Account:
    """Give an account of the server another password."""
    from sentinel.client.access import set_password

    with client_here() as client:
        return client.do(set_password(name, password))


def switch_account_there(name: str, *, on: bool) -> Account:
    """Enable or disable an account of the server."""
    from sentinel.client.access import switch_account

    with client_here() as client:
        return client.do(switch_account(name, on=on))


def delete_account_there(name: str) -> Account:
    """Delete an account of the server, and return it as it was."""
    from sentinel.client.access import account, delete_account

    with client_here() as client:
        found = client.do(account(name))
        client.carry_out(delete_account(name))
        return found


def grant_there(
    name: str, role: Role, tenants: Sequence[str] | None, teams: Sequence[str] | None
) -> Account:
    """Give a person of the server a role."""
    from sentinel.client.access import grant_to

    with client_here() as client:
        return client.do(grant_to(name, role.value, tenants=tenants or None, teams=teams or None))


def revoke_there(
    name: str, tenants: Sequence[str] | None, teams: Sequence[str] | None, *, every: bool
) -> Account:
    """Take a role, or every one, from a person of the server."""
    from sentinel.client.access import revoke_roles

    asked = revoke_roles(name, tenants=tenants or None, teams=teams or None, every=every)
    with client_here() as client:
        return client.do(asked)
