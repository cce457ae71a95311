"""What decides whether a person may reopen resolved alerts, and in which group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, literal_column, select

from sentinel.alerts.state import AlertState
from sentinel.notifications.grouping import Membership
from sentinel.notifications.routing import is_routed
from sentinel.store.alerts.alert_rows import state_of, state_query
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER
from sentinel.store.notifications.queries import OWN_GROUP

__all__ = ["beside", "homes_of"]


def homes_of(connection: Connection, alert_ids: Sequence[str]) -> dict[str, list[Membership]]:
    """Return the newest groups of each alert, by alert id; one that has none is left out.

    They are the groups whose receivers were notified, and not those that the routes of today would
    choose: whoever was notified that the alert is resolved is to hear that it is not. An alert of
    several routes has several. A group that the alert had left before it was resolved, since other
    routes were applied meanwhile, is none of them: a resolve writes all groups that it ends.

    Args:
        connection: an open transaction
        alert_ids: the alerts

    Returns:
        Each group's key, route, labels, receivers and policy.
    """
    names = ("key", "route", "tenant", "labels", "receivers", "policy")
    found: dict[str, dict[str, Membership]] = {}
    for piece in chunks(alert_ids):
        over = GROUP.c.updated_at < ALERT.c.resolved_at
        query = (
            select(MEMBER.c.alert_id, over.label("over"), *[GROUP.c[name] for name in names])
            .select_from(
                MEMBER.join(GROUP, GROUP.c.id == MEMBER.c.group_id).join(
                    ALERT, ALERT.c.id == MEMBER.c.alert_id
                )
            )
            .where(MEMBER.c.alert_id.in_(piece), OWN_GROUP)
            .order_by(over, GROUP.c.id.desc())
        )
        for row in connection.execute(query):
            homes = found.setdefault(row.alert_id, {})
            # A rule's own receivers and a route are two ways; two rules' receivers never are.
            several = any(is_routed(one) for one in (row.route, *(h.route for h in homes.values())))
            if homes and (row.over or not several):
                continue
            home = Membership(
                key=row.key, route=row.route, tenant=row.tenant, labels=row.labels,
                receivers=tuple(row.receivers), policy=row.policy, wait=None,
            )  # fmt: skip
            homes.setdefault(row.key, home)
    return {alert_id: list(homes.values()) for alert_id, homes in found.items()}


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
