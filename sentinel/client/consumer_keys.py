"""Requests about the keys of the consumers of an API.

```python
from sentinel.client import Client, consumer_keys

with Client() as sentinel:
    made = sentinel.do(consumer_keys.create("build server", consumer="user-7", plan="gold"))
    print(made.secret)  # shown this once
    assert sentinel.do(consumer_keys.verify(made.secret)).valid
```
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from sentinel.client.calls import Call
from sentinel.duration import format_duration

__all__ = [
    "ConsumerKey", "ConsumerKeyPage", "MadeConsumerKey", "OfflineKeys", "SignerRotated",
    "VerifiedConsumerKey",
    "create", "listed", "offline_keys", "read", "revoke", "rotate",
    "rotate_signer", "verify",
]  # fmt: skip

_PATH = "/api/v1/keys"


class ConsumerKey(BaseModel):
    """A consumer key; `state` is valid, expired or revoked."""

    id: str
    tenant: str
    name: str
    consumer: str
    plan: str
    permissions: list[str]
    state: str
    prefixes: list[str]
    expires_at: datetime | None
    created_at: datetime
    created_by: str
    used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str


class ConsumerKeyPage(BaseModel):
    """A page of consumer keys."""

    items: list[ConsumerKey]
    next_cursor: str | None = None


class MadeConsumerKey(BaseModel):
    """A key with its secret, which is shown this once."""

    key: ConsumerKey
    secret: str


class VerifiedConsumerKey(BaseModel):
    """Whether a key may be used; `state` is valid, unknown, expired, revoked or forbidden."""

    valid: bool
    state: str
    key: str | None = None
    tenant: str | None = None
    name: str | None = None
    consumer: str | None = None
    plan: str | None = None
    permissions: list[str] = []
    expires_at: datetime | None = None
    token: str | None = None


class SignerRotated(BaseModel):
    """When the new key begins to sign."""

    signs_from: datetime


class OfflineKeys(BaseModel):
    """Public keys of offline tokens, as a JWK Set."""

    keys: list[dict[str, Any]]


def listed(
    *, tenant: str | None = None, revoked: bool = False, limit: int | None = None,
    cursor: str | None = None, named: str | None = None,
) -> Call[ConsumerKeyPage]:  # fmt: skip
    """Return the request for the keys that the caller sees.

    Args:
        tenant: only those of this one; None for all
        revoked: also those that were revoked
        limit: at most so many, up to 500
        cursor: `next_cursor` of the page before
        named: only those of this id, name or prefix of a secret

    Returns:
        The request.
    """
    given = {
        "tenant": tenant, "revoked": revoked or None, "limit": limit, "cursor": cursor,
        "named": named,
    }  # fmt: skip
    return Call(ConsumerKeyPage, "GET", _PATH, given)


def create(
    name: str,
    *,
    tenant: str | None = None,
    consumer: str = "",
    plan: str | None = None,
    permissions: Sequence[str] = (),
    expires_in: timedelta | None = None,
) -> Call[MadeConsumerKey]:
    """Return the request that makes a key.

    Args:
        name: unique in its tenant
        tenant: of the API; None for the only one in reach, or `default`
        consumer: whose it is, in the words of the API
        plan: in the words of the API
        permissions: in the words of the API
        expires_in: how long it is valid; None for ever

    Returns:
        The request.
    """
    body = {
        "name": name, "tenant": tenant, "consumer": consumer, "plan": plan,
        "permissions": list(permissions), "expires_in": _length(expires_in),
    }  # fmt: skip
    return Call(MadeConsumerKey, "POST", _PATH, body=body)


def read(key_id: str) -> Call[ConsumerKey]:
    """Return the request for one key, without its secret."""
    return Call(ConsumerKey, "GET", f"{_PATH}/{key_id}")


def rotate(
    key_id: str, *, overlap: timedelta = timedelta(days=1), expires_in: timedelta | None = None
) -> Call[MadeConsumerKey]:
    """Return the request that gives a key a new secret.

    Args:
        key_id: of the key
        overlap: how long the secret before is accepted
        expires_in: how long the new one is valid; None for as long as the one before was

    Returns:
        The request.
    """
    body = {"overlap": format_duration(overlap), "expires_in": _length(expires_in)}
    return Call(MadeConsumerKey, "POST", f"{_PATH}/{key_id}/rotate", body=body)


def revoke(key_id: str) -> Call[ConsumerKey]:
    """Return the request that ends a key for good."""
    return Call(ConsumerKey, "POST", f"{_PATH}/{key_id}/revoke")


def verify(
    key: str, *, permission: str | None = None, token_for: timedelta | None = None
) -> Call[VerifiedConsumerKey]:
    """Return the request that says whether a key may be used.

    Args:
        key: as the consumer sent it
        permission: that it must have; None for any
        token_for: how long a token for offline use is valid; None for no token

    Returns:
        The request.
    """
    body = {"key": key, "permission": permission, "token_for": _length(token_for)}
    return Call(VerifiedConsumerKey, "POST", f"{_PATH}/verify", body=body)


def offline_keys() -> Call[OfflineKeys]:
    """Return the request for the public keys of offline tokens."""
    return Call(OfflineKeys, "GET", f"{_PATH}/jwks")


def rotate_signer(*, at_once: bool = False) -> Call[SignerRotated]:
    """Return the request that replaces what signs offline tokens.

    Args:
        at_once: end all tokens now; for a key that leaked

    Returns:
        The request.
    """
    return Call(SignerRotated, "POST", f"{_PATH}/jwks/rotate", body={"at_once": at_once})


def _length(given: timedelta | None) -> str | None:
    return None if given is None else format_duration(given)
