"""Decide whether a channel is notified about a group now, and why. Pure.

`decide` is a pipeline: `_news` finds out whether there is something to hear by now, and each stage
of `PIPELINE` lets it pass or names the reason that holds it back.

The semantics are Alertmanager's: group_wait, group_interval, repeat_interval, and a resolve only
for channels that were notified of firing. They are expressed in sequence numbers instead of hashed
sets (docs/adr/0005): an alert that fired after the group's `seq` of the channel's last notification
is new to that channel, and an alert that fired and resolved in between is never mentioned. Two
things are added: a severity above that of the last notification does not wait for group_interval,
and every decision carries the exact time of the next one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from sentinel.notifications.reasons import Reason
from sentinel.notifications.storm import StormNow
from sentinel.severity import Severity
from sentinel.timing.active_hours import ActiveHours
from sentinel.timing.rate_limit import Limit, LimitReason, Spent, allow
from sentinel.timing.time_intervals import TimeInterval, any_holds, changes_after

__all__ = [
    "NOT_ROUTED",
    "PIPELINE",
    "Decision",
    "GroupNow",
    "Notified",
    "Policy",
    "decide",
    "decide_page",
    "pause_after",
]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The times and limits that decide when a group may be notified.

    Nobody is notified while one of `mute_times` holds, or none of `active_times` where there are
    any; both come from the group's route. A `page`, which an escalation step sends, passes all that
    spares people: active hours, time intervals, limits and storms. A severity that rises to less
    than `rises_at` waits for `group_interval` as any news.
    """

    group_wait: timedelta = timedelta(seconds=30)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(hours=4)
    hours: ActiveHours | None = None
    mute_times: tuple[TimeInterval, ...] = ()
    active_times: tuple[TimeInterval, ...] = ()
    limit: Limit = Limit()
    page: bool = False
    rises_at: int = 0


class GroupNow(msgspec.Struct, frozen=True, kw_only=True):
    """A group as it is now, in relation to the last notification of one channel.

    Attributes:
        seq: of the group
        opened_at: when its present episode began
        severity: worst of what fires and is not suppressed, a `Severity` number
        firing: number of firing alerts, suppressed or not
        suppressed: how many of them are suppressed, silenced or inhibited
        acknowledged: how many of those that are not suppressed are acknowledged
        new_firing: firing alerts, not suppressed, that are new to the channel: they fired after
            its last notification, or were suppressed at that time
        resolved_since: alerts that the channel was notified of as firing and that have recovered
        quiet_since: alerts that it was notified of as firing and that closed without a recovery;
            only a channel that hears of acknowledgements is notified of such an end
        suppressed_until: when the first suppression or silence of a firing alert ends
        held_by: the reason where all that fires is held back by it
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
    held_by: Reason = Reason.SUPPRESSED


class Notified(msgspec.Struct, frozen=True, kw_only=True):
    """The last notification of one channel about one group, and the failures since.

    Attributes:
        seq: the group's `seq` at the last notification; 0 for none. With `at` None, the `seq` at
            which the channel was added to a receiver that others had been notified of
        firing: number of firing alerts that it named; 0 after a resolve
        severity: the group's severity then; 0 after a resolve
        at: when it was sent; None for never
        attempts: failures in a row since then
        retry_at: not to be tried before; None where the last attempt succeeded
        refused_seq: the group's `seq` at which the channel refused a message; it is tried again
            when the group has news, or at `retry_at`
        down_until: no message of any group is sent to the channel before; None where it answers
        not_loaded_until: its block is in Prefect, which is down, and is not tried before; None
            where it can be used
        reference: the provider's id of the last message
        acknowledged: whether the last message said that all that fires is acknowledged; None for
            a channel that does not hear of acknowledgements
        recent: times of notifications within the last hour; only filled where a limit needs them
        limited_until: its receiver or channel has had its messages of this minute, and the next one
            is allowed then; None where one is allowed now
        storm: that the receiver is in; None for none, and for what names the storm itself
        summary: id of the group in which the channel was notified of this one, as it was at `seq`,
            together with others that were held back; empty for none
    """

    seq: int = 0
    firing: int = 0
    severity: int = 0
    at: datetime | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    refused_seq: int | None = None
    down_until: datetime | None = None
    not_loaded_until: datetime | None = None
    reference: str = ""
    acknowledged: bool | None = None
    recent: tuple[datetime, ...] = ()
    limited_until: datetime | None = None
    storm: StormNow | None = None
    summary: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether to `send` now and for what `reason`; `next_at` is the time of the next decision.

    `held` is the reason to send where nothing but a limit of messages or a storm holds it back.
    """

    send: bool
    reason: Reason
    next_at: datetime | None = None
    held: Reason | None = None


