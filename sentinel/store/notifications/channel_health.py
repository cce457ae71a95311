"""Whether each channel answers: the state of its breaker, shared by all that send.

A claim reads it (`Gates`), and the recording of what was sent changes it (`record`). Rows are
locked after the groups, and after messages are counted, in the order of their channels, so that two
callers cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.audit.change import Change
from sentinel.notifications.breaker import (
    PROBE,
    Breaker,
    ChannelHealthState,
    Circuit,
    State,
    failed,
    probing,
)
from sentinel.notifications.channel import EMERGENCY, INBOX
from sentinel.schema.notifications import ChannelHealth
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import CHANNEL_HEALTH, model_of

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.notifications.deliveries import Outcome

__all__ = [
    "OUT",
    "UNUSABLE",
    "ChannelState",
    "Gates",
    "by_name",
    "channel_health",
    "channel_states",
    "note_missing",
    "record",
    "record_recovery",
    "still_probing",
]


OUT: frozenset[State] = frozenset(("down", "refused"))
"""States of the breaker in which a channel takes no messages."""
UNUSABLE: frozenset[ChannelHealthState] = frozenset((*OUT, "missing"))
"""States in which a channel takes no messages, whatever the reason."""


class ChannelState(msgspec.Struct, frozen=True, kw_only=True):
    """The health of a channel.

    Attributes:
        channel: `inbox`, or a block as type/name
        breaker: the state of its circuit breaker
        opened_at: since when that is not closed
        next_try_at: when the next message may be tried, while others wait
        receivers: names of the receivers that use it
        failures: failures in a row, refusals included
        error: of the last failure, also after the channel has recovered; empty for none
    """

    channel: str
    state: ChannelHealthState
    receivers: list[str] = msgspec.field(default_factory=list[str])
    failures: int = 0
    error: str = ""
    failed_at: datetime | None = None
    recovered_at: datetime | None = None
    breaker: Circuit = "closed"
    opened_at: datetime | None = None
    next_try_at: datetime | None = None


def by_name(one: ChannelState) -> tuple[bool, str]:
    """Return the key that sorts the inbox first, then by reference."""
    return one.channel != "inbox", one.channel


def channel_states(store: Store, others: Iterable[str] = ()) -> list[ChannelState]:
    """Return the health of every channel that a receiver uses, and of the inbox.

    Args:
        store: the shared database
        others: channels whose health is wanted too, although no receiver may use them

    Returns:
        The inbox first, the others sorted.
    """
    users: dict[str, list[str]] = {"inbox": []}
    for name, refs in sorted(store.receivers.all().items()):
        for ref in refs:
            users.setdefault(ref, []).append(name)
    for ref in others:
        users.setdefault(ref, [])
    known = {row.channel: row for row in channel_health(store)}
    now = store.now()
    found: list[ChannelState] = []
    for ref in users:
        row = known.get(ref)
        if row is None:
            state = "healthy" if ref == INBOX else "untried"  # the inbox is a table of ours
            found.append(ChannelState(channel=ref, state=state, receivers=users[ref]))
            continue
        breaker = _breaker(row)
        found.append(
            ChannelState(
                channel=ref, state=_state(row, breaker), receivers=users[ref],
                failures=row.failures, error=row.error,
                failed_at=row.failed_at, recovered_at=row.recovered_at,
                breaker=breaker.circuit(now), opened_at=row.opened_at,
                next_try_at=breaker.closed_until(now),
            )
        )  # fmt: skip
    return sorted(found, key=by_name)


def _state(row: ChannelHealth, breaker: Breaker) -> ChannelHealthState:
    if row.missing:
        return "missing"
    return "untried" if not row.failures and row.accepted_at is None else breaker.state


def note_missing(store: Store, missing: Collection[str], found: Collection[str]) -> None:
    """Record for which channels there is a block, and for which there is none.

    Args:
        store: the shared database
        missing: channels whose block Prefect does not have, or that cannot send
        found: channels whose block was loaded
    """
    were = {row.channel: row.missing for row in channel_health(store)}
    changed = {ref: True for ref in missing if not were.get(ref, False)}
    changed |= {ref: False for ref in found if were.get(ref, False)}
    if not changed:
        return

    def work(connection: Connection) -> None:
        _locked(connection, changed)
        for ref, is_missing in sorted(changed.items()):
            values = {"missing": is_missing}
            connection.execute(
                insert_into(store.dialect, CHANNEL_HEALTH)
                .values(channel=ref, failures=0, probes=0, error="", **values)
                .on_conflict_do_update(index_elements=["channel"], set_=values)
            )
            if is_missing:
                says = "does not exist: Prefect has no usable block of that name"
                _log(store, connection, ref, "error", "channel.missing", says)
        store.changed(connection)

    store.in_transaction(work)


def record_recovery(store: Store, channel: str, *, actor: str = "") -> None:
    """Record that a channel took a test message: what waits for it may be sent.

    Args:
        store: the shared database
        channel: that took it
        actor: who sent it
    """

    def work(connection: Connection) -> None:
        now = store.now()
        known, proven = _locked(connection, [channel])
        before = known.get(channel, Breaker())
        if channel in proven and not before.failures:
            return
        _accepted(store, connection, channel, before, now)
        if before.failures:
            _log(store, connection, channel, "info", "channel.up", "took a test message")
            change = Change(
                action="channel.tested", object_kind="channel", object_id=channel,
                object_name=channel, before={"failures": before.failures}, after={"failures": 0},
            )  # fmt: skip
            store.audit.add(connection, change, actor=actor)
        store.changed(connection)

    store.in_transaction(work)


def channel_health(store: Store) -> list[ChannelHealth]:
    """Return what is known of every channel that was ever tried, sorted by channel.

    Args:
        store: the shared database

    Returns:
        One row per channel; `channel_states` says what it means.
    """
    query = select(CHANNEL_HEALTH).order_by(CHANNEL_HEALTH.c.channel)
    with store.read() as connection:
        return [model_of(ChannelHealth, row) for row in connection.execute(query)]


class Gates:
    """The open breakers, as one claim sees them.

    Args:
        connection: the claim's transaction
        now: the present time
        claims: whether messages are sent by what is seen: then no other claim sees the same, so
            that two cannot both send the probe
    """

    def __init__(self, connection: Connection, now: datetime, *, claims: bool = False) -> None:
        self._now = now
        query = _FAILING.with_for_update() if claims else _FAILING
        self._open = {row.channel: _breaker(row) for row in connection.execute(query)}
        self._probed: set[str] = set()

    def closed_until(self, channel: str) -> datetime | None:
        """Return until when nothing is sent to a channel; None where something may be."""
        breaker = self._open.get(channel)
        return None if breaker is None else breaker.closed_until(self._now)

    def out(self) -> set[str]:
        """Return the channels that take no messages: each is down, or refused the last one."""
        return {channel for channel, breaker in self._open.items() if breaker.state in OUT}

    def sends(self, channel: str) -> None:
        """Note that a message is about to be sent: to an open breaker it is the probe."""
        breaker = self._open.get(channel)
        if breaker is not None and breaker.opened_at is not None:
            self._open[channel] = probing(breaker, self._now)
            self._probed.add(channel)

    def save(self, connection: Connection) -> None:
        """Write down which probes are under way."""
        for channel in sorted(self._probed):
            connection.execute(
                CHANNEL_HEALTH.update()
                .where(CHANNEL_HEALTH.c.channel == channel)
                .values(probe_until=self._open[channel].probe_until)
            )


def still_probing(connection: Connection, channels: Iterable[str], now: datetime) -> None:
    """Let the next probe wait for the messages that are under way, however long they take.

    Args:
        connection: an open transaction
        channels: that have messages under way
        now: the present time
    """
    for channel in sorted(channels):
        connection.execute(
            CHANNEL_HEALTH.update()
            .where(CHANNEL_HEALTH.c.channel == channel, CHANNEL_HEALTH.c.opened_at.is_not(None))
            .values(probe_until=now + PROBE)
        )


def record(
    store: Store, connection: Connection, outcomes: Sequence[Outcome], now: datetime
) -> set[str]:
    """Record what the outcomes say about their channels, and log where one goes down or recovers.

    Args:
        store: the shared database
        connection: the transaction that records the outcomes
        outcomes: what was sent
        now: the present time

    Returns:
        The channels whose failure, or refusal, is the first in a row.
    """
    tried = [one for one in outcomes if not one.untried]
    known, proven = _locked(connection, {one.sent.channel for one in tried})
    first: set[str] = set()
    for one in sorted(tried, key=lambda one: one.sent.channel):
        channel = one.sent.channel
        before = known.get(channel, Breaker())
        if not one.error:
            after = Breaker()
            if before.failures or channel not in proven:
                _accepted(store, connection, channel, before, now)
                proven.add(channel)
            if before.opened_at is not None:
                _log(store, connection, channel, "info", "channel.up", "answers again")
        else:
            spread = int(one.sent.delivery_id[-4:], 16) / 0xFFFF
            after = failed(
                before, now, spread, refusing=one.permanent, of_message=one.of_message,
                retry_after=one.retry_after,
            )  # fmt: skip
            _write(store, connection, channel, after, error=one.error[:2000], failed_at=now)
            if not before.failures or (one.permanent and not before.refusing):
                first.add(channel)
            if before.opened_at is None and after.opened_at is not None:
                does = "refuses messages" if one.permanent else "does not answer"
                says = f"{does}, so it is tried by one message at a time: {one.error}"
                _log(store, connection, channel, "error", "channel.down", says)
        known[channel] = after
    return first


def _accepted(
    store: Store, connection: Connection, channel: str, before: Breaker, now: datetime
) -> None:
    recovered = {"recovered_at": now} if before.failures else {}
    _write(store, connection, channel, Breaker(), accepted_at=now, missing=False, **recovered)


def _locked(connection: Connection, channels: Iterable[str]) -> tuple[dict[str, Breaker], set[str]]:
    """Return the breakers of channels, and which are known to take messages."""
    query = (
        select(CHANNEL_HEALTH)
        .where(CHANNEL_HEALTH.c.channel.in_(sorted(channels)))
        .order_by(CHANNEL_HEALTH.c.channel)
        .with_for_update()
    )
    rows = connection.execute(query).all()
    proven = {row.channel for row in rows if row.accepted_at is not None and not row.missing}
    proven.update((INBOX, EMERGENCY))  # which have no block
    return {row.channel: _breaker(row) for row in rows}, proven


def _write(
    store: Store, connection: Connection, channel: str, breaker: Breaker, **more: Any
) -> None:
    values = {**msgspec.structs.asdict(breaker), **more}
    insert = insert_into(store.dialect, CHANNEL_HEALTH)
    connection.execute(
        insert.values(channel=channel, **({"error": ""} | values)).on_conflict_do_update(
            index_elements=["channel"], set_=values
        )
    )


def _log(
    store: Store, connection: Connection, channel: str, level: str, what: str, says: str
) -> None:
    store.log.add(connection, level, what, f"{channel} {says}", {"channel": channel})


def _breaker(row: Row[Any] | ChannelHealth) -> Breaker:
    return Breaker(
        failures=row.failures, opened_at=row.opened_at, probe_at=row.probe_at,
        probe_until=row.probe_until, probes=row.probes, refusing=row.refusing,
    )  # fmt: skip


_FAILING = (
    select(CHANNEL_HEALTH).where(CHANNEL_HEALTH.c.failures > 0).order_by(CHANNEL_HEALTH.c.channel)
)
