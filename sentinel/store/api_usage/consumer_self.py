"""What a consumer does alone: logs in, and makes, rotates and revokes keys of their own."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, func, select

from sentinel.access.client_address import one_client
from sentinel.access.passwords import checked_password, hash_password, verify_password
from sentinel.access.sessions import SECRET, new_session_secret, secret_hash
from sentinel.api_usage.registration import (
    AccountStatus,
    key_length,
    key_name,
    key_permissions,
)
from sentinel.audit.change import Change
from sentinel.errors import Conflict, NotFound
from sentinel.store.access.login_limits import Counted, Waits, count, forget
from sentinel.store.api_usage.consumer_accounts import (
    ACCOUNT,
    KEY,
    SESSION,
    AccountView,
    ConsumerAccounts,
    actor_of,
    view_of,
)
from sentinel.store.api_usage.consumer_keys import (
    ConsumerKeys,
    ConsumerKeyView,
    MadeConsumerKey,
)
from sentinel.store.database.alone import alone

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["SESSION_LENGTH", "ConsumerLogin", "ConsumerSelf", "LoginRefused"]

SESSION_LENGTH = timedelta(hours=12)
_MARK = "sncs_"
_MOST_SESSIONS = 20
"""Of an account, the newest: somebody may log in again and again."""


class ConsumerLogin(msgspec.Struct, frozen=True):
    """A session that just began; `token` is stored nowhere."""

    token: str
    ends_at: datetime
    account: AccountView

    def __repr__(self) -> str:
        return f"ConsumerLogin(account={self.account.id!r})"


class LoginRefused(msgspec.Struct, frozen=True):
    """A login that was refused.

    Attributes:
        wait: before the next try; zero for not at all
        verified: whether a password was verified; not while the name or the address must wait
    """

    wait: timedelta
    verified: bool


class ConsumerSelf:
    """Work of consumers for themselves.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = ConsumerKeys(store)
        self._accounts = ConsumerAccounts(store)

    def log_in(
        self, tenant: str, name: str, password: str, address: str = ""
    ) -> ConsumerLogin | LoginRefused:
        """Log a consumer in. An unknown name costs the time of a known one, and says the same.

        Args:
            tenant: of the API
            name: as it was typed
            password: as it was typed
            address: of the client; empty where it is unknown

        Returns:
            The new session, or why there is none. An account that waits for approval has one too.
        """
        named, client = name.strip().lower(), one_client(address)
        # No person can have such a name, so that nobody locks a person out.
        counted_as = f"consumer\x1f{tenant}\x1f{named}"
        counted = self._store.in_transaction(
            lambda connection: count(self._store, connection, counted_as, client)
        )
        if isinstance(counted, Waits):
            return LoginRefused(counted.wait, verified=False)
        row = None
        if "\0" not in named + tenant:
            query = select(ACCOUNT).where(ACCOUNT.c.tenant == tenant, ACCOUNT.c.name == named)
            with self._store.read() as connection:
                row = connection.execute(query).first()
        found = verify_password(password, None if row is None else row.password_hash)
        if row is None or not found.right:
            return LoginRefused(counted.wait(self._store.now()), verified=True)
        begun = self._begin(row.id, row.password_hash, found.better, counted_as, client, counted)
        return begun or LoginRefused(counted.wait(self._store.now()), verified=True)

    def _begin(
        self, account: str, stored: str, better: str | None, counted_as: str, client: str,
        counted: Counted,
    ) -> ConsumerLogin | None:  # fmt: skip
        now, secret = self._store.now(), new_session_secret()

        def work(connection: Connection) -> ConsumerLogin | None:
            # The password may have been changed, or the account disabled, since it was read.
            query = select(ACCOUNT).where(ACCOUNT.c.id == account).with_for_update()
            row = connection.execute(query).first()
            if row is None or row.password_hash != stored or row.status == "disabled":
                return None
            forget(self._store, connection, counted_as, None, client, counted)
            values = {"login_at": now, **({"password_hash": better} if better else {})}
            connection.execute(ACCOUNT.update().where(ACCOUNT.c.id == account).values(**values))
            connection.execute(SESSION.delete().where(SESSION.c.ends_at <= now))
            ends = now + SESSION_LENGTH
            connection.execute(
                SESSION.insert().values(
                    secret_hash=secret_hash(secret), account=account, ends_at=ends
                )
            )
            mine = select(SESSION.c.secret_hash).where(SESSION.c.account == account)
            old = mine.order_by(SESSION.c.ends_at.desc()).offset(_MOST_SESSIONS)
            over = connection.execute(old).scalars().all()
            connection.execute(SESSION.delete().where(SESSION.c.secret_hash.in_(over)))
            return ConsumerLogin(_MARK + secret, ends, view_of(row))

        return self._store.in_transaction(work)

    def account_of(self, token: str) -> AccountView | None:
        """Return whose session a token is of; None where it is unknown or ended."""
        secret = token.removeprefix(_MARK)
        if secret == token or not SECRET.fullmatch(secret):
            return None
        query = (
            select(ACCOUNT)
            .join(SESSION, SESSION.c.account == ACCOUNT.c.id)
            .where(SESSION.c.secret_hash == secret_hash(secret))
            .where(SESSION.c.ends_at > self._store.now(), ACCOUNT.c.status != "disabled")
        )
        with self._store.glance() as connection:
            row = connection.execute(query).first()
        return None if row is None else view_of(row)

    def log_out(self, token: str) -> None:
        """End the session of a token."""
        ended = SESSION.c.secret_hash == secret_hash(token.removeprefix(_MARK))
        with self._store.write() as connection:
            connection.execute(SESSION.delete().where(ended))

    def set_password(self, who: AccountView, before: str, after: str) -> bool:
        """Change the password, and end every session.

        Args:
            who: whose
            before: the password that there is
            after: the new one

        Returns:
            Whether `before` was right; nothing changed where it was not.

        Raises:
            ConfigurationError: the new one is not valid
        """
        hashed = hash_password(checked_password(after, who.name))
        with self._store.read() as connection:
            query = select(ACCOUNT.c.password_hash).where(ACCOUNT.c.id == who.id)
            stored = connection.execute(query).scalar()
        if not verify_password(before, stored).right:
            return False

        def work(connection: Connection) -> bool:
            mine = (ACCOUNT.c.id == who.id, ACCOUNT.c.password_hash == stored)
            done = connection.execute(ACCOUNT.update().where(*mine).values(password_hash=hashed))
            if not done.rowcount:
                return False
            connection.execute(SESSION.delete().where(SESSION.c.account == who.id))
            change = Change(
                action="consumer_account.password", object_kind="consumer_account",
                object_id=who.id, object_name=who.name, tenant=who.tenant,
            )  # fmt: skip
            self._store.audit.add(connection, change, actor=actor_of(who))
            return True

        return self._store.in_transaction(work)

    def keys(self, who: AccountView) -> list[ConsumerKeyView]:
        """Return the consumer's own keys that are not revoked."""
        return self._keys.list(tenant=who.tenant, account=who.id)

    def create_key(
        self, who: AccountView, name: str, *, permissions: Collection[str] = (),
        expires_in: timedelta | None = None,
    ) -> MadeConsumerKey:  # fmt: skip
        """Make a key within the rules of the tenant.

        Args:
            who: whose
            name: unique among the keys of the account
            permissions: of those that the rules have
            expires_in: how long it is valid; None for as long as may be

        Returns:
            The key with its secret.

        Raises:
            ConfigurationError: the rules do not allow it
            Conflict: the account waits for approval, has such a key, or has too many
        """
        rules = self._accounts.rules(who.tenant)
        allowed, length = key_permissions(rules, permissions), key_length(rules, expires_in)

        def check(connection: Connection) -> None:
            alone(connection)
            # Locked: an account that is disabled meanwhile would keep what is made here.
            query = select(ACCOUNT.c.status).where(ACCOUNT.c.id == who.id).with_for_update()
            if connection.execute(query).scalar() != AccountStatus.ACTIVE.value:
                raise Conflict("the account is not approved yet", hint="Wait for the approval.")
            mine = select(func.count()).select_from(KEY).where(KEY.c.account == who.id)
            if connection.execute(mine.where(KEY.c.revoked_at.is_(None))).scalar_one() >= (
                rules.most_keys
            ):
                raise Conflict(
                    f"an account has {rules.most_keys} keys at most", hint="Revoke one first."
                )

        return self._keys.create(
            key_name(who.name, name), tenant=who.tenant, actor=actor_of(who), consumer=who.name,
            plan=who.plan, permissions=allowed, expires_in=length, account=who.id, check=check,
        )  # fmt: skip

    def rotate_key(self, who: AccountView, key: str, overlap: timedelta) -> MadeConsumerKey:
        """Give a key of the consumer a new secret, within the rules of the tenant as they are now.

        Args:
            who: whose
            key: its id
            overlap: how long the secrets before remain valid

        Returns:
            The key with its secret, valid for as long as the one before was, if that may be.

        Raises:
            NotFound: it is another one's
            Conflict: it is revoked, or has a permission that keys may no longer have
        """
        self._own(who, key)
        rules = self._accounts.rules(who.tenant)
        lost = [one for one in self._keys.get(key).permissions if one not in rules.permissions]
        if lost:
            raise Conflict(
                f"keys may no longer have the permission {lost[0]!r}",
                hint="Make a key without it, and revoke this one.",
            )
        return self._keys.rotate(
            key, actor=actor_of(who), overlap=overlap, longest=key_length(rules, None)
        )

    def revoke_key(self, who: AccountView, key: str) -> ConsumerKeyView:
        """End a key of the consumer for good; `NotFound` where it is another one's."""
        self._own(who, key)
        return self._keys.revoke(key, actor=actor_of(who))

    def _own(self, who: AccountView, key: str) -> None:
        query = select(KEY.c.id).where(KEY.c.id == key, KEY.c.account == who.id)
        with self._store.glance() as connection:
            # PostgreSQL takes no NUL in a text.
            if "\0" in key or connection.execute(query).first() is None:
                raise NotFound(f"you have no key {key[:100]!r}")
