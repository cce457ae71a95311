"""Acknowledgements beside the first, where an escalation wants those of several people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import BindParameter, Connection, bindparam, select

from sentinel.oncall.escalation_state import State
from sentinel.store.database.chunks import chunks
from sentinel.store.escalations.following import answerable, person_named
from sentinel.store.escalations.homes import escalating_homes
from sentinel.store.escalations.pages import people_paged
from sentinel.store.escalations.rows import ESCALATION, plan_to_read
from sentinel.store.oncall.documents import active_document, document_to_read

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["people_awaited", "still_wanted"]


def people_awaited(store: Store, alerts: Sequence[str]) -> list[str]:
    """Return the people who must all acknowledge alerts, and have not.

    Args:
        store: the shared database
        alerts: their ids

    Returns:
        Names in the on-call document, in the order in which they were paged; empty where one
        acknowledgement is enough.
    """
    found: dict[str, None] = {}
    with store.read() as connection:
        groups = sorted({one.group_id for one in escalating_homes(connection, alerts)})
        if not groups:
            return []
        document = document_to_read(connection)
        for piece in chunks(groups):
            for row in connection.execute(_LIVE, {"groups": piece}).all():
                if plan_to_read(row).acknowledge(row.level) == "all":
                    paged = answerable(people_paged(connection, row), document)
                    left = [one for one in paged if one not in row.acknowledgements]
                    found.update(dict.fromkeys(left))
    return list(found)


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
_LIVE = (
    select(ESCALATION)
    .where(
        ESCALATION.c.group_id.in_(_GROUPS),
        ESCALATION.c.state.not_in((State.ENDED.value, State.ACKNOWLEDGED.value)),
    )
    .order_by(ESCALATION.c.id)
)
_GOES_ON = _LIVE.with_only_columns(ESCALATION.c.group_id, ESCALATION.c.acknowledgements)
