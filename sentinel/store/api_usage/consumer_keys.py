"""Keys of the consumers of an API: made, listed, rotated, revoked and verified."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, or_, select, tuple_
from sqlalchemy.exc import DBAPIError, IntegrityError

from sentinel.access.keys import NewSecret, matches
from sentinel.access.scope import EVERYTHING, Scope
from sentinel.api_usage.consumer_keys import (
    Consumer,
    KeyState,
    checked_words,
    new_consumer_secret,
    prefix_of,
)
from sentinel.audit.change import Change, differing
from sentinel.errors import ConfigurationError, Conflict, DatabaseUnreachable, NotFound
from sentinel.schema.api_usage import ConsumerKey, ConsumerKeySecret
from sentinel.schema.columns import new_id
from sentinel.store.api_usage.key_secrets import add_secret, end_of, forget_old, length_before
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["ConsumerKeyView", "ConsumerKeys", "MadeConsumerKey", "Verified"]

_log = logging.getLogger(__name__)
_KEY, _SECRET = table_of(ConsumerKey), table_of(ConsumerKeySecret)
_USED_EVERY = timedelta(minutes=1)
_LONGEST_NAME, _LONGEST_CONSUMER = 100, 200
_NOBODY = "0" * 64


class ConsumerKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key as people see it.

    Attributes:
        prefixes: of its secrets, the newest first, each with its end; None for never
        used_at: when it was last verified, to the minute; None for never
    """

    id: str
    tenant: str
    name: str
    consumer: str
    plan: str
    permissions: tuple[str, ...]
    created_at: datetime
    created_by: str
    used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str
    prefixes: tuple[tuple[str, datetime | None], ...]

    def state(self, now: datetime) -> KeyState:
        """Return whether it can be used at `now`."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        lasting = any(end is None or end > now for _, end in self.prefixes)
        return KeyState.VALID if lasting else KeyState.EXPIRED


class MadeConsumerKey(msgspec.Struct, frozen=True):
    """A key, and the text of its new secret, which is shown once and kept nowhere."""

    key: ConsumerKeyView
    secret: NewSecret


class Verified(msgspec.Struct, frozen=True):
    """What verifying a key said; `who` is there for a key that is valid, or lacks a permission."""

    state: KeyState
    who: Consumer | None = None


class ConsumerKeys:
    """The consumer keys that are in a scope.

    Args:
        store: the shared database
        scope: only keys of tenants that are in it with all their teams
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._tenants = scope.whole_tenants

    def create(
        self,
        name: str,
        *,
        tenant: str,
        actor: str,
        consumer: str = "",
        plan: str = "",
        permissions: Collection[str] = (),
        expires_in: timedelta | None = None,
        account: str = "",
        check: Callable[[Connection], None] = lambda _: None,
    ) -> MadeConsumerKey:
        """Make a key.

        Args:
            name: unique among the tenant's keys that are not revoked
            tenant: of the API
            actor: who makes it
            consumer: whose it is, in the words of the API
            plan: in the words of the API
            permissions: in the words of the API
            expires_in: how long it is valid; None for until it is revoked
            account: id of the consumer's account that makes it; empty for none
            check: is called in the same transaction, and may refuse

        Returns:
            The key with its secret.

        Raises:
            ConfigurationError: a text is not valid
            Conflict: the tenant has a key of that name
        """
        _checked_text(name, "name", _LONGEST_NAME)
        if consumer:
            _checked_text(consumer, "consumer", _LONGEST_CONSUMER)
        words = checked_words(permissions, "permissions")
        (plan,) = checked_words([plan], "plan") if plan else ("",)
        key_id, now, secret = new_id(), self._store.now(), new_consumer_secret()
        ends = end_of(now, expires_in)

        def work(connection: Connection) -> ConsumerKeyView:
            check(connection)
            connection.execute(
                _KEY.insert().values(
                    id=key_id, tenant=tenant, name=name, consumer=consumer, plan=plan,
                    permissions=list(words), created_at=now, created_by=actor, revoked_by="",
                    account=account,
                )
            )  # fmt: skip
            add_secret(connection, key_id, secret, now, ends)
            view = self._one(connection, key_id)
            self._record(connection, "consumer_key.created", actor, None, view)
            return view

        try:
            return MadeConsumerKey(self._store.in_transaction(work), secret)
        except IntegrityError:
            raise Conflict(
                f"the tenant {tenant} has a consumer key named {name!r}",
                hint="Choose another name, or rotate that one.",
            ) from None

    def list(
        self, *, tenant: str | None = None, revoked: bool = False, limit: int = 500,
        after: tuple[str, str] | None = None, named: str | None = None,
        account: str | None = None,
    ) -> list[ConsumerKeyView]:  # fmt: skip
        """Return keys by tenant, and in each the oldest first.

        Args:
            tenant: only those of this one
            revoked: those that were revoked, too
            limit: most keys: everybody who uses an API may have one
            after: tenant and id of the key after which to begin; None for the first
            named: only those of this id, name or prefix of a secret
            account: only those that this account made

        Returns:
            The keys in scope.
        """
        place = tuple_(_KEY.c.tenant, _KEY.c.id)
        query = select(_KEY).where(*self._seen()).order_by(_KEY.c.tenant, _KEY.c.id).limit(limit)
        if after is not None:
            query = query.where(place > after)
        if tenant is not None:
            query = query.where(_KEY.c.tenant == tenant)
        if named is not None:
            of_prefix = select(_SECRET.c.key_id).where(_SECRET.c.prefix == named)
            is_it = or_(_KEY.c.id == named, _KEY.c.name == named, _KEY.c.id.in_(of_prefix))
            query = query.where(is_it)
        if account is not None:
            query = query.where(_KEY.c.account == account)
        if not revoked:
            query = query.where(_KEY.c.revoked_at.is_(None))
        with self._store.read() as connection:
            return _views(connection, connection.execute(query).all())

    def get(self, key: str) -> ConsumerKeyView:
        """Return one key by its id; raises `NotFound` where there is none in scope."""
        with self._store.read() as connection:
            return self._one(connection, key)

    def revoke(self, key: str, *, actor: str) -> ConsumerKeyView:
        """End a key for good.

        Args:
            key: its id
            actor: who revokes it

        Returns:
            The key as it is now; one that was revoked already stays as it is.

        Raises:
            NotFound: there is none in scope
        """
        return self._store.in_transaction(lambda open_: self.revoke_in(open_, key, actor))

    def revoke_in(self, connection: Connection, key: str, actor: str) -> ConsumerKeyView:
        """Do as `revoke` in a transaction that is open."""
        found = self._one(connection, key)
        change = _KEY.update().where(_KEY.c.id == found.id, _KEY.c.revoked_at.is_(None))
        change = change.values(revoked_at=self._store.now(), revoked_by=actor)
        if connection.execute(change).rowcount:
            view = self._one(connection, found.id)
            self._record(connection, "consumer_key.revoked", actor, found, view)
            return view
        return found

    def rotate(
        self, key: str, *, actor: str, overlap: timedelta = timedelta(days=1),
        expires_in: timedelta | None = None, longest: timedelta | None = None,
    ) -> MadeConsumerKey:  # fmt: skip
        """Give a key a new secret; the ones before are accepted for `overlap` longer.

        Args:
            key: its id
            actor: who rotates it
            overlap: how long the secrets before remain valid, unless they end sooner
            expires_in: how long the new secret is valid; None for as long as the one before was
            longest: for which a secret may be valid at all; None for without an end

        Returns:
            The key with its new secret.

        Raises:
            NotFound: there is none in scope
            Conflict: it is revoked, or too many of its secrets are valid
            ConfigurationError: the secret would be valid for no time
        """
        now, secret = self._store.now(), new_consumer_secret()

        def work(connection: Connection) -> ConsumerKeyView:
            found = self._one(connection, key)
            if found.revoked_at is not None:
                raise Conflict(f"the key {found.name!r} is revoked", hint="Create a new one.")
            lasts = length_before(connection, found.id) if expires_in is None else expires_in
            lasts = longest if lasts is None or (longest and lasts > longest) else lasts
            late = or_(_SECRET.c.expires_at.is_(None), _SECRET.c.expires_at > now + overlap)
            before = _SECRET.update().where(_SECRET.c.key_id == found.id, late)
            connection.execute(before.values(expires_at=now + overlap))
            forget_old(connection, found.id, now)
            add_secret(connection, found.id, secret, now, end_of(now, lasts))
            view = self._one(connection, found.id)
            self._record(connection, "consumer_key.rotated", actor, found, view)
            return view

        return MadeConsumerKey(self._store.in_transaction(work), secret)

    def verify(self, given: str, permission: str | None = None) -> Verified:
        """Say whose key it is, and whether it may be used now.

        Args:
            given: what a request came with
            permission: that it must have; None for any

        Returns:
            What it says. A key of a tenant out of scope is unknown.
        """
        prefix = prefix_of(given)
        if prefix is None:
            return Verified(KeyState.UNKNOWN)
        query = (
            select(_KEY, _SECRET.c.hash, _SECRET.c.expires_at)
            .join(_KEY, _KEY.c.id == _SECRET.c.key_id)
            .where(_SECRET.c.prefix == prefix, *self._seen())
        )
        with self._store.glance() as connection:
            row = connection.execute(query).first()
        if not matches(given, _NOBODY if row is None else row.hash) or row is None:
            return Verified(KeyState.UNKNOWN)
        now = self._store.now()
        if row.revoked_at is not None:
            return Verified(KeyState.REVOKED)
        if row.expires_at is not None and row.expires_at <= now:
            return Verified(KeyState.EXPIRED)
        if row.used_at is None or row.used_at <= now - _USED_EVERY:
            try:
                self.note_used(row.id, now)
            except (DatabaseUnreachable, DBAPIError) as error:
                # The key is valid whether or not its use can be noted, such as on a full disk.
                _log.warning("the use of a consumer key was not noted: %s", error)
        who = Consumer(
            key=row.id, tenant=row.tenant, name=row.name, consumer=row.consumer, plan=row.plan,
            permissions=tuple(row.permissions), expires_at=row.expires_at,
        )  # fmt: skip
        may = permission is None or permission in who.permissions
        return Verified(KeyState.VALID if may else KeyState.FORBIDDEN, who)

    def note_used(self, key_id: str, at: datetime) -> None:
        """Write down that a key was used, unless a use within the last minute is."""
        with self._store.write() as connection:
            connection.execute(
                _KEY.update()
                .where(_KEY.c.id == key_id)
                .where(or_(_KEY.c.used_at.is_(None), _KEY.c.used_at <= at - _USED_EVERY))
                .values(used_at=at)
            )

    def _seen(self) -> tuple[Any, ...]:
        return () if self._tenants is None else (_KEY.c.tenant.in_(sorted(self._tenants)),)

    def _one(self, connection: Connection, key: str) -> ConsumerKeyView:
        query = select(_KEY).where(_KEY.c.id == key, *self._seen())
        row = None if "\0" in key else connection.execute(query).first()
        if row is None:
            raise NotFound(
                f"there is no consumer key {key[:100]!r}", hint="GET /api/v1/keys lists them."
            )
        return _views(connection, [row])[0]

    def _record(
        self, connection: Connection, action: str, actor: str,
        was: ConsumerKeyView | None, now: ConsumerKeyView,
    ) -> None:  # fmt: skip
        before, after = differing({} if was is None else _fields(was), _fields(now))
        change = Change(
            action=action, object_kind="consumer_key", object_id=now.id, object_name=now.name,
            tenant=now.tenant, before=None if was is None else before, after=after,
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)


