"""Storms of alerts, by receiver: rows that a claim and the relay keep, and what a claim asks them.

A storm is decided on from the alerts that opened within the last minute, so nothing is written
while there is none, and it does not matter who notices it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import (
    Connection,
    Integer,
    String,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from sentinel.notifications.decision import Notified
from sentinel.notifications.message_limit import MINUTE, SentRecently
from sentinel.notifications.storm import CRITICALS, Storm, StormNow, storm_after
from sentinel.notifications.summary import is_storm, summary_membership
from sentinel.schema.columns import Moment
from sentinel.schema.groups import AlertGroup
from sentinel.schema.message_limits import StormRow
from sentinel.severity import Severity
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, NOTIFICATION_LOG, table_of
from sentinel.store.notifications.message_limits import count_alone
from sentinel.store.notifications.queries import OWN_GROUP

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["storm_seen", "storms_of", "update_storms", "watch_storms"]

STORM = table_of(StormRow)


def storms_of(connection: Connection) -> dict[str, Storm]:
    """Return the storms of now by receiver."""
    rows = connection.execute(_ALL)
    return {row.receiver: Storm(began_at=row.began_at, seen_at=row.seen_at) for row in rows}


def watch_storms(store: Store) -> bool:
    """Begin and end storms, and wake `notify` for what a storm does not let wait.

    Args:
        store: the shared database

    Returns:
        Whether there is a storm.
    """
    now = store.now()
    with store.read() as connection:
        if not storms_of(connection) and not _may_begin(store, connection, now):
            return False

    def work(connection: Connection) -> bool:
        storms, due = update_storms(store, connection, now)
        if due:
            store.wakes.request(connection, now)
        return bool(storms)

    return store.in_transaction(work)


def update_storms(
    store: Store, connection: Connection, now: datetime
) -> tuple[dict[str, Storm], int]:
    """Begin and end storms, and make due what has opened in one.

    Args:
        store: the shared database
        connection: an open writing transaction
        now: the present moment

    Returns:
        The storms by receiver, and how many groups became due.
    """
    if not storms_of(connection) and not _may_begin(store, connection, now):
        return {}, 0
    count_alone(connection)
    before = storms_of(connection)
    opened = _opened(connection, now)
    after: dict[str, Storm] = {}
    for receiver in sorted(before.keys() | opened.keys()):
        was, count = before.get(receiver), opened.get(receiver, 0)
        storm = storm_after(was, count, now, store.options.storm_alerts)
        if storm != was:
            _write(store, connection, receiver, was, storm, count)
        if storm is not None:
            after[receiver] = storm
    return after, sum(_make_due(connection, receiver, now) for receiver in after)


def storm_seen(
    connection: Connection, group: AlertGroup, target: tuple[str, str], last: Notified,
    storms: Mapping[str, Storm], limits: SentRecently,
) -> Notified:  # fmt: skip
    """Return a channel's last notification with the storm that its receiver is in.

    Args:
        connection: an open transaction
        group: that is decided on
        target: receiver and channel
        last: the channel's last notification of the group
        storms: by receiver
        limits: what was sent within the last minute

    Returns:
        The notification; as it is where there is no storm, and of the storm's own group.
    """
    receiver, channel = target
    storm = storms.get(receiver)
    if storm is None or is_storm(group.route):
        return last
    seen = StormNow(until=storm.until)
    if group.severity >= Severity.CRITICAL and limits.count(receiver, channel) < CRITICALS:
        home = summary_membership(group.tenant, receiver, channel, storm, group.policy)
        asked = {
            "key": home.key, "receiver": receiver, "channel": channel, "group": group.id,
        }  # fmt: skip
        entry = connection.execute(_ENTRY, asked).first()
        if entry is not None and entry.notified_at is not None:
            seen = msgspec.structs.replace(seen, notified=True, names=entry.names)
    return msgspec.structs.replace(last, storm=seen)


def _may_begin(store: Store, connection: Connection, now: datetime) -> bool:
    """Return whether enough alerts have opened within the minute, of whatever receivers."""
    most = store.options.storm_alerts
    if not most:
        return False
    found: datetime | None = connection.execute(_NTH, {"skip": most - 1}).scalar()
    return found is not None and found > now - MINUTE


def _opened(connection: Connection, now: datetime) -> dict[str, int]:
    """Return how many alerts of each receiver have opened within the last minute."""
    found: dict[str, int] = {}
    for receivers, count in connection.execute(_OPENED, {"since": now - MINUTE}):
        for receiver in msgspec.json.decode(receivers, type=list[str]):
            found[receiver] = found.get(receiver, 0) + count
    return found


def _make_due(connection: Connection, receiver: str, now: datetime) -> int:
    """Make groups due that have changed since they were decided on, whatever they wait for."""
    named = f"%{msgspec.json.encode(receiver).decode()}%"
    asked = {"at": now, "receiver": named, "since": now - 60 * MINUTE}
    return connection.execute(_HURRY, asked).rowcount


def _write(
    store: Store, connection: Connection, receiver: str, was: Storm | None, storm: Storm | None,
    count: int,
) -> None:  # fmt: skip
    if storm is None:
        connection.execute(STORM.delete().where(STORM.c.receiver == receiver))
        store.log.add(
            connection, "info", "storm.ended",
            f"the storm of alerts for receiver {receiver} is over", {"receiver": receiver},
        )  # fmt: skip
        return
    values = {"began_at": storm.began_at, "seen_at": storm.seen_at}
    connection.execute(
        insert_into(store.dialect, STORM)
        .values(receiver=receiver, **values)
        .on_conflict_do_update(index_elements=["receiver"], set_=values)
    )
    if was is None:
        store.log.add(
            connection, "warning", "storm.began",
            f"{count:,} alerts of receiver {receiver} opened within a minute: it is sent one "
            "message every five minutes, and new critical alerts, until fewer open",
            {"receiver": receiver, "alerts": count},
        )  # fmt: skip


# Built once, since SQLAlchemy compiles a statement once for each object.
_ALL = select(STORM)
_RECEIVERS = literal_column("CAST(alert_group.receivers AS TEXT)", String)
_NTH = (
    select(ALERT.c.opened_at)
    .where(ALERT.c.opened_at.is_not(None))
    .order_by(ALERT.c.opened_at.desc(), ALERT.c.id.desc())
    .offset(bindparam("skip", type_=Integer))
    .limit(1)
)
_OPENED = (
    select(_RECEIVERS, func.count())
    .select_from(
        ALERT.join(MEMBER, MEMBER.c.alert_id == ALERT.c.id).join(
            GROUP, GROUP.c.id == MEMBER.c.group_id
        )
    )
    .where(ALERT.c.opened_at > bindparam("since", type_=Moment()), OWN_GROUP)
    .group_by(_RECEIVERS)
)
_DECIDED = (
    exists()
    .where(NOTIFICATION_LOG.c.group_id == GROUP.c.id)
    .where(NOTIFICATION_LOG.c.decided_at >= GROUP.c.updated_at)
)
_WAITS = (
    select(GROUP.c.id)
    .where(GROUP.c.due_at > bindparam("at", type_=Moment()), GROUP.c.status != "resolved")
    .where(GROUP.c.updated_at > bindparam("since", type_=Moment()), OWN_GROUP, ~_DECIDED)
    .where(_RECEIVERS.like(bindparam("receiver", type_=String)))
    .where(or_(GROUP.c.claimed_until.is_(None), GROUP.c.claimed_until <= bindparam("at")))
    .with_for_update(skip_locked=True)
)
_HURRY = (
    GROUP.update()
    .where(GROUP.c.id.in_(_WAITS.scalar_subquery()))
    .values(due_at=bindparam("at", type_=Moment()))
)
# What the storm's message named is compared by sequence numbers: while it is sent, more may open.
_OWN, _NAMED = MEMBER.alias("own"), MEMBER.alias("named")
_NAMES = (
    exists()
    .where(_OWN.c.group_id == bindparam("group"), _OWN.c.resolved_seq.is_(None))
    .where(ALERT.c.id == _OWN.c.alert_id, ALERT.c.severity >= int(Severity.CRITICAL))
    .where(_NAMED.c.alert_id == _OWN.c.alert_id, _NAMED.c.group_id == NOTIFICATION_LOG.c.group_id)
    .where(_NAMED.c.fired_seq <= NOTIFICATION_LOG.c.notified_seq, _NAMED.c.resolved_seq.is_(None))
    .correlate(NOTIFICATION_LOG)
)
_ENTRY = (
    select(NOTIFICATION_LOG.c.notified_at, _NAMES.label("names"))
    .join(GROUP, GROUP.c.id == NOTIFICATION_LOG.c.group_id)
    .where(GROUP.c.key == bindparam("key"))
    .where(
        NOTIFICATION_LOG.c.receiver == bindparam("receiver"),
        NOTIFICATION_LOG.c.channel == bindparam("channel"),
    )
    .order_by(GROUP.c.id.desc())
    .limit(1)
)
