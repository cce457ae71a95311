"""Alerts that a person takes back from their end: where they were told, and who heard of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, or_, select

from sentinel.alerts.state import AlertState
from sentinel.notifications.grouping import Membership
from sentinel.store.alerts.alert_rows import state_of, state_query
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, NOTIFICATION_LOG

__all__ = ["beside", "homes_of", "take_back_unheard"]


def homes_of(connection: Connection, alert_ids: Sequence[str]) -> dict[str, Membership]:
    """Return the newest group of each alert, by alert id; one that has none is left out.

    It is the group whose receivers were notified, and not the one that the rule of today would
    choose: whoever was notified that the alert is resolved is to hear that it is not.

    Args:
        connection: an open transaction
        alert_ids: the alerts
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
    """The alert of each fingerprint that is not resolved, pending ones too."""
    every = sorted(set(fingerprints))
    found: dict[str, AlertState] = {}
    for piece in chunks(every):
        rows = state_query(
            connection,
            ALERT.c.fingerprint.in_(piece),
            ALERT.c.status != "resolved",
        )
        found |= {row.fingerprint: state_of(row) for row in rows}
    return found


def take_back_unheard(
    connection: Connection,
    groups: Mapping[str, Row[Any]],
    pairs: Iterable[tuple[str, str]],
    now: datetime,
) -> set[tuple[str, str]]:
    """Have members fire again as if they had never ended, where nobody was told that they had.

    To a channel that was told, or may have been, that they fire is news, and so it is left to
    the caller.

    Args:
        connection: an open writing transaction
        groups: by id, their rows locked
        pairs: group and alert
        now: the present moment

    Returns:
        The pairs that are done with.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for group_id, alert_id in pairs:
        until = groups[group_id].claimed_until
        if until is None or until <= now:  # else somebody is being told at this moment
            wanted[group_id].append(alert_id)
    told = exists().where(
        NOTIFICATION_LOG.c.group_id == MEMBER.c.group_id,
        or_(NOTIFICATION_LOG.c.told_seq >= MEMBER.c.resolved_seq, NOTIFICATION_LOG.c.attempts > 0),
    )
    done: set[tuple[str, str]] = set()
    for group_id, every in wanted.items():
        for piece in chunks(every):
            query = select(MEMBER.c.alert_id).where(
                MEMBER.c.group_id == group_id, MEMBER.c.alert_id.in_(piece), ~told,
                MEMBER.c.resolved_seq.is_not(None),
            )  # fmt: skip
            unheard = list(connection.execute(query).scalars())
            if unheard:
                connection.execute(
                    MEMBER.update()
                    .where(MEMBER.c.group_id == group_id, MEMBER.c.alert_id.in_(unheard))
                    .values(resolved_seq=None, quiet=False)
                )
            done |= {(group_id, alert_id) for alert_id in unheard}
    return done
