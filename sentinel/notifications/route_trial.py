"""What routes would do to an alert that opens at some moment, and the tests of a document. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.labels.matchers import matches
from sentinel.notifications.decision import GroupNow, Notified, decide
from sentinel.notifications.group_policy import policy_from
from sentinel.notifications.grouping import Membership
from sentinel.notifications.owners import NO_FACTS, Facts
from sentinel.notifications.reasons import Reason, words
from sentinel.notifications.route_document import RouteDocument, RouteTest, read_routes
from sentinel.notifications.routing import (
    OWN_RECEIVERS,
    Route,
    RouteTree,
    memberships,
    route_labels,
)
from sentinel.notifications.why import shown
from sentinel.rules.rule import Rule
from sentinel.severity import severity_of

__all__ = [
    "Looked", "Step", "Trial", "Tried", "checked", "failures", "looked_at", "route_trials",
    "rule_of", "tried",
]  # fmt: skip

MUTING = (Reason.MUTE_TIME, Reason.OUTSIDE_ACTIVE_TIME, Reason.OUTSIDE_HOURS)
"""Reasons that hold a message back until a time of the calendar."""
_MOST_STEPS = 50
_ESCALATED_BY = ("escalation_rules", "escalation", "team")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A decision in the life of an alert that goes on firing and that nobody acknowledges."""

    at: datetime
    send: bool
    reason: str
    reason_text: str
    next_at: datetime | None = None

    @property
    def text(self) -> str:
        """Return the step as a sentence."""
        said = f"{shown(self.at)}  {'notified' if self.send else 'not notified'}: "
        said += self.reason_text
        return said if self.next_at is None else f"{said}; next decision at {shown(self.next_at)}"


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A route that is looked at on the way of an alert.

    Attributes:
        depth: below the first route
        matchers: the route's own, as written; empty for the first route
        matched: whether they match
    """

    depth: int
    matchers: str
    matched: bool


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A group that the alert would join.

    Attributes:
        route: the matchers on the way to its route; of a rule's own receivers, their names
        receivers: names
        labels: that the group's alerts have in common
        muted: whether the first message waits for a time interval or for active hours
        steps: the decisions up to the last message
        escalated_by: what its escalation policy is chosen by, as `Membership.policy` has it
        escalation: its policy and where that comes from, in words; empty where it is not known,
            or there is none
    """

    route: str
    receivers: tuple[str, ...]
    labels: Mapping[str, str]
    muted: bool
    steps: list[Step]
    escalated_by: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    escalation: str = ""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What routes do to an alert: the routes looked at, and the groups that it joins."""

    looked_at: list[Looked]
    ways: list[Trial]


def tried(
    tree: RouteTree | None, rule: Rule | None, labels: Mapping[str, str], at: datetime,
    messages: int = 3, facts: Facts = NO_FACTS,
) -> Tried:  # fmt: skip
    """Return what happens to an alert that opens at a moment and goes on firing.

    Args:
        tree: the routes; None for none
        rule: that the alert is of; None for one that says nothing
        labels: of the alert, as of `route_trials`
        at: when it opens, timezone-aware
        messages: so many messages are looked for on each way
        facts: what Prefect says of whose the alert is

    Returns:
        The way.
    """
    rule = _named(rule_of(labels) if rule is None else rule, labels)
    steps: list[Looked] = []
    if tree is not None:
        steps = looked_at(tree, route_labels(tree, rule, labels, *_said(rule, labels), facts))
    ways = route_trials(tree, rule, labels, at, messages, facts)
    return Tried(looked_at=steps, ways=ways)


def _named(rule: Rule, labels: Mapping[str, str]) -> Rule:
    named = labels.get("rule")
    if named is None or named == rule.name:
        return rule
    return rule.model_copy(update={"name": named})


def _said(rule: Rule, labels: Mapping[str, str]) -> tuple[str, str, str]:
    """Return category, team and severity of an alert with some labels."""
    return (
        labels.get("category", rule.category or "general"), labels.get("team", ""),
        labels.get("severity", rule.severity),
    )  # fmt: skip


def rule_of(labels: Mapping[str, str], receivers: list[str] | None = None) -> Rule:
    """Return a rule that an alert with some labels may be of, where no real one is at hand."""
    return Rule.model_validate(
        {
            "name": "trial", "team": labels.get("team", ""), "owner": labels.get("owner", ""),
            "receivers": OWN_RECEIVERS if receivers is None else receivers,
        }
    )  # fmt: skip


def route_trials(
    tree: RouteTree | None, rule: Rule, labels: Mapping[str, str], at: datetime, messages: int = 3,
    facts: Facts = NO_FACTS,
) -> list[Trial]:  # fmt: skip
    """Return what happens to an alert that opens at a moment and goes on firing.

    Args:
        tree: the routes; None for none
        rule: that the alert is of
        labels: of the alert; `category` and `severity` are those of the alert, and `rule` is the
            name of its rule
        at: when it opens, timezone-aware
        messages: so many messages are looked for on each way
        facts: what Prefect says of whose the alert is

    Returns:
        One for each way.
    """
    rule = _named(rule, labels)
    category, team, severity = _said(rule, labels)
    groups = memberships(tree, rule, labels, category, False, team, severity, facts)
    return [_trial(one, _rank(severity), at, messages) for one in groups]


def _rank(word: str) -> int:
    try:
        return int(severity_of(word))
    except ValueError:
        return int(severity_of("medium"))


def _trial(group: Membership, severity: int, at: datetime, messages: int) -> Trial:
    policy = policy_from(group.policy, severity)
    state = GroupNow(seq=1, opened_at=at, severity=severity, firing=1, new_firing=1)
    notified, now = Notified(), at
    steps: list[Step] = []
    if not group.receivers:
        text = words(Reason.NOT_ROUTED)
        steps.append(Step(at=at, send=False, reason=str(Reason.NOT_ROUTED), reason_text=text))
    while group.receivers and messages and len(steps) < _MOST_STEPS:
        decision = decide(state, notified, now, policy)
        steps.append(
            Step(
                at=now, send=decision.send, reason=str(decision.reason),
                reason_text=words(decision.reason), next_at=decision.next_at,
            )
        )  # fmt: skip
        if decision.send:
            messages -= 1
            earlier = notified.recent if notified.at is None else (*notified.recent, notified.at)
            hour = tuple(one for one in earlier if one > now - timedelta(hours=1))
            notified = Notified(seq=1, firing=1, severity=severity, at=now, recent=hour)
            state = msgspec.structs.replace(state, new_firing=0)
        elif decision.next_at is None:
            break
        else:
            now = decision.next_at
    first = next((place for place, one in enumerate(steps) if one.send), len(steps))
    muted = any(one.reason in MUTING for one in steps[:first])
    return Trial(
        route=group.route,
        receivers=group.receivers,
        labels=group.labels,
        muted=muted,
        steps=steps,
        escalated_by={name: group.policy[name] for name in _ESCALATED_BY if name in group.policy},
    )


def looked_at(tree: RouteTree, labels: Mapping[str, str]) -> list[Looked]:
    """Return the routes that are looked at on the way of an alert, in their order.

    Args:
        tree: the routes
        labels: of the alert, with rule, team, owner and severity

    Returns:
        The routes, without those below one that differs, and after one that has the last word.
    """
    found: list[Looked] = []

    def visit(route: Route, depth: int) -> bool:
        matched = matches(route.matchers, labels)
        found.append(Looked(depth=depth, matchers=route.own, matched=matched))
        if matched:
            for one in route.level.routes:
                if visit(one, depth + 1) and not one.goes_on:
                    break
        return matched

    visit(tree.root, 0)
    return found


def failures(tree: RouteTree, test: RouteTest) -> list[str]:
    """Return what a test of a document finds wrong; empty where it passes.

    Args:
        tree: the routes
        test: beside them

    Returns:
        Sentences.
    """
    at = test.at or datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    rule = rule_of(test.labels, list(test.rule_receivers))
    trials = route_trials(tree, rule, test.labels, at, 1)
    wrong: list[str] = []
    got = list(dict.fromkeys(name for one in trials for name in one.receivers))
    if got != list(test.receivers):
        wrong.append(
            f"notifies {', '.join(got) or 'nobody'}, not {', '.join(test.receivers) or 'nobody'}"
        )
    muted = all(one.muted for one in trials)
    if test.muted is not None and muted is not test.muted:
        state = "is muted" if muted else "is not muted"
        wrong.append(f"{state} at {shown(at)}")
    return wrong


def checked(text: str) -> RouteDocument:
    """Read a document and run its tests.

    Args:
        text: YAML

    Returns:
        The document.

    Raises:
        ConfigurationError: it cannot be read, or a test beside the routes fails
    """
    document = read_routes(text)
    tree = RouteTree(document)
    failed = [
        f"test {test.name or place!r}: {wrong}"
        for place, test in enumerate(document.tests, start=1)
        for wrong in failures(tree, test)
    ]
    if failed:
        raise ConfigurationError(
            "; ".join(failed[:10]), hint="Mend the routes or the tests; nothing was changed."
        )
    return document
