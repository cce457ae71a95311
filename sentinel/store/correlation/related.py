"""Alerts that are related to one, and groups of open ones, of what somebody may see."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.view import AlertView
from sentinel.correlation.correlator import CorrelatedGroup, Correlator
from sentinel.correlation.evidence import LONGEST_GAP, CorrelatedAlert, Evidence, Knowledge
from sentinel.correlation.learning import ServiceCall, learned
from sentinel.schema.alerts import LIVE
from sentinel.services.naming import ServiceNames
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT, NOT_RESOLVED
from sentinel.store.services.catalog import Catalog, catalog_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_ALERTS", "Related", "RelatedAlerts"]

MOST_ALERTS = 10_000
"""Open alerts that are grouped."""
_MOST_AROUND = 1_000
"""Alerts before and after one that are compared with it, the nearest."""
_LEARNED_FROM = 20_000
_LEARNED_OVER = timedelta(days=30)
_KNOWN_FOR = timedelta(minutes=5)
_COLUMNS = [ALERT.c[name] for name in ("id", "rule", "labels", "severity", "opened_at")]
_KNOWN: WeakKeyDictionary[Store, dict[str, _Learned]] = WeakKeyDictionary()
_MOST_TENANTS = 100


class _Learned(msgspec.Struct, frozen=True):
    at: datetime
    knowledge: Knowledge
    names: ServiceNames


class Related(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is related to another.

    Attributes:
        alert: as it is now
        service: of the catalog or by its labels; empty for none
        score: 0.5 to 1
        seconds: how much later it opened; below 0 where it opened before
        evidence: why, the strongest first
    """

    alert: AlertView
    service: str
    score: float
    seconds: float
    evidence: list[Evidence]


class RelatedAlerts:
    """Correlates alerts.

    Args:
        store: the shared database
        scope: of whoever asks; other alerts are as if they did not exist
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._scope = scope

    def of(self, alert: AlertView, limit: int = 20) -> list[Related]:
        """Return the alerts that are related to one, open or not.

        Args:
            alert: that is in scope
            limit: at most so many

        Returns:
            The closest first; none for an alert that did not open yet.
        """
        if alert.opened_at is None:
            return []
        gap = timedelta(seconds=LONGEST_GAP)
        at = ALERT.c.opened_at
        with self._store.read() as connection:
            known = self._learned(connection, alert.tenant)
            alerts: dict[str, CorrelatedAlert] = {}
            for side, order in (
                (at.between(alert.opened_at - gap, alert.opened_at), at.desc()),
                (at.between(alert.opened_at, alert.opened_at + gap), at.asc()),
            ):
                query = (
                    select(*_COLUMNS)
                    .where(side, ALERT.c.tenant == alert.tenant, *alert_in(self._scope))
                    .order_by(order, ALERT.c.id)
                    .limit(_MOST_AROUND)
                )
                alerts |= {row.id: _seen(row, known.names) for row in connection.execute(query)}
        alerts[alert.id] = CorrelatedAlert(
            id=alert.id, opened=alert.opened_at.timestamp(), severity=alert.rank, rule=alert.rule,
            service=known.names.of_labels(alert.labels), labels=alert.labels,
        )  # fmt: skip
        found = Correlator(known.knowledge, alerts.values()).related(alert.id, limit)
        now = self._store.alerts.some([one.alert.id for one in found])
        return [
            Related(
                alert=now[one.alert.id], service=one.alert.service, score=one.score,
                seconds=one.seconds, evidence=one.evidence,
            )
            for one in found
            if one.alert.id in now
        ]  # fmt: skip

    def groups(self, tenant: str) -> list[CorrelatedGroup]:
        """Return the groups of open and acknowledged alerts of a tenant, the largest first.

        Args:
            tenant: whose

        Returns:
            Those of at least two alerts, of the 10,000 that opened last.
        """
        query = (
            select(*_COLUMNS)
            .where(
                NOT_RESOLVED, ALERT.c.status.in_(LIVE[1:]), ALERT.c.opened_at.is_not(None),
                ALERT.c.tenant == tenant, *alert_in(self._scope),
            )
            .order_by(ALERT.c.opened_at.desc(), ALERT.c.id)
            .limit(MOST_ALERTS)
        )  # fmt: skip
        with self._store.read() as connection:
            known = self._learned(connection, tenant)
            alerts = [_seen(row, known.names) for row in connection.execute(query)]
        return Correlator(known.knowledge, alerts).groups()

    def _learned(self, connection: Connection, tenant: str) -> _Learned:
        """Return what was learned of a tenant, at most five minutes ago."""
        now = self._store.now()
        of_store = _KNOWN.setdefault(self._store, {})
        found = of_store.get(tenant)
        if found is not None and timedelta() <= now - found.at < _KNOWN_FOR:
            return found
        catalog = catalog_of(connection, tenant)
        query = (
            select(*_COLUMNS)
            .where(ALERT.c.tenant == tenant, ALERT.c.opened_at >= now - _LEARNED_OVER)
            .order_by(ALERT.c.opened_at.desc())
            .limit(_LEARNED_FROM)
        )
        history = [_seen(row, catalog.names) for row in connection.execute(query)]
        made = _Learned(now, learned(history, _calls(catalog)), catalog.names)
        while len(of_store) >= _MOST_TENANTS:
            of_store.pop(next(iter(of_store)), None)
        of_store[tenant] = made
        return made


def _calls(catalog: Catalog) -> list[ServiceCall]:
    sources: dict[tuple[str, str], list[str]] = defaultdict(list)
    for edge in catalog.graph.edges:
        sources[edge.caller, edge.callee].append(edge.source)
    return [ServiceCall(*both, tuple(found)) for both, found in sources.items()]


def _seen(row: Row[Any], names: ServiceNames) -> CorrelatedAlert:
    return CorrelatedAlert(
        id=row.id, opened=row.opened_at.astimezone(UTC).timestamp(), severity=row.severity,
        rule=row.rule, service=names.of_labels(row.labels), labels=row.labels,
    )  # fmt: skip
