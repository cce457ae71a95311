"""Whether each channel answers: the state of its breaker, shared by all that send.

A claim reads it (`Gates`), and the recording of what was sent changes it (`record`). Rows are
locked after the groups, in the order of their channels, so that two callers cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, select

from sentinel.notifications.breaker import PROBE, Breaker, failed
from sentinel.schema.notifications import ChannelHealth
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import CHANNEL_HEALTH, model_of

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.notifications.deliveries import Outcome

__all__ = ["Gates", "channel_health", "record"]


def channel_health(store: Store) -> list[ChannelHealth]:
    """Return what is known of every channel that has ever failed, sorted by channel.

    Args:
        store: the shared database

    Returns:
        One row per channel. It is down while `opened_at` is set, and in doubt while `failures` is
        above 0.
    """
    query = select(CHANNEL_HEALTH).order_by(CHANNEL_HEALTH.c.channel)
    with store.read() as connection:
        return [model_of(ChannelHealth, row) for row in connection.execute(query)]


class Gates:
    """The open breakers, as one claim sees them.

    Args:
        connection: the claim's transaction
        now: the present time
    """

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._now = now
        self._open = {row.channel: _breaker(row) for row in connection.execute(_OPEN)}
        self._probed: set[str] = set()

    def closed_until(self, channel: str) -> datetime | None:
        """Return until when nothing is sent to a channel; None where something may be."""
        breaker = self._open.get(channel)
        return None if breaker is None else breaker.closed_until(self._now)

    def sends(self, channel: str) -> None:
        """Note that a message is about to be sent: to an open breaker it is the probe."""
        breaker = self._open.get(channel)
        if breaker is not None:
            until = self._now + PROBE
            self._open[channel] = msgspec.structs.replace(breaker, probe_until=until)
            self._probed.add(channel)

    def save(self, connection: Connection) -> None:
        """Write down which probes are under way."""
        for channel in sorted(self._probed):
            connection.execute(
                CHANNEL_HEALTH.update()
                .where(CHANNEL_HEALTH.c.channel == channel)
                .values(probe_until=self._open[channel].probe_until)
            )


def record(
    store: Store, connection: Connection, outcomes: Sequence[Outcome], now: datetime
) -> set[str]:
    """Record what the outcomes say about their channels, and log where one goes down or recovers.

    A permanent refusal says nothing: the channel has answered.

    Args:
        store: the shared database
        connection: the transaction that records the outcomes
        outcomes: what was sent
        now: the present time

    Returns:
        The channels whose failure is the first in a row.
    """
    told = [one for one in outcomes if not one.permanent]
    known = _locked(connection, {one.sent.channel for one in told}) if told else {}
    first: set[str] = set()
    for one in sorted(told, key=lambda one: one.sent.channel):
        channel = one.sent.channel
        before = known.get(channel, Breaker())
        if not one.error:
            after = Breaker()
            if before.failures:
                _write(store, connection, channel, after, recovered_at=now)
            if before.opened_at is not None:
                _log(store, connection, channel, "info", "channel.up", "answers again")
        else:
            spread = int(one.sent.delivery_id[-4:], 16) / 0xFFFF
            after = failed(before, now, spread)
            _write(store, connection, channel, after, error=one.error[:2000], failed_at=now)
            if not before.failures:
                first.add(channel)
            if before.opened_at is None and after.opened_at is not None:
                says = f"does not answer, so it is tried by one message at a time: {one.error}"
                _log(store, connection, channel, "error", "channel.down", says)
        known[channel] = after
    return first


def _locked(connection: Connection, channels: Iterable[str]) -> dict[str, Breaker]:
    query = (
        select(CHANNEL_HEALTH)
        .where(CHANNEL_HEALTH.c.channel.in_(sorted(channels)))
        .order_by(CHANNEL_HEALTH.c.channel)
        .with_for_update()
    )
    return {row.channel: _breaker(row) for row in connection.execute(query)}


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


def _breaker(row: Row[Any]) -> Breaker:
    return Breaker(
        failures=row.failures, opened_at=row.opened_at, probe_at=row.probe_at,
        probe_until=row.probe_until, probes=row.probes,
    )  # fmt: skip


_OPEN = select(CHANNEL_HEALTH).where(CHANNEL_HEALTH.c.opened_at.is_not(None))
