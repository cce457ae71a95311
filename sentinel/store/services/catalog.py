"""The services of the catalog, as somebody may see and change them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from sqlalchemy import Connection, Row, select, update

from sentinel.access import EVERYTHING, Scope
from sentinel.audit.change import definition_change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.services import ServiceRow
from sentinel.schema.slo import SloRow
from sentinel.services.definition import (
    FieldChange,
    ServiceDefinition,
    changes_of,
    definition_of,
    refuse_twice,
)
from sentinel.services.graph import ServiceGraph, declared_edges
from sentinel.services.naming import ServiceNames
from sentinel.store.database.alone import alone
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import table_of
from sentinel.store.services.edges import observed_edges

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "MOST_SERVICES", "Catalog", "Outcome", "ServiceChange", "Services", "StoredService",
    "catalog_of",
]  # fmt: skip

_SERVICE, _SLO = table_of(ServiceRow), table_of(SloRow)
MOST_SERVICES = 5_000
"""Of one tenant."""
Outcome = Literal["created", "changed", "unchanged"]


class StoredService(msgspec.Struct, frozen=True, kw_only=True):
    """A service as it is stored; `version` rises with each change, from 1."""

    definition: ServiceDefinition
    version: int
    saved_at: datetime
    saved_by: str


class ServiceChange(msgspec.Struct, frozen=True, kw_only=True):
    """What saving a definition changes."""

    name: str
    tenant: str
    change: Outcome
    fields: list[FieldChange]


class _SloNames(msgspec.Struct):
    name: str
    service: str = ""


class Catalog(msgspec.Struct, frozen=True):
    """The catalog of one tenant: its services, their names, and who calls whom."""

    services: dict[str, ServiceDefinition]
    names: ServiceNames
    graph: ServiceGraph

    def seen(self, tenant: str, name: str, scope: Scope) -> bool:
        """Return whether a service may be named to whoever has a scope in the tenant."""
        entry = self.services.get(name)
        return scope.holds(tenant, None if entry is None else entry.owner)


class Services:
    """The services of the shared database.

    Args:
        store: the shared database
        scope: of whoever asks; a service that is not in it is as unknown
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._scope = scope

    def list(self, tenant: str | None = None) -> list[StoredService]:
        """Return the services, by tenant and name.

        Args:
            tenant: only those of this one; None for all

        Returns:
            Those in scope.
        """
        query = select(_SERVICE).where(*self._seen()).order_by(_SERVICE.c.tenant, _SERVICE.c.name)
        if tenant is not None:
            query = query.where(_SERVICE.c.tenant == tenant)
        with self._store.read() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def get(self, tenant: str, name: str) -> StoredService:
        """Return a service.

        Args:
            tenant: whose it is
            name: of the service

        Returns:
            The service.

        Raises:
            NotFound: there is none, or it is out of scope
        """
        with self._store.read() as connection:
            return self._one(connection, tenant, name)

    def apply(
        self, definitions: Sequence[ServiceDefinition], *, actor: str, dry_run: bool = False,
        check: Callable[[StoredService | None], None] = lambda _: None,
    ) -> list[ServiceChange]:  # fmt: skip
        """Create or change services, all or none of them; others stay as they are.

        Args:
            definitions: of the services
            actor: who applies them
            dry_run: only say what would change
            check: is given each service that there is, and may refuse

        Returns:
            What changes, in the order given.

        Raises:
            Conflict: a service of that name is out of scope, or another has the name or alias
            ConfigurationError: two of those given have one name, or there are too many
        """
        refuse_twice(definitions)

        def work(connection: Connection) -> list[ServiceChange]:
            alone(connection)
            for tenant in sorted({one.tenant for one in definitions}):
                self._refuse_taken(
                    connection, tenant, [one for one in definitions if one.tenant == tenant]
                )
            return [
                self._save(connection, one, actor, check, dry_run=dry_run) for one in definitions
            ]

        return self._store.in_transaction(work)

    def remove(
        self, tenant: str, name: str, *, actor: str,
        check: Callable[[StoredService], None] = lambda _: None,
    ) -> StoredService:  # fmt: skip
        """Remove a service; what was observed of it stays.

        Args:
            tenant: whose it is
            name: of the service
            actor: who removes it
            check: is given the service, and may refuse

        Returns:
            The service as it was.

        Raises:
            NotFound: there is none, or it is out of scope
        """

        def work(connection: Connection) -> StoredService:
            alone(connection)
            found = self._one(connection, tenant, name)
            check(found)
            connection.execute(_SERVICE.delete().where(*_key(tenant, name)))
            self._record(connection, "service.removed", actor, found.definition, after=None)
            return found

        return self._store.in_transaction(work)

    def _save(
        self, connection: Connection, definition: ServiceDefinition, actor: str,
        check: Callable[[StoredService | None], None], *, dry_run: bool,
    ) -> ServiceChange:  # fmt: skip
        tenant, name = definition.tenant, definition.name
        row = connection.execute(select(_SERVICE).where(*_key(tenant, name))).first()
        if row is not None and not self._scope.holds(tenant, row.owner):
            raise Conflict(
                f"there is a service {name!r} in the tenant {tenant} already",
                hint="It belongs to another team: choose another name.",
            )
        before = None if row is None else _stored(row)
        check(before)
        there = None if before is None else before.definition
        fields = changes_of(there, definition)
        change: Outcome = "created" if before is None else "changed" if fields else "unchanged"
        done = ServiceChange(name=name, tenant=tenant, change=change, fields=fields)
        if dry_run or not fields:
            return done
        values: dict[str, Any] = {
            "owner": definition.owner, "document": definition.model_dump_json(),
            "version": 1 if before is None else before.version + 1,
            "saved_at": self._store.now(), "saved_by": actor,
        }  # fmt: skip
        if before is None:
            connection.execute(_SERVICE.insert().values(tenant=tenant, name=name, **values))
        else:
            connection.execute(update(_SERVICE).where(*_key(tenant, name)).values(**values))
        self._record(connection, "service.saved", actor, there, after=definition)
        return done

    def _refuse_taken(
        self, connection: Connection, tenant: str, given: Sequence[ServiceDefinition]
    ) -> None:
        mine = {one.name for one in given}
        rows = connection.execute(select(_SERVICE).where(_SERVICE.c.tenant == tenant)).all()
        others = [row for row in rows if row.name not in mine]
        if len(others) + len(mine) > MOST_SERVICES:
            raise ConfigurationError(
                f"the tenant {tenant} would have more than {MOST_SERVICES:,} services",
                hint="Remove some.",
            )
        taken = {name: one for one in map(_definition, others) for name in one.names}
        for one in given:
            for name in one.names:
                if (other := taken.get(name)) is None:
                    continue
                whose = f"the service {other.name!r}"
                if not self._scope.holds(tenant, other.owner):
                    whose = "a service of another team"
                raise Conflict(
                    f"services.{one.name}: {whose} has the name {name!r} already",
                    hint="A name or alias belongs to one service of a tenant.",
                )

    def _seen(self) -> Sequence[Any]:
        return in_scope(self._scope, _SERVICE.c.tenant, _SERVICE.c.owner)

    def _one(self, connection: Connection, tenant: str, name: str) -> StoredService:
        query = select(_SERVICE).where(*_key(tenant, name), *self._seen())
        row = connection.execute(query).first() if "\0" not in name else None
        if row is None:
            raise NotFound(
                f"there is no service {name[:80]!r} in the tenant {tenant}",
                hint="sentinel service list shows all.",
            )
        return _stored(row)

    def _record(
        self, connection: Connection, action: str, actor: str,
        before: ServiceDefinition | None, *, after: ServiceDefinition | None,
    ) -> None:  # fmt: skip
        change = definition_change(action, "service", before, after)
        self._store.audit.add(connection, change, actor=actor)


