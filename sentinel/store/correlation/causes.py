"""What changed before alerts: rows of the audit trail, new log patterns, slow dependencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from sentinel.alerts.view import AlertView
from sentinel.correlation.candidates import (
    LOOKED_BACK,
    AffectedAlert,
    Candidate,
    ChangeKind,
    ObservedChange,
    ranked,
)
from sentinel.errors import SentinelError
from sentinel.schema.slo import SloRow
from sentinel.slo.rule_names import rule_of_slo
from sentinel.store.audit.queries import MOST_PER_PAGE, AuditFilter, AuditItem, page
from sentinel.store.database.tables import table_of
from sentinel.store.services.catalog import Catalog, catalog_of
from sentinel.store.telemetry.log_patterns import LogPatterns
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.services import Dependency, ServiceFigures
from sentinel.telemetry.asked import nanoseconds_of

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.telemetry.client import TelemetryClient

__all__ = ["Causes", "Found"]

_KINDS: dict[str, ChangeKind] = {
    "rule.deployed": "deployment", "rule.undeployed": "deployment", "rule.created": "rule",
    "rule.changed": "rule", "rule.enabled": "rule", "rule.disabled": "rule",
    "rule.retired": "rule", "event_pack.set": "rule", "event_pack.removed": "rule",
    "slo.saved": "rule", "slo.removed": "rule", "service.saved": "configuration",
    "service.removed": "configuration", "settings.changed": "configuration",
}  # fmt: skip
"""Of the actions of the audit trail, those that may cause alerts; what people did to alerts, or
who is notified, does not."""
_SLO = table_of(SloRow)
_LATEST = timedelta(minutes=30)
_SLOWER = 1.5
_LEAST_CALLS = 20
_LEAST_LINES = 3


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates, and which sources could not be read, with the reason of each."""

    candidates: list[Candidate]
    left_out: dict[str, str]


