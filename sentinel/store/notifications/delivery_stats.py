"""How well channels take what is sent to them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, select

from sentinel.store.notifications.deliveries import DELIVERY

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Delivered", "delivered"]


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel was sent in a period.

    Attributes:
        failed: attempts that did not go through and were, or are, tried again
        refused: attempts that the channel refused for good
        last: when the newest attempt began
        error: what was wrong with the newest attempt that was not taken; empty where all were
    """

    channel: str
    sent: int
    failed: int
    refused: int
    last: datetime
    error: str

    @property
    def rate(self) -> float | None:
        """The share of attempts that were taken, from 0 to 1; None without an ended one."""
        ended = self.sent + self.failed + self.refused
        return self.sent / ended if ended else None


def delivered(store: Store, length: timedelta) -> dict[str, Delivered]:
    """What every channel was sent in the last `length`, by channel."""
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
        return {
            row.channel: Delivered(
                channel=row.channel,
                sent=row.sent,
                failed=row.failed,
                refused=row.refused,
                last=row.last,
                error=errors.get(row.channel, ""),
            )
            for row in connection.execute(counts)
        }
