"""Decide which group an alert belongs to, and when a changed group is decided on next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.drill_rule import CANARY, DRILL_RULE
from sentinel.rules.rule import Rule
from sentinel.severity import Severity

__all__ = [
    "CHANNEL",
    "SOURCE",
    "Membership",
    "NotifiedSoFar",
    "first_wait",
    "group_title",
    "is_canary",
    "known_labels",
    "labels_with",
    "membership",
    "next_decision",
]

SOURCE = "sentinel_source"
"""Label of an alert about a check whose source does not answer; its value names the source."""

CHANNEL = "sentinel_channel"
"""Label of an alert about a channel that takes no messages, which is not sent through it."""

UNDO_WITHIN = timedelta(seconds=5)
"""How long the resolve that a person made is held back, since it may be undone."""

CRITICAL_WAIT = timedelta(seconds=5)
USUAL_WAIT = timedelta(seconds=30)


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """The group that an alert belongs to.

    Attributes:
        key: 32 hex digits; at most one live group has it
        route: the names of the receivers, joined by +
        tenant: of the rule
        labels: the labels that its alerts have in common
        receivers: names of the receivers to notify
        policy: group_wait (None: by severity), group_interval, repeat_interval, in
            seconds, and active_hours, throttle and per_hour where the rule has them; what an
            escalation policy is chosen by: escalation_rules, escalation and team, where known;
            drill for a fire drill
        wait: the rule's group_wait; None for the default of the severity
    """

    key: str
    route: str
    tenant: str
    labels: Mapping[str, str]
    receivers: tuple[str, ...]
    policy: Mapping[str, Any]
    wait: timedelta | None


def known_labels(
    rule: Rule, labels: Mapping[str, str], category: str, *, team: str = ""
) -> dict[str, str]:
    """Return the labels by which an alert of `rule` is grouped.

    Args:
        rule: that the alert is of
        labels: of the reading
        category: of the rule or its trigger
        team: of the alert, where the rule has none

    Returns:
        The rule's labels and the reading's, with rule, category, team and tenant.
    """
    return labels_with(
        rule.labels, labels, rule=rule.name, category=category, team=rule.team or team,
        tenant=rule.tenant,
    )  # fmt: skip


def labels_with(
    rule_labels: Mapping[str, str], labels: Mapping[str, str], **facts: str
) -> dict[str, str]:
    """Return the labels that matchers and groups see of an alert.

    Args:
        rule_labels: those that the rule adds
        labels: of the reading, which win over those of the rule
        **facts: what Sentinel says itself of the alert (rule, category, team, tenant, and for
            matchers owner and severity), which no label of a reading replaces; a rule without an
            owner leaves the label `owner` of the reading

    Returns:
        All of them.
    """
    if not facts.get("owner", "-"):
        del facts["owner"]
    return {**rule_labels, **labels, **facts}


def membership(
    rule: Rule, labels: Mapping[str, str], category: str, *, check: bool, team: str = ""
) -> Membership:
    """Return the group of an alert of `rule`.

    Args:
        rule: that the alert is of
        labels: of the reading
        category: of the rule or its trigger
        check: whether the alert is about a check that fails. Failing checks of one owner share a
            group, and so do those whose source does not answer. In the latter case, further
            rules that fail on the same source are not news before the notification repeats.
        team: of the alert, where the rule has none

    Returns:
        The group's key, labels, receivers and times.
    """
    known = known_labels(rule, labels, category, team=team)
    source = labels.get(SOURCE, "") if check else ""
    interval = max(rule.group_interval, rule.repeat_interval) if source else rule.group_interval
    if source:
        by = {"failing_checks_of": rule.owner or rule.team, "source": source}
    elif check:
        by = {"failing_checks_of": rule.owner or rule.team or rule.name}
    else:
        by = {name: known.get(name, "") for name in rule.group_by}
    receivers, wait = tuple(rule.receivers), rule.group_wait
    if canary := is_canary(rule, labels):
        receivers, wait = (labels[CANARY],), timedelta(0)
    route = "+".join(receivers)
    return Membership(
        key=fingerprint(rule.tenant, f"group:{route}", by),
        route=route,
        tenant=rule.tenant,
        labels=by,
        receivers=receivers,
        policy={
            "group_wait": None if wait is None else wait.total_seconds(),
            "group_interval": interval.total_seconds(),
            "repeat_interval": rule.repeat_interval.total_seconds(),
            **_hours_and_limits(rule),
            **_escalation(rule, known["team"]),
            **({"escalation": ""} if canary else {}),
        },
        wait=wait,
    )


def is_canary(rule: Rule, labels: Mapping[str, str]) -> bool:
    """Return whether an alert is a canary, which goes to the one receiver that its label names."""
    return rule.name == DRILL_RULE and CANARY in labels


def _hours_and_limits(rule: Rule) -> dict[str, Any]:
    """Return the active hours and limits of notifications, where the rule has them."""
    found: dict[str, Any] = {}
    if rule.active_hours is not None:
        found["active_hours"] = rule.active_hours.model_dump(mode="json")
    if rule.throttle:
        found["throttle"] = rule.throttle.total_seconds()
    if rule.max_messages_per_hour is not None:
        found["per_hour"] = rule.max_messages_per_hour
    return found


def _escalation(rule: Rule, team: str) -> dict[str, Any]:
    """Return what an escalation policy is chosen by, as far as the rule says it."""
    found: dict[str, Any] = {"team": team} if team else {}
    if rule.name == DRILL_RULE:
        found["drill"] = True
    if rule.escalation_rules is not None:
        found["escalation_rules"] = rule.escalation_rules.model_dump(mode="json")
    return found


def first_wait(wait: timedelta | None, severity: int) -> timedelta:
    """Return how long a new group waits for more alerts: `wait`, or the default of `severity`."""
    if wait is not None:
        return wait
    return CRITICAL_WAIT if severity >= Severity.CRITICAL else USUAL_WAIT


def group_title(count: int, title: str, labels: Mapping[str, str]) -> str:
    """Return the title of alerts that belong together.

    Args:
        count: how many alerts
        title: of one of them
        labels: that the alerts of their group have in common

    Returns:
        The title of the only alert; else how many there are, and where.
    """
    if count == 1:
        return title
    where = ", ".join(text for text in labels.values() if text) or "everything"
    return f"{count:,} alerts: {where}"


class NotifiedSoFar(msgspec.Struct, frozen=True, kw_only=True):
    """The notifications of a group so far, over all its channels.

    Attributes:
        at: when the last one was sent; None for never
        severity: the highest severity that one named
        unaware: whether a channel hears of acknowledgements, and of none as of its last message
    """

    at: datetime | None = None
    severity: int = 0
    unaware: bool = False


def next_decision(
    *,
    due_at: datetime | None,
    so_far: NotifiedSoFar,
    severity: int,
    firing: int,
    wait: timedelta | None,
    interval: timedelta,
    now: datetime,
    by_hand: bool = False,
    acknowledged: bool = False,
) -> datetime:
    """Return when a group that changed is decided on next.

    The time is never too late; `sentinel.notifications.decision.decide`, which runs then, may find
    that it is too early.

    Args:
        due_at: the time that the group has now; None for none
        so_far: the group's notifications so far
        severity: of the group after the change
        firing: number of firing alerts after the change
        wait: the group's group_wait; None for the default of the severity
        interval: the group's group_interval
        now: the present moment
        by_hand: whether a person resolved it; then it waits for `UNDO_WITHIN`
        acknowledged: whether all that fires is acknowledged

    Returns:
        The time of the next decision; `now` where it is due at once.
    """
    if so_far.at is None:
        due = now + first_wait(wait, severity)
        return due if due_at is None else min(due_at, due)
    if firing == 0 and by_hand:
        return now + UNDO_WITHIN
    if firing == 0 or severity > so_far.severity or (acknowledged and so_far.unaware):
        return now
    due = max(now, so_far.at + interval)
    return due if due_at is None else min(due_at, due)
