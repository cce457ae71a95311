"""Summaries: one message about all groups that were held back from a channel. Pure.

A summary is a group of its own for one tenant, receiver and channel, whose members are the alerts
that were held back. So it has a link that opens exactly them, is retried, repeated, acknowledged
and resolved as any group, and each of its alerts can be asked why (docs/adr/0027).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from sentinel.labels.fingerprint import fingerprint
from sentinel.notifications.channel import Message
from sentinel.notifications.grouping import Membership
from sentinel.notifications.message_limit import MINUTE
from sentinel.notifications.storm import INTERVAL, Storm, first_message_in
from sentinel.printable import counted
from sentinel.severity import Severity, severity_of

__all__ = [
    "ROUTE",
    "STORM",
    "is_storm",
    "is_summary",
    "repeat_interval",
    "summarised",
    "summary_channels",
    "summary_membership",
]

ROUTE, STORM = "summary:", "storm:"
"""How the routes of a summary and of a storm begin; no receiver's name has a colon."""
RECEIVER, THROUGH = "receiver", "channel"
_TIMES = ("active_hours", "mute_times", "active_times")
_STANDS_IN = "stands_in"
_MOST_NAMES = 5


def is_summary(route: str) -> bool:
    """Return whether a group is a summary of others that were held back, or a storm."""
    return route.startswith((ROUTE, STORM))


def is_storm(route: str) -> bool:
    """Return whether a group has the alerts of a storm."""
    return route.startswith(STORM)


def summary_membership(
    tenant: str, receiver: str, channel: str, storm: Storm | None = None,
    policy: Mapping[str, Any] = MappingProxyType({}), stands_in: bool = False,
    now: datetime | None = None,
) -> Membership:  # fmt: skip
    """Return the summary of a receiver's channel as alerts are entered into it.

    A group that may be notified at other times than another has another summary.

    Args:
        tenant: of the alerts: a summary crosses no tenants
        receiver: name of the receiver
        channel: reference of its channel
        storm: that the receiver is in, each of which has a summary of its own; None for none
        policy: of the groups that it is to name, as `Membership.policy` has it: their active hours
            and time intervals, which they have in common, and their shortest repeat_interval
        stands_in: whether the channel is none of the receiver's, but stands in for them
        now: the present moment, from which a storm's first message waits for the rest of the time
            that the storm gathers alerts; None for all of that time

    Returns:
        The group's key, labels, receivers and times.
    """
    labels = {RECEIVER: receiver, THROUGH: channel}
    kind, wait, interval = ROUTE, timedelta(0), MINUTE
    if storm is not None:
        labels["since"] = f"{storm.began_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        kind, wait, interval = STORM, first_message_in(storm, now), INTERVAL
    times = {name: policy[name] for name in _TIMES if policy.get(name)}
    known = {"times": msgspec.json.encode(times, order="sorted").decode()} if times else {}
    return Membership(
        key=fingerprint(tenant, kind, {**labels, **known}),
        route=f"{kind}{receiver}",
        tenant=tenant,
        labels=labels,
        receivers=(receiver,),
        policy={
            "group_wait": wait.total_seconds(), "group_interval": interval.total_seconds(),
            "repeat_interval": repeat_interval(policy),
            "rises_at": int(Severity.CRITICAL) if storm else 0, **times,
            **({_STANDS_IN: True} if stands_in else {}),
        },
        wait=wait,
    )  # fmt: skip


def repeat_interval(policy: Mapping[str, Any]) -> float:
    """Return the repeat_interval of a group's policy, in seconds."""
    return float(policy.get("repeat_interval", 14_400))


def summary_channels(
    route: str, labels: Mapping[str, str], policy: Mapping[str, Any], refs: Sequence[str]
) -> list[str]:
    """Return the channels of a receiver that a group is sent through.

    Args:
        route: of the group
        labels: of the group
        policy: of the group
        refs: the receiver's channels of now

    Returns:
        The one that a summary is of, unless it was one of the receiver's and has left it; else all
        of them. What stood in for the receiver's is never theirs to be sent: they are still owed
        the groups themselves.
    """
    through = labels.get(THROUGH) if is_summary(route) else None
    if through is not None and (through in refs or policy.get(_STANDS_IN)):
        return [through]
    return list(refs)


def summarised(message: Message, route: str, groups: int, since: datetime) -> Message:
    """Return the message about a summary in the words of one.

    Args:
        message: about the summary as about any group
        route: of the summary
        groups: how many groups its firing alerts belong to
        since: when the first of them entered it

    Returns:
        The message with counts by severity, rule and service where something fires. What has left
        the summary and fires again is not named as over: its own group says that it fires.
    """
    firing = message.alerts[: message.firing]
    over = [one for one in message.alerts[message.firing :] if one.status == "resolved"]
    message = msgspec.structs.replace(message, alerts=[*firing, *over], resolved=len(over))
    if not firing:
        return message
    of = counted(groups, "group")
    storm = is_storm(route)
    alerts = counted(len(firing), "alert")
    ranks = Counter(severity_of(alert.severity) for alert in firing)
    parts = [
        f"{alerts} of {of} {'in a storm' if storm else 'held back'} since "
        f"{since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        ", ".join(f"{ranks[rank]:,} {Severity(rank).word}" for rank in sorted(ranks, reverse=True)),
        _most("rules", (alert.rule for alert in firing)),
        _most("services", (alert.labels.get("service", "") for alert in firing)),
    ]
    return msgspec.structs.replace(
        message,
        title=f"[{message.severity}] "
        + (f"a storm: {alerts} of {of}" if storm else f"{of} held back: {alerts}"),
        reason_text="; ".join([*(part for part in parts if part), *message.notices]),
    )


def _most(what: str, names: Iterable[str]) -> str:
    counts = Counter(name for name in names if name)
    if not counts:
        return ""
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    named = ", ".join(f"{name} {count:,}" for name, count in ordered[:_MOST_NAMES])
    more = len(ordered) - _MOST_NAMES
    return f"{what}: {named}" + (f" and {more:,} more" if more > 0 else "")
