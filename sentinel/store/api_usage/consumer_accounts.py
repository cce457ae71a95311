"""Accounts of consumers, and the rules of their registration, as somebody may see and change them.

Whoever registers gets no more than the rules of the tenant allow; by default, nobody registers.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from sentinel.access.passwords import checked_password, hash_password
from sentinel.access.scope import EVERYTHING, Scope
from sentinel.api_usage.registration import (
    AccountStatus,
    RegistrationRules,
    account_name,
    checked_rules,
    plan_at_registration,
)
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound, OutOfScope
from sentinel.schema.api_usage import (
    ConsumerAccount,
    ConsumerKey,
    ConsumerRules,
    ConsumerSession,
)
from sentinel.schema.columns import new_id
from sentinel.store.api_usage.consumer_keys import ConsumerKeys
from sentinel.store.database.alone import alone
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["ACCOUNT", "KEY", "SESSION", "AccountView", "ConsumerAccounts", "actor_of", "view_of"]

ACCOUNT, KEY = table_of(ConsumerAccount), table_of(ConsumerKey)
SESSION, _RULES = table_of(ConsumerSession), table_of(ConsumerRules)
_MOST_WAITING = 1000


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account, without its password."""

    id: str
    tenant: str
    name: str
    plan: str
    status: AccountStatus
    created_at: datetime
    login_at: datetime | None
    decided_by: str


