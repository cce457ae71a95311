"""How reliably channels accept messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, select

from sentinel.store.database.tables import DELIVERY

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Delivered", "delivered"]


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel was sent in a period.

    Attributes:
        failed: attempts that did not succeed and are retried, or were
        refused: attempts that the channel refused permanently
        last: when the newest attempt began
        error: of the newest attempt that did not succeed; empty where all did
        latency_ms: 95 of 100 ended attempts took at most so many milliseconds; None for none
        median_ms: half of them took at most so many; None for none
    """

    channel: str
    sent: int
    failed: int
    refused: int
    last: datetime
    error: str
    latency_ms: int | None = None
    median_ms: int | None = None

    @property
    def rate(self) -> float | None:
        """Return the share of ended attempts that succeeded, from 0 to 1; None where none ended."""
        ended = self.sent + self.failed + self.refused
        return self.sent / ended if ended else None


def delivered(store: Store, length: timedelta) -> dict[str, Delivered]:
    """Return what every channel was sent.

    Args:
        store: the shared database
        length: of the period that ends now

    Returns:
        The counts by channel; a channel that was sent nothing is left out.
    """
    since = store.now() - length
    recent = DELIVERY.c.started_at >= since
    state = DELIVERY.c.state
    counts = (
        select(
            DELIVERY.c.channel,
            func.count().filter(state == "sent").label("sent"),
            func.count().filter(state == "failed").label("failed"),
            func.count().filter(state == "refused").label("refused"),
            func.max(DELIVERY.c.started_at).label("last"),
        )
        .where(recent)
        .group_by(DELIVERY.c.channel)
    )
    took = DELIVERY.c.latency_ms
    ranked = (
        select(
            DELIVERY.c.channel,
            took,
            func.row_number().over(partition_by=DELIVERY.c.channel, order_by=took).label("place"),
            func.count().over(partition_by=DELIVERY.c.channel).label("of"),
        )
        .where(recent, took.is_not(None))
        .subquery()
    )
    within = ranked.c.place * 100 >= ranked.c.of * 95
    slow = select(
        ranked.c.channel,
        func.min(ranked.c.latency_ms).filter(within).label("p95"),
        func.min(ranked.c.latency_ms).filter(ranked.c.place * 2 >= ranked.c.of).label("p50"),
    ).group_by(ranked.c.channel)
    newest = (
        select(DELIVERY.c.channel, func.max(DELIVERY.c.id).label("id"))
        .where(recent, state.in_(("failed", "refused")))
        .group_by(DELIVERY.c.channel)
        .subquery()
    )
    with store.read() as connection:
        errors = {
            row.channel: row.error
            for row in connection.execute(
                select(DELIVERY.c.channel, DELIVERY.c.error).join(
                    newest, DELIVERY.c.id == newest.c.id
                )
            )
        }
        latencies = {row.channel: (row.p50, row.p95) for row in connection.execute(slow)}
        return {
            row.channel: Delivered(
                channel=row.channel,
                sent=row.sent,
                failed=row.failed,
                refused=row.refused,
                last=row.last,
                error=errors.get(row.channel, ""),
                median_ms=latencies.get(row.channel, (None, None))[0],
                latency_ms=latencies.get(row.channel, (None, None))[1],
            )
            for row in connection.execute(counts)
        }
