"""What mutes the firing members of a group, as of each decision on it.

A decision first looks up what mutes each member now and keeps that with the member, so that counts
and messages leave it out in SQL; nothing is written while it stays the same. A mute that runs out
is over without a write, and the next decision notes that its member is heard again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import BindParameter, Connection, Engine, Row, and_, bindparam, func, or_, select

from sentinel.notifications.reasons import Reason
from sentinel.notifications.silence import (
    SilenceIndex,
    SilenceState,
    SilenceTerms,
    last_to_end,
    matcher_sets,
    state_of,
)
from sentinel.schema.columns import Moment
from sentinel.schema.silences import Silence
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, NOTIFICATION_LOG, SILENCE
from sentinel.store.notifications.active_routes import active_tree
from sentinel.store.notifications.concerned_members import Concern, ConcernedMembers
from sentinel.store.notifications.inhibition import Inhibitors
from sentinel.store.notifications.known_members import knows, marks
from sentinel.store.notifications.queries import FOREVER
from sentinel.store.notifications.rule_labels import RuleLabels
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


_FEW = 500
"""Up to so many members are read by their ids and not with the whole group."""


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

    Attributes:
        changed: by group in which other members are muted than before, whether all of them are
    """

    def __init__(
        self, connection: Connection, now: datetime,
        silences: Mapping[str, SilenceIndex] | None = None,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._now = now
        self._silences = silence_indexes(connection, now) if silences is None else silences
        self._members = ConcernedMembers(connection)
        tree = active_tree(connection)
        self._inhibitions = None if tree is None else tree.inhibitions
        self._inhibitors = Inhibitors(connection)
        self._foreseen: dict[str, bool] = {}
        self.changed: dict[str, bool] = {}

    def foresee(self, group_ids: Sequence[str]) -> None:
        """Read at once what `refresh` asks of each of these groups.

        Args:
            group_ids: of groups that are locked, each of which is refreshed once
        """
        for piece in chunks(group_ids):
            held = set(self._connection.execute(_UNHEARD, {"groups": piece}).scalars())
            self._foreseen |= {one: one in held for one in piece}

    def refresh(self, group: Any) -> int:
        """Keep with each firing member of a group what mutes it now.

        Args:
            group: its row, locked, or its model

        Returns:
            Its seq, which has risen where a member is muted that was not, or the other way round.
        """
        silences, inhibitions = self._silences.get(group.tenant), self._inhibitions
        if not group.firing:
            return group.seq
        concerns = self._members.of(group, silences, inhibitions)
        # What ran out is noted, too, or a message that names a member would seem to leave it out.
        if not (concerns or group.suppressed or self._holds_back(group.id)):
            return group.seq
        now = self._now
        rows = self._rows(group.id, concerns)
        targets = {alert: one.keys for alert, one in concerns.items() if one.keys}
        sources = self._inhibitors.of(targets)
        changes: dict[Mute, list[str]] = defaultdict(list)
        held = 0
        begun: list[Row[Any]] = []
        over: list[str] = []
        for row in rows:
            mute = self._inhibited(sources.get(row.alert_id, []), row)
            if mute is None and row.alert_id in concerns:
                mute = self._silenced(concerns[row.alert_id].silences)
            was = row.muted_until is not None and row.muted_until > now
            if mute is None and was:
                changes[Mute(row.muted, row.muted_by, now)].append(row.alert_id)
            elif mute is not None and mute != (row.muted, row.muted_by, row.muted_until):
                changes[mute].append(row.alert_id)
            suppressed = row.suppressed_until is not None and row.suppressed_until > now
            hidden = mute is not None or suppressed
            held += hidden
            if hidden != (row.muted_seq is not None and row.heard_seq is None):
                if hidden:
                    begun.append(row)
                else:
                    over.append(row.alert_id)
        for mute, alerts in changes.items():
            self._write(group.id, mute, alerts)
        seq = group.seq + 1 if begun or over else group.seq
        self._note(group.id, seq, begun, over)
        if held != group.suppressed or seq != group.seq:
            self.changed[group.id] = held >= group.firing
            self._connection.execute(_COUNTED, {"group": group.id, "held": held, "seq": seq})
        self._members.at(group.id, seq)
        return seq

    def hidden(self, group: Any) -> int:
        """Return how many firing members of a group are muted now, without keeping that.

        Args:
            group: its row, or its model

        Returns:
            Those that are silenced, inhibited or suppressed.
        """
        silences, inhibitions = self._silences.get(group.tenant), self._inhibitions
        concerns = self._members.of(group, silences, inhibitions)
        if not (concerns or group.suppressed):
            return 0
        targets = {alert: one.keys for alert, one in concerns.items() if one.keys}
        sources = self._inhibitors.of(targets)
        held = 0
        for row in self._rows(group.id, concerns):
            known = concerns.get(row.alert_id)
            held += (
                (row.suppressed_until is not None and row.suppressed_until > self._now)
                or bool(sources.get(row.alert_id))
                or (known is not None and self._silenced(known.silences) is not None)
            )
        return held

    def keep(self) -> None:
        """Have the process remember what silences and rules match; for after the commit."""
        self._members.keep()

    def _rows(self, group_id: str, concerns: Mapping[str, Concern]) -> Sequence[Row[Any]]:
        """Return the firing members that something matches, or that are or were muted."""
        if len(concerns) > _FEW:
            return self._connection.execute(_FIRING, {"group": group_id}).all()
        asked = {"group": group_id, "now": self._now, "alerts": list(concerns)}
        return self._connection.execute(_SOME, asked).all()

    def _note(self, group_id: str, seq: int, begun: Sequence[Row[Any]], over: list[str]) -> None:
        """Note which members are muted from a seq on, and who knows them, and which no more."""
        for piece in chunks(over):
            self._connection.execute(_HEARD, {"group": group_id, "seq": seq, "alerts": piece})
        if not begun:
            return
        entries = self._connection.execute(_ENTRIES, {"group": group_id}).all()
        same: dict[tuple[int, str], list[str]] = defaultdict(list)
        for row in begun:
            heard = [one for one in entries if one.notified_seq >= row.fired_seq]
            known = [one.channel for one in heard if knows(row, one.notified_seq, one.channel)]
            since = seq
            if len(known) < len(heard):
                # No message has named it since the mute before, which so goes on.
                since = max(row.muted_seq, row.fired_seq)
            same[since, marks(known)].append(row.alert_id)
        for (since, known_to), alerts in same.items():
            for piece in chunks(alerts):
                values = {"group": group_id, "seq": since, "known_to": known_to, "alerts": piece}
                self._connection.execute(_HIDDEN, values)

    def _holds_back(self, group_id: str) -> bool:
        """Return whether a firing member was muted at the last decision."""
        if group_id not in self._foreseen:
            self.foresee([group_id])
        return self._foreseen.pop(group_id)

    def _inhibited(self, sources: Sequence[str], row: Row[Any]) -> Mute | None:
        if not sources:
            return None
        # The one that was named stays named while it fires.
        source = row.muted_by if row.muted_by in sources else sources[0]
        return Mute(str(Reason.INHIBITED), source, FOREVER)

    def _silenced(self, silences: Sequence[SilenceTerms]) -> Mute | None:
        found = last_to_end(silences, self._now)
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
    keys = tree.inhibitions.as_target(RuleLabels(connection).of(alert))
    sources = Inhibitors(connection).of({alert.id: keys}).get(alert.id)
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
        MEMBER.c.alert_id, MEMBER.c.muted, MEMBER.c.muted_by, MEMBER.c.muted_until,
        ALERT.c.suppressed_until, MEMBER.c.fired_seq, MEMBER.c.muted_seq, MEMBER.c.heard_seq,
        MEMBER.c.known_to,
    )
    .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
    .where(MEMBER.c.group_id == bindparam("group"), MEMBER.c.resolved_seq.is_(None))
)  # fmt: skip
_NOW = bindparam("now", type_=Moment())
_SOME = _FIRING.where(
    or_(
        ALERT.c.suppressed_until > _NOW,
        MEMBER.c.muted_until > _NOW,
        and_(MEMBER.c.muted_seq.is_not(None), MEMBER.c.heard_seq.is_(None)),
        MEMBER.c.alert_id.in_(bindparam("alerts", expanding=True)),
    )
)
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
    GROUP.update()
    .where(GROUP.c.id == bindparam("group"))
    .values(suppressed=bindparam("held"), seq=bindparam("seq"))
)
_GROUPS: BindParameter[Any] = bindparam("groups", expanding=True)
_UNHEARD = (
    select(MEMBER.c.group_id)
    .where(
        MEMBER.c.group_id.in_(_GROUPS), MEMBER.c.muted_seq.is_not(None),
        MEMBER.c.heard_seq.is_(None), MEMBER.c.resolved_seq.is_(None),
    )
    .distinct()
)  # fmt: skip
_ENTRIES = select(NOTIFICATION_LOG.c.channel, NOTIFICATION_LOG.c.notified_seq).where(
    NOTIFICATION_LOG.c.group_id == bindparam("group"),
    or_(NOTIFICATION_LOG.c.notified_at.is_not(None), NOTIFICATION_LOG.c.summary != ""),
)
_MINE = (
    MEMBER.c.group_id == bindparam("group"),
    MEMBER.c.alert_id.in_(bindparam("alerts", expanding=True)),
)
_HIDDEN = (
    MEMBER.update()
    .where(*_MINE)
    .values(muted_seq=bindparam("seq"), heard_seq=None, known_to=bindparam("known_to"))
)
_HEARD = MEMBER.update().where(*_MINE).values(heard_seq=bindparam("seq"))
