"""Paused escalations go on, also where nothing has noticed that their group is heard again."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Integer, bindparam, select

from sentinel.store.database.tables import GROUP
from sentinel.store.escalations.following import follow_mutes
from sentinel.store.escalations.rows import ESCALATION
from sentinel.store.notifications.mutes import Mutes

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["go_on_unmuted"]

_MOST = 500
"""Looked at in one transaction."""


def go_on_unmuted(store: Store, now: datetime) -> int:
    """Go on with the paused escalations of groups that are no longer wholly muted.

    Args:
        store: the shared database
        now: the present moment

    Returns:
        How many went on.
    """
    found, last = 0, ""
    while True:
        with store.glance() as connection:
            asked = {"most": _MOST, "last": last}
            paused = list(connection.execute(_PAUSED, asked).scalars())
        if not paused:
            return found
        last = paused[-1]
        found += store.in_transaction(partial(_go_on, store, paused, now))


def _go_on(store: Store, paused: list[str], now: datetime, connection: Connection) -> int:
    groups = connection.execute(_GROUPS, {"groups": paused}).all()
    mutes = Mutes(connection, now)
    heard = {group.id: False for group in groups if mutes.hidden(group) < group.firing}
    if heard:
        follow_mutes(store, connection, heard, now)
        store.changed(connection)
    return len(heard)


_PAUSED = (
    select(ESCALATION.c.group_id)
    .where(ESCALATION.c.state == "paused", ESCALATION.c.group_id > bindparam("last"))
    .order_by(ESCALATION.c.group_id)
    .limit(bindparam("most", type_=Integer))
)
_GROUPS = (
    select(GROUP)
    .where(GROUP.c.id.in_(bindparam("groups", expanding=True)), GROUP.c.status != "resolved")
    .order_by(GROUP.c.id)
    .with_for_update()
)
