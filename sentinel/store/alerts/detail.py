"""One alert with its timeline and its remediation: three queries over one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BindParameter, String, bindparam, select

from sentinel.alerts.view import alert_fields, entry_fields
from sentinel.errors import NotFound
from sentinel.store.database.engine import glancing
from sentinel.store.database.tables import ALERT, REMEDIATION, TIMELINE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_ENTRIES", "Detail", "read_detail"]

MOST_ENTRIES = 1000
_MINE: BindParameter[str] = bindparam("alert", type_=String)
# Made once: SQLAlchemy compiles each statement object by itself.
_ALERT = select(ALERT).where(ALERT.c.id == _MINE)
_TIMELINE = (
    select(TIMELINE)
    .where(TIMELINE.c.alert_id == _MINE)
    .order_by(TIMELINE.c.id.desc())
    .limit(MOST_ENTRIES)
)
_REMEDIATION = select(REMEDIATION).where(REMEDIATION.c.alert_id == _MINE)


class Detail(msgspec.Struct, frozen=True):
    """An alert as `alert_fields` gives it, its timeline, oldest first, and its remediation.

    `timeline` holds the newest `MOST_ENTRIES` entries as `entry_fields` gives them; `remediation`
    is the row by column, None where the alert's rule has none.
    """

    alert: dict[str, Any]
    timeline: list[dict[str, Any]]
    remediation: dict[str, Any] | None


def read_detail(store: Store, alert_id: str) -> Detail:
    """Return one alert with all that is shown beside it.

    Args:
        store: the shared database
        alert_id: 32 hex digits

    Returns:
        The alert as it is now.

    Raises:
        NotFound: there is no alert of that id
    """
    mine = {"alert": alert_id}
    with glancing(store.engine) as connection:
        alert = connection.execute(_ALERT, mine).mappings().first()
        if alert is None:
            raise NotFound(
                f"there is no alert {alert_id!r}",
                hint="See which there are: sentinel alert list, or GET /api/v1/alerts/alerts",
            )
        timeline = connection.execute(_TIMELINE, mine).mappings().all()
        remediation = connection.execute(_REMEDIATION, mine).mappings().first()
    return Detail(
        alert=alert_fields(dict(alert), store.now()),
        timeline=[entry_fields(dict(row)) for row in reversed(timeline)],
        remediation=None if remediation is None else dict(remediation),
    )
