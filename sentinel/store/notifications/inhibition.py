"""Which firing alerts are sources of inhibition rules, and which of them mutes a target.

The sources are kept by whoever writes alerts, in the same transaction, and made anew when the rules
change. A decision looks its targets up by key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Exists, bindparam, exists, func, select

from sentinel.notifications.inhibition import InhibitionIndex
from sentinel.schema.inhibition import InhibitionSource
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, NOT_RESOLVED, table_of
from sentinel.store.notifications.mute_locks import before_rules_change, before_unmuting
from sentinel.store.notifications.rule_labels import COLUMNS, RuleLabels

__all__ = ["Inhibitors", "firing_source", "keep_sources", "make_due", "rebuild_sources"]

SOURCE = table_of(InhibitionSource)
_FIRES = ("open", "acknowledged")


def keep_sources(
    connection: Connection, index: InhibitionIndex | None, alerts: Collection[str], now: datetime
) -> bool:
    """Note of alerts that opened, ended or changed in severity whether they mute others.

    Args:
        connection: the transaction that changed them
        index: the active rules, read after `mute_locks.before_sources_change`; None for none
        alerts: their ids
        now: the moment of the transaction

    Returns:
        Whether a group is due at once, since what muted one of its members does so no more.
    """
    if not index:
        return False
    labels = RuleLabels(connection)
    before: set[tuple[str, str, bool]] = set()
    after: set[tuple[str, str, bool]] = set()
    for piece in chunks(sorted(alerts)):
        before.update((*row,) for row in connection.execute(_KNOWN, {"alerts": piece}))
        found = connection.execute(_ALERTS, {"alerts": piece}).all()
        after.update(_sources(index, labels, [row for row in found if row.status in _FIRES]))
    lost = {alert for _, alert, _ in before - after}
    for piece in chunks(sorted(lost)):
        connection.execute(_FORGET, {"alerts": piece})
    _insert(connection, {row for row in after if row not in before or row[1] in lost})
    if not lost:
        return False
    before_unmuting(connection)
    return _decide_again(connection, sorted(lost), now)


def rebuild_sources(connection: Connection, index: InhibitionIndex | None, now: datetime) -> bool:
    """Find the sources of all rules anew, after the rules changed.

    Args:
        connection: the transaction that changed them
        index: the rules of now; None for none
        now: the present moment

    Returns:
        Whether a group is due at once, since one of its members is muted.
    """
    before_rules_change(connection)
    connection.execute(SOURCE.delete())
    if index:
        found = connection.execute(_FIRING)
        _insert(connection, set(_sources(index, RuleLabels(connection), found.all())))
    # Silences, too: the routes also say who owns what.
    return make_due(connection, connection.execute(_ALL_MUTED, {"now": now}).scalars(), now)


class Inhibitors:
    """What inhibits alerts, for one transaction: the sources of a key are read once.

    Args:
        connection: an open transaction, in which no source ends
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sources: dict[str, list[tuple[str, bool]]] = {}

    def of(self, targets: Mapping[str, Mapping[str, bool]]) -> dict[str, list[str]]:
        """Return what inhibits targets.

        Args:
            targets: the keys of each alert by its id, as of `InhibitionIndex.as_target`

        Returns:
            By id, firing alerts that inhibit it, the oldest first; of each rule the oldest few. No
            entry for an alert that nothing inhibits.
        """
        self._read({key for keys in targets.values() for key in keys})
        found: dict[str, list[str]] = {}
        for alert, keys in targets.items():
            sources = {
                source
                for key, both in keys.items()
                for source, source_both in self._sources[key]
                if source != alert and not (both and source_both)
            }
            if sources:
                found[alert] = sorted(sources)
        return found

    def _read(self, keys: set[str]) -> None:
        new = sorted(keys - self._sources.keys())
        self._sources.update({key: [] for key in new})
        for piece in chunks(new):
            for row in self._connection.execute(_OLDEST, {"keys": piece}):
                self._sources[row.key].append((row.alert_id, row.both))


