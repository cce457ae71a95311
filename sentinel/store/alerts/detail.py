"""Alerts with their timelines and remediations: three queries over one connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ARRAY, ColumnElement, Select, String, any_, bindparam, func, select

from sentinel.alerts.view import alert_fields, entry_fields
from sentinel.errors import NotFound
from sentinel.store.alerts.queries import LISTED
from sentinel.store.database.engine import glancing
from sentinel.store.database.tables import ALERT, REMEDIATION, TIMELINE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_ENTRIES", "Detail", "read_detail", "read_details"]

MOST_ENTRIES = 1000
# Made once: SQLAlchemy compiles each statement object by itself. PostgreSQL gets an array and not
# as many parameters as there are ids, so that it prepares each statement once.
_IN: dict[str, Callable[[ColumnElement[str]], ColumnElement[bool]]] = {
    "postgresql": lambda column: column == any_(bindparam("ids", type_=ARRAY(String))),
    "sqlite": lambda column: column.in_(bindparam("ids", expanding=True)),
}
_NEWEST = (
    func.row_number()
    .over(partition_by=TIMELINE.c.alert_id, order_by=TIMELINE.c.id.desc())
    .label("newest")
)


def _timeline(mine: ColumnElement[bool]) -> Select[Any]:
    entries = select(TIMELINE, _NEWEST).where(mine).subquery()
    columns = (entries.c[column.name] for column in TIMELINE.columns)
    return select(*columns).where(entries.c.newest <= MOST_ENTRIES).order_by(entries.c.id)


_ALERTS = {name: select(ALERT).where(mine(ALERT.c.id)) for name, mine in _IN.items()}
_TIMELINES = {name: _timeline(mine(TIMELINE.c.alert_id)) for name, mine in _IN.items()}
_REMEDIATIONS = {
    name: select(REMEDIATION).where(mine(REMEDIATION.c.alert_id)) for name, mine in _IN.items()
}


class Detail(msgspec.Struct, frozen=True):
    """An alert as `alert_fields` gives it, its timeline, oldest first, and its remediation.

    `timeline` holds the newest `MOST_ENTRIES` entries as `entry_fields` gives them; `remediation`
    is the row by column, None where the alert's rule has none.
    """

    alert: dict[str, Any]
    timeline: list[dict[str, Any]]
    remediation: dict[str, Any] | None


def read_details(store: Store, ids: Sequence[str]) -> dict[str, Detail]:
    """Return alerts with all that is shown beside them.

    Args:
        store: the shared database
        ids: at most some hundreds, each 32 hex digits

    Returns:
        The alerts as they are now, by id; an unknown one is left out.
    """
    now = store.now()
    with glancing(store.engine) as connection:

        def rows(statements: dict[str, Select[Any]]) -> list[dict[str, Any]]:
            result = connection.execute(statements[store.dialect], {"ids": ids})
            names = list(result.keys())
            # A mapping of SQLAlchemy's, made a dict, takes five times as long.
            return [dict(zip(names, row, strict=True)) for row in result.all()]

        alerts, timeline, remediations = rows(_ALERTS), rows(_TIMELINES), rows(_REMEDIATIONS)
    entries: dict[str, list[dict[str, Any]]] = {}
    for row in timeline:
        entries.setdefault(row["alert_id"], []).append(entry_fields(row))
    remedied = {row["alert_id"]: row for row in remediations}
    return {
        row["id"]: Detail(
            alert=alert_fields(row, now),
            timeline=entries.get(row["id"], []),
            remediation=remedied.get(row["id"]),
        )
        for row in alerts
    }


def read_detail(store: Store, alert_id: str) -> Detail:
    """Return one alert with all that is shown beside it; see `read_details`.

    Args:
        store: the shared database
        alert_id: 32 hex digits

    Returns:
        The alert as it is now.

    Raises:
        NotFound: there is no alert of that id
    """
    found = read_details(store, [alert_id]).get(alert_id)
    if found is None:
        raise NotFound(f"there is no alert {alert_id!r}", hint=LISTED)
    return found
