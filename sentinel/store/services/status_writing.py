"""Write status pages: read how their components stand, record the day, and keep HTML and feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, case, or_, select

from sentinel.labels.matchers import matches
from sentinel.links import status_address
from sentinel.notifications.silence import matcher_sets
from sentinel.schema.silences import Silence
from sentinel.services.naming import ServiceNames
from sentinel.services.status_html import ComponentNow, Maintenance, PageNow, atom_of, html_of
from sentinel.services.status_page import (
    HISTORY_DAYS,
    Component,
    Day,
    Level,
    PublicIncident,
    PublicUpdate,
    StatusPage,
    day_of,
    days_between,
    level_of,
    status_page_of,
)
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import SILENCE, model_of
from sentinel.store.incidents.rows import ENTRY, INCIDENT
from sentinel.store.services.catalog import catalog_of
from sentinel.store.services.operation import ServicesNow, ServiceState
from sentinel.store.services.status_deliveries import hand_out
from sentinel.store.services.status_pages import DAY, PAGE, StatusPages
from sentinel.store.services.status_subscribers import StatusSubscribers
from sentinel.timing.recurrence import RecurringWindows, recurrence_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["page_now", "public_incidents", "write_page", "write_pages"]

_LONGEST = timedelta(minutes=5)
"""Time between two looks that counts as seen; of a longer one the rest is unknown."""
_AHEAD, _BACK = timedelta(days=14), timedelta(days=8)
_MOST_INCIDENTS = 500
_MOST_WINDOWS = 20


def write_pages(store: Store) -> int:
    """Write every status page, and record how its components stand.

    Args:
        store: the shared database

    Returns:
        How many were written.

    Raises:
        ExceptionGroup: some could not be written; all others are
    """
    written, failed = 0, list[Exception]()
    for name in StatusPages(store).names():
        try:
            written += write_page(store, name)
        except Exception as error:  # noqa: BLE001 - raised with those of the others below
            error.add_note(f"while the status page {name} was written")
            failed.append(error)
    if failed:
        raise ExceptionGroup(f"{len(failed)} status pages were not written", failed)
    return written


def write_page(store: Store, name: str) -> bool:
    """Write a status page; return False where somebody changed or removed it meanwhile."""
    now = store.now()
    with store.read() as connection:
        found = connection.execute(
            select(PAGE.c.written_at, PAGE.c.document).where(PAGE.c.name == name)
        ).first()
    if found is None:
        return False
    page = status_page_of(msgspec.json.decode(found.document))
    known = _known(store, page, now)
    with store.write() as connection:
        # Of several who write at once, one records the time since the last.
        mine = connection.execute(
            PAGE.update()
            .where(PAGE.c.name == page.name, PAGE.c.document == found.document,
                   PAGE.c.written_at == found.written_at
                   if found.written_at else PAGE.c.written_at.is_(None))
            .values(written_at=now)
        ).rowcount  # fmt: skip
        if not mine:
            return False
        if found.written_at is not None:
            since = max(found.written_at, now - _LONGEST)
            for service, (_, level) in known.levels.items():
                _record(store, connection, page.name, service, level, since, now)
        connection.execute(
            DAY.delete().where(
                DAY.c.page == page.name, DAY.c.day < now.date() - timedelta(days=HISTORY_DAYS)
            )
        )
        # All or nothing: a page that cannot be written anew still says how old it is.
        shown = _shown(store, connection, page, now, known)
        kinds = StatusSubscribers(store).kinds(page)
        html = html_of(shown, kinds, f"{page.name}/subscribe")
        connection.execute(
            PAGE.update().where(PAGE.c.name == page.name).values(html=html, feed=atom_of(shown))
        )
        hand_out(store, connection, shown)
    return True


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a page is made of, read once.

    Attributes:
        everywhere: public incidents that name no service, which every page of the tenant shows
        levels: by service, the public incidents that the page shows of it, and how it stands
    """

    everywhere: Sequence[PublicIncident]
    levels: Mapping[str, tuple[list[PublicIncident], Level]]


def page_now(store: Store, page: StatusPage, now: datetime) -> PageNow:
    """Return what a status page shows now.

    Args:
        store: the shared database
        page: its definition
        now: the present moment

    Returns:
        Nothing but what the page's definition and public updates say.
    """
    known = _known(store, page, now)
    with store.read() as connection:
        return _shown(store, connection, page, now, known)


def _shown(
    store: Store, connection: Connection, page: StatusPage, now: datetime, known: _Known
) -> PageNow:
    days = _days(connection, page, now.date())
    windows = _windows(connection, page, now)
    levels = known.levels
    incidents = {one.id: one for found, _ in levels.values() for one in found}
    incidents |= {one.id: one for one in known.everywhere}
    return PageNow(
        page=page, at=now, maintenance=windows,
        address=status_address(store.options.public_url, page.name),
        components=[
            ComponentNow(
                component=one, level=levels[one.service][1],
                days=[day_of(day, levels[one.service][0], now) for day in days[one.service]],
            )
            for one in page.components
        ],
        incidents=sorted(incidents.values(), key=lambda one: (one.opened_at, one.id), reverse=True),
    )  # fmt: skip


