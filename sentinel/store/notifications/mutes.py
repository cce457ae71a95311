"""What mutes the firing members of a group, as of each decision on it.

A decision first looks up what mutes each member now and keeps that with the member, so that counts
and messages leave it out in SQL; nothing is written while it stays the same. A mute that runs out
needs no write: its end lies in the past.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Row, bindparam, func, select

from sentinel.notifications.reasons import Reason
from sentinel.notifications.silence import (
    SilenceIndex,
    SilenceState,
    SilenceTerms,
    matcher_sets,
    state_of,
)
from sentinel.schema.silences import Silence
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, SILENCE
from sentinel.store.notifications.inhibition import inhibited_by
from sentinel.store.notifications.queries import FOREVER
from sentinel.store.notifications.routes import active_tree
from sentinel.store.notifications.rule_labels import COLUMNS, RuleLabels
from sentinel.timing.recurrence import RecurringWindows, recurrence_of

__all__ = [
    "Mute",
    "Mutes",
    "muting_until",
    "silence_indexes",
    "silence_of",
    "source_of",
    "terms_of",
]


class Mute(NamedTuple):
    """Why an alert is muted, by what, and until when."""

    code: str
    by: str
    until: datetime


class Mutes:
    """What mutes alerts at one moment.

    Args:
        connection: an open writing transaction, in which the groups are locked
        now: the present moment
        silences: by tenant; by default those that the transaction reads
    """

    def __init__(
        self, connection: Connection, now: datetime,
        silences: Mapping[str, SilenceIndex] | None = None,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._now = now
        self._silences = silence_indexes(connection, now) if silences is None else silences
        self._labels = RuleLabels(connection)
        tree = active_tree(connection)
        self._inhibitions = None if tree is None else tree.inhibitions

    def refresh(self, group: Any) -> None:
        """Keep with each firing member of a group what mutes it now.

        Args:
            group: its row, locked, or its model
        """
        silences, inhibitions = self._silences.get(group.tenant), self._inhibitions
        if not group.firing or not (silences or inhibitions or group.suppressed):
            return
        now = self._now
        rows = self._connection.execute(_FIRING, {"group": group.id}).all()
        labels = {row.alert_id: self._labels.of(row) for row in rows}
        sources = inhibited_by(self._connection, inhibitions, labels) if inhibitions else {}
        changes: dict[Mute, list[str]] = defaultdict(list)
        held = 0
        for row in rows:
            mute = self._inhibited(sources.get(row.alert_id, []), row)
            if mute is None and silences is not None:
                mute = self._silenced(silences, labels[row.alert_id])
            was = row.muted_until is not None and row.muted_until > now
            if mute is None and was:
                changes[Mute(row.muted, row.muted_by, now)].append(row.alert_id)
            elif mute is not None and mute != (row.muted, row.muted_by, row.muted_until):
                changes[mute].append(row.alert_id)
            suppressed = row.suppressed_until is not None and row.suppressed_until > now
            held += mute is not None or suppressed
        for mute, alerts in changes.items():
            self._write(group.id, mute, alerts)
        if held != group.suppressed:
            self._connection.execute(_COUNTED, {"group": group.id, "held": held})

    def _inhibited(self, sources: Sequence[str], row: Row[Any]) -> Mute | None:
        if not sources:
            return None
        # The one that was named stays named while it fires.
        source = row.muted_by if row.muted_by in sources else sources[0]
        return Mute(str(Reason.INHIBITED), source, FOREVER)

    def _silenced(self, silences: SilenceIndex, labels: Mapping[str, str]) -> Mute | None:
        found = silences.muting(labels, self._now)
        if found is None:
            return None
        return Mute(str(Reason.SILENCED), found[0].id, found[1])

    def _write(self, group_id: str, mute: Mute, alerts: Sequence[str]) -> None:
        values = {"code": mute.code, "by": mute.by, "until": mute.until, "group": group_id}
        for piece in chunks(alerts):
            self._connection.execute(_MUTE, {**values, "alerts": piece})


def silence_indexes(
    connection: Connection, now: datetime, *, cached: bool = True
) -> Mapping[str, SilenceIndex]:
    """Return the silences by matchers that are pending or active, compiled, by tenant.

    Args:
        connection: an open transaction
        now: the present moment
        cached: whether what this process compiled before may be used; False in a transaction that
            changed silences, which may be rolled back

    Returns:
        Only tenants that have any.
    """
    number, count, last = connection.execute(_VERSION).one()
    if not count:
        return {}
    version = number, count, last
    known = _COMPILED.get(connection.engine)
    if cached and known is not None and known[0] == version:
        return known[1]
    by_tenant: dict[str, list[SilenceTerms]] = defaultdict(list)
    for row in connection.execute(_LIVE, {"now": now}):
        by_tenant[row.tenant].append(terms_of(row))
    found = {tenant: SilenceIndex(every) for tenant, every in by_tenant.items()}
    if cached:
        _COMPILED[connection.engine] = version, found
    return found


def silence_of(
    connection: Connection, alert: Row[Any], now: datetime
) -> tuple[SilenceTerms, datetime] | None:
    """Return the silence that mutes an alert now, and until when.

    Args:
        connection: an open transaction
        alert: of which `COLUMNS` were read
        now: the present moment

    Returns:
        Of several, the one that ends last; None for none.
    """
    silences = silence_indexes(connection, now).get(alert.tenant)
    return None if silences is None else silences.muting(RuleLabels(connection).of(alert), now)


def source_of(connection: Connection, alert: Row[Any]) -> Row[Any] | None:
    """Return the firing alert that inhibits an alert now.

    Args:
        connection: an open transaction
        alert: of which `COLUMNS` and the id were read

    Returns:
        Its id, title and rule; None where nothing inhibits it.
    """
    tree = active_tree(connection)
    if tree is None or not tree.inhibitions:
        return None
    labels = {alert.id: RuleLabels(connection).of(alert)}
    sources = inhibited_by(connection, tree.inhibitions, labels).get(alert.id)
    return connection.execute(_SOURCE, {"alert": sources[0]}).first() if sources else None


def muting_until(silence: Silence, now: datetime) -> datetime | None:
    """Return until when a silence mutes what it matches; None where it mutes nothing now."""
    if silence.matchers:
        return terms_of(silence).mutes_until(now)
    active = state_of(silence.starts_at, silence.until, silence.ended_at, now)
    return silence.until if active is SilenceState.ACTIVE else None


def terms_of(row: Any) -> SilenceTerms:
    """Return what a row of a silence by matchers says."""
    return SilenceTerms(
        id=row.id, sets=matcher_sets(row.matchers), starts_at=row.starts_at, until=row.until,
        ended_at=row.ended_at, author=row.actor, comment=row.reason, maintenance=row.maintenance,
        windows=RecurringWindows(recurrence_of(row.recurrence)) if row.recurrence else None,
    )  # fmt: skip


_COMPILED: WeakKeyDictionary[Engine, tuple[Any, Mapping[str, SilenceIndex]]] = WeakKeyDictionary()
"""By database, the silences of one version."""

# Built once, since SQLAlchemy compiles a statement once for each object.
_VERSION = select(func.max(SILENCE.c.change), func.count(), func.max(SILENCE.c.id)).where(
    SILENCE.c.change > 0
)
_LIVE = select(SILENCE).where(
    SILENCE.c.change > 0, SILENCE.c.until > bindparam("now"), SILENCE.c.ended_at.is_(None)
)
_FIRING = (
    select(
        MEMBER.c.alert_id, MEMBER.c.muted, MEMBER.c.muted_by, MEMBER.c.muted_until, *COLUMNS,
        ALERT.c.suppressed_until,
    )
    .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
    .where(MEMBER.c.group_id == bindparam("group"), MEMBER.c.resolved_seq.is_(None))
)  # fmt: skip
_MUTE = (
    MEMBER.update()
    .where(
        MEMBER.c.group_id == bindparam("group"),
        MEMBER.c.alert_id.in_(bindparam("alerts", expanding=True)),
    )
    .values(muted=bindparam("code"), muted_by=bindparam("by"), muted_until=bindparam("until"))
)
_SOURCE = select(ALERT.c.id, ALERT.c.title, ALERT.c.rule).where(ALERT.c.id == bindparam("alert"))
_COUNTED = (
    GROUP.update().where(GROUP.c.id == bindparam("group")).values(suppressed=bindparam("held"))
)
