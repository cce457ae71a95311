"""Limit how often a group is notified: a throttle and a maximum per hour. Pure.

They hold back messages, never records, and count what they held back, so that the next message
can say so. The throttle is ElastAlert's `realert`; the maximum counts over any sixty minutes, not
from one full hour to the next.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

__all__ = ["Allowed", "Limit", "LimitReason", "Spent", "allow"]

_HOUR = timedelta(hours=1)


class LimitReason(StrEnum):
    """Code of why a message goes out, or does not."""

    FREE = "free"
    THROTTLED = "throttled"
    PER_HOUR = "per_hour"


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """At least `throttle` between two messages, at most `per_hour` in any hour; None for any."""

    throttle: timedelta = timedelta(0)
    per_hour: int | None = None

    @property
    def none(self) -> bool:
        """Return whether it limits nothing."""
        return self.throttle <= timedelta(0) and self.per_hour is None


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """When messages were sent, as far back as it matters, and how many were held back since."""

    # Databases have it under its first name.
    sent: tuple[datetime, ...] = msgspec.field(default=(), name="told")
    held: int = 0


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """`send` or not, why, and what is spent after it.

    `held` is how many were held back before this message, where it is sent. `next_at` is when
    one may be sent again, where it is not.
    """

    send: bool
    reason: LimitReason
    spent: Spent
    held: int = 0
    next_at: datetime | None = None


def allow(limit: Limit, spent: Spent, now: datetime) -> Allowed:
    """Decide whether a message may go out now.

    If the clock was set back, nobody waits longer than the limit says: a message that was sent
    later than now counts as sent now.

    Args:
        limit: how often
        spent: what was sent before
        now: the moment of this message

    Returns:
        Whether to send it and why not, when it may go out, and what to remember.
    """
    sent = tuple(min(at, now) for at in spent.sent)
    last = max(sent, default=None)
    recent = tuple(at for at in sent if at > now - _HOUR)
    if last is not None and now < last + limit.throttle:
        return _held(LimitReason.THROTTLED, sent, spent.held, last + limit.throttle)
    if limit.per_hour is not None and len(recent) >= limit.per_hour:
        free_at = sorted(recent)[-limit.per_hour] + _HOUR
        return _held(LimitReason.PER_HOUR, sent, spent.held, free_at)
    kept = (*recent, now) if limit.per_hour is not None else (now,)
    return Allowed(send=True, reason=LimitReason.FREE, spent=Spent(sent=kept), held=spent.held)


def _held(reason: LimitReason, sent: tuple[datetime, ...], held: int, at: datetime) -> Allowed:
    spent = Spent(sent=sent, held=held + 1)
    return Allowed(send=False, reason=reason, spent=spent, next_at=at)
