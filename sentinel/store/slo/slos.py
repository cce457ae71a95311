"""Definitions of SLOs, and what is counted for them, as somebody may see and change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, select, tuple_, update

from sentinel.access import EVERYTHING, Scope
from sentinel.audit.change import definition_change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.slo import SloRow, SloVersion
from sentinel.slo.counts import Counts
from sentinel.slo.definition import MeasuredIndicator, SloDefinition
from sentinel.slo.rule_names import rule_of_slo
from sentinel.store.database.alone import alone
from sentinel.store.database.chunks import chunks
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import table_of
from sentinel.store.slo.counts import (
    KEPT_FOR,
    add_counts,
    delete_counts,
)
from sentinel.store.slo.kept_counts import kept_counts
from sentinel.store.slo.measurements import MOST_MEASUREMENTS, Measurement, bucket_of
from sentinel.store.slo.stored import SloKey, StoredSlo, stored_slo

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "MOST_MEASUREMENTS", "MOST_SLOS", "Measurement", "SloKey", "SloPage", "Slos", "StoredSlo",
    "stored_slo",
]  # fmt: skip

_SLO, _VERSION = table_of(SloRow), table_of(SloVersion)
MOST_SLOS = 10_000


class SloPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some SLOs; `next` is where the next page begins, None at the end."""

    items: list[StoredSlo]
    next: SloKey | None