AGAIN = timedelta(seconds=1)
"""A decision that is held back is never due again sooner."""
NOT_ROUTED = Decision(send=False, reason=Reason.NOT_ROUTED)
"""The decision on a group that has no receiver."""


def decide(group: GroupNow, notified: Notified, now: datetime, policy: Policy) -> Decision:
    """Decide whether one channel is notified about one group now.

    `decide` makes every notification decision; nothing else sends or holds back.

    Args:
        group: as it is now, in relation to `notified`
        notified: the channel's last notification; an empty `Notified` for none
        now: the present moment
        policy: the group's times and limits

    Returns:
        Whether to send, the reason, and when to decide again; `next_at` is None where only a
        change of the group can lead to another decision.
    """
    if notified.storm is not None:
        # What opens in a storm is not waited for: the storm's own message gathers it.
        none = timedelta(0)
        policy = msgspec.structs.replace(policy, group_wait=none, group_interval=none)
    decision = _news(group, notified, now, policy)
    for stage in PIPELINE:
        if not decision.send:
            return decision
        decision = stage(decision, group, notified, now, policy)
    return decision


def decide_page(
    group: GroupNow, notified: Notified, now: datetime, policy: Policy, reason: Reason
) -> Decision:
    """Decide whether one channel gets a page now: what spares people lets it pass.

    Args:
        group: as it is now
        notified: until when the channel takes nothing
        now: the present moment
        policy: with `page`
        reason: of the page

    Returns:
        Whether to send; else what holds it back, and until when.
    """
    decision = Decision(send=True, reason=reason)
    for stage in PIPELINE:
        if not decision.send:
            return decision
        decision = stage(decision, group, notified, now, policy)
    return decision


def _retry(
    wanted: Decision, group: GroupNow, notified: Notified, now: datetime, policy: Policy
) -> Decision:
    """Hold back what the channel refused, and what failed a moment ago."""
    waits = notified.retry_at is not None and now < notified.retry_at
    if notified.refused_seq is not None and notified.refused_seq >= group.seq:
        if waits or notified.retry_at is None:
            return Decision(send=False, reason=Reason.REFUSED, next_at=notified.retry_at)
    elif waits and notified.refused_seq is None:
        return Decision(send=False, reason=Reason.RETRY, next_at=notified.retry_at)
    return wanted


def _breaker(
    wanted: Decision, group: GroupNow, notified: Notified, now: datetime, policy: Policy
) -> Decision:
    """Hold back what a channel that does not answer, or cannot be loaded, would not take."""
    if notified.not_loaded_until is not None and now < notified.not_loaded_until:
        return Decision(send=False, reason=Reason.PREFECT_DOWN, next_at=notified.not_loaded_until)
    if notified.down_until is not None and now < notified.down_until:
        return Decision(send=False, reason=Reason.CHANNEL_DOWN, next_at=notified.down_until)
    return wanted


