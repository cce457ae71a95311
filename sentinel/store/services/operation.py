"""How the services of a tenant stand: live alerts, blast radius and readiness."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, select

from sentinel.access import EVERYTHING, Scope
from sentinel.schema.alerts import LIVE
from sentinel.schema.custom_dashboards import CustomDashboard
from sentinel.schema.slo import SloRow
from sentinel.services.definition import ServiceDefinition
from sentinel.services.graph import BlastRadius, Edge, blast_radius
from sentinel.services.readiness import OperationFacts, Readiness, readiness_of
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT, NOT_RESOLVED, RULE, table_of
from sentinel.store.oncall.documents import active_document
from sentinel.store.services.catalog import Catalog, Services, catalog_of

if TYPE_CHECKING:
    from sentinel.oncall.document import OnCallDocument
    from sentinel.store import Store

__all__ = [
    "MOST_ALERTS", "MOST_CAUSES", "SHOWN_ALERTS", "ServiceAlert", "ServiceState", "ServicesNow",
]  # fmt: skip

_SLO, _BOARD = table_of(SloRow), table_of(CustomDashboard)
MOST_ALERTS = 10_000
"""Live alerts that are looked at, the worst first."""
MOST_CAUSES = 20
SHOWN_ALERTS = 50
"""Alerts of a service that are named in answers, the worst."""
_OF_OTHERS = "one of another team"


class ServiceAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A live alert of a service; `slo` is the SLO whose budget burns, where it says so."""

    id: str
    title: str
    severity: int
    status: str
    rule: str
    opened_at: datetime | None
    slo: str


class ServiceState(msgspec.Struct, frozen=True, kw_only=True):
    """A service and what is wrong with it now.

    Attributes:
        name: of the service
        known: whether the catalog has it; else alerts alone name it
        alerts: live ones, the worst first
        burning: SLOs whose budget burns so fast that an alert is live
        impaired_by: services with live alerts that it depends on, directly or through others; the
            20 nearest
    """

    name: str
    known: bool
    alerts: list[ServiceAlert]
    burning: list[str]
    impaired_by: list[str]

    @property
    def worst(self) -> int:
        """The worst severity of its alerts; 0 where it has none."""
        return max((one.severity for one in self.alerts), default=0)


