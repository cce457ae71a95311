"""What happened to alerts and incidents, by the numbers of the changes. Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, func, select

from sentinel.alerts.reasons import words
from sentinel.events.outgoing import Happened, starting_point
from sentinel.incidents.timeline import words_of
from sentinel.schema.incidents import IncidentEntry, IncidentRow
from sentinel.severity import Severity
from sentinel.store.database.chunks import chunks
from sentinel.store.database.lifecycle_numbers import ENTRY_BYTES, LIFECYCLE_BLOCK, LIFECYCLE_TAIL
from sentinel.store.database.tables import ALERT, TIMELINE, table_of

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel.store import Store

__all__ = ["MOST_CHANGES", "Changes", "bounds", "changes_after"]

MOST_CHANGES = 1000
_ENTRY, _INCIDENT = table_of(IncidentEntry), table_of(IncidentRow)
_ALERT_FIELDS = ("rule", "title", "unit", "category", "team", "labels", "annotations")
_ALERTS = select(TIMELINE, *(ALERT.c[name].label(f"alert_{name}") for name in _ALERT_FIELDS)).join(
    ALERT, ALERT.c.id == TIMELINE.c.alert_id
)
_INCIDENT_FIELDS = ("title", "service", "team", "status", "severity", "labels")
_INCIDENTS = select(
    _ENTRY, *(_INCIDENT.c[name].label(f"incident_{name}") for name in _INCIDENT_FIELDS)
).join(_INCIDENT, _INCIDENT.c.id == _ENTRY.c.incident_id)


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of one tenant.

    Attributes:
        items: in the order of their numbers, without gaps
        cursor: number of the last of them; the one that was asked for where there is none
        last: number of the newest change of the tenant
    """

    items: list[Happened]
    cursor: int
    last: int


def bounds(connection: Connection, tenant: str) -> tuple[int, int]:
    """Return the numbers of the newest change of a tenant and of the oldest that is kept.

    Args:
        connection: an open transaction
        tenant: whose changes

    Returns:
        The newest, 0 for none; and the oldest, one more than the newest for none.
    """
    newest = select(LIFECYCLE_TAIL.c.last).where(LIFECYCLE_TAIL.c.tenant == tenant)
    last = connection.execute(newest).scalar() or 0
    kept = select(func.min(LIFECYCLE_BLOCK.c.last)).where(LIFECYCLE_BLOCK.c.tenant == tenant)
    block = select(LIFECYCLE_BLOCK.c.first).where(
        LIFECYCLE_BLOCK.c.tenant == tenant, LIFECYCLE_BLOCK.c.last == kept.scalar_subquery()
    )
    return last, connection.execute(block).scalar() or last + 1


def changes_after(store: Store, tenant: str, cursor: int | None, limit: int) -> Changes:
    """Return the changes of a tenant that follow a cursor.

    Args:
        store: the shared database
        tenant: whose changes
        cursor: number of the last change that the reader has; None for the newest
        limit: how many at most, up to `MOST_CHANGES`

    Returns:
        The changes.

    Raises:
        Conflict: what follows the cursor is not kept any more, or there is no such change
    """
    with store.snapshot() as connection:
        last, oldest = bounds(connection, tenant)
        start = starting_point(cursor, last, oldest)
        if start == last:
            return Changes(items=[], cursor=start, last=last)
        query = (
            select(LIFECYCLE_BLOCK)
            .where(
                LIFECYCLE_BLOCK.c.tenant == tenant,
                LIFECYCLE_BLOCK.c.last > start,
                LIFECYCLE_BLOCK.c.first <= start + limit,
            )
            .order_by(LIFECYCLE_BLOCK.c.last)
        )
        wanted: list[tuple[int, str, str, datetime]] = []
        for block in connection.execute(query):
            for index in range(max(0, start + 1 - block.first), block.last - block.first + 1):
                if len(wanted) < limit:
                    entry = block.entries[index * ENTRY_BYTES :][:ENTRY_BYTES]
                    wanted.append((block.first + index, chr(entry[0]), entry[1:].hex(), block.at))
        found = {
            **_alerts(connection, [id_ for _, kind, id_, _ in wanted if kind == "a"]),
            **_incidents(connection, [id_ for _, kind, id_, _ in wanted if kind == "i"]),
        }
    items = [
        Happened(
            number=number, id=id_, tenant=tenant, what="alert" if kind == "a" else "incident",
            **(found.get(id_) or {"kind": "deleted", "about": "", "at": at, "data": {}}),
        )
        for number, kind, id_, at in wanted
    ]  # fmt: skip
    return Changes(items=items, cursor=items[-1].number, last=last)


def _alerts(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for piece in chunks(ids):
        for row in connection.execute(_ALERTS.where(TIMELINE.c.id.in_(piece))).mappings():
            data = {
                "alert_id": row["alert_id"], "status": row["status"],
                "severity": Severity(row["severity"]).word, "value": row["value"],
                "reason": row["reason"], "reason_text": words(row["reason"]),
                "actor": row["actor"], "comment": row["comment"], "version": row["version"],
                "flow_run_id": row["flow_run_id"], **_named(row, "alert", _ALERT_FIELDS),
            }  # fmt: skip
            found[row["id"]] = {
                "kind": row["kind"], "about": row["alert_id"], "at": row["at"], "data": data,
            }  # fmt: skip
    return found


def _incidents(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for piece in chunks(ids):
        for row in connection.execute(_INCIDENTS.where(_ENTRY.c.id.in_(piece))).mappings():
            now = _named(row, "incident", _INCIDENT_FIELDS)
            data = {
                "incident_id": row["incident_id"], "text": words_of(row["kind"], row["data"]),
                "actor": row["actor"], "comment": row["comment"], "change": row["data"],
                "flow_run_id": row["flow_run_id"], **now,
                "severity": Severity(now["severity"]).word,
            }  # fmt: skip
            found[row["id"]] = {
                "kind": row["kind"], "about": row["incident_id"], "at": row["at"], "data": data,
            }  # fmt: skip
    return found


def _named(row: Mapping[Any, Any], noun: str, names: Sequence[str]) -> dict[str, Any]:
    return {name: row[f"{noun}_{name}"] for name in names}
