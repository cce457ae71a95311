"""Announcements of silences: whom they mute, what each receiver was notified of, and what is next.

The notice is added in the transaction that notes it, so that a restart repeats none and loses none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from sqlalchemy import Connection, and_, bindparam, exists, or_, select, text

from sentinel.notifications.announcements import (
    Announced,
    AnnouncedSilence,
    MutedNow,
    announcement,
    next_announced,
)
from sentinel.notifications.reasons import Reason
from sentinel.notifications.why import Outcome
from sentinel.schema.columns import Moment
from sentinel.schema.notices import SilenceAnnouncement
from sentinel.schema.silences import Silence
from sentinel.store.database.each import sum_of_each
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import (
    ALERT,
    DELIVERY,
    GROUP,
    MEMBER,
    SILENCE,
    model_of,
    table_of,
)
from sentinel.store.notifications.announced_receivers import announced_receivers_in
from sentinel.store.notifications.mutes import muting_until
from sentinel.store.notifications.notices import NOTICE, add_notices
from sentinel.store.notifications.queries import OWN_GROUP
from sentinel.store.notifications.receivers import DEFAULT
from sentinel.timing.recurrence import RecurringWindows, recurrence_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["announce_silences", "announcements_to"]

ANNOUNCED = table_of(SilenceAnnouncement)
_MOST_MUTED = 5_000
"""So many muted alerts of one silence are looked at; a message names few of them."""


def announce_silences(store: Store) -> int:
    """Add what is to be said now of silences that are announced.

    Args:
        store: the shared database

    Returns:
        How many announcements were added, each to one receiver.

    Raises:
        Exception: that of the first silence that failed, once all others are announced
    """
    now = store.now()
    with store.glance() as connection:
        ids = set(connection.execute(_CANDIDATES, {"now": now}).scalars())
        if announced_receivers_in(connection):
            ids.update(connection.execute(_MUTING, {"now": now}).scalars())
    return sum_of_each(
        sorted(ids),
        lambda id_: store.in_transaction(partial(_announce, store, id_)),
        "to announce silence",
    )


def _announce(store: Store, id_: str, connection: Connection) -> int:
    """Say what is new of one silence, or of one that retention has deleted."""
    now = store.now()
    # Who announces this silence waits for whoever does so at this moment.
    row = connection.execute(_LOCKED, {"silence": id_}).first()
    found = None if row is None else model_of(Silence, row)
    silence = None if found is None else _as_announced(found, now)
    announced: dict[str, list[Announced]] = defaultdict(list)
    for each in connection.execute(_ANNOUNCED, {"silence": id_}):
        announced[each.receiver].append(
            Announced(window=each.window, until=each.until, begun_at=each.begun_at,
                 ending_at=each.ending_at, ended_at=each.ended_at)
        )  # fmt: skip
    muted = {} if found is None else _muted(store, connection, found, now)
    if found is not None and not found.announce:
        muted = _of_those_that_want(store, connection, muted, {*announced})
    said = 0
    for receiver in sorted({*announced, *muted}):
        # A window that is over is said to be over before the next one begins.
        windows = [one for one in announced[receiver] if one.ended_at is None]
        known = {one.window for one in announced[receiver]}
        for before in (*windows, None):
            if before is None and (
                silence is None or silence.until is None or silence.window in known
            ):
                continue
            after, kind = next_announced(before, silence, receiver in muted, now)
            if after is None or after == before:
                continue
            if before is not None and after.window != before.window:
                _write(store, connection, id_, receiver, replace(before, ended_at=now))
                known.add(after.window)
            _write(store, connection, id_, receiver, after)
            if kind is not None and silence is not None:
                of = muted.get(receiver) or _nothing(store)
                new = announcement(kind, silence, after, receiver, of)
                add_notices(store, connection, [new], now)
                said += 1
    if said:
        store.changed(connection)
    return said


def _as_announced(silence: Silence, now: datetime) -> AnnouncedSilence:
    until = muting_until(silence, now)
    what = silence.rule or " or ".join("{" + one + "}" for one in silence.matchers)
    window = silence.starts_at
    if silence.recurrence:  # by its start, since its end moves with that of the silence
        windows = RecurringWindows(recurrence_of(silence.recurrence))
        window = max(window, windows.start_of(now) or window)
    return AnnouncedSilence(
        id=silence.id, author=silence.actor, comment=silence.reason, what=what, window=window,
        until=until, ended_by=silence.ended_by, maintenance=silence.maintenance,
        declared=bool(silence.declared),
    )  # fmt: skip


def _muted(
    store: Store, connection: Connection, silence: Silence, now: datetime
) -> dict[str, MutedNow]:
    """Return what still fires of what the silence mutes or muted last, by receiver."""
    asked: dict[str, Any] = {"silence": silence.id}
    query = _MUTED
    if silence.rule:
        query = _SUPPRESSED
        asked = {"tenant": silence.tenant, "rule": silence.rule}
    alerts: dict[str, dict[str, str]] = defaultdict(dict)
    groups: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(query, asked):
        for receiver in row.receivers:
            alerts[receiver][row.alert_id] = row.title
            groups[receiver].add(row.group_id)
    dashboard = store.options.dashboard_url.rstrip("/")
    found: dict[str, MutedNow] = {}
    for receiver, titles in alerts.items():
        url = f"{dashboard}/"
        if len(titles) == 1:
            url += f"?alert={next(iter(titles))}"
        elif len(groups[receiver]) == 1:
            url += f"?group={next(iter(groups[receiver]))}"
        found[receiver] = MutedNow(count=len(titles), titles=[*titles.values()][:20], url=url)
    return found


def _of_those_that_want(
    store: Store, connection: Connection, muted: dict[str, MutedNow], announced: Collection[str]
) -> dict[str, MutedNow]:
    """Leave out the receivers that are notified only of silences that say so themselves."""
    wanting = announced_receivers_in(connection)
    known = store.receivers.all_in(connection)
    return {
        name: of
        for name, of in muted.items()
        # Groups of a receiver that does not exist notify `default`.
        if name in announced or (name if name in known else DEFAULT) in wanting
    }


def _nothing(store: Store) -> MutedNow:
    return MutedNow(count=0, titles=(), url=f"{store.options.dashboard_url.rstrip('/')}/")


def _write(
    store: Store, connection: Connection, id_: str, receiver: str, announced: Announced
) -> None:
    values = {
        "until": announced.until, "begun_at": announced.begun_at, "ending_at": announced.ending_at,
        "ended_at": announced.ended_at,
    }  # fmt: skip
    connection.execute(
        insert_into(store.dialect, ANNOUNCED)
        .values(silence=id_, receiver=receiver, window=announced.window, **values)
        .on_conflict_do_update(index_elements=["silence", "receiver", "window"], set_=values)
    )


def announcements_to(connection: Connection, alert_id: str) -> list[Outcome]:
    """Return what was announced of the silences that mute or muted an alert.

    Args:
        connection: an open transaction
        alert_id: of the alert

    Returns:
        The newest attempts to send such announcements, at most 50, oldest first.
    """
    rows = connection.execute(_OF_ALERT, {"alert": alert_id}).all()
    return [
        Outcome(
            at=row.started_at or row.created_at, receiver=row.receiver, channel=row.channel,
            state=row.attempt_state or "sending", reason=row.kind, attempt=row.attempt or 0,
            error=row.error or "", answer=row.answer or "", latency_ms=row.latency_ms,
        )
        for row in reversed(rows)
    ]  # fmt: skip


# Built once, since SQLAlchemy compiles a statement once for each object.
_NOW = bindparam("now", type_=Moment())
_CANDIDATES = (
    select(SILENCE.c.id)
    .where(SILENCE.c.announce.is_(True), SILENCE.c.ended_at.is_(None))
    .where(SILENCE.c.starts_at <= _NOW, SILENCE.c.until > _NOW)
    .union(select(ANNOUNCED.c.silence).where(ANNOUNCED.c.ended_at.is_(None)))
)
_MUTING = (
    select(SILENCE.c.id)
    .where(SILENCE.c.ended_at.is_(None), SILENCE.c.starts_at <= _NOW, SILENCE.c.until > _NOW)
    .where(
        or_(
            SILENCE.c.rule != "",
            exists().where(MEMBER.c.muted_by == SILENCE.c.id, MEMBER.c.muted_by != ""),
        )
    )
)
"""Silences that may mute something now."""
_LOCKED = select(SILENCE).where(SILENCE.c.id == bindparam("silence")).with_for_update()
_ANNOUNCED = (
    select(ANNOUNCED)
    .where(ANNOUNCED.c.silence == bindparam("silence"))
    .order_by(ANNOUNCED.c.window)
)
_ROW = (MEMBER.c.alert_id, MEMBER.c.group_id, ALERT.c.title, GROUP.c.receivers)
_JOINED = MEMBER.join(ALERT, ALERT.c.id == MEMBER.c.alert_id).join(
    GROUP, GROUP.c.id == MEMBER.c.group_id
)
_FIRES = ALERT.c.status.in_(("open", "acknowledged"))
_MUTED = (
    select(*_ROW)
    .select_from(_JOINED)
    .where(MEMBER.c.muted_by == bindparam("silence"), MEMBER.c.muted_by != "")
    .where(MEMBER.c.muted == str(Reason.SILENCED), MEMBER.c.resolved_seq.is_(None), OWN_GROUP)
    .where(_FIRES)
    .order_by(ALERT.c.severity.desc(), ALERT.c.id)
    .limit(_MOST_MUTED)
)
# The silence of a rule suppresses every alert of it.
_SUPPRESSED = (
    select(*_ROW)
    .select_from(_JOINED)
    .where(
        text("alert.status <> 'resolved'"),
        ALERT.c.tenant == bindparam("tenant"),
        ALERT.c.rule == bindparam("rule"),
    )
    .where(_FIRES, MEMBER.c.resolved_seq.is_(None), OWN_GROUP)
    .order_by(ALERT.c.severity.desc(), ALERT.c.id)
    .limit(_MOST_MUTED)
)
_SILENCES = (
    select(MEMBER.c.muted_by)
    .where(MEMBER.c.alert_id == bindparam("alert"), MEMBER.c.muted_by != "")
    .union(
        select(SILENCE.c.id)
        .join(ALERT, and_(ALERT.c.tenant == SILENCE.c.tenant, ALERT.c.rule == SILENCE.c.rule))
        .where(ALERT.c.id == bindparam("alert"), SILENCE.c.rule != "")
    )
)
_OF_ALERT = (
    select(
        NOTICE.c.kind, NOTICE.c.receiver, NOTICE.c.channel, NOTICE.c.created_at,
        DELIVERY.c.started_at, DELIVERY.c.state.label("attempt_state"), DELIVERY.c.attempt,
        DELIVERY.c.error, DELIVERY.c.answer, DELIVERY.c.latency_ms,
    )
    .select_from(NOTICE.outerjoin(DELIVERY, DELIVERY.c.group_id == NOTICE.c.id))
    .where(NOTICE.c.about.in_(_SILENCES))
    .order_by(NOTICE.c.id.desc(), DELIVERY.c.started_at.desc())
    .limit(50)
)  # fmt: skip
