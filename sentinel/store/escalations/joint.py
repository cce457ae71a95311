"""Acknowledgements beside the first, where an escalation wants those of several people."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BindParameter, Connection, bindparam, select

from sentinel.oncall.escalation_state import State
from sentinel.store.database.chunks import chunks
from sentinel.store.escalations.following import person_named
from sentinel.store.escalations.homes import escalating_homes
from sentinel.store.escalations.rows import ESCALATION
from sentinel.store.oncall.documents import active_document

__all__ = ["still_wanted"]


def still_wanted(connection: Connection, alerts: Sequence[str], who: str) -> set[str]:
    """Return the alerts that others have acknowledged and that wait for this person too.

    Args:
        connection: an open transaction
        alerts: ids of acknowledged alerts
        who: acknowledges them, as the door says it

    Returns:
        Ids: all of the alert's group is acknowledged, its escalation goes on all the same, and the
        person has not acknowledged it before.
    """
    homes = [one for one in escalating_homes(connection, alerts) if one.acknowledged]
    if not homes:
        return set()
    name = person_named(active_document(connection), who)
    waiting: set[str] = set()
    for piece in chunks(sorted({one.group_id for one in homes})):
        waiting.update(
            row.group_id
            for row in connection.execute(_GOES_ON, {"groups": piece})
            if name not in row.acknowledgements
        )
    return {one.alert_id for one in homes if one.group_id in waiting}


_GROUPS: BindParameter[list[str]] = bindparam("groups", expanding=True)
_GOES_ON = select(ESCALATION.c.group_id, ESCALATION.c.acknowledgements).where(
    ESCALATION.c.group_id.in_(_GROUPS),
    ESCALATION.c.state.not_in((State.ENDED.value, State.ACKNOWLEDGED.value)),
)
