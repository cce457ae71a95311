"""Which firing alerts are sources of inhibition rules, and which of them mutes a target.

The sources are kept by whoever writes alerts, in the same transaction, and made anew when the rules
change. A decision looks its targets up by key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from sentinel.notifications.inhibition import InhibitionIndex
from sentinel.notifications.reasons import Reason
from sentinel.schema.inhibition import InhibitionSource
from sentinel.store.database.bulk import insert_many
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, NOT_RESOLVED, table_of
from sentinel.store.notifications.rule_labels import COLUMNS, RuleLabels

__all__ = ["inhibited_by", "keep_sources", "rebuild_sources"]

SOURCE = table_of(InhibitionSource)
_FIRES = ("open", "acknowledged")


def keep_sources(
    connection: Connection, index: InhibitionIndex | None, alerts: Collection[str], now: datetime
) -> bool:
    """Note of alerts that opened, ended or changed in severity whether they mute others.

    Args:
        connection: the transaction that changed them
        index: the active rules; None for none
        alerts: their ids
        now: the moment of the transaction

    Returns:
        Whether a group is due at once, since what muted one of its members does so no more.
    """
    if not index:
        return False
    labels = RuleLabels(connection)
    rows: list[tuple[str, str, bool]] = []
    before: set[str] = set()
    for piece in chunks(sorted(alerts)):
        before.update(connection.execute(_KNOWN, {"alerts": piece}).scalars())
        connection.execute(_FORGET, {"alerts": piece})
        found = connection.execute(_ALERTS, {"alerts": piece}).all()
        rows += _sources(index, labels, [row for row in found if row.status in _FIRES])
    insert_many(connection, "inhibition_source", ("key", "alert_id", "both"), rows)
    return _decide_again(connection, sorted(before), now)


def rebuild_sources(connection: Connection, index: InhibitionIndex | None, now: datetime) -> bool:
    """Find the sources of all rules anew, after the rules changed.

    Args:
        connection: the transaction that changed them
        index: the rules of now; None for none
        now: the present moment

    Returns:
        Whether a group is due at once, since one of its members was inhibited.
    """
    connection.execute(SOURCE.delete())
    if index:
        found = connection.execute(_FIRING)
        rows = _sources(index, RuleLabels(connection), found.all())
        insert_many(connection, "inhibition_source", ("key", "alert_id", "both"), rows)
    code = {"code": str(Reason.INHIBITED), "now": now}
    return _due(connection, connection.execute(_INHIBITED, code).scalars(), now)


def inhibited_by(
    connection: Connection, index: InhibitionIndex, labels: Mapping[str, Mapping[str, str]]
) -> dict[str, list[str]]:
    """Return what inhibits alerts.

    Args:
        connection: an open transaction
        index: the active rules
        labels: of each alert, by its id

    Returns:
        By id, the firing alerts that inhibit it, the oldest first; none for an alert that nothing
        inhibits.
    """
    wanted: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for alert, known in labels.items():
        for key, both in index.as_target(known).items():
            wanted[key].append((alert, both))
    found: dict[str, set[str]] = defaultdict(set)
    for piece in chunks(sorted(wanted)):
        for row in connection.execute(_BY_KEY, {"keys": piece}):
            for alert, both in wanted[row.key]:
                if row.alert_id != alert and not (both and row.both):
                    found[alert].add(row.alert_id)
    return {alert: sorted(sources) for alert, sources in found.items()}


def _sources(
    index: InhibitionIndex, labels: RuleLabels, rows: Sequence[Any]
) -> list[tuple[str, str, bool]]:
    return [
        (key, row.id, both) for row in rows for key, both in index.as_source(labels.of(row)).items()
    ]


def _decide_again(connection: Connection, sources: Sequence[str], now: datetime) -> bool:
    """Make a decision due on the groups of which one of the sources mutes a member."""
    groups: set[str] = set()
    for piece in chunks(sources):
        groups.update(connection.execute(_MUTED_BY, {"sources": piece, "now": now}).scalars())
    return _due(connection, groups, now)


def _due(connection: Connection, groups: Any, now: datetime) -> bool:
    every = sorted(set(groups))
    for piece in chunks(every):
        connection.execute(_LOCK, {"ids": piece}).all()
        connection.execute(_DUE, {"ids": piece, "moment": now})
    return bool(every)


# Built once, since SQLAlchemy compiles a statement once for each object.
_FIRING = select(ALERT.c.id, *COLUMNS).where(NOT_RESOLVED, ALERT.c.status.in_(_FIRES))
_ALERTS = select(ALERT.c.id, ALERT.c.status, *COLUMNS).where(
    ALERT.c.id.in_(bindparam("alerts", expanding=True))
)
_KNOWN = select(SOURCE.c.alert_id).where(SOURCE.c.alert_id.in_(bindparam("alerts", expanding=True)))
_FORGET = SOURCE.delete().where(SOURCE.c.alert_id.in_(bindparam("alerts", expanding=True)))
_BY_KEY = (
    select(SOURCE.c.key, SOURCE.c.alert_id, SOURCE.c.both)
    .join(ALERT, ALERT.c.id == SOURCE.c.alert_id)
    .where(SOURCE.c.key.in_(bindparam("keys", expanding=True)), ALERT.c.status.in_(_FIRES))
)
_MUTED_BY = select(MEMBER.c.group_id).where(
    MEMBER.c.muted_by.in_(bindparam("sources", expanding=True)),
    MEMBER.c.muted_by != "",
    MEMBER.c.resolved_seq.is_(None),
    MEMBER.c.muted_until > bindparam("now"),
)
_INHIBITED = select(MEMBER.c.group_id).where(
    MEMBER.c.muted == bindparam("code"),
    MEMBER.c.muted_by != "",
    MEMBER.c.resolved_seq.is_(None),
    MEMBER.c.muted_until > bindparam("now"),
)
_LOCK = (
    select(GROUP.c.id)
    .where(GROUP.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(GROUP.c.id)
    .with_for_update()
)
_DUE = (
    GROUP.update()
    .where(GROUP.c.id.in_(bindparam("ids", expanding=True)))
    .values(due_at=bindparam("moment"))
)