def catalog_of(connection: Connection, tenant: str) -> Catalog:
    """Return the whole catalog of a tenant, whoever asks; answers have to be confined by scope.

    Args:
        connection: an open transaction
        tenant: whose

    Returns:
        The catalog with declared and observed dependencies.
    """
    rows = connection.execute(select(_SERVICE).where(_SERVICE.c.tenant == tenant))
    services = {row.name: _definition(row) for row in rows}
    found = connection.execute(select(_SLO.c.document).where(_SLO.c.tenant == tenant)).scalars()
    slos = (msgspec.json.decode(one, type=_SloNames) for one in found)
    names = ServiceNames(services.values(), {one.name: one.service for one in slos if one.service})
    edges = [*declared_edges(services.values()), *observed_edges(connection, tenant)]
    return Catalog(services, names, ServiceGraph(edges, names))


def _key(tenant: str, name: str) -> tuple[Any, Any]:
    return _SERVICE.c.tenant == tenant, _SERVICE.c.name == name


def _definition(row: Row[Any]) -> ServiceDefinition:
    return definition_of(msgspec.json.decode(row.document))


def _stored(row: Row[Any]) -> StoredService:
    return StoredService(
        definition=_definition(row), version=row.version, saved_at=row.saved_at,
        saved_by=row.saved_by,
    )  # fmt: skip
