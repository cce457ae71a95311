"""The last good copies of calendars that schedules subscribe to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, select

from sentinel.clock import utc
from sentinel.errors import ConfigurationError
from sentinel.labels.text import storable
from sentinel.oncall.calendar_source import (
    CalendarShifts,
    CalendarSource,
    calendar_shifts,
    expanded_shifts,
)
from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.override import Override
from sentinel.schema.calendar_copies import CalendarCopy
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import model_of, table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "calendar_overrides",
    "copies",
    "forget_copies",
    "keep_copy",
    "keep_failure",
    "shifts_of_copy",
]

_COPY = table_of(CalendarCopy)
_EXPANDED = select(_COPY.c.schedule, _COPY.c.source, _COPY.c.expanded)
_AHEAD = timedelta(days=550)
"""How far from the start of a question its shifts are read."""


def copies(connection: Connection, names: list[str]) -> dict[str, CalendarCopy]:
    """Return the copies of schedules by their names; those of others are not there."""
    if not names:
        return {}
    query = select(_COPY).where(_COPY.c.schedule.in_(names))
    return {row.schedule: model_of(CalendarCopy, row) for row in connection.execute(query)}


def calendar_overrides(
    connection: Connection, document: OnCallDocument, since: datetime
) -> dict[str, list[Override]]:
    """Return the shifts of calendars, which stand in for the layers of their schedules.

    Args:
        connection: an open transaction
        document: the active one
        since: from when on, timezone-aware

    Returns:
        By schedule; overrides that people made come after them.
    """
    wanted = {name: one.calendar for name, one in document.schedules.items() if one.calendar}
    if not wanted:
        return {}
    start = utc(since).replace(hour=0, minute=0, second=0, microsecond=0)
    emails = {name: one.email for name, one in document.people.items()}
    found: dict[str, list[Override]] = {}
    others: list[str] = []
    for row in connection.execute(_EXPANDED.where(_COPY.c.schedule.in_([*wanted]))):
        if row.source != wanted[row.schedule].url:
            continue
        zone = document.schedules[row.schedule].zone
        kept = expanded_shifts(row.expanded, zone, emails, start, start + _AHEAD)
        if kept is None:
            others.append(row.schedule)
        else:
            found[row.schedule] = list(kept.overrides)
    # Such as one whose time zone has changed since: it is read here, which takes longer.
    for name, copy in copies(connection, others).items():
        if copy.body:
            shifts = shifts_of_copy(copy, document, start, start + _AHEAD)
            found[name] = list(shifts.overrides)
    return found


def shifts_of_copy(
    copy: CalendarCopy, document: OnCallDocument, start: datetime, end: datetime
) -> CalendarShifts:
    """Return what a copy says of its schedule within a range.

    Args:
        copy: the last good one
        document: the active one
        start: timezone-aware
        end: timezone-aware

    Returns:
        Its shifts; none, and the reason among the problems, where it cannot be read any more.
    """
    emails = {name: one.email for name, one in document.people.items()}
    zone = document.schedules[copy.schedule].zone
    kept = expanded_shifts(copy.expanded, zone, emails, start, end)
    if kept is not None:
        return kept
    try:
        return calendar_shifts(copy.body, zone, emails, start, end)
    except ConfigurationError as error:
        return CalendarShifts((), (error.message,))
    except Exception as error:  # noqa: BLE001 - a file of another system must not stop a page
        return CalendarShifts((), (f"it cannot be read ({type(error).__name__})",))


def keep_copy(
    store: Store, schedule: str, source: CalendarSource, body: str | None, etag: str,
    expanded: str | None = None,
) -> None:  # fmt: skip
    """Keep what was read as the last good copy.

    Args:
        store: the shared database
        schedule: whose calendar
        source: by which address
        body: the text; None where it is what is kept already
        etag: of the text, as the server says; empty for none
        expanded: its shifts, as `calendar_source.expanded` returns them; None where they are not
            known, or are those that are kept already
    """
    now = store.now()
    values: dict[str, Any] = {"source": source.url, "tried_at": now, "read_at": now, "error": ""}
    if body is not None:
        values |= {"body": storable(body), "etag": storable(etag), "expanded": ""}
    if expanded is not None:
        values["expanded"] = storable(expanded)
    _keep(store, schedule, values, {"body": "", "etag": "", "expanded": "", **values})


def keep_failure(store: Store, schedule: str, source: CalendarSource, error: str) -> None:
    """Note that a calendar could not be read; the last good copy of its address stays.

    Args:
        store: the shared database
        schedule: whose calendar
        source: by which address
        error: why, without the address
    """
    new = {"source": source.url, "read_at": None, "body": "", "etag": "", "expanded": ""}
    values = {"tried_at": store.now(), "error": storable(error)[:2000]}

    def work(connection: Connection) -> None:
        kept = copies(connection, [schedule]).get(schedule)
        changed = {**values, **(new if kept is None or kept.source != source.url else {})}
        _write(store, connection, schedule, changed, new)

    store.in_transaction(work)


def _keep(store: Store, schedule: str, values: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    store.in_transaction(lambda connection: _write(store, connection, schedule, values, new))


def _write(
    store: Store, connection: Connection, schedule: str, values: Mapping[str, Any],
    new: Mapping[str, Any],
) -> None:  # fmt: skip
    insert = insert_into(store.dialect, _COPY).values(
        {"schedule": schedule, "error": "", **new, **values}
    )
    connection.execute(insert.on_conflict_do_update(index_elements=["schedule"], set_=dict(values)))
    store.changed(connection)


def forget_copies(store: Store, names: list[str]) -> None:
    """Delete the copies of schedules that subscribe to no calendar any more."""
    with store.glance() as connection:
        known = set(connection.execute(select(_COPY.c.schedule)).scalars())
    if gone := sorted(known - set(names)):
        with store.write() as connection:
            connection.execute(delete(_COPY).where(_COPY.c.schedule.in_(gone)))
