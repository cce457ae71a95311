"""Consumer keys of the database here or of a server, for the command line: the same answers."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.client import Client, consumer_keys
from sentinel.client.consumer_keys import (
    ConsumerKey,
    ConsumerKeyPage,
    MadeConsumerKey,
    VerifiedConsumerKey,
)
from sentinel.clock import SystemClock
from sentinel.errors import Conflict, NotFound
from sentinel.store import Store
from sentinel.store.api_usage.consumer_keys import ConsumerKeys, ConsumerKeyView
from sentinel.store.api_usage.consumer_keys import MadeConsumerKey as Made
from sentinel.store.api_usage.signing_keys import SigningKeys

__all__ = ["KeyDoor", "find_key", "key_door"]

_PAGE = 500


class KeyDoor(Protocol):
    """What commands ask about consumer keys."""

    def now(self) -> datetime:
        """Return the present moment."""
        ...

    def page(
        self, *, tenant: str | None, revoked: bool, cursor: str | None, named: str | None
    ) -> ConsumerKeyPage:
        """Return a page of keys."""
        ...

    def create(
        self, name: str, *, tenant: str | None, consumer: str, plan: str | None,
        permissions: Sequence[str], expires_in: timedelta | None,
    ) -> MadeConsumerKey:  # fmt: skip
        """Make a key."""
        ...

    def rotate(self, key: str, overlap: timedelta, expires_in: timedelta | None) -> MadeConsumerKey:
        """Give a key a new secret."""
        ...

    def revoke(self, key: str) -> ConsumerKey:
        """End a key for good."""
        ...

    def verify(self, secret: str, permission: str | None) -> VerifiedConsumerKey:
        """Say whether a key may be used now."""
        ...

    def rotate_signer(self, *, at_once: bool) -> datetime:
        """Replace what signs offline tokens; return from when the new key signs."""
        ...


@contextmanager
def key_door() -> Generator[KeyDoor]:
    """Open the server of `--url`, or the database here."""
    if remote_url():
        from sentinel.cli.remote import client_here

        with client_here() as client:
            yield _There(client)
        return
    with open_store() as store:
        yield _Here(store)


def find_key(door: KeyDoor, wanted: str) -> ConsumerKey:
    """Return the key that is meant; one that is not revoked goes first.

    Args:
        door: where
        wanted: an id, a name, or the prefix of a secret

    Returns:
        The key.

    Raises:
        NotFound: there is none
        Conflict: there are several
    """
    named = door.page(tenant=None, revoked=True, cursor=None, named=wanted).items
    found = [one for one in named if one.state != "revoked"] or named
    if not found:
        raise NotFound(f"there is no consumer key {wanted!r}", hint="sentinel apikey list")
    if len(found) > 1:
        raise Conflict(
            f"{len(found)} consumer keys are called {wanted!r}", hint="Write the key's id."
        )
    return found[0]


class _There:
    def __init__(self, client: Client) -> None:
        self._client = client

    def now(self) -> datetime:
        return SystemClock().now()

    def page(
        self, *, tenant: str | None, revoked: bool, cursor: str | None, named: str | None
    ) -> ConsumerKeyPage:
        asked = consumer_keys.listed(
            tenant=tenant, revoked=revoked, limit=_PAGE, cursor=cursor, named=named
        )
        return self._client.do(asked)

    def create(
        self, name: str, *, tenant: str | None, consumer: str, plan: str | None,
        permissions: Sequence[str], expires_in: timedelta | None,
    ) -> MadeConsumerKey:  # fmt: skip
        asked = consumer_keys.create(
            name, tenant=tenant, consumer=consumer, plan=plan, permissions=permissions,
            expires_in=expires_in,
        )  # fmt: skip
        return self._client.do(asked)

    def rotate(self, key: str, overlap: timedelta, expires_in: timedelta | None) -> MadeConsumerKey:
        asked = consumer_keys.rotate(key, overlap=overlap, expires_in=expires_in)
        return self._client.do(asked)

    def revoke(self, key: str) -> ConsumerKey:
        return self._client.do(consumer_keys.revoke(key))

    def verify(self, secret: str, permission: str | None) -> VerifiedConsumerKey:
        return self._client.do(consumer_keys.verify(secret, permission=permission))

    def rotate_signer(self, *, at_once: bool) -> datetime:
        return self._client.do(consumer_keys.rotate_signer(at_once=at_once)).signs_from


class _Here:
    def __init__(self, store: Store) -> None:
        self._store, self._keys = store, ConsumerKeys(store)

    def now(self) -> datetime:
        return self._store.now()

    def page(
        self, *, tenant: str | None, revoked: bool, cursor: str | None, named: str | None
    ) -> ConsumerKeyPage:
        after = None
        if cursor is not None:
            last_tenant, last_id = cursor.rsplit("/", 1)
            after = (last_tenant, last_id)
        found = self._keys.list(
            tenant=tenant, revoked=revoked, limit=_PAGE, after=after, named=named
        )
        more = f"{found[-1].tenant}/{found[-1].id}" if len(found) == _PAGE else None
        return ConsumerKeyPage(items=[self._item(one) for one in found], next_cursor=more)

    def create(
        self, name: str, *, tenant: str | None, consumer: str, plan: str | None,
        permissions: Sequence[str], expires_in: timedelta | None,
    ) -> MadeConsumerKey:  # fmt: skip
        made = self._keys.create(
            name, tenant=tenant or "default", actor=actor(), consumer=consumer, plan=plan or "",
            permissions=permissions, expires_in=expires_in,
        )  # fmt: skip
        return self._made(made)

    def rotate(self, key: str, overlap: timedelta, expires_in: timedelta | None) -> MadeConsumerKey:
        made = self._keys.rotate(key, actor=actor(), overlap=overlap, expires_in=expires_in)
        return self._made(made)

    def revoke(self, key: str) -> ConsumerKey:
        return self._item(self._keys.revoke(key, actor=actor()))

    def verify(self, secret: str, permission: str | None) -> VerifiedConsumerKey:
        found = self._keys.verify(secret, permission)
        fields: dict[str, Any] = {} if found.who is None else msgspec.to_builtins(found.who)
        valid = found.state == "valid"
        return VerifiedConsumerKey.model_validate({**fields, "valid": valid, "state": found.state})

    def rotate_signer(self, *, at_once: bool) -> datetime:
        return SigningKeys(self._store).rotate(actor=actor(), at_once=at_once)

    def _made(self, made: Made) -> MadeConsumerKey:
        return MadeConsumerKey(key=self._item(made.key), secret=made.secret.text)

    def _item(self, one: ConsumerKeyView) -> ConsumerKey:
        fields = msgspec.to_builtins(one)
        return ConsumerKey.model_validate(
            {
                **fields, "state": one.state(self._store.now()),
                "prefixes": [prefix for prefix, _ in one.prefixes],
                "expires_at": one.prefixes[0][1] if one.prefixes else None,
            }
        )  # fmt: skip
