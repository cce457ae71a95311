"""What the page of services shows of the catalog, as HTML: affected, blast radius, readiness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import msgspec

from dashboard.database_errors import database
from dashboard.telemetry_query import address
from sentinel.errors import NotFound
from sentinel.services.definition import ServiceDefinition
from sentinel.services.graph import BlastRadius, Edge
from sentinel.services.readiness import Readiness
from sentinel.severity import Severity
from sentinel.store.access.within import Within
from sentinel.store.services.catalog import Services
from sentinel.store.services.operation import ServicesNow, ServiceState
from sentinel.store.services.status_pages import StatusPages, StoredPage
from sentinel.store.services.status_subscribers import StatusSubscribers

__all__ = [
    "CatalogView", "affected_html", "catalog_html", "read_catalog", "service_html", "unseen_edges",
]  # fmt: skip

_MOST_ALERTS = 3
_MOST_ROWS, _MOST_LINKS = 200, 5


class CatalogView(msgspec.Struct, frozen=True, kw_only=True):
    """The catalog of a tenant, and how its services stand.

    Attributes:
        services: by name
        affected: those with alerts, the worst first, and those that depend on them
        readiness: by name
        edges: who calls whom, of every source
        radius: of the chosen service; None where none is chosen, or it is out of scope
        aliases: names of services by their other names, as telemetry has them
        pages: status pages of the tenant
        public: address below which they are; empty for none
        subscribers: how many each status page has, by its name
    """

    services: dict[str, ServiceDefinition]
    affected: list[ServiceState]
    readiness: dict[str, Readiness]
    edges: list[Edge]
    radius: BlastRadius | None
    aliases: dict[str, str] = {}
    pages: list[StoredPage] = []
    public: str = ""
    subscribers: dict[str, int] = {}

    def name_of(self, given: str) -> str:
        """Return the name in the catalog of what telemetry names so; or what was given."""
        return self.aliases.get(given, given)

    def live_alerts(self) -> dict[str, int]:
        """Return how many live alerts services have, by each of their names."""
        counts = {one.name: len(one.alerts) for one in self.affected}
        return counts | {one: counts.get(name, 0) for one, name in self.aliases.items()}


def read_catalog(within: Within, tenant: str, chosen: str) -> CatalogView:
    """Read the catalog of a tenant.

    Args:
        within: the store, where whoever looks may read
        tenant: whose
        chosen: name of the service whose blast radius is shown; empty for none

    Returns:
        The catalog.

    Raises:
        DatabaseError: the database cannot be used
    """
    now = ServicesNow(within.store, tenant, within.scope)
    with database():
        stored = Services(within.store, within.scope).list(tenant)
        radius = None
        if chosen:
            try:
                radius = now.blast_radius(chosen)
            except NotFound:
                radius = None
        return CatalogView(
            services={one.definition.name: one.definition for one in stored},
            affected=now.affected(), edges=now.dependencies(), radius=radius,
            readiness={one.service: one for one in now.readiness_of_all()},
            aliases={
                alias: one.definition.name for one in stored for alias in one.definition.aliases
            },
            pages=StatusPages(within.store, within.scope).list(tenant),
            subscribers=StatusSubscribers(within.store, within.scope).counts(tenant),
            public=within.store.options.public_url,
        )  # fmt: skip


def unseen_edges(view: CatalogView, seen: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the dependencies of the catalog that the map does not draw already.

    Args:
        view: the catalog
        seen: callers and callees that are drawn, by their names in telemetry

    Returns:
        Callers and callees, by the names that are drawn where there are.
    """
    drawn = {(view.name_of(caller), view.name_of(callee)) for caller, callee in seen}
    shown = {view.name_of(name): name for both in sorted(seen) for name in both}
    known = {(one.caller, one.callee) for one in view.edges} - drawn
    return sorted((shown.get(one, one), shown.get(other, other)) for one, other in known)


def affected_html(view: CatalogView, more: Mapping[str, str]) -> str:
    """Return the services that are affected now as a table.

    Args:
        view: the catalog
        more: parameters of the links: tenant and time range

    Returns:
        HTML.
    """
    if not view.affected:
        return '<p class="small">No service has open alerts.</p>'

    def row(one: ServiceState) -> str:
        worst = Severity(one.worst).word if one.alerts else ""
        alerts = " · ".join(
            f'<a href="{escape(address("services", {**more, "alert": each.id}))}" target="_self">'
            f"{escape(each.title)}</a>"
            for each in one.alerts[:_MOST_ALERTS]
        )
        further = len(one.alerts) - _MOST_ALERTS
        alerts += f" and {further:,} more" if further > 0 else ""
        badge = (
            f'<span class="sev-{worst}"><span class="sev">{worst}</span></span>' if worst else ""
        )
        return (
            f"<tr><th scope=row>{_link(one.name, more)}</th><td>{badge}</td>"
            f"<td>{alerts or '–'}</td><td>{escape(', '.join(one.burning)) or '–'}</td>"
            f"<td>{_links(one.impaired_by, more)}</td></tr>"
        )

    heads = ("Service", "Severity", "Alerts", "SLOs", "Impaired by")
    rows = "".join(row(one) for one in view.affected[:_MOST_ROWS])
    return _table("Affected now", heads, rows) + _cut(len(view.affected))