class Causes:
    """Seeks what may have caused alerts of one tenant.

    Args:
        store: the shared database
        tenant: whose alerts
        audit: whether whoever asks may read the audit trail of the tenant
        telemetry: reads logs and spans of the whole tenant; the reason where it may not or cannot
    """

    def __init__(
        self, store: Store, tenant: str, *, audit: bool, telemetry: TelemetryClient | str
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._audit = audit
        self._telemetry = telemetry

    def of(self, alerts: Sequence[AlertView], limit: int = 10) -> Found:
        """Return what changed before alerts, the most likely cause first.

        Args:
            alerts: one, or those of an incident; all of the tenant
            limit: at most so many candidates

        Returns:
            The candidates; none for alerts of which no one opened.
        """
        opened = [one.opened_at for one in alerts if one.opened_at is not None]
        if not opened:
            return Found(candidates=[], left_out={})
        first = min(opened)
        with self._store.read() as connection:
            catalog = catalog_of(connection, self._tenant)
        affected = [
            AffectedAlert(
                opened=one.opened_at.timestamp(), rule=one.rule,
                service=catalog.names.of_labels(one.labels),
            )
            for one in alerts
            if one.opened_at is not None
        ]  # fmt: skip
        downstream: dict[str, int] = {}
        for service in {one.service for one in affected} - {""}:
            for other, way in catalog.graph.downstream(service).items():
                downstream[other] = min(len(way) - 1, downstream.get(other, len(way)))
        left_out: dict[str, str] = {}
        changes = list[ObservedChange]()
        if self._audit:
            changes += self._audited(first)
        else:
            left_out["audit"] = "the audit trail is read by admins of the whole tenant"
        if isinstance(self._telemetry, str):
            left_out["telemetry"] = self._telemetry
        else:
            try:
                changes += self._patterns(self._telemetry, first, catalog)
                changes += self._slower(self._telemetry, first, catalog)
            except SentinelError as error:
                left_out["telemetry"] = error.message
        return Found(candidates=ranked(affected, changes, downstream, limit), left_out=left_out)

    def _audited(self, first: datetime) -> list[ObservedChange]:
        wanted = AuditFilter(
            actions=tuple(_KINDS), since=first - timedelta(seconds=LOOKED_BACK),
            until=first + timedelta(minutes=1), tenants=frozenset({self._tenant}),
        )  # fmt: skip
        found = page(self._store, wanted, limit=MOST_PER_PAGE).items
        with self._store.read() as connection:
            query = select(_SLO.c.name, _SLO.c.rule).where(_SLO.c.tenant == self._tenant)
            rules: dict[str, str] = {row.name: row.rule for row in connection.execute(query)}
        return [_of_audit(one, rules) for one in found]

    def _patterns(
        self, client: TelemetryClient, first: datetime, catalog: Catalog
    ) -> list[ObservedChange]:
        period = _period(first - _LATEST, first + timedelta(minutes=1))
        found = LogPatterns(client, self._tenant).found(period)
        return [
            ObservedChange(
                at=one.created / 1e9, kind="log_pattern", reference=one.id,
                service=catalog.names.of_name(one.service),
                title=f"new log pattern of {one.service}: {one.template[:200]}",
                weight=min(1.0, one.lines / 20 + 0.3),
            )
            for one in found
            if one.created >= period.since and one.lines >= _LEAST_LINES and not one.before
        ]  # fmt: skip

    def _slower(
        self, client: TelemetryClient, first: datetime, catalog: Catalog
    ) -> list[ObservedChange]:
        """Return the dependencies that became slower in the last half hour than before."""
        figures = ServiceFigures(client, self._tenant)
        until = first + timedelta(minutes=1)
        now = figures.dependencies(_period(first - _LATEST, until))
        before = figures.dependencies(_period(first - 4 * _LATEST, first - _LATEST))
        usual = {(one.caller, one.callee): one for one in before}
        found = list[ObservedChange]()
        for one in now:
            known = usual.get((one.caller, one.callee))
            if known is None or min(one.calls, known.calls) < _LEAST_CALLS or known.p95_ms <= 0:
                continue
            ratio = one.p95_ms / known.p95_ms
            if ratio >= _SLOWER:
                found.append(_of_slower(one, known, ratio, first, catalog))
        return found


def _of_audit(one: AuditItem, rules: Mapping[str, str]) -> ObservedChange:
    kind = _KINDS[one.action]
    rule = one.object_name if one.object_kind == "rule" else ""
    if one.object_kind == "slo":
        # The rule of an SLO that was removed is gone with it; its name says which it was.
        name = one.object_name
        rule = rules.get(name) or rule_of_slo(one.tenant, name)
    fields = ", ".join(sorted((one.after or {}).keys())[:5])
    return ObservedChange(
        at=one.at.astimezone(UTC).timestamp(), kind=kind, rule=rule, by=one.actor,
        service=one.object_name if one.object_kind == "service" else "", reference=one.id,
        title=f"{one.object_kind} {one.object_name}: {one.action.partition('.')[2]}"
        + (f" ({fields})" if fields else ""),
    )  # fmt: skip


def _of_slower(
    one: Dependency, known: Dependency, ratio: float, first: datetime, catalog: Catalog
) -> ObservedChange:
    return ObservedChange(
        at=first.timestamp() - _LATEST.total_seconds() / 2, kind="slow_dependency",
        service=catalog.names.of_name(one.callee), reference=f"{one.caller}>{one.callee}",
        title=f"calls of {one.callee} by {one.caller} take {ratio:.1f} times as long: P95 "
        f"{one.p95_ms:.0f} ms, {known.p95_ms:.0f} ms before",
        weight=min(1.0, (ratio - 1) / 2),
    )  # fmt: skip


def _period(since: datetime, until: datetime) -> Period:
    return Period(nanoseconds_of(since), nanoseconds_of(until))
