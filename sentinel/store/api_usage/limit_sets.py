"""Limits of an API under a name: saved by version, and read as they are now."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from sentinel.access.scope import EVERYTHING, Scope
from sentinel.api_usage.limit import Limit
from sentinel.api_usage.matching import LimitSet
from sentinel.api_usage.text import parse_limits
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, NotFound, OutOfScope
from sentinel.schema.api_usage import ApiLimitSet, ApiLimitSetVersion
from sentinel.store.database.alone import alone
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "HELD_SECONDS", "MOST_SETS", "MOST_VERSIONS", "SET_NAME", "HeldLimitSets", "LimitSets",
    "StoredLimitSet",
]  # fmt: skip

_SET, _VERSION = table_of(ApiLimitSet), table_of(ApiLimitSetVersion)
SET_NAME = "[A-Za-z0-9][A-Za-z0-9_.-]{0,79}"
"""The name of a set, for a match of the whole text."""
MOST_SETS, MOST_VERSIONS = 1000, 100
"""Sets of a tenant, and versions of a set that are kept: the newest."""
HELD_SECONDS = 2.0
"""For so long a process uses a set before it looks whether somebody changed it."""
_NAME = re.compile(SET_NAME)
_LONGEST_NOTE, _MOST_HELD = 2000, 1000


class StoredLimitSet(msgspec.Struct, frozen=True, kw_only=True):
    """A limit set as it is stored.

    Attributes:
        version: rises with each change, from 1
        text: of the limits, as `parse_limits` reads it
        note: the reason that was given; may be empty
    """

    tenant: str
    name: str
    version: int
    text: str
    note: str
    saved_at: datetime
    saved_by: str

    @property
    def tag(self) -> str:
        """Names this version; one that was removed and made again has another."""
        return f'"{self.version}-{sha256(self.text.encode()).hexdigest()[:12]}"'

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits; raises `ConfigurationError` where a newer Sentinel wrote them."""
        return parse_limits(self.text)