def service_html(view: CatalogView, name: str, more: Mapping[str, str]) -> str:
    """Return the entry of one service, what may fail with it, and its readiness.

    Args:
        view: the catalog, with the blast radius of that service
        name: of the service
        more: parameters of the links

    Returns:
        HTML.
    """
    parts = list[str]()
    name = view.name_of(name)
    if (entry := view.services.get(name)) is not None:
        links = [("Runbook", entry.runbook)] if entry.runbook else []
        links += [(one.title, one.url) for one in entry.links]
        shown = " · ".join(
            f'<a href="{escape(url)}" target="_blank" rel="noreferrer">{escape(title)}</a>'
            for title, url in links
        )
        owner = f" · Owner {escape(entry.owner)}" if entry.owner else ""
        parts.append(
            f'<p class="small">Tier {entry.tier}{owner}{f" · {shown}" if shown else ""}</p>'
        )
        if entry.description:
            parts.append(f"<p>{escape(entry.description)}</p>")
    else:
        parts.append('<p class="small">It is not in the catalog.</p>')
    parts.append('<h2 class="section">Blast radius</h2>')
    parts.append(_radius(view.radius, more))
    if (ready := view.readiness.get(name)) is not None:
        parts.append(f'<h2 class="section">Readiness: {ready.score} of 100</h2>')
        rows = "".join(
            f"<tr><th scope=row>{escape(one.label)}</th><td>{'yes' if one.passed else 'no'}</td>"
            f"<td>{one.weight}</td><td class=long>{escape(one.evidence)}</td></tr>"
            for one in ready.checks
        )
        parts.append(
            _table("Readiness", ("Check", "Holds", "Weight", "Found, or what to do"), rows)
        )
    return "".join(parts)


def catalog_html(view: CatalogView, more: Mapping[str, str]) -> str:
    """Return the services of the catalog as a table, those least ready first."""
    if not view.services:
        return (
            '<p class="small">The catalog is empty. It says who owns each service and what depends '
            "on it: <code>sentinel service apply services.yaml</code>; see "
            "<code>docs/how-to/keep-a-service-catalog.md</code></p>"
        )
    order = sorted(view.readiness.values(), key=lambda one: (one.score, one.service))

    def row(one: Readiness) -> str:
        entry = view.services[one.service]
        missing = ", ".join(each.label for each in one.checks if not each.passed)
        depends = _links(entry.depends_on, more)
        return (
            f"<tr><th scope=row>{_link(entry.name, more)}</th><td>{escape(entry.owner) or '–'}</td>"
            f"<td>{entry.tier}</td><td>{one.score}</td>"
            f"<td class=long>{escape(missing) or '–'}</td><td>{depends}</td></tr>"
        )

    heads = ("Service", "Owner", "Tier", "Readiness", "Does not hold", "Depends on")
    rows = "".join(row(one) for one in order[:_MOST_ROWS] if one.service in view.services)
    return _table("Catalog", heads, rows) + _cut(len(order))


def _radius(radius: BlastRadius | None, more: Mapping[str, str]) -> str:
    if radius is None or not radius.affected:
        return '<p class="small">No service is known to depend on it.</p>'
    rows = "".join(
        f"<tr><th scope=row>{_link(one.name, more)}</th>"
        f"<td>{'not in the catalog' if one.tier is None else one.tier}</td>"
        f"<td>{escape(one.owner) or '–'}</td><td>{escape(' → '.join(one.path))}</td>"
        f"<td>{escape(', '.join(one.sources))}</td></tr>"
        for one in radius.affected[:_MOST_ROWS]
    )
    table = _table("Blast radius", ("Service", "Tier", "Owner", "Path", "Source"), rows)
    return table + _cut(len(radius.affected))


def _cut(many: int) -> str:
    return f'<p class="small">{_MOST_ROWS} of {many:,} are shown.</p>' if many > _MOST_ROWS else ""


def _links(names: Sequence[str], more: Mapping[str, str]) -> str:
    further = f" and {len(names) - _MOST_LINKS:,} more" if len(names) > _MOST_LINKS else ""
    return ", ".join(_link(name, more) for name in names[:_MOST_LINKS]) + further or "–"


def _link(name: str, more: Mapping[str, str]) -> str:
    href = escape(address("services", {**more, "service": name}))
    return f'<a href="{href}" target="_self">{escape(name)}</a>'


def _table(label: str, heads: tuple[str, ...], rows: str) -> str:
    head = "".join(f"<th scope=col>{escape(one)}</th>" for one in heads)
    return (
        f'<div class="scrolls" tabindex="0" role="region" aria-label="{escape(label)}">'
        f'<table class="roles signals wraps"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