def _time_intervals(
    wanted: Decision, group: GroupNow, notified: Notified, now: datetime, policy: Policy
) -> Decision:
    """Hold back in mute time intervals of the route and outside its active ones; nothing's end."""
    if policy.page or _ends(wanted):
        return wanted
    if policy.mute_times and any_holds(policy.mute_times, now):
        ends = changes_after(policy.mute_times, now)
        return Decision(send=False, reason=Reason.MUTE_TIME, next_at=ends)
    if policy.active_times and not any_holds(policy.active_times, now):
        begins = changes_after(policy.active_times, now)
        return Decision(send=False, reason=Reason.OUTSIDE_ACTIVE_TIME, next_at=begins)
    return wanted


def _active_hours(
    wanted: Decision, group: GroupNow, notified: Notified, now: datetime, policy: Policy
) -> Decision:
    """Hold back outside active hours; what ends something is sent at any hour: it wakes nobody."""
    if policy.page or _ends(wanted) or policy.hours is None or policy.hours.open_at(now):
        return wanted
    opens = policy.hours.changes_after(now)
    return Decision(send=False, reason=Reason.OUTSIDE_HOURS, next_at=opens)


def _limit(
    wanted: Decision, group: GroupNow, notified: Notified, now: datetime, policy: Policy
) -> Decision:
    """Hold back what is past a limit; what ends an incident or its escalation is not."""
    if policy.page or _ends(wanted) or policy.limit.none:
        return wanted
    times = notified.recent if notified.at is None else (*notified.recent, notified.at)
    allowed = allow(policy.limit, Spent(sent=tuple(sorted(set(times)))), now)
    if allowed.send:
        return wanted
    throttled = allowed.reason is LimitReason.THROTTLED
    reason = Reason.THROTTLED if throttled else Reason.PER_HOUR
    return Decision(send=False, reason=reason, next_at=allowed.next_at)


def _storm(
    wanted: Decision, group: GroupNow, notified: Notified, now: datetime, policy: Policy
) -> Decision:
    """Hold back in a storm, but no page, no end of an incident and no new critical group."""
    storm = notified.storm
    if storm is None or policy.page or (_ends(wanted) and notified.acknowledged is not None):
        return wanted
    if group.severity >= Severity.CRITICAL and storm.notified:
        new = wanted.reason is Reason.FIRST and not storm.names
        if new or wanted.reason is Reason.SEVERITY_ROSE:
            return wanted
    until = max(storm.until, now + AGAIN)
    return Decision(send=False, reason=Reason.STORM, next_at=until, held=wanted.reason)


def _message_limit(
    wanted: Decision, group: GroupNow, notified: Notified, now: datetime, policy: Policy
) -> Decision:
    """Hold back what is past the messages a minute of the receiver or channel, but no page."""
    until = notified.limited_until
    if policy.page or until is None or until <= now:
        return wanted
    return Decision(send=False, reason=Reason.MESSAGE_LIMIT, next_at=until, held=wanted.reason)


def _ends(wanted: Decision) -> bool:
    return wanted.reason in (Reason.RESOLVED, Reason.ACKNOWLEDGEMENT)


PIPELINE = (_retry, _breaker, _time_intervals, _active_hours, _limit, _storm, _message_limit)
"""The stages after `_news`, in their order: each lets the notification pass or says why not."""


def _news(group: GroupNow, notified: Notified, now: datetime, policy: Policy) -> Decision:
    """Decide whether the channel has something to hear by now, whatever may hold it back."""
    if group.firing == 0:
        return _resolved(group, notified)
    if group.suppressed >= group.firing:
        wanted = _beside_suppressed(group, notified, now, policy)
    else:
        wanted = _of_the_rest(group, notified, now, policy)
    if wanted.send or group.suppressed_until is None:
        return wanted
    # The suppressed alerts become news when the suppression ends, even if nothing else changes.
    ends = group.suppressed_until
    next_at = ends if wanted.next_at is None else min(wanted.next_at, ends)
    return msgspec.structs.replace(wanted, next_at=next_at)


