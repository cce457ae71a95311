"""Which groups of alerts escalate, and which level each would page next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, select

from sentinel.store.database.bulk import id_array
from sentinel.store.database.chunks import chunks
from sentinel.store.escalations.rows import ESCALATION, plan_to_read

__all__ = ["Home", "escalating_homes", "next_levels"]


class Home(NamedTuple):
    """A group with a live escalation in which an alert fires."""

    alert_id: str
    group_id: str
    acknowledged: bool


def escalating_homes(connection: Connection, alerts: Sequence[str]) -> list[Home]:
    """Return the groups with a live escalation in which alerts fire, by one statement.

    Args:
        connection: an open transaction
        alerts: their ids

    Returns:
        One for each alert and group, by group; `acknowledged` where all of the group is.
    """
    if not alerts:
        return []
    subquery, parameter = id_array(connection, alerts)
    rows = connection.exec_driver_sql(
        "SELECT m.alert_id, m.group_id, g.status FROM group_member m "  # noqa: S608 - no user text in it
        "JOIN escalation e ON e.group_id = m.group_id AND e.state <> 'ended' "
        "JOIN alert_group g ON g.id = m.group_id "
        f"WHERE m.resolved_seq IS NULL AND m.alert_id IN ({subquery}) "
        "ORDER BY m.group_id, m.alert_id",
        (parameter,),
    )
    return [Home(alert, group, status == "acknowledged") for alert, group, status in rows]


def next_levels(connection: Connection, alerts: Sequence[str]) -> dict[str, int]:
    """Return the level that each alert's group would page next.

    Args:
        connection: an open transaction
        alerts: their ids

    Returns:
        By alert, from 1 on; none where no level is left, the group does not escalate, or all of it
        is muted.
    """
    homes = escalating_homes(connection, alerts)
    levels: dict[str, int] = {}
    for piece in chunks(sorted({home.group_id for home in homes})):
        for row in connection.execute(_LIVE, {"groups": piece}):
            if row.level < len(plan_to_read(row).steps):
                levels[row.group_id] = row.level + 1
    found: dict[str, int] = {}
    for home in homes:
        if level := levels.get(home.group_id):
            found[home.alert_id] = max(found.get(home.alert_id, 0), level)
    return found


_GROUPS: BindParameter[Any] = bindparam("groups", expanding=True)
_LIVE = select(ESCALATION).where(
    ESCALATION.c.group_id.in_(_GROUPS), ESCALATION.c.state.not_in(("ended", "paused"))
)
