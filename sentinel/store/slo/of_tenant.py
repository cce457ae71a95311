"""The SLOs of a tenant, as the check of a rule asks for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select, update

from sentinel.errors import NotFound
from sentinel.schema.slo import SloRow
from sentinel.slo.counts import Counts
from sentinel.slo.port import KeptSlo
from sentinel.store.database.tables import table_of
from sentinel.store.slo.counts import set_counts
from sentinel.store.slo.kept_counts import kept_counts
from sentinel.store.slo.stored import stored_slo

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["TenantSlos"]

_SLO = table_of(SloRow)


class TenantSlos:
    """The SLOs of a tenant, as the check of a rule asks for them.

    Args:
        store: the shared database
        tenant: of the rule
        keeps: false for a rehearsal, which keeps nothing
    """

    def __init__(self, store: Store, tenant: str, *, keeps: bool) -> None:
        self._store = store
        self._tenant = tenant
        self._keeps = keeps

    def kept(self, name: str) -> KeptSlo:
        """Return an SLO with its events; see `SloPort`."""
        now = self._store.now()
        with self._store.read() as connection:
            row = self._row(connection, name)
            found = stored_slo(row)
            windows = [one.window.span(now).start for one in found.definition.objectives]
            since = min([*windows, now - timedelta(days=28)])  # of which a prediction draws
            counts = kept_counts(self._store).read(
                connection, self._tenant, name, since, now, changes=row.changes
            )
        return KeptSlo(found.definition, counts, found.counted_until, found.version)

    def replace(self, kept: KeptSlo, start: datetime, end: datetime, counts: Counts) -> None:
        """Keep the events of a span; see `SloPort`."""
        if not self._keeps:
            return
        name = kept.definition.name

        def work(connection: Connection) -> None:
            # Or of two evaluations one would insert what the other has.
            found = stored_slo(self._row(connection, name, alone_with_it=True))
            if (found.version, found.definition) != (kept.version, kept.definition):
                return
            set_counts(connection, self._tenant, name, start, end, counts)
            mine = (_SLO.c.tenant == self._tenant, _SLO.c.name == name)
            connection.execute(update(_SLO).where(*mine).values(counted_until=end))

        self._store.in_transaction(work)

    def _row(self, connection: Connection, name: str, *, alone_with_it: bool = False) -> Row[Any]:
        query = select(_SLO).where(_SLO.c.name == name, _SLO.c.tenant == self._tenant)
        row = connection.execute(query.with_for_update() if alone_with_it else query).first()
        if row is None:
            raise NotFound(
                f"there is no SLO {name[:80]!r} in the tenant {self._tenant}",
                hint="sentinel slo list shows all. Delete the rule of an SLO that is gone.",
            )
        return row