def firing_source(alert: ColumnElement[str]) -> Exists:
    """Return the condition that an alert fires and is a source.

    Args:
        alert: a column with its id

    Returns:
        A condition on the rows that have the column.
    """
    return exists().where(
        SOURCE.c.alert_id == alert, ALERT.c.id == SOURCE.c.alert_id, ALERT.c.status.in_(_FIRES)
    )


def _sources(
    index: InhibitionIndex, labels: RuleLabels, rows: Sequence[Any]
) -> list[tuple[str, str, bool]]:
    return [
        (key, row.id, both) for row in rows for key, both in index.as_source(labels.of(row)).items()
    ]


def _insert(connection: Connection, rows: Iterable[tuple[str, str, bool]]) -> None:
    given = [{"key": key, "alert_id": alert, "both": both} for key, alert, both in sorted(rows)]
    if given:
        new = insert_into(connection.dialect.name, SOURCE).on_conflict_do_nothing()
        connection.execute(new, given)


def _decide_again(connection: Connection, sources: Sequence[str], now: datetime) -> bool:
    """Make a decision due on the groups of which one of the sources mutes a member."""
    groups: set[str] = set()
    for piece in chunks(sources):
        groups.update(connection.execute(_MUTED_BY, {"sources": piece, "now": now}).scalars())
    return make_due(connection, groups, now)


def make_due(connection: Connection, groups: Iterable[str], now: datetime) -> bool:
    """Make a decision on groups due at once, but on those that another transaction holds.

    Whoever holds a group may wait for what this transaction holds. `stale_mutes` finds those that
    were left out.

    Args:
        connection: an open writing transaction, which may hold some of them
        groups: their ids
        now: the present moment

    Returns:
        Whether there are any.
    """
    every = sorted(set(groups))
    for piece in chunks(every):
        free = connection.execute(_FREE, {"ids": piece}).scalars().all()
        if free:
            connection.execute(_DUE, {"ids": free, "moment": now})
    return bool(every)


# Built once, since SQLAlchemy compiles a statement once for each object.
_FIRING = select(ALERT.c.id, *COLUMNS).where(NOT_RESOLVED, ALERT.c.status.in_(_FIRES))
_ALERTS = select(ALERT.c.id, ALERT.c.status, *COLUMNS).where(
    ALERT.c.id.in_(bindparam("alerts", expanding=True))
)
_KNOWN = select(SOURCE.c.key, SOURCE.c.alert_id, SOURCE.c.both).where(
    SOURCE.c.alert_id.in_(bindparam("alerts", expanding=True))
)
_FORGET = SOURCE.delete().where(SOURCE.c.alert_id.in_(bindparam("alerts", expanding=True)))
_RANKED = (
    select(
        SOURCE.c.key, SOURCE.c.alert_id, SOURCE.c.both,
        func.row_number()
        .over(partition_by=(SOURCE.c.key, SOURCE.c.both), order_by=SOURCE.c.alert_id)
        .label("place"),
    )
    .join(ALERT, ALERT.c.id == SOURCE.c.alert_id)
    .where(SOURCE.c.key.in_(bindparam("keys", expanding=True)), ALERT.c.status.in_(_FIRES))
    .subquery()
)  # fmt: skip
# One is enough to mute, and of two at least one is not the alert itself. All of them would be
# compared with each target.
_OLDEST = select(_RANKED.c.key, _RANKED.c.alert_id, _RANKED.c.both).where(_RANKED.c.place <= 2)
_MUTED_BY = select(MEMBER.c.group_id).where(
    MEMBER.c.muted_by.in_(bindparam("sources", expanding=True)),
    MEMBER.c.muted_by != "",
    MEMBER.c.resolved_seq.is_(None),
    MEMBER.c.muted_until > bindparam("now"),
)
_ALL_MUTED = select(MEMBER.c.group_id).where(
    MEMBER.c.muted_by != "",
    MEMBER.c.resolved_seq.is_(None),
    MEMBER.c.muted_until > bindparam("now"),
)
_FREE = (
    select(GROUP.c.id)
    .where(GROUP.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(GROUP.c.id)
    .with_for_update(skip_locked=True)
)
_DUE = (
    GROUP.update()
    .where(GROUP.c.id.in_(bindparam("ids", expanding=True)))
    .values(due_at=bindparam("moment"))
)
