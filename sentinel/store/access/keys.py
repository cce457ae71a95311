"""API keys: made, listed, rotated and revoked. What is stored of a secret is its hash."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, or_, select
from sqlalchemy.exc import IntegrityError

from sentinel.access import Principal, Role
from sentinel.access.areas import checked_scopes
from sentinel.access.keys import NewSecret, new_secret
from sentinel.audit.change import Change, differing
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.columns import new_id
from sentinel.store.access.grants import GRANT, grants_of, places
from sentinel.store.access.key_views import (
    KEY,
    KEY_KIND,
    SECRET,
    KeyView,
    views_of,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["USED_EVERY", "Keys", "MadeKey", "StoredKey"]

USED_EVERY = timedelta(minutes=1)
"""The time of last use is written at most so often."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@ -]{0,98}[A-Za-z0-9]|[A-Za-z0-9]")


class MadeKey(msgspec.Struct, frozen=True):
    """A key, and the text of its new secret, which is shown once and kept nowhere."""

    key: KeyView
    secret: NewSecret


class StoredKey(msgspec.Struct, frozen=True):
    """What recognizes a key by the prefix of its secret."""

    hash: str
    expires_at: datetime | None
    principal: Principal


class Keys:
    """API keys in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self,
        name: str,
        role: Role,
        *,
        actor: str,
        tenants: Collection[str] | None = None,
        teams: Collection[str] | None = None,
        scopes: Collection[str] = (),
        expires_in: timedelta | None = None,
    ) -> MadeKey:
        """Make a key.

        Args:
            name: of the program that uses it; unique among keys that are not revoked
            role: what it may do
            actor: who makes it
            tenants: where; None for all
            teams: for whose alerts and rules; None for all
            scopes: areas it is confined to, each `AREA` or `AREA:PERMISSION`; empty for all
            expires_in: how long it is valid; None for until it is revoked

        Returns:
            The key with its secret.

        Raises:
            ConfigurationError: the name, a tenant, a team or a scope is not valid
            Conflict: there is a key of that name
        """
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name[:100]!r} is not a valid name of a key",
                hint="Use at most 100 letters, digits, spaces, '-', '_', '.' and '@', with a "
                "letter or digit first and last.",
            )
        wanted = sorted(checked_scopes(scopes))
        rows = places(tenants, teams)
        key_id, now, secret = new_id(), self._store.now(), new_secret()
        ends = _end(now, expires_in)

        def work(connection: Connection) -> KeyView:
            connection.execute(
                KEY.insert().values(
                    id=key_id, name=name, scopes=wanted, created_at=now, created_by=actor,
                    revoked_by="",
                )
            )  # fmt: skip
            common = {"holder_kind": KEY_KIND, "holder": key_id, "role": role.value}
            common |= {"granted_at": now, "granted_by": actor}
            connection.execute(
                GRANT.insert(), [{**common, "tenant": one, "team": team} for one, team in rows]
            )
            self._add_secret(connection, key_id, secret, now, ends)
            view = self._one(connection, key_id)
            self._record(connection, "key.created", actor, None, view)
            return view

        try:
            return MadeKey(self._store.in_transaction(work), secret)
        except IntegrityError:
            raise Conflict(
                f"there is a key named {name!r}",
                hint="Choose another name, or rotate that one: sentinel key rotate",
            ) from None

    def list(self, *, revoked: bool = False) -> list[KeyView]:
        """Return the keys by name, without those that are revoked unless `revoked`."""
        query = select(KEY).order_by(KEY.c.name, KEY.c.id)
        if not revoked:
            query = query.where(KEY.c.revoked_at.is_(None))
        with self._store.read() as connection:
            return views_of(connection, connection.execute(query).all())

    def get(self, key: str) -> KeyView:
        """Return one key.

        Args:
            key: its id, its name, or the prefix of one of its secrets

        Returns:
            The key; of several of that name, the one that is not revoked, else the newest.

        Raises:
            NotFound: there is none
        """
        with self._store.read() as connection:
            return self._one(connection, key)

    def revoke(self, key: str, *, actor: str) -> KeyView:
        """End a key for good: none of its secrets is accepted any more.

        Args:
            key: as in `get`
            actor: who revokes it

        Returns:
            The key as it is now; one that was revoked already stays as it is.

        Raises:
            NotFound: there is none
        """

        def work(connection: Connection) -> KeyView:
            found = self._one(connection, key)
            change = KEY.update().where(KEY.c.id == found.id, KEY.c.revoked_at.is_(None))
            change = change.values(revoked_at=self._store.now(), revoked_by=actor)
            if connection.execute(change).rowcount:
                view = self._one(connection, found.id)
                self._record(connection, "key.revoked", actor, found, view)
            return self._one(connection, found.id)

        return self._store.in_transaction(work)

    def rotate(
        self,
        key: str,
        *,
        actor: str,
        overlap: timedelta = timedelta(days=1),
        expires_in: timedelta | None = None,
    ) -> MadeKey:
        """Give a key a new secret; the ones before are accepted for `overlap` longer.

        Args:
            key: as in `get`
            actor: who rotates it
            overlap: how long the secrets before remain valid, unless they end sooner
            expires_in: how long the new secret is valid; None for as long as the one before was

        Returns:
            The key with its new secret.

        Raises:
            NotFound: there is none
            Conflict: it is revoked
        """
        now, secret = self._store.now(), new_secret()

        def work(connection: Connection) -> KeyView:
            found = self._one(connection, key)
            if found.revoked_at is not None:
                raise Conflict(f"the key {found.name!r} is revoked", hint="Create a new one.")
            before = found.secrets[0]
            lifetime = expires_in
            if lifetime is None and before.expires_at is not None:
                lifetime = before.expires_at - before.created_at
            late = or_(SECRET.c.expires_at.is_(None), SECRET.c.expires_at > now + overlap)
            connection.execute(
                SECRET.update()
                .where(SECRET.c.key_id == found.id, late)
                .values(expires_at=now + overlap)
            )
            self._add_secret(connection, found.id, secret, now, _end(now, lifetime))
            view = self._one(connection, found.id)
            self._record(connection, "key.rotated", actor, found, view)
            return view

        return MadeKey(self._store.in_transaction(work), secret)

    def find(self, prefix: str) -> StoredKey | None:
        """Return what recognizes a key; None for an unknown prefix or a revoked key."""
        query = (
            select(SECRET.c.hash, SECRET.c.expires_at, KEY.c.id, KEY.c.name, KEY.c.scopes)
            .join(KEY, KEY.c.id == SECRET.c.key_id)
            .where(SECRET.c.prefix == prefix, KEY.c.revoked_at.is_(None))
        )
        with self._store.glance() as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            grants = grants_of(connection, KEY_KIND, [row.id]).get(row.id, ())
        if not grants:
            return None
        first, *further = grants
        principal = Principal(
            name=row.name, kind="key", role=first.role, tenants=first.tenants, teams=first.teams,
            further=tuple(further), scopes=frozenset(row.scopes) or None, id=row.id,
        )  # fmt: skip
        return StoredKey(row.hash, row.expires_at, principal)

    def note_used(self, key_id: str, at: datetime) -> None:
        """Write down that a key was used, unless a use within the last minute is."""
        with self._store.write() as connection:
            connection.execute(
                KEY.update()
                .where(KEY.c.id == key_id)
                .where(or_(KEY.c.used_at.is_(None), KEY.c.used_at <= at - USED_EVERY))
                .values(used_at=at)
            )

    def _add_secret(
        self,
        connection: Connection,
        key_id: str,
        secret: NewSecret,
        now: datetime,
        ends: datetime | None,
    ) -> None:
        connection.execute(
            SECRET.insert().values(
                prefix=secret.prefix, key_id=key_id, hash=secret.hash, created_at=now,
                expires_at=ends,
            )
        )  # fmt: skip

    def _one(self, connection: Connection, key: str) -> KeyView:
        of_prefix = select(SECRET.c.key_id).where(SECRET.c.prefix == key.removeprefix("snt_"))
        query = (
            select(KEY)
            .where(or_(KEY.c.id == key, KEY.c.name == key, KEY.c.id.in_(of_prefix)))
            .order_by(KEY.c.revoked_at.is_(None).desc(), KEY.c.id.desc())
        )
        row = None if "\0" in key else connection.execute(query).first()
        if row is None:
            raise NotFound(
                f"there is no key {key[:100]!r}",
                hint="See which there are: sentinel key list, or GET /api/v1/alerts/keys",
            )
        return views_of(connection, [row])[0]

    def _record(
        self, connection: Connection, action: str, actor: str, was: KeyView | None, now: KeyView
    ) -> None:
        """Write the audit row: what of the key differs, with the prefixes of its secrets."""
        before, after = differing({} if was is None else _fields(was), _fields(now))
        change = Change(
            action=action, object_kind="key", object_id=now.id, object_name=now.name,
            before=None if was is None else before, after=after,
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)


def _fields(key: KeyView) -> dict[str, Any]:
    """Return what is recorded of a key: what it may do, and until when, never a secret."""
    fields: dict[str, Any] = msgspec.to_builtins(key)
    prefixes = {one.prefix: msgspec.to_builtins(one.expires_at) for one in key.secrets}
    kept = ("secrets", "used_at", "id", "name", "created_at", "created_by", "revoked_by")
    return {name: one for name, one in fields.items() if name not in kept} | {"prefixes": prefixes}


def _end(now: datetime, length: timedelta | None) -> datetime | None:
    if length is None:
        return None
    if length <= timedelta(0):
        raise ConfigurationError("a key must be valid for some time", hint="Write 90d, say.")
    return now + length
