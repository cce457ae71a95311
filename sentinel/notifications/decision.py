"""Whether a channel hears about a group now, and why. Pure.

Semantics are Alertmanager's (group_wait, group_interval, repeat_interval, a resolve only where
firing was told), said in sequence numbers instead of hashed sets (docs/adr/0005): what fired
after the group's `seq` that a channel was told is news to it, and what fired and was over in
between is never told. Added to that: a severity above what was told breaks group_interval, and
every decision carries the exact time of the next.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from sentinel.notifications.reasons import Reason
from sentinel.timing.active_hours import ActiveHours
from sentinel.timing.rate_limit import Limit, LimitReason, Spent, allow

__all__ = ["Decision", "GroupNow", "Policy", "Told", "decide", "pause_after"]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """When a group may be told."""

    group_wait: timedelta = timedelta(seconds=30)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(hours=4)
    hours: ActiveHours | None = None
    limit: Limit = Limit()


class GroupNow(msgspec.Struct, frozen=True, kw_only=True):
    """A group as one channel must see it.

    Attributes:
        seq: of the group
        opened_at: when its present episode began
        severity: worst of what fires and is not suppressed, a `Severity` number
        firing: how many fire, suppressed or not
        suppressed: how many of those are suppressed
        acknowledged: how many of those that are not suppressed are acknowledged
        new_firing: fire now, not suppressed, and that is news to the channel: began after what
            it was told, or was suppressed when it was told
        resolved_since: were told as firing and are over, quietly ended ones left out
        quiet_since: were told as firing and ended without a recovery
        suppressed_until: when the first suppression among what fires ends
    """

    seq: int
    opened_at: datetime
    severity: int
    firing: int
    acknowledged: int = 0
    suppressed: int = 0
    new_firing: int = 0
    resolved_since: int = 0
    quiet_since: int = 0
    suppressed_until: datetime | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel was last told, and how trying has gone since.

    `firing` is how many it was told fire; 0 after a resolve. `refused_seq` is the group's seq
    at which it refused for good. `reference` is the provider's, of what it was last told.
    `recent` are the times it was told within the hour, where a limit asks for them.
    """

    seq: int = 0
    firing: int = 0
    severity: int = 0
    at: datetime | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    refused_seq: int | None = None
    reference: str = ""
    recent: tuple[datetime, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """`send` now or not, for this `reason`; `next_at` is the next decision, None for none."""

    send: bool
    reason: Reason
    next_at: datetime | None = None


def decide(group: GroupNow, told: Told, now: datetime, policy: Policy) -> Decision:
    """Whether this channel hears about this group now, and why.

    Args:
        group: as it is, in relation to what the channel was told
        told: what it was told; an empty `Told` for never
        now: the present moment
        policy: the group's times
    """
    wanted = _wanted(group, told, now, policy)
    if not wanted.send:
        return wanted
    if told.refused_seq is not None and told.refused_seq >= group.seq:
        return Decision(send=False, reason=Reason.REFUSED)
    if told.retry_at is not None and now < told.retry_at:
        return Decision(send=False, reason=Reason.RETRY, next_at=told.retry_at)
    # An end goes wherever firing was told, whatever the hour, and never rings a phone.
    return wanted if group.firing == 0 else _within(wanted, told, now, policy)


def _within(wanted: Decision, told: Told, now: datetime, policy: Policy) -> Decision:
    """What was decided, if hours and limits let it go out now."""
    if policy.hours is not None and not policy.hours.open_at(now):
        opens = policy.hours.changes_after(now)
        return Decision(send=False, reason=Reason.OUTSIDE_HOURS, next_at=opens)
    if policy.limit.none:
        return wanted
    times = told.recent if told.at is None else (*told.recent, told.at)
    allowed = allow(policy.limit, Spent(sent=tuple(sorted(set(times)))), now)
    if allowed.send:
        return wanted
    throttled = allowed.reason is LimitReason.THROTTLED
    reason = Reason.THROTTLED if throttled else Reason.PER_HOUR
    return Decision(send=False, reason=reason, next_at=allowed.next_at)


def _wanted(group: GroupNow, told: Told, now: datetime, policy: Policy) -> Decision:
    if group.firing == 0:
        return _over(group, told)
    if group.suppressed >= group.firing:
        return Decision(send=False, reason=Reason.SUPPRESSED, next_at=group.suppressed_until)
    wanted = _of_the_rest(group, told, now, policy)
    if wanted.send or group.suppressed_until is None:
        return wanted
    # What is suppressed becomes news when that ends, also where nothing else would.
    ends = group.suppressed_until
    next_at = ends if wanted.next_at is None else min(wanted.next_at, ends)
    return msgspec.structs.replace(wanted, next_at=next_at)


def _of_the_rest(group: GroupNow, told: Told, now: datetime, policy: Policy) -> Decision:
    if told.firing == 0:
        return _first(group, now, policy)
    told_at = told.at or group.opened_at
    if group.severity > told.severity:
        return Decision(send=True, reason=Reason.SEVERITY_ROSE)
    news = Reason.NEW_FIRING if group.new_firing else Reason.PARTLY_RESOLVED
    if group.new_firing or group.resolved_since:
        return _at(told_at + policy.group_interval, now, news, Reason.GROUP_INTERVAL)
    if _taken(group):
        return Decision(send=False, reason=Reason.ACKNOWLEDGED)
    again = told_at + policy.repeat_interval
    return _at(again, now, Reason.REPEAT, Reason.REPEAT_INTERVAL)


def _over(group: GroupNow, told: Told) -> Decision:
    if told.firing == 0:
        never = told.seq == 0
        reason = Reason.RESOLVED_BEFORE_NOTIFIED if never else Reason.ALREADY_NOTIFIED
        return Decision(send=False, reason=reason)
    if group.resolved_since == 0 and group.quiet_since > 0:
        return Decision(send=False, reason=Reason.RESOLVED_QUIETLY)
    return Decision(send=True, reason=Reason.RESOLVED)


def _first(group: GroupNow, now: datetime, policy: Policy) -> Decision:
    if _taken(group):
        # Somebody saw it before it was told, and has it.
        return Decision(send=False, reason=Reason.ACKNOWLEDGED)
    ready = group.opened_at + policy.group_wait
    return _at(ready, now, Reason.FIRST, Reason.GROUP_WAIT)


def _taken(group: GroupNow) -> bool:
    return group.acknowledged >= group.firing - group.suppressed


def _at(moment: datetime, now: datetime, then: Reason, until_then: Reason) -> Decision:
    if now >= moment:
        return Decision(send=True, reason=then)
    return Decision(send=False, reason=until_then, next_at=moment)


def pause_after(attempts: int, spread: float) -> timedelta:
    """How long to wait after the `attempts`-th failure in a row: 10 s, doubling, to 10 min.

    Args:
        attempts: failures so far, 1 or more
        spread: between 0 and 1, derived from the channel, so that many do not retry as one
    """
    seconds = min(600.0, 10.0 * 2.0 ** min(attempts - 1, 10))
    return timedelta(seconds=seconds * (0.9 + 0.2 * spread))
