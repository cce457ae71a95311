"""What decides whether a person may reopen resolved alerts, and in which group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, literal_column, select

from sentinel.alerts.state import AlertState
from sentinel.notifications.grouping import Membership
from sentinel.store.alerts.alert_rows import state_of, state_query
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER

__all__ = ["beside", "homes_of"]


def homes_of(connection: Connection, alert_ids: Sequence[str]) -> dict[str, Membership]:
    """Return the newest group of each alert, by alert id; one that has none is left out.

    It is the group whose receivers were notified, and not the one that the rule of today would
    choose: whoever was notified that the alert is resolved is to hear that it is not.

    Args:
        connection: an open transaction
        alert_ids: the alerts

    Returns:
        The group's key, route, labels, receivers and policy.
    """
    names = ("key", "route", "tenant", "labels", "receivers", "policy")
    found: dict[str, Membership] = {}
    for piece in chunks(alert_ids):
        query = (
            select(MEMBER.c.alert_id, *[GROUP.c[name] for name in names])
            .select_from(MEMBER.join(GROUP, GROUP.c.id == MEMBER.c.group_id))
            .where(MEMBER.c.alert_id.in_(piece))
            .order_by(GROUP.c.id)
        )
        # Ids rise with time, so that the newest group is the last to be put down.
        for row in connection.execute(query):
            found[row.alert_id] = Membership(
                key=row.key, route=row.route, tenant=row.tenant, labels=row.labels,
                receivers=tuple(row.receivers), policy=row.policy, wait=None,
            )  # fmt: skip
    return found


def beside(connection: Connection, fingerprints: Iterable[str]) -> dict[str, AlertState]:
    """Return the alert of each fingerprint that is not resolved, pending ones too."""
    every = sorted(set(fingerprints))
    found: dict[str, AlertState] = {}
    for piece in chunks(every):
        rows = state_query(
            connection,
            ALERT.c.fingerprint.in_(piece),
            literal_column("status") != literal_column("'resolved'"),
        )
        found |= {row.fingerprint: state_of(row) for row in rows}
    return found