class ConsumerAccounts:
    """The accounts that are in a scope.

    Args:
        store: the shared database
        scope: only accounts of tenants that are in it with all their teams
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._tenants = scope.whole_tenants

    def rules(self, tenant: str) -> RegistrationRules:
        """Return the rules of a tenant; those by default let nobody register."""
        query = select(_RULES.c.document).where(_RULES.c.tenant == tenant)
        with self._store.glance() as connection:
            found = connection.execute(query).scalar()
        if found is None:
            return RegistrationRules()
        return msgspec.json.decode(found, type=RegistrationRules)

    def save_rules(self, tenant: str, rules: RegistrationRules, *, actor: str) -> RegistrationRules:
        """Save the rules of a tenant. Accounts and keys that there are stay as they are.

        Args:
            tenant: of the API
            rules: what consumers may do
            actor: who saves them

        Returns:
            The rules.

        Raises:
            ConfigurationError: a word or a number is not valid
            OutOfScope: the tenant is not in scope
        """
        checked_rules(rules)
        if self._tenants is not None and tenant not in self._tenants:
            raise OutOfScope(f"the tenant {tenant} is not in your scope")
        before = self.rules(tenant)
        values = {
            "document": msgspec.json.encode(rules).decode(), "saved_at": self._store.now(),
            "saved_by": actor,
        }  # fmt: skip

        def work(connection: Connection) -> None:
            connection.execute(
                insert_into(self._store.dialect, _RULES)
                .values(tenant=tenant, **values)
                .on_conflict_do_update(index_elements=["tenant"], set_=values)
            )
            change = Change(
                action="consumer_rules.saved", object_kind="consumer_rules", object_name=tenant,
                tenant=tenant, before=msgspec.to_builtins(before), after=msgspec.to_builtins(rules),
            )  # fmt: skip
            self._store.audit.add(connection, change, actor=actor)

        self._store.in_transaction(work)
        return rules

    def register(
        self, tenant: str, name: str, password: str, *, plan: str | None = None
    ) -> AccountView:
        """Make an account, as anybody may whom the rules let.

        Args:
            tenant: of the API
            name: that no account of the tenant has
            password: as it was typed
            plan: of those that may be chosen; None for the default

        Returns:
            The account; it waits where the rules want an approval.

        Raises:
            NotFound: nobody may register there
            ConfigurationError: the name, password or plan is not valid
            Conflict: there is an account or a consumer of that name, or too many wait
        """
        rules = self.rules(tenant)
        if not rules.enabled:
            raise NotFound(
                f"nobody can register for the tenant {tenant[:100]}",
                hint="Ask the owner of the API for a key, or to open the registration.",
            )
        named = account_name(name)
        chosen = plan_at_registration(rules, plan)
        hashed = hash_password(checked_password(password, named))
        status = AccountStatus.WAITING if rules.approval else AccountStatus.ACTIVE
        values = {
            "id": new_id(), "tenant": tenant, "name": named, "password_hash": hashed,
            "plan": chosen, "status": status.value, "created_at": self._store.now(),
            "decided_by": "",
        }  # fmt: skip

        def work(connection: Connection) -> AccountView:
            alone(connection)
            self._refuse_taken(connection, tenant, named)
            waiting = select(ACCOUNT.c.id).where(
                ACCOUNT.c.tenant == tenant, ACCOUNT.c.status == AccountStatus.WAITING.value
            )
            if len(connection.execute(waiting.limit(_MOST_WAITING)).all()) >= _MOST_WAITING:
                raise Conflict("too many accounts wait for approval", hint="Try again later.")
            connection.execute(ACCOUNT.insert().values(**values))
            found = self._one(connection, str(values["id"]))
            self._record(connection, "registered", actor_of(found), found)
            return found

        return self._store.in_transaction(work)

    def list(
        self, *, tenant: str | None = None, status: AccountStatus | None = None, limit: int = 100,
        after: str | None = None,
    ) -> list[AccountView]:  # fmt: skip
        """Return accounts, the oldest first.

        Args:
            tenant: only those of this one
            status: only those with this one
            limit: at most so many
            after: id of the account after which to begin

        Returns:
            The accounts in scope.
        """
        query = select(ACCOUNT).where(*self._seen()).order_by(ACCOUNT.c.id).limit(limit)
        if tenant is not None:
            query = query.where(ACCOUNT.c.tenant == tenant)
        if status is not None:
            query = query.where(ACCOUNT.c.status == status.value)
        if after is not None:
            query = query.where(ACCOUNT.c.id > after)
        with self._store.read() as connection:
            return [view_of(row) for row in connection.execute(query)]

    def get(self, account: str) -> AccountView:
        """Return an account by its id; raises `NotFound` where there is none in scope."""
        with self._store.read() as connection:
            return self._one(connection, account)

    def decide(self, account: str, status: AccountStatus, *, actor: str) -> AccountView:
        """Approve, enable or disable an account. Disabling ends its sessions and revokes its keys.

        Args:
            account: its id
            status: active or disabled
            actor: who decides

        Returns:
            The account as it is now.

        Raises:
            NotFound: there is none in scope
            ConfigurationError: an account is never made to wait again
        """
        if status is AccountStatus.WAITING:
            raise ConfigurationError("an account is never made to wait again")

        def work(connection: Connection) -> AccountView:
            found = self._one(connection, account, lock=True)
            if found.status is status:
                return found
            did = "enabled" if found.status is AccountStatus.DISABLED else "approved"
            did = "disabled" if status is AccountStatus.DISABLED else did
            change = ACCOUNT.update().where(ACCOUNT.c.id == account)
            connection.execute(change.values(status=status.value, decided_by=actor))
            if status is AccountStatus.DISABLED:
                self._end_all(connection, account, actor)
            after = self._one(connection, account)
            self._record(connection, did, actor, after)
            return after

        return self._store.in_transaction(work)

    def remove(self, account: str, *, actor: str) -> AccountView:
        """Remove an account and its sessions, and revoke its keys; raises as `get` does."""

        def work(connection: Connection) -> AccountView:
            found = self._one(connection, account, lock=True)
            self._end_all(connection, account, actor)
            connection.execute(ACCOUNT.delete().where(ACCOUNT.c.id == account))
            self._record(connection, "removed", actor, found)
            return found

        return self._store.in_transaction(work)

    def _end_all(self, connection: Connection, account: str, actor: str) -> None:
        connection.execute(SESSION.delete().where(SESSION.c.account == account))
        mine = select(KEY.c.id).where(KEY.c.account == account, KEY.c.revoked_at.is_(None))
        keys = ConsumerKeys(self._store)
        for key in connection.execute(mine.order_by(KEY.c.id)).scalars().all():
            keys.revoke_in(connection, key, actor)

    def _refuse_taken(self, connection: Connection, tenant: str, named: str) -> None:
        """Refuse a name of somebody else, also of a consumer whose keys an editor made."""
        mine = select(ACCOUNT.c.id).where(ACCOUNT.c.tenant == tenant, ACCOUNT.c.name == named)
        theirs = select(KEY.c.id).where(KEY.c.tenant == tenant, func.lower(KEY.c.consumer) == named)
        for query in (mine, theirs.limit(1)):
            if connection.execute(query).first() is not None:
                raise Conflict(f"the name {named} is taken", hint="Choose another one.")

    def _seen(self) -> tuple[Any, ...]:
        return () if self._tenants is None else (ACCOUNT.c.tenant.in_(sorted(self._tenants)),)

    def _one(self, connection: Connection, account: str, *, lock: bool = False) -> AccountView:
        query = select(ACCOUNT).where(ACCOUNT.c.id == account, *self._seen())
        row = connection.execute(query.with_for_update() if lock else query).first()
        if row is None:
            raise NotFound(
                f"there is no account {account[:100]!r}", hint="GET /api/v1/consumers lists them."
            )
        return view_of(row)

    def _record(self, connection: Connection, did: str, actor: str, one: AccountView) -> None:
        change = Change(
            action=f"consumer_account.{did}", object_kind="consumer_account", object_id=one.id,
            object_name=one.name, tenant=one.tenant,
            after={"status": one.status.value, "plan": one.plan},
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)


def view_of(row: Row[Any]) -> AccountView:
    """Return an account without its password."""
    return AccountView(
        id=row.id, tenant=row.tenant, name=row.name, plan=row.plan,
        status=AccountStatus(row.status), created_at=row.created_at, login_at=row.login_at,
        decided_by=row.decided_by,
    )  # fmt: skip


def actor_of(one: AccountView) -> str:
    """Return who acted, for the audit trail, where a consumer did."""
    return f"consumer {one.name}"
