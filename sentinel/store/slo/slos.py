"""Definitions of SLOs, and what is counted for them, as somebody may see and change them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, func, select, update

from sentinel.access import EVERYTHING, Scope
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.metrics.moments import micros
from sentinel.metrics.sample import AHEAD
from sentinel.schema.slo import SloRow, SloVersion
from sentinel.slo.counts import MINUTE, Bucket, Counts
from sentinel.slo.definition import MeasuredIndicator, SloDefinition, definition_of
from sentinel.store.database.alone import alone
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import table_of
from sentinel.store.slo.counts import (
    KEPT_FOR,
    add_counts,
    delete_counts,
    read_counts,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "MOST_MEASUREMENTS", "MOST_SLOS", "Measurement", "SloPage", "Slos", "StoredSlo",
    "stored_slo",
]  # fmt: skip

_SLO, _VERSION = table_of(SloRow), table_of(SloVersion)
MOST_SLOS = 10_000
MOST_MEASUREMENTS = 10_000
"""In one call."""


class Measurement(msgspec.Struct, frozen=True):
    """Good and all events at a moment; None means now."""

    good: float
    total: float
    at: datetime | None = None


class StoredSlo(msgspec.Struct, frozen=True, kw_only=True):
    """An SLO as it is stored.

    Attributes:
        version: rises with each change, from 1
        counted_until: up to where its rule has counted events; None where it has not
    """

    definition: SloDefinition
    version: int
    saved_at: datetime
    saved_by: str
    counted_until: datetime | None

    @property
    def name(self) -> str:
        """Its name."""
        return self.definition.name


class SloPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some SLOs; `next` is where the next page begins, None at the end."""

    items: list[StoredSlo]
    next: str | None


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
        """Return the SLOs, by name.

        Args:
            tenant: only those of this one; None for all

        Returns:
            Those in scope.
        """
        query = select(_SLO).where(*self._seen()).order_by(_SLO.c.name)
        if tenant is not None:
            query = query.where(_SLO.c.tenant == tenant)
        with self._store.read() as connection:
            return [stored_slo(row) for row in connection.execute(query)]

    def page(
        self, *, limit: int, after: str | None = None, tenant: str | None = None, words: str = ""
    ) -> SloPage:
        """Return some of the SLOs, by name.

        Args:
            limit: at most so many
            after: the `next` of the page before; None for the first
            tenant: only those of this one; None for all
            words: all of which the definition has, in small or capital letters

        Returns:
            Those in scope.
        """
        query = select(_SLO).where(*self._seen()).order_by(_SLO.c.name).limit(limit + 1)
        if tenant is not None:
            query = query.where(_SLO.c.tenant == tenant)
        if after is not None:
            query = query.where(_SLO.c.name > after)
        for word in words.replace("\0", "").lower().split():
            query = query.where(func.lower(_SLO.c.document).contains(word, autoescape=True))
        with self._store.read() as connection:
            found = [stored_slo(row) for row in connection.execute(query)]
        more = len(found) > limit
        return SloPage(items=found[:limit], next=found[limit - 1].name if more else None)

    def get(self, name: str) -> StoredSlo:
        """Return an SLO.

        Args:
            name: of the SLO

        Returns:
            The SLO.

        Raises:
            NotFound: there is none, or it is out of scope
        """
        with self._store.read() as connection:
            return stored_slo(self._row(connection, name))

    def get_or_conflict(self, definition: SloDefinition) -> StoredSlo:
        """Return the SLO that a definition would replace.

        Args:
            definition: of an SLO that there is

        Returns:
            The SLO.

        Raises:
            Conflict: another tenant, or a team out of scope, has it
        """
        try:
            found = self.get(definition.name)
        except NotFound:
            found = None
        if found is None or found.definition.tenant != definition.tenant:
            problem = _taken(definition.name)
            raise problem
        return found

    def versions(self, name: str) -> list[StoredSlo]:
        """Return what an SLO was, the newest version first; raises as `get` does."""
        query = select(_VERSION).where(_VERSION.c.name == name)
        with self._store.read() as connection:
            self._row(connection, name)
            rows = connection.execute(query.order_by(_VERSION.c.version.desc()))
            return [stored_slo(row, None) for row in rows]

    def counts(self, name: str, since: datetime | None = None) -> Counts:
        """Return the events of an SLO.

        Args:
            name: of the SLO
            since: from this moment on; None for all that are kept

        Returns:
            The events.

        Raises:
            NotFound: there is none, or it is out of scope
        """
        with self._store.read() as connection:
            self._row(connection, name)
            return read_counts(connection, name, since or self._store.now() - KEPT_FOR)

    def save(
        self, definition: SloDefinition, *, actor: str,
        check: Callable[[StoredSlo | None], None] = lambda _: None,
    ) -> StoredSlo:  # fmt: skip
        """Save an SLO, replacing the one of that name.

        Args:
            definition: of the SLO
            actor: who saves it
            check: is given the SLO that there is, and may refuse

        Returns:
            The SLO as it is now. Events of another indicator are deleted.

        Raises:
            Conflict: another tenant, or a team out of scope, has an SLO of that name
            ConfigurationError: there are too many
        """
        text = definition.model_dump_json()

        def work(connection: Connection) -> StoredSlo:
            alone(connection)
            row = connection.execute(select(_SLO).where(_SLO.c.name == definition.name)).first()
            mine = row is None or self._in_scope(connection, definition.name)
            if row is not None and (not mine or row.tenant != definition.tenant):
                raise _taken(definition.name)
            before = None if row is None else stored_slo(row)
            check(before)
            if before is not None and before.definition == definition:
                return before
            if before is None:
                self._refuse_too_many(connection)
            self._write(connection, definition, text, before, actor)
            return stored_slo(self._row(connection, definition.name))

        return self._store.in_transaction(work)

    def refuse_too_many(self) -> None:
        """Raise ConfigurationError where there is no room for a further SLO."""
        with self._store.read() as connection:
            self._refuse_too_many(connection)

    def remove(
        self, name: str, *, actor: str, check: Callable[[StoredSlo], None] = lambda _: None
    ) -> StoredSlo:
        """Remove an SLO with its versions and events.

        Args:
            name: of the SLO
            actor: who removes it
            check: is given the SLO, and may refuse

        Returns:
            The SLO as it was.

        Raises:
            NotFound: there is none, or it is out of scope
        """

        def work(connection: Connection) -> StoredSlo:
            alone(connection)
            found = stored_slo(self._row(connection, name, alone_with_it=True))
            check(found)
            delete_counts(connection, name)
            connection.execute(_VERSION.delete().where(_VERSION.c.name == name))
            connection.execute(_SLO.delete().where(_SLO.c.name == name))
            self._record(connection, "slo.removed", actor, found.definition, found, None)
            return found

        return self._store.in_transaction(work)

    def measure(self, name: str, measurements: Sequence[Measurement]) -> int:
        """Add measurements to the events of an SLO; late ones count where they belong.

        Args:
            name: of an SLO whose indicator is `measurements`
            measurements: at most 10,000

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
        buckets = [_bucket(one, place, now) for place, one in enumerate(measurements)]

        def work(connection: Connection) -> int:
            # Or its minutes might be summed up as hours, or the SLO removed, meanwhile.
            found = stored_slo(self._row(connection, name, alone_with_it=True))
            if not isinstance(found.definition.indicator, MeasuredIndicator):
                raise ConfigurationError(
                    f"the SLO {name!r} counts {found.definition.indicator.kind} by itself",
                    hint="Measurements are for an SLO with the indicator measurements.",
                )
            add_counts(self._store, connection, name, buckets)
            return len(buckets)

        return self._store.in_transaction(work)

    def _seen(self) -> Sequence[Any]:
        return in_scope(self._scope, _SLO.c.tenant, _SLO.c.team)

    def _in_scope(self, connection: Connection, name: str) -> bool:
        query = select(_SLO.c.name).where(_SLO.c.name == name, *self._seen())
        return connection.execute(query).first() is not None

    def _row(self, connection: Connection, name: str, *, alone_with_it: bool = False) -> Row[Any]:
        row = None
        if "\0" not in name:
            query = select(_SLO).where(_SLO.c.name == name, *self._seen())
            row = connection.execute(query.with_for_update() if alone_with_it else query).first()
        if row is None:
            raise NotFound(f"there is no SLO {name[:80]!r}", hint="sentinel slo list shows all.")
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
        of_slo = {**values, "team": definition.team, "tenant": definition.tenant}
        if before is None:
            connection.execute(_SLO.insert().values(name=definition.name, **of_slo))
        else:
            if before.definition.indicator != definition.indicator:
                delete_counts(connection, definition.name)
                of_slo["counted_until"] = None
            connection.execute(update(_SLO).where(_SLO.c.name == definition.name).values(**of_slo))
        connection.execute(_VERSION.insert().values(name=definition.name, **values))
        self._record(connection, "slo.saved", actor, definition, before, definition)

    def _record(
        self, connection: Connection, action: str, actor: str, definition: SloDefinition,
        before: StoredSlo | None, after: SloDefinition | None,
    ) -> None:  # fmt: skip
        change = Change(
            action=action, object_kind="slo", object_id=definition.name,
            object_name=definition.name, tenant=definition.tenant,
            before=None if before is None else before.definition.model_dump(mode="json"),
            after=None if after is None else after.model_dump(mode="json"),
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)


def _taken(name: str) -> Conflict:
    return Conflict(
        f"there is an SLO {name!r} already",
        hint="Names are unique over all tenants: choose another.",
    )


def stored_slo(row: Row[Any], counted_until: Any = ...) -> StoredSlo:
    """Return the SLO of a row."""
    return StoredSlo(
        definition=definition_of(msgspec.json.decode(row.document)), version=row.version,
        saved_at=row.saved_at, saved_by=row.saved_by,
        counted_until=row.counted_until if counted_until is ... else counted_until,
    )  # fmt: skip


def _bucket(one: Measurement, place: int, now: datetime) -> Bucket:
    """Return the minute of a measurement with its events.

    Args:
        one: the measurement
        place: of it among those of the call
        now: the present moment

    Returns:
        The bucket.

    Raises:
        ConfigurationError: it cannot be kept
    """
    where, at = f"measurements.{place}", one.at or now
    if not 0 <= one.good <= one.total <= 1e15:  # also refuses nan
        raise ConfigurationError(
            f"{where}: good must be between 0 and total, total at most 1e15",
            hint="total counts all events, the good ones too.",
        )
    if at.tzinfo is None:
        raise ConfigurationError(f"{where}.at: has no time zone", hint="2026-11-30T12:00:00Z")
    if not now - KEPT_FOR <= at <= now + AHEAD:
        raise ConfigurationError(
            f"{where}.at: {at.isoformat()} lies ahead, or more than {KEPT_FOR.days} days back"
        )
    return Bucket(micros(at) // MINUTE * MINUTE, one.good, one.total)