class Slos:
    """The SLOs of the shared database.

    Args:
        store: the shared database
        scope: of whoever asks; an SLO that is not in it is as unknown
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._scope = scope

    def list(self, tenant: str | None = None) -> list[StoredSlo]:
        """Return the SLOs, by tenant and name.

        Args:
            tenant: only those of this one; None for all

        Returns:
            Those in scope.
        """
        query = select(_SLO).where(*self._seen()).order_by(_SLO.c.tenant, _SLO.c.name)
        if tenant is not None:
            query = query.where(_SLO.c.tenant == tenant)
        with self._store.read() as connection:
            return [stored_slo(row) for row in connection.execute(query)]

    def page(
        self, *, limit: int, after: SloKey | None = None, tenant: str | None = None, words: str = ""
    ) -> SloPage:
        """Return some of the SLOs, by tenant and name.

        Args:
            limit: at most so many
            after: the `next` of the page before; None for the first
            tenant: only those of this one; None for all
            words: all of which the definition has, in small or capital letters

        Returns:
            Those in scope.
        """
        query = select(_SLO).where(*self._seen()).order_by(_SLO.c.tenant, _SLO.c.name)
        if tenant is not None:
            query = query.where(_SLO.c.tenant == tenant)
        if after is not None:
            query = query.where(tuple_(_SLO.c.tenant, _SLO.c.name) > after)
        for word in words.replace("\0", "").lower().split():
            query = query.where(func.lower(_SLO.c.document).contains(word, autoescape=True))
        with self._store.read() as connection:
            found = [stored_slo(row) for row in connection.execute(query.limit(limit + 1))]
        more = len(found) > limit
        return SloPage(items=found[:limit], next=found[limit - 1].key if more else None)

    def get(self, name: str, *, tenant: str = "default") -> StoredSlo:
        """Return an SLO.

        Args:
            name: of the SLO
            tenant: whose it is

        Returns:
            The SLO.

        Raises:
            NotFound: there is none, or it is out of scope
        """
        with self._store.read() as connection:
            return stored_slo(self._row(connection, tenant, name))

    def get_or_conflict(self, definition: SloDefinition) -> StoredSlo:
        """Return the SLO that a definition would replace.

        Args:
            definition: of an SLO that there is

        Returns:
            The SLO.

        Raises:
            Conflict: a team out of scope has it
        """
        try:
            return self.get(definition.name, tenant=definition.tenant)
        except NotFound:
            problem = _taken(definition)
        raise problem

    def rule_of(self, definition: SloDefinition) -> str:
        """Return the name of the rule that an SLO has, or that it will have.

        Args:
            definition: of the SLO

        Returns:
            A name that is no other SLO's, whatever its tenant.
        """
        with self._store.read() as connection:
            return _rule_of(connection, definition)

    def versions(self, name: str, *, tenant: str = "default") -> list[StoredSlo]:
        """Return what an SLO was, the newest version first; raises as `get` does."""
        query = select(_VERSION).where(_VERSION.c.tenant == tenant, _VERSION.c.name == name)
        with self._store.read() as connection:
            now = self._row(connection, tenant, name)
            rows = connection.execute(query.order_by(_VERSION.c.version.desc()))
            return [stored_slo(row, now) for row in rows]

    def counts(
        self, name: str, since: datetime | None = None, *, tenant: str = "default",
        coarse: bool = False,
    ) -> Counts:  # fmt: skip
        """Return the events of an SLO.

        Args:
            name: of the SLO
            since: from this moment on; None for all that are kept
            tenant: whose it is
            coarse: by quarters of an hour

        Returns:
            The events.

        Raises:
            NotFound: there is none, or it is out of scope
        """
        with self._store.read() as connection:
            row, now = self._row(connection, tenant, name), self._store.now()
            return kept_counts(self._store).read(
                connection, tenant, name, since or now - KEPT_FOR, now, changes=row.changes,
                coarse=coarse,
            )  # fmt: skip

    def counts_of_all(self, since: Mapping[SloKey, datetime]) -> dict[SloKey, Counts]:
        """Return the events of several SLOs at once, by quarters of an hour.

        Args:
            since: by tenant and name of the SLO, from which moment on

        Returns:
            The events of each that is in scope.
        """
        key = tuple_(_SLO.c.tenant, _SLO.c.name)
        found: dict[SloKey, Counts] = {}
        kept, now = kept_counts(self._store), self._store.now()
        columns = (_SLO.c.tenant, _SLO.c.name, _SLO.c.changes)
        with self._store.read() as connection:
            for some in chunks(sorted(since)):
                query = select(*columns).where(key.in_(some), *self._seen())
                changes = {(row.tenant, row.name): row.changes for row in connection.execute(query)}
                found |= kept.read_all(connection, since, now, changes=changes)
        return found

    def save(
        self, definition: SloDefinition, *, actor: str,
        check: Callable[[StoredSlo | None], None] = lambda _: None,
    ) -> StoredSlo:  # fmt: skip
        """Save an SLO, replacing the one of that name in its tenant.

        Args:
            definition: of the SLO
            actor: who saves it
            check: is given the SLO that there is, and may refuse

        Returns:
            The SLO as it is now. Events of another indicator are deleted.

        Raises:
            Conflict: a team out of scope has an SLO of that name
            ConfigurationError: there are too many
        """
        text = definition.model_dump_json()

        def work(connection: Connection) -> StoredSlo:
            alone(connection)
            mine = _key(definition.tenant, definition.name)
            row = connection.execute(select(_SLO).where(*mine)).first()
            if row is not None and not self._scope.holds(row.tenant, row.team):
                raise _taken(definition)
            before = None if row is None else stored_slo(row)
            check(before)
            if before is not None and before.definition == definition:
                return before
            if before is None:
                self._refuse_too_many(connection)
            self._write(connection, definition, text, before, actor)
            return stored_slo(self._row(connection, definition.tenant, definition.name))

        return self._store.in_transaction(work)

    def refuse_too_many(self) -> None:
        """Raise ConfigurationError where there is no room for a further SLO."""
        with self._store.read() as connection:
            self._refuse_too_many(connection)

    def remove(
        self, name: str, *, actor: str, tenant: str = "default",
        check: Callable[[StoredSlo], None] = lambda _: None,
    ) -> StoredSlo:  # fmt: skip
        """Remove an SLO with its versions and events.

        Args:
            name: of the SLO
            actor: who removes it
            tenant: whose it is
            check: is given the SLO, and may refuse

        Returns:
            The SLO as it was.

        Raises:
            NotFound: there is none, or it is out of scope
        """

        def work(connection: Connection) -> StoredSlo:
            alone(connection)
            found = stored_slo(self._row(connection, tenant, name, alone_with_it=True))
            check(found)
            delete_counts(connection, tenant, name)
            of_it = (_VERSION.c.tenant == tenant, _VERSION.c.name == name)
            connection.execute(_VERSION.delete().where(*of_it))
            connection.execute(_SLO.delete().where(*_key(tenant, name)))
            self._record(connection, "slo.removed", actor, found, None)
            return found

        return self._store.in_transaction(work)

    def measure(
        self, name: str, measurements: Sequence[Measurement], *, tenant: str = "default"
    ) -> int:
        """Add measurements to the events of an SLO; late ones count where they belong.

        Args:
            name: of an SLO whose indicator is `measurements`
            measurements: at most 10,000
            tenant: whose it is

        Returns:
            How many were added.

        Raises:
            NotFound: there is none, or it is out of scope
            ConfigurationError: the SLO counts something else, or a measurement cannot be kept; then
                none is
        """
        now = self._store.now()
        if len(measurements) > MOST_MEASUREMENTS:
            raise ConfigurationError(
                f"{len(measurements)} measurements; at most {MOST_MEASUREMENTS} in one call"
            )
        buckets = [bucket_of(one, place, now) for place, one in enumerate(measurements)]

        def work(connection: Connection) -> int:
            # Or its minutes might be summed up as hours, or the SLO removed, meanwhile.
            found = stored_slo(self._row(connection, tenant, name, alone_with_it=True))
            if not isinstance(found.definition.indicator, MeasuredIndicator):
                raise ConfigurationError(
                    f"the SLO {name!r} counts {found.definition.indicator.kind} by itself",
                    hint="Measurements are for an SLO with the indicator measurements.",
                )
            add_counts(self._store, connection, tenant, name, buckets)
            return len(buckets)

        return self._store.in_transaction(work)

    def _seen(self) -> Sequence[Any]:
        return in_scope(self._scope, _SLO.c.tenant, _SLO.c.team)

    def _row(
        self, connection: Connection, tenant: str, name: str, *, alone_with_it: bool = False
    ) -> Row[Any]:
        row = None
        if "\0" not in tenant + name:
            query = select(_SLO).where(*_key(tenant, name), *self._seen())
            row = connection.execute(query.with_for_update() if alone_with_it else query).first()
        if row is None:
            raise NotFound(
                f"there is no SLO {name[:80]!r} in the tenant {tenant[:100]}",
                hint="sentinel slo list shows all.",
            )
        return row

    def _refuse_too_many(self, connection: Connection) -> None:
        if len(connection.execute(select(_SLO.c.name).limit(MOST_SLOS)).all()) >= MOST_SLOS:
            raise ConfigurationError(f"there are {MOST_SLOS} SLOs already", hint="Remove one.")

    def _write(
        self, connection: Connection, definition: SloDefinition, text: str,
        before: StoredSlo | None, actor: str,
    ) -> None:  # fmt: skip
        values: dict[str, Any] = {
            "document": text, "saved_at": self._store.now(), "saved_by": actor,
            "version": 1 if before is None else before.version + 1,
        }  # fmt: skip
        of_slo = {**values, "team": definition.team}
        key = {"tenant": definition.tenant, "name": definition.name}
        if before is None:
            rule = _rule_of(connection, definition)
            connection.execute(_SLO.insert().values(**key, rule=rule, **of_slo))
        else:
            if before.definition.indicator != definition.indicator:
                delete_counts(connection, definition.tenant, definition.name)
                of_slo["counted_until"] = None
            mine = _key(definition.tenant, definition.name)
            connection.execute(update(_SLO).where(*mine).values(**of_slo))
        connection.execute(_VERSION.insert().values(**key, **values))
        self._record(connection, "slo.saved", actor, before, definition)

    def _record(
        self, connection: Connection, action: str, actor: str, before: StoredSlo | None,
        after: SloDefinition | None,
    ) -> None:  # fmt: skip
        change = definition_change(action, "slo", before and before.definition, after)
        self._store.audit.add(connection, change, actor=actor)


def _key(tenant: str, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _SLO.c.tenant == tenant, _SLO.c.name == name


def _taken(definition: SloDefinition) -> Conflict:
    return Conflict(
        f"there is an SLO {definition.name!r} in the tenant {definition.tenant} already",
        hint="It belongs to another team: choose another name.",
    )


def _rule_of(connection: Connection, definition: SloDefinition) -> str:
    there = select(_SLO.c.rule).where(*_key(definition.tenant, definition.name))
    if (rule := connection.execute(there).scalar()) is not None:
        return rule
    rule = rule_of_slo(definition.tenant, definition.name)
    # Before names were unique in their tenants alone, every tenant's rules had such names.
    if connection.execute(select(_SLO.c.name).where(_SLO.c.rule == rule)).first() is not None:
        return rule_of_slo(definition.tenant, definition.name, in_full=True)
    return rule
