"""Earlier alerts that are similar to one, and how they were resolved."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.view import AlertView
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT, TIMELINE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Similar", "similar"]

_COMPARED = 300
"""So many resolved alerts of the rule are compared, newest first."""


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier alert of the same rule.

    Attributes:
        same: whether it was the same situation (tenant, rule and labels)
        seconds: how long it lasted, from opened to resolved
        resolution: why it was resolved, as a code
        comment: the last comment of an acknowledgement, a resolve or a comment
    """

    id: str
    title: str
    severity: int
    same: bool
    opened_at: datetime
    seconds: float
    resolution: str
    resolved_by: str
    comment: str


def similar(
    store: Store, alert: AlertView, *, limit: int = 5, scope: Scope = EVERYTHING
) -> list[Similar]:
    """Return resolved alerts of the rule: same fingerprint first, then most labels in common.

    Args:
        store: the shared database
        alert: that others are compared with
        limit: at most this many
        scope: of whoever asks

    Returns:
        The most similar first.
    """
    columns = [
        ALERT.c[name]
        for name in (
            "id", "title", "severity", "fingerprint", "labels", "opened_at", "resolved_at",
            "resolution", "resolved_by", "acknowledge_comment",
        )
    ]  # fmt: skip
    query = (
        select(*columns)
        .where(
            ALERT.c.tenant == alert.tenant,
            ALERT.c.rule == alert.rule,
            ALERT.c.status == "resolved",
            ALERT.c.opened_at.is_not(None),
            ALERT.c.id != alert.id,
            *alert_in(scope),
        )
        .order_by(ALERT.c.resolved_at.desc())
        .limit(_COMPARED)
    )
    with store.read() as connection:
        rows = list(connection.execute(query))
        # The sort is stable, so that of two equally alike the newer one comes first.
        rows.sort(key=lambda row: (-(row.fingerprint == alert.fingerprint), -_alike(row, alert)))
        kept = rows[:limit]
        commented = connection.execute(
            select(TIMELINE.c.alert_id, TIMELINE.c.comment)
            .where(TIMELINE.c.alert_id.in_([row.id for row in kept]), TIMELINE.c.comment != "")
            .where(TIMELINE.c.kind.in_(("acknowledged", "commented", "resolved")))
            .order_by(TIMELINE.c.id)
        )
        comments = {row.alert_id: row.comment for row in commented}
    return [
        Similar(
            id=row.id,
            title=row.title,
            severity=row.severity,
            same=row.fingerprint == alert.fingerprint,
            opened_at=row.opened_at,
            seconds=max(0.0, (row.resolved_at - row.opened_at).total_seconds()),
            resolution=row.resolution,
            resolved_by=row.resolved_by,
            comment=comments.get(row.id, row.acknowledge_comment),
        )
        for row in kept
    ]


def _alike(row: Any, alert: AlertView) -> int:
    return sum(alert.labels.get(name) == value for name, value in row.labels.items())
