"""Requests about receivers, API keys and accounts, for `Client.do` and `AsyncClient.do`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call
from sentinel.client.models import Key, Tagged
from sentinel.duration import format_duration

__all__ = [
    "Account",
    "AccountPage",
    "AuditVerdict",
    "ChangedReceiver",
    "MadeKey",
    "account",
    "accounts",
    "delete_account",
    "grant_to",
    "key",
    "make_account",
    "make_key",
    "remove_receiver",
    "revoke_key",
    "revoke_roles",
    "rotate_key",
    "set_password",
    "set_receiver",
    "switch_account",
    "verify_audit",
]


class ChangedReceiver(BaseModel):
    """A receiver as it is now.

    `open_before` counts alerts that were open already; `missing` are channels that Prefect has no
    block of, None where it does not answer.
    """

    name: str
    channels: list[str]
    open_before: int
    missing: list[str] | None = None


class MadeKey(BaseModel):
    """A key with its secret, which is shown this once."""

    key: Key
    secret: str


class Account(Tagged):
    """An account with all that the API says of it; `version` is for a change of it alone."""

    id: str
    name: str
    display_name: str
    state: str
    has_password: bool
    issuer: str
    grants: list[dict[str, Any]]
    sessions: int
    created_at: datetime
    created_by: str
    password_at: datetime | None
    login_at: datetime | None
    disabled_at: datetime | None


class AuditVerdict(BaseModel):
    """What a verification of the audit trail's chain found; `head` is its end."""

    ok: bool
    head: str
    rows: int
    waiting: int
    first: int
    erased: int
    problems: list[str]
    warnings: list[str]


class AccountPage(BaseModel):
    """A page of accounts, by name."""

    items: list[Account]
    next_cursor: str | None


def verify_audit(heads: Sequence[str] = ()) -> Call[AuditVerdict]:
    """Return the request that verifies the audit trail's chain, and that earlier ends are in it."""
    return Call(AuditVerdict, "GET", f"{BASE}/audit/verification", {"head": list(heads) or None})


def set_receiver(
    name: str, channels: Sequence[str], *, notify_open: bool = False
) -> Call[ChangedReceiver]:
    """Return the request that makes a receiver, or replaces its channels.

    Args:
        name: of the receiver
        channels: `inbox` or blocks as type/name
        notify_open: whether new channels are notified of what is open already

    Returns:
        The request.
    """
    body = {"channels": list(channels), "notify_open": notify_open}
    return Call(ChangedReceiver, "PUT", f"{BASE}/receivers/{quote(name, safe='')}", body=body)


def remove_receiver(name: str) -> Call[BaseModel]:
    """Return the request that deletes a receiver; its answer has no body."""
    return Call(None, "DELETE", f"{BASE}/receivers/{quote(name, safe='')}")


def make_key(
    name: str, role: str, *, tenants: Sequence[str] | None = None,
    teams: Sequence[str] | None = None, scopes: Sequence[str] = (),
    expires_in: timedelta | None = None,
) -> Call[MadeKey]:  # fmt: skip
    """Return the request that makes an API key.

    Args:
        name: of the program that will use it
        role: what it may do
        tenants: that it is confined to; None for all
        teams: whose alerts and rules it is confined to; None for all
        scopes: areas of the API that it is confined to; empty for all
        expires_in: how long its secret is valid; None for ever

    Returns:
        The request.
    """
    body = {
        "name": name, "role": role, "tenants": tenants, "teams": teams, "scopes": list(scopes),
        "expires_in": _length(expires_in),
    }  # fmt: skip
    return Call(MadeKey, "POST", f"{BASE}/keys", body=body)


def key(key_id: str) -> Call[Key]:
    """Return the request for one API key, without its secret; its id is 32 hex digits."""
    return Call(Key, "GET", f"{BASE}/keys/{quote(key_id, safe='')}")


def rotate_key(
    key_id: str, *, overlap: timedelta, expires_in: timedelta | None = None
) -> Call[MadeKey]:
    """Return the request that gives a key a new secret.

    Args:
        key_id: of the key
        overlap: how long the secret before is accepted
        expires_in: how long the new one is valid; None for as long as the one before was

    Returns:
        The request.
    """
    body = {"overlap": format_duration(overlap), "expires_in": _length(expires_in)}
    return Call(MadeKey, "POST", f"{BASE}/keys/{quote(key_id, safe='')}/rotate", body=body)


def revoke_key(key_id: str) -> Call[Key]:
    """Return the request that ends a key for good."""
    return Call(Key, "POST", f"{BASE}/keys/{quote(key_id, safe='')}/revoke")


def accounts(*, cursor: str | None = None) -> Call[AccountPage]:
    """Return the request for a page of accounts, by name."""
    return Call(AccountPage, "GET", f"{BASE}/users", {"limit": "500", "cursor": cursor})


def account(name: str) -> Call[Account]:
    """Return the request for one account."""
    return Call(Account, "GET", _account(name))


def make_account(name: str, role: str, password: str, **fields: Any) -> Call[Account]:
    """Return the request that makes an account; `fields` are display_name, tenants, teams."""
    body = {"name": name, "role": role, "password": password, **fields}
    return Call(Account, "POST", f"{BASE}/users", body=body)


def switch_account(name: str, *, on: bool, version: str = "") -> Call[Account]:
    """Return the request that enables or disables an account, if its version is still `version`."""
    path = f"{_account(name)}/{'enable' if on else 'disable'}"
    return Call(Account, "POST", path, headers=_only(version))


def grant_to(
    name: str, role: str, *, tenants: Sequence[str] | None = None,
    teams: Sequence[str] | None = None, version: str = "",
) -> Call[Account]:  # fmt: skip
    """Return the request that gives a person a role.

    Args:
        name: of the person
        role: what they may do
        tenants: where; None for all
        teams: for whose alerts and rules; None for all
        version: of the account that was read; another one is refused

    Returns:
        The request.
    """
    body = {"role": role, "tenants": tenants, "teams": teams}
    return Call(Account, "PUT", f"{_account(name)}/roles", body=body, headers=_only(version))


def set_password(name: str, password: str, *, version: str = "") -> Call[Account]:
    """Return the request that gives an account of that version, if given, another password."""
    path, body = f"{_account(name)}/password", {"password": password}
    return Call(Account, "PUT", path, body=body, headers=_only(version))


def delete_account(name: str, *, version: str = "") -> Call[BaseModel]:
    """Return the request that deletes an account, of that version if given; no body is answered."""
    return Call(None, "DELETE", _account(name), headers=_only(version))


def revoke_roles(
    name: str, *, tenants: Sequence[str] | None = None, teams: Sequence[str] | None = None,
    every: bool = False, version: str = "",
) -> Call[Account]:  # fmt: skip
    """Return the request that takes a role from a person.

    Args:
        name: of the person
        tenants: in which it was granted; None for all
        teams: for which it was granted; None for all
        every: take all of them
        version: of the account that was read; another one is refused

    Returns:
        The request.
    """
    given = {"tenant": tenants, "team": teams, "all": "true" if every else None}
    return Call(Account, "DELETE", f"{_account(name)}/roles", given, headers=_only(version))


def _account(name: str) -> str:
    return f"{BASE}/users/{quote(name, safe='')}"


def _only(version: str) -> dict[str, str]:
    """Return the header that lets a change be made to one version alone; none for whichever."""
    return {"If-Match": version} if version else {}


def _length(given: timedelta | None) -> str | None:
    return None if given is None else format_duration(given)