class LimitSets:
    """The limit sets that are in a scope.

    Args:
        store: the shared database
        scope: only those of tenants that are in it with all their teams
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._tenants = scope.whole_tenants

    def list(
        self, *, tenant: str | None = None, limit: int = MOST_SETS,
        after: tuple[str, str] | None = None,
    ) -> list[StoredLimitSet]:  # fmt: skip
        """Return sets by tenant and name.

        Args:
            tenant: only those of this one; None for all in scope
            limit: at most so many
            after: tenant and name of the set after which to begin; None for the first

        Returns:
            The sets in scope.
        """
        query = select(_SET).order_by(_SET.c.tenant, _SET.c.name).limit(limit)
        if self._tenants is not None:
            query = query.where(_SET.c.tenant.in_(sorted(self._tenants)))
        if tenant is not None:
            query = query.where(_SET.c.tenant == tenant)
        if after is not None:
            (of, name) = after
            later = (_SET.c.tenant == of) & (_SET.c.name > name)
            query = query.where((_SET.c.tenant > of) | later)
        with self._store.read() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def get(self, tenant: str, name: str) -> StoredLimitSet:
        """Return a set; raises `NotFound` where there is none in scope."""
        with self._store.glance() as connection:
            return _stored(self._row(connection, tenant, name))

    def versions(self, tenant: str, name: str) -> list[StoredLimitSet]:
        """Return what a set was, the newest version first; raises as `get` does."""
        query = select(_VERSION).where(_VERSION.c.tenant == tenant, _VERSION.c.name == name)
        with self._store.read() as connection:
            self._row(connection, tenant, name)
            rows = connection.execute(query.order_by(_VERSION.c.version.desc()))
            return [_stored(row) for row in rows]

    def save(
        self, name: str, text: str, *, tenant: str, actor: str, note: str = "",
        check: Callable[[StoredLimitSet | None], None] = lambda _: None, dry_run: bool = False,
    ) -> StoredLimitSet:  # fmt: skip
        """Save a set, replacing the one of that name. The same text again changes nothing.

        Args:
            name: unique in its tenant
            text: of the limits
            tenant: of the API
            actor: who saves it
            note: the reason, kept with the version
            check: is given the set that there is, and may refuse
            dry_run: check everything, and change nothing

        Returns:
            The set as it is now, or, of a dry run, as it would be.

        Raises:
            ConfigurationError: the text cannot be read, a name is not valid, or there are too many
            OutOfScope: the tenant is not in scope
        """
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"name: {name[:100]!r} is not valid",
                hint="Use 1 to 80 letters, digits and _ . -, a letter or digit first.",
            )
        if len(note) > _LONGEST_NOTE or "\0" in note:
            raise ConfigurationError(f"note: at most {_LONGEST_NOTE:,} characters, and no NUL")
        parse_limits(text)
        if self._tenants is not None and tenant not in self._tenants:
            raise OutOfScope(f"the tenant {tenant} is not in your scope")

        def work(connection: Connection) -> StoredLimitSet:
            alone(connection)
            row = self._find(connection, tenant, name)
            before = None if row is None else _stored(row)
            check(before)
            if before is not None and before.text == text:
                return before
            if before is None:
                self._refuse_too_many(connection, tenant)
            after = StoredLimitSet(
                tenant=tenant, name=name, version=1 if before is None else before.version + 1,
                text=text, note=note, saved_at=self._store.now(), saved_by=actor,
            )  # fmt: skip
            if not dry_run:
                self._write(connection, before, after)
            return after

        return self._store.in_transaction(work)

    def remove(
        self, tenant: str, name: str, *, actor: str,
        check: Callable[[StoredLimitSet], None] = lambda _: None,
    ) -> StoredLimitSet:  # fmt: skip
        """Remove a set with its versions; what uses it limits nothing from then on.

        Args:
            tenant: of the set
            name: of the set
            actor: who removes it
            check: is given the set, and may refuse

        Returns:
            The set as it was.

        Raises:
            NotFound: there is none in scope
        """

        def work(connection: Connection) -> StoredLimitSet:
            alone(connection)
            found = _stored(self._row(connection, tenant, name))
            check(found)
            for table in (_SET, _VERSION):
                mine = (table.c.tenant == tenant, table.c.name == name)
                connection.execute(table.delete().where(*mine))
            self._record(connection, "limit_set.removed", actor, found, None)
            return found

        return self._store.in_transaction(work)

    def _find(self, connection: Connection, tenant: str, name: str) -> Row[Any] | None:
        if "\0" in tenant + name or (self._tenants is not None and tenant not in self._tenants):
            return None
        query = select(_SET).where(_SET.c.tenant == tenant, _SET.c.name == name)
        return connection.execute(query).first()

    def _row(self, connection: Connection, tenant: str, name: str) -> Row[Any]:
        row = self._find(connection, tenant, name)
        if row is None:
            raise NotFound(
                f"there is no limit set {name[:80]!r} in the tenant {tenant[:100]}",
                hint="sentinel limit list shows all.",
            )
        return row

    def _refuse_too_many(self, connection: Connection, tenant: str) -> None:
        query = select(func.count()).select_from(_SET).where(_SET.c.tenant == tenant)
        if connection.execute(query).scalar_one() >= MOST_SETS:
            raise ConfigurationError(
                f"the tenant {tenant} has {MOST_SETS:,} limit sets already", hint="Remove one."
            )

    def _write(
        self, connection: Connection, before: StoredLimitSet | None, after: StoredLimitSet
    ) -> None:
        mine = (_SET.c.tenant == after.tenant, _SET.c.name == after.name)
        values = {
            "version": after.version, "document": after.text, "note": after.note,
            "saved_at": after.saved_at, "saved_by": after.saved_by,
        }  # fmt: skip
        names = {"tenant": after.tenant, "name": after.name}
        if before is None:
            connection.execute(_SET.insert().values(**names, **values))
        else:
            connection.execute(_SET.update().where(*mine).values(**values))
        connection.execute(_VERSION.insert().values(**names, **values))
        connection.execute(
            _VERSION.delete().where(
                _VERSION.c.tenant == after.tenant, _VERSION.c.name == after.name,
                _VERSION.c.version <= after.version - MOST_VERSIONS,
            )
        )  # fmt: skip
        self._record(connection, "limit_set.saved", after.saved_by, before, after)

    def _record(
        self, connection: Connection, action: str, actor: str,
        before: StoredLimitSet | None, after: StoredLimitSet | None,
    ) -> None:  # fmt: skip
        one = after or before
        if one is None:
            raise AssertionError("a change of a limit set that never was")
        change = Change(
            action=action, object_kind="limit_set", object_id=one.name, object_name=one.name,
            tenant=one.tenant, before=_fields(before), after=_fields(after),
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)


class HeldLimitSets:
    """Limit sets as this process last read them; several threads may ask.

    Args:
        store: the shared database
        monotonic: seconds that only rise
    """

    def __init__(self, store: Store, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sets = LimitSets(store)
        self._monotonic = monotonic
        self._held: OrderedDict[tuple[str, str], tuple[float, str, LimitSet]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, tenant: str, name: str) -> LimitSet:
        """Return a set, at most `HELD_SECONDS` old.

        Args:
            tenant: of the set
            name: of the set

        Returns:
            Its limits, prepared.

        Raises:
            NotFound: there is none
            DatabaseUnreachable: the database does not answer
        """
        key, now = (tenant, name), self._monotonic()
        with self._lock:
            held = self._held.get(key)
        if held is not None and now < held[0]:
            return held[2]
        try:
            found = self._sets.get(tenant, name)
        except NotFound:
            with self._lock:
                self._held.pop(key, None)
            raise
        same = held is not None and held[1] == found.text
        prepared = held[2] if held and same else LimitSet(found.limits, tenant, name)
        with self._lock:
            self._held[key] = (now + HELD_SECONDS, found.text, prepared)
            self._held.move_to_end(key)
            while len(self._held) > _MOST_HELD:
                self._held.popitem(last=False)
        return prepared


def _stored(row: Row[Any]) -> StoredLimitSet:
    return StoredLimitSet(
        tenant=row.tenant, name=row.name, version=row.version, text=row.document, note=row.note,
        saved_at=row.saved_at, saved_by=row.saved_by,
    )  # fmt: skip


def _fields(one: StoredLimitSet | None) -> dict[str, Any] | None:
    return None if one is None else {"version": one.version, "text": one.text, "note": one.note}