def _beside_suppressed(
    group: GroupNow, notified: Notified, now: datetime, policy: Policy
) -> Decision:
    """Decide where all that fires is suppressed: only what the channel knows to be over is news."""
    if notified.firing == 0 or group.resolved_since == 0:
        return Decision(send=False, reason=group.held_by)
    ready = (notified.at or group.opened_at) + policy.group_interval
    return _at(ready, now, Reason.PARTLY_RESOLVED, Reason.GROUP_INTERVAL)


def _of_the_rest(group: GroupNow, notified: Notified, now: datetime, policy: Policy) -> Decision:
    if notified.seq > 0 and notified.at is None:
        return _added_later(group, notified, now, policy)
    if notified.firing == 0:
        return _first(group, now, policy)
    last_at = notified.at or group.opened_at
    if group.severity > notified.severity and group.severity >= policy.rises_at:
        return Decision(send=True, reason=Reason.SEVERITY_ROSE)
    news = Reason.NEW_FIRING if group.new_firing else Reason.PARTLY_RESOLVED
    if group.new_firing or group.resolved_since:
        return _at(last_at + policy.group_interval, now, news, Reason.GROUP_INTERVAL)
    if _all_acknowledged(group):
        if notified.acknowledged is False:
            return Decision(send=True, reason=Reason.ACKNOWLEDGEMENT)
        return Decision(send=False, reason=Reason.ACKNOWLEDGED)
    again = last_at + policy.repeat_interval
    return _at(again, now, Reason.REPEAT, Reason.REPEAT_INTERVAL)


def _resolved(group: GroupNow, notified: Notified) -> Decision:
    if notified.firing == 0:
        reason = Reason.RESOLVED_BEFORE_NOTIFIED if notified.at is None else Reason.ALREADY_NOTIFIED
        return Decision(send=False, reason=reason)
    if group.resolved_since == 0 and group.quiet_since > 0 and notified.acknowledged is None:
        # A channel that hears of acknowledgements may keep an incident, which must be closed.
        return Decision(send=False, reason=Reason.RESOLVED_QUIETLY)
    return Decision(send=True, reason=Reason.RESOLVED)


def _added_later(group: GroupNow, notified: Notified, now: datetime, policy: Policy) -> Decision:
    """Decide for a channel that was added while the group was open, or notified in a summary."""
    if group.severity > notified.severity:
        return Decision(send=True, reason=Reason.SEVERITY_ROSE)
    if group.new_firing == 0:
        known = Reason.IN_SUMMARY if notified.summary else Reason.OPEN_BEFORE
        return Decision(send=False, reason=known)
    return _first(group, now, policy)


def _first(group: GroupNow, now: datetime, policy: Policy) -> Decision:
    if _all_acknowledged(group):
        # Somebody acknowledged it before the first notification.
        return Decision(send=False, reason=Reason.ACKNOWLEDGED)
    ready = group.opened_at + policy.group_wait
    return _at(ready, now, Reason.FIRST, Reason.GROUP_WAIT)


def _all_acknowledged(group: GroupNow) -> bool:
    return group.acknowledged >= group.firing - group.suppressed


def _at(moment: datetime, now: datetime, then: Reason, until_then: Reason) -> Decision:
    if now >= moment:
        return Decision(send=True, reason=then)
    return Decision(send=False, reason=until_then, next_at=moment)


def pause_after(attempts: int, spread: float) -> timedelta:
    """Return how long to wait after the `attempts`-th failure in a row.

    Args:
        attempts: failures so far, 1 or more
        spread: between 0 and 1, derived from the delivery, so that many do not retry at once

    Returns:
        10 seconds, doubled with each failure up to 10 minutes, plus or minus 10 %.
    """
    seconds = min(600.0, 10.0 * 2.0 ** min(attempts - 1, 10))
    return timedelta(seconds=seconds * (0.9 + 0.2 * spread))
