"""Alerts with their timelines and remediations: some queries over one connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ARRAY, ColumnElement, Select, String, any_, bindparam, func, select, true

from sentinel.alerts.view import SHOWN_COLUMNS, alert_fields, entry_fields
from sentinel.errors import NotFound
from sentinel.store.alerts.queries import LISTED
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
_WANTED = (
    func.unnest(bindparam("ids", type_=ARRAY(String)))
    .table_valued("alert_id", name="wanted")
    .render_derived()
)


def _newest(alert_id: ColumnElement[str]) -> Select[Any]:
    """The statement that reads of an alert no more entries than are shown."""
    mine = select(TIMELINE).where(TIMELINE.c.alert_id == alert_id)
    return mine.order_by(TIMELINE.c.id.desc()).limit(MOST_ENTRIES)


_ENTRIES = _newest(_WANTED.c.alert_id).lateral("entries")
_TIMELINES = select(_ENTRIES).select_from(_WANTED).join(_ENTRIES, true())
_TIMELINE = _newest(bindparam("id"))
_SHOWN = tuple(ALERT.c[name] for name in SHOWN_COLUMNS)
_ALERTS = {name: select(*_SHOWN).where(mine(ALERT.c.id)) for name, mine in _IN.items()}
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
    with store.glance() as connection:

        def rows(statement: Select[Any], **values: Any) -> list[dict[str, Any]]:
            result = connection.execute(statement, values)
            names = list(result.keys())
            # A mapping of SQLAlchemy's, made a dict, takes five times as long.
            return [dict(zip(names, row, strict=True)) for row in result.all()]

        alerts = rows(_ALERTS[store.dialect], ids=ids)
        if store.dialect == "postgresql":
            timeline = rows(_TIMELINES, ids=[*dict.fromkeys(ids)])
        else:
            timeline = [row for one in dict.fromkeys(ids) for row in rows(_TIMELINE, id=one)]
        remediations = rows(_REMEDIATIONS[store.dialect], ids=ids)
    timeline.sort(key=itemgetter("id"))
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