class ServicesNow:
    """How the services of a tenant stand.

    Args:
        store: the shared database
        tenant: whose services
        scope: of whoever asks; alerts and services that are not in it are left out
    """

    def __init__(self, store: Store, tenant: str, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._tenant = tenant
        self._scope = scope

    def affected(self) -> list[ServiceState]:
        """Return the services with live alerts, and those that depend on them.

        Returns:
            The services with the worst alerts first, then those that are only impaired.
        """
        with self._store.read() as connection:
            catalog = catalog_of(connection, self._tenant)
            alerts = self._alerts(connection, catalog)
        found = {name: some for name, some in alerts.items() if self._seen(catalog, name)}
        impaired: dict[str, list[str]] = {name: [] for name in found}
        for name, causes in catalog.graph.impaired(found, MOST_CAUSES).items():
            if self._seen(catalog, name):
                impaired[name] = causes
        states = [
            ServiceState(
                name=name, known=name in catalog.services, alerts=found.get(name, []),
                burning=sorted({one.slo for one in found.get(name, []) if one.slo}),
                impaired_by=sorted(causes),
            )
            for name, causes in impaired.items()
        ]  # fmt: skip
        return sorted(states, key=lambda one: (-one.worst, -len(one.alerts), one.name))

    def dependencies(self) -> list[Edge]:
        """Return who calls whom, by every source, as far as both are in scope."""
        with self._store.read() as connection:
            catalog = catalog_of(connection, self._tenant)
        return [
            one
            for one in catalog.graph.edges
            if self._seen(catalog, one.caller) and self._seen(catalog, one.callee)
        ]

    def blast_radius(self, name: str) -> BlastRadius:
        """Return what may fail with a service.

        Args:
            name: of a service in the catalog, or of one that is only observed

        Returns:
            The services that depend on it and are in scope; none for a name nobody knows.

        Raises:
            NotFound: the catalog has it and it is out of scope
        """
        with self._store.read() as connection:
            catalog = catalog_of(connection, self._tenant)
        asked, name = name, catalog.names.of_name(name)
        if not self._seen(catalog, name):
            # By the name that was asked: whose alias it is belongs to others.
            Services(self._store, self._scope).get(self._tenant, asked)
        found = blast_radius(name, catalog.graph, catalog.services)
        seen = [
            msgspec.structs.replace(
                one, path=[each if self._seen(catalog, each) else "…" for each in one.path]
            )
            for one in found.affected
            if self._seen(catalog, one.name)
        ]
        tiers: dict[int, int] = {}
        for one in seen:
            tiers[one.tier or 0] = tiers.get(one.tier or 0, 0) + 1
        return BlastRadius(service=name, affected=seen, tiers=dict(sorted(tiers.items())))

    def readiness(self, name: str) -> Readiness:
        """Return whether a service of the catalog is ready to be operated.

        Args:
            name: of the service

        Returns:
            Its checks and score.

        Raises:
            NotFound: the catalog has none of that name in scope
        """
        found = Services(self._store, self._scope).get(self._tenant, name)
        (only,) = self._judged([found.definition])
        return only

    def readiness_of_all(self) -> list[Readiness]:
        """Return the readiness of every service in scope, the least ready first."""
        found = Services(self._store, self._scope).list(self._tenant)
        judged = self._judged([one.definition for one in found])
        return sorted(judged, key=lambda one: (one.score, one.service))

    def _judged(self, definitions: Iterable[ServiceDefinition]) -> list[Readiness]:
        with self._store.read() as connection:
            slos = [
                (msgspec.json.decode(row.document, type=_Slo), row.rule, row.team)
                for row in connection.execute(
                    select(_SLO.c.document, _SLO.c.rule, _SLO.c.team)
                    .where(_SLO.c.tenant == self._tenant)
                )
            ]  # fmt: skip
            rules = connection.execute(
                select(RULE.c.name, RULE.c.spec).where(
                    RULE.c.tenant == self._tenant, RULE.c.enabled
                )
            ).all()
            boards = connection.execute(
                select(_BOARD.c.name, _BOARD.c.team, _BOARD.c.document)
                .where(_BOARD.c.tenant == self._tenant, _BOARD.c.team != "")
            ).all()  # fmt: skip
            oncall = active_document(connection)
        watching = [
            (row.name, _text(row.spec, "team"), _service_label(row.spec)) for row in rules
        ]  # fmt: skip
        judged = list[Readiness]()
        for one in definitions:
            names = set(one.names)
            of_it = [one for one in slos if one[0].service in names]
            mine = [(slo.name, team) for slo, _, team in of_it]
            watched = {rule: team for rule, team, service in watching if service in names}
            watched |= {rule: team for _, rule, team in of_it}
            word = re.compile(rf"(?<![\w.-]){re.escape(one.name)}(?![\w.-])")
            judged.append(readiness_of(one, OperationFacts(
                slos=self._named(mine), rules=self._named(watched.items()),
                schedules=_on_call(oncall, one.owner),
                dashboards=sorted(
                    row.name for row in boards
                    if row.team == one.owner and word.search(row.document)
                ),
            )))  # fmt: skip
        return judged

    def _named(self, found: Iterable[tuple[str, str]]) -> list[str]:
        """Return names by their order; those of teams out of scope count, and are not said."""
        return sorted(
            (name if self._scope.holds(self._tenant, team) else _OF_OTHERS for name, team in found),
            key=lambda one: (one == _OF_OTHERS, one),
        )

    def _alerts(self, connection: Connection, catalog: Catalog) -> dict[str, list[ServiceAlert]]:
        columns = [
            ALERT.c[name]
            for name in ("id", "title", "severity", "status", "rule", "opened_at", "labels")
        ]
        query = (
            select(*columns)
            .where(
                NOT_RESOLVED, ALERT.c.status.in_(LIVE[1:]), ALERT.c.tenant == self._tenant,
                *alert_in(self._scope),
            )
            .order_by(ALERT.c.severity.desc(), ALERT.c.opened_at.desc(), ALERT.c.id)
            .limit(MOST_ALERTS)
        )  # fmt: skip
        found: dict[str, list[ServiceAlert]] = {}
        for row in connection.execute(query):
            if name := catalog.names.of_labels(row.labels):
                slo = row.labels.get("slo", "") if row.rule.startswith("slo-") else ""
                found.setdefault(name, []).append(
                    ServiceAlert(
                        id=row.id, title=row.title, severity=row.severity, status=row.status,
                        rule=row.rule, opened_at=row.opened_at, slo=slo,
                    )
                )  # fmt: skip
        return found

    def _seen(self, catalog: Catalog, name: str) -> bool:
        return catalog.seen(self._tenant, name, self._scope)


class _Slo(msgspec.Struct):
    name: str
    service: str = ""


def _text(spec: dict[str, Any] | None, name: str) -> str:
    return str((spec or {}).get(name) or "")


def _service_label(spec: dict[str, Any] | None) -> str:
    static: dict[str, str] = (spec or {}).get("labels") or {}
    return static.get("service", "")


def _on_call(document: OnCallDocument, owner: str) -> list[str]:
    team = document.teams.get(owner) if owner else None
    return [] if team is None else [one for one in (team.schedule, team.escalation) if one]