def _views(connection: Connection, rows: Collection[Row[Any]]) -> list[ConsumerKeyView]:
    secrets: dict[str, list[tuple[str, datetime | None]]] = {}
    query = select(_SECRET).where(_SECRET.c.key_id.in_([row.id for row in rows]))
    for one in connection.execute(query.order_by(_SECRET.c.created_at.desc(), _SECRET.c.prefix)):
        secrets.setdefault(one.key_id, []).append((one.prefix, one.expires_at))
    return [
        ConsumerKeyView(
            id=row.id, tenant=row.tenant, name=row.name, consumer=row.consumer, plan=row.plan,
            permissions=tuple(row.permissions), created_at=row.created_at,
            created_by=row.created_by, used_at=row.used_at, revoked_at=row.revoked_at,
            revoked_by=row.revoked_by, prefixes=tuple(secrets.get(row.id, ())),
        )
        for row in rows
    ]  # fmt: skip


def _fields(key: ConsumerKeyView) -> dict[str, Any]:
    """Return what is recorded of a key: what it may do, and until when, never a secret."""
    fields: dict[str, Any] = msgspec.to_builtins(key)
    kept = ("used_at", "id", "name", "tenant", "created_at", "created_by", "revoked_by")
    return {name: one for name, one in fields.items() if name not in kept} | {
        "prefixes": {prefix: msgspec.to_builtins(end) for prefix, end in key.prefixes}
    }


def _checked_text(given: str, what: str, longest: int) -> None:
    kept = given.strip()
    if not kept or given != kept or len(given) > longest or not given.isprintable():
        raise ConfigurationError(
            f"{what}: {given[:100]!r} is not valid",
            hint=f"Use 1 to {longest} printable characters, without spaces at the ends.",
        )