def public_incidents(connection: Connection, tenant: str, now: datetime) -> list[PublicIncident]:
    """Return the incidents of a tenant that have public updates, newest first.

    Args:
        connection: an open transaction
        tenant: whose
        now: the present moment; those resolved over 90 days before are left out

    Returns:
        At most 500, with what is public of each and nothing else.
    """
    since = now - timedelta(days=HISTORY_DAYS)
    query = (
        select(INCIDENT, ENTRY.c.id.label("entry"), ENTRY.c.at, ENTRY.c.comment, ENTRY.c.data)
        .join(ENTRY, ENTRY.c.incident_id == INCIDENT.c.id)
        .where(INCIDENT.c.tenant == tenant, ENTRY.c.kind == "update",
               or_(INCIDENT.c.resolved_at.is_(None), INCIDENT.c.resolved_at > since))
        .order_by(ENTRY.c.id.desc())
    )  # fmt: skip
    names = catalog_of(connection, tenant).names
    found: dict[str, PublicIncident] = {}
    for row in connection.execute(query):
        data: dict[str, Any] = row.data or {}
        if data.get("public") is not True:
            continue
        there = found.get(row.id)
        if there is None:
            if len(found) == _MOST_INCIDENTS:
                continue
            there = found[row.id] = PublicIncident(
                id=row.id, title=str(data.get("title") or ""), service=names.of_name(row.service),
                status=row.status, severity=row.severity, opened_at=row.opened_at,
                resolved_at=row.resolved_at, updates=[],
            )  # fmt: skip
        there.updates.append(PublicUpdate(id=row.entry, at=row.at, text=row.comment))
    return list(found.values())


def _known(store: Store, page: StatusPage, now: datetime) -> _Known:
    """Return the public incidents of each component, and how it stands."""
    with store.read() as connection:
        incidents = public_incidents(connection, page.tenant, now)
        names = catalog_of(connection, page.tenant).names
        under_way = {
            name for one in _windows(connection, page, now) if one.start <= now
            for name in one.components
        }  # fmt: skip
    states: dict[str, ServiceState] = {}
    if {"alerts", "slos"} & set(page.show):
        states = {one.name: one for one in ServicesNow(store, page.tenant).affected()}
    levels: dict[str, tuple[list[PublicIncident], Level]] = {}
    for one in page.components:
        service = names.of_name(one.service)
        mine = [each for each in incidents if each.service == service]
        state = states.get(service)
        level = level_of(
            mine if "incidents" in page.show else (),
            state.worst if state is not None and "alerts" in page.show else 0,
            burning=state is not None and bool(state.burning) and "slos" in page.show,
            maintained=one.shown in under_way,
        )
        levels[one.service] = mine if "incidents" in page.show else [], level
    return _Known(everywhere=[one for one in incidents if not one.service], levels=levels)


def _record(
    store: Store, connection: Connection, page: str, service: str, level: Level, since: datetime,
    now: datetime,
) -> None:  # fmt: skip
    """Add the time since the last look to the days that it is of."""
    while since < now:
        midnight = datetime.combine(
            since.date() + timedelta(days=1), datetime.min.time(), now.tzinfo
        )
        end = min(midnight, now)
        seconds = (end - since).total_seconds()
        new = {
            "page": page, "service": service, "day": since.date(), "worst": int(level),
            "seen": seconds, "down": seconds if level.is_down else 0.0,
        }  # fmt: skip
        insert = insert_into(store.dialect, DAY).values(new)
        given = insert.excluded
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["page", "service", "day"],
                set_={
                    "worst": _greater(DAY.c.worst, given.worst),
                    "seen": DAY.c.seen + given.seen, "down": DAY.c.down + given.down,
                },
            )
        )  # fmt: skip
        since = end


def _greater(one: Any, other: Any) -> Any:
    return case((one > other, one), else_=other)


def _days(connection: Connection, page: StatusPage, today: date) -> dict[str, list[Day]]:
    recorded = {
        (row.service, row.day): Day(
            day=row.day, worst=Level(row.worst), seen=row.seen, down=row.down
        )
        for row in connection.execute(select(DAY).where(DAY.c.page == page.name))
    }
    return {
        one.service: [recorded.get((one.service, day), Day(day=day)) for day in days_between(today)]
        for one in page.components
    }


def _windows(connection: Connection, page: StatusPage, now: datetime) -> list[Maintenance]:
    """Return maintenance windows of components, under way or within two weeks, soonest first."""
    query = select(SILENCE).where(
        SILENCE.c.tenant == page.tenant, SILENCE.c.maintenance, SILENCE.c.ended_at.is_(None),
        SILENCE.c.until > now, SILENCE.c.starts_at < now + _AHEAD,
    )  # fmt: skip
    found: list[Maintenance] = []
    names = catalog_of(connection, page.tenant).names
    for row in connection.execute(query):
        silence = model_of(Silence, row)
        there = [one.shown for one in page.components if _covers(silence, one, names)]
        if there:
            found += [
                Maintenance(components=there, start=start, end=end)
                for start, end in _times(silence, now)
            ]
    return sorted(found, key=lambda one: (one.start, one.end, *one.components))[:_MOST_WINDOWS]


def _covers(silence: Silence, component: Component, names: ServiceNames) -> bool:
    """Return whether a silence names the service of a component, by whichever of its labels."""
    for one_set in matcher_sets(silence.matchers) if silence.matchers else ():
        about = [one for one in one_set if one.label == "service"]
        if about and (
            matches(about, {"service": component.service})
            or matches(about, {"service": names.of_name(component.service)})
        ):
            return True
    return False


def _times(silence: Silence, now: datetime) -> list[tuple[datetime, datetime]]:
    if not silence.recurrence:
        return [(silence.starts_at, silence.until)]
    windows = RecurringWindows(recurrence_of(silence.recurrence))
    spans = [
        (max(start, silence.starts_at), min(end, silence.until))
        for start, end in windows.between(now - _BACK, now + _AHEAD)
    ]
    return [(start, end) for start, end in spans if start < end and end > now]
