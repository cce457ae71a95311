"""Which conversation an alert belongs to, and when a group is looked at next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.rule import Rule
from sentinel.severity import Severity

__all__ = ["SOURCE", "Membership", "NotifiedSoFar", "first_wait", "membership", "next_look"]

SOURCE = "sentinel_source"
"""The label of an alert that a check fails because its source does not answer."""

TAKEN_BACK_WITHIN = timedelta(seconds=5)
"""For so long nobody is told that a person resolved all of it: it may have been the wrong key."""

CRITICAL_WAIT = timedelta(seconds=5)
USUAL_WAIT = timedelta(seconds=30)


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """The group an alert goes to.

    Attributes:
        key: 32 hex digits; one live group has it
        route: which way it is told; the receivers' names until routing trees exist
        labels: what its alerts agree in
        policy: group_wait (None: by severity), group_interval, repeat_interval, in
            seconds, and active_hours, throttle and per_hour where the rule has them
    """

    key: str
    route: str
    tenant: str
    labels: Mapping[str, str]
    receivers: tuple[str, ...]
    policy: Mapping[str, Any]
    wait: timedelta | None


def membership(rule: Rule, labels: Mapping[str, str], category: str, *, check: bool) -> Membership:
    """The group of an alert of `rule` with the reading's `labels`.

    Args:
        rule: whose alert it is
        labels: of the reading
        category: of the rule or its trigger
        check: whether it says that a check fails; those of one owner are one conversation, and
            those of one source that does not answer, where the rules name no owner. More rules
            that fail on it are no news before the message is repeated.
    """
    known = {
        **rule.labels,
        **labels,
        "rule": rule.name,
        "category": category,
        "team": rule.team,
        "tenant": rule.tenant,
    }
    source = labels.get(SOURCE, "") if check else ""
    interval = max(rule.group_interval, rule.repeat_interval) if source else rule.group_interval
    if source:
        by = {"failing_checks_of": rule.owner or rule.team, "source": source}
    elif check:
        by = {"failing_checks_of": rule.owner or rule.team or rule.name}
    else:
        by = {name: known.get(name, "") for name in rule.group_by}
    route = "+".join(rule.receivers)
    return Membership(
        key=fingerprint(rule.tenant, f"group:{route}", by),
        route=route,
        tenant=rule.tenant,
        labels=by,
        receivers=tuple(rule.receivers),
        policy={
            "group_wait": None if rule.group_wait is None else rule.group_wait.total_seconds(),
            "group_interval": interval.total_seconds(),
            "repeat_interval": rule.repeat_interval.total_seconds(),
            **_hours_and_limits(rule),
        },
        wait=rule.group_wait,
    )


def _hours_and_limits(rule: Rule) -> dict[str, Any]:
    """When and how often its groups may be told, where the rule says so."""
    found: dict[str, Any] = {}
    if rule.active_hours is not None:
        found["active_hours"] = rule.active_hours.model_dump(mode="json")
    if rule.throttle:
        found["throttle"] = rule.throttle.total_seconds()
    if rule.max_messages_per_hour is not None:
        found["per_hour"] = rule.max_messages_per_hour
    return found


def first_wait(wait: timedelta | None, severity: int) -> timedelta:
    """How long a new group waits, so that inhibition and blips settle."""
    if wait is not None:
        return wait
    return CRITICAL_WAIT if severity >= Severity.CRITICAL else USUAL_WAIT


class NotifiedSoFar(msgspec.Struct, frozen=True, kw_only=True):
    """What the receivers of a group have been told, all together."""

    told_at: datetime | None = None
    told_severity: int = 0


def next_look(
    *,
    due_at: datetime | None,
    so_far: NotifiedSoFar,
    severity: int,
    firing: int,
    wait: timedelta | None,
    interval: timedelta,
    now: datetime,
    by_hand: bool = False,
) -> datetime:
    """When a changed group's receivers are to be decided on.

    It is never later than the decision needs; the decision itself is
    `sentinel.notifications.decision.decide`, which may find that it is too early. An end `by_hand`
    waits for `TAKEN_BACK_WITHIN`.
    """
    if so_far.told_at is None:
        look = now + first_wait(wait, severity)
        return look if due_at is None else min(due_at, look)
    if firing == 0 and by_hand:
        return now + TAKEN_BACK_WITHIN
    if firing == 0 or severity > so_far.told_severity:
        return now
    look = max(now, so_far.told_at + interval)
    return look if due_at is None else min(due_at, look)
