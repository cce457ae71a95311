"""Alerts that matchers may see otherwise than before, since they or their rules changed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from sentinel.schema.columns import Moment
from sentinel.store.database.tables import ALERT, MEMBER, NOT_RESOLVED
from sentinel.store.notifications.active_routes import active_tree
from sentinel.store.notifications.inhibition import keep_sources, make_due
from sentinel.store.notifications.mute_locks import before_sources_change, before_unmuting

__all__ = ["look_again"]


def look_again(
    connection: Connection, rules: Collection[tuple[str, str]], alerts: Collection[str],
    now: datetime,
) -> bool:  # fmt: skip
    """Find out anew which alerts mute others, and decide again on those that were muted.

    Args:
        connection: the transaction that changed them
        rules: whose name, labels, team or owner changed, by tenant and name
        alerts: that opened, ended or changed in severity
        now: the moment of the transaction

    Returns:
        Whether a group is due at once.
    """
    before_sources_change(connection)
    changed, muted = set(alerts), set[str]()
    if rules:
        before_unmuting(connection)
    for tenant, rule in sorted(rules):
        asked = {"tenant": tenant, "rule": rule}
        changed.update(connection.execute(_ALERTS, asked).scalars())
        muted.update(connection.execute(_MUTED, {**asked, "now": now}).scalars())
    tree = active_tree(connection)
    free = keep_sources(connection, None if tree is None else tree.inhibitions, changed, now)
    return make_due(connection, muted, now) or free


# Built once, since SQLAlchemy compiles a statement once for each object.
_MINE = (
    NOT_RESOLVED,
    ALERT.c.status.in_(("open", "acknowledged")),
    ALERT.c.tenant == bindparam("tenant"),
    ALERT.c.rule == bindparam("rule"),
)
_ALERTS = select(ALERT.c.id).where(*_MINE)
_MUTED = (
    select(MEMBER.c.group_id)
    .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
    .where(
        *_MINE,
        MEMBER.c.resolved_seq.is_(None),
        MEMBER.c.muted_by != "",
        MEMBER.c.muted_until > bindparam("now", type_=Moment()),
    )
)
