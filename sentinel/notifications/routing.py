"""The routing tree: which groups an alert joins, by its labels. Pure.

The tree is Alertmanager's: the first route of a level that matches takes the alert, further ones
only after `continue`, and a route whose own routes all differ takes it itself
(https://prometheus.io/docs/alertmanager/latest/configuration/#route). Without a document, an alert
goes to the receivers of its rule, and with one they are the last route of the first level: for
rules that name receivers of their own. Then come the defaults by team, owner and severity.

A level with many routes is not searched one by one: routes that want one exact text of a label are
found by that text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import merge
from typing import Any

import msgspec

from sentinel.alerts.run_source import RunSource
from sentinel.labels.alertmanager import matchers_of, written
from sentinel.labels.fingerprint import fingerprint
from sentinel.labels.matchers import Matcher, matches
from sentinel.notifications.dependencies import inhibitions_of
from sentinel.notifications.grouping import Membership, is_canary, labels_with, membership
from sentinel.notifications.inhibition import InhibitionIndex
from sentinel.notifications.owners import NO_FACTS, Facts, Owners, facts_about
from sentinel.notifications.route_document import RouteDocument, RouteNode, read_routes
from sentinel.rules.rule import Rule
from sentinel.severity import severity_of

__all__ = [
    "OWN", "OWN_RECEIVERS", "Route", "RouteTree", "compiled", "facts_of", "is_routed",
    "memberships", "route_labels",
]  # fmt: skip

OWN_RECEIVERS = ["default"]
"""The receivers of a rule that names none."""


class Route:
    """A route with what it inherits.

    Args:
        node: as written
        above: the route above; None for the first
        intervals: by name, as they are stored with groups
        before: how many of the routes before it on its level have which matchers; it is added

    Attributes:
        own: its own matchers, as written; empty for the first route
        path: the matchers from the first route to it, as Alertmanager writes the key of a route
        identity: the path, with a number for a route whose matchers one before it has too
        receivers: names; empty for those of the alert's rule
        wait, interval, repeat: None for those of the alert's rule
        group_by: labels; None for those of the alert's rule
        escalation: name of an escalation policy; empty for none at all, None for that of the team
    """

    def __init__(
        self, node: RouteNode, above: Route | None, intervals: Mapping[str, list[dict[str, Any]]],
        before: Counter[str],
    ) -> None:  # fmt: skip
        self.matchers: tuple[Matcher, ...] = tuple(
            one for text in node.conditions for one in matchers_of(text)
        )
        self.own = written((one.label, one.operator, one.text) for one in self.matchers)
        self.path: str = f"{above.path}/{{{self.own}}}" if above else "{}"
        nth = f"#{before[self.own]}" if before[self.own] else ""
        self.identity: str = f"{above.identity}/{{{self.own}}}{nth}" if above else "{}"
        before[self.own] += 1
        self.receivers: tuple[str, ...] = tuple(dict.fromkeys(node.receiver)) or (
            above.receivers if above else ()
        )
        self.goes_on = node.continue_
        self.group_by = _either(node.group_by, above and above.group_by)
        self.wait = _either(node.group_wait, above and above.wait)
        self.interval = _either(node.group_interval, above and above.interval)
        self.repeat = _either(node.repeat_interval, above and above.repeat)
        self.escalation = _either(node.escalation, above and above.escalation)
        # Time intervals are the route's alone, as in Alertmanager.
        self.mute = {name: intervals[name] for name in node.mute_time_intervals}
        self.active = {name: intervals[name] for name in node.active_time_intervals}
        below = Counter[str]()
        self.level = Level([Route(one, self, intervals, below) for one in node.routes])

    def ways(self, labels: Mapping[str, str]) -> list[Route]:
        """Return the routes that take an alert: itself, or some below it; none if it differs."""
        if not matches(self.matchers, labels):
            return []
        return self.level.ways(labels)[0] or [self]


class Level:
    """The routes below one route, found by the exact texts that they want.

    Args:
        routes: in their order
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = routes
        self._others: list[int] = []
        self._by_text: dict[str, dict[str, list[int]]] = {}
        for place, route in enumerate(routes):
            wanted = next((one for one in route.matchers if one.certain), None)
            if wanted is None:
                self._others.append(place)
            else:
                texts = self._by_text.setdefault(wanted.label, {})
                texts.setdefault(wanted.text, []).append(place)

    def ways(self, labels: Mapping[str, str]) -> tuple[list[Route], bool]:
        """Return the routes that take an alert, and whether the last of them was the last word."""
        found: list[Route] = []
        for place in self._candidates(labels):
            route = self.routes[place]
            ways = route.ways(labels)
            found += ways
            if ways and not route.goes_on:
                return found, True
        return found, False

    def _candidates(self, labels: Mapping[str, str]) -> Iterator[int]:
        """Yield the places of the routes that may match, in their order."""
        lists = [
            places
            for label, texts in self._by_text.items()
            if (places := texts.get(labels.get(label, ""))) is not None
        ]
        return merge(*lists, self._others) if lists else iter(self._others)


class _Own:
    """Stands for the receivers of the alert's rule."""


OWN = _Own()
"""The way of an alert to the receivers that its rule names."""


class RouteTree:
    """A compiled document.

    Args:
        document: the routes
    """

    def __init__(self, document: RouteDocument) -> None:
        self.document = document
        self.owners = Owners(document.owners)
        intervals = {
            one.name: [i.model_dump(mode="json", exclude_none=True) for i in one.time_intervals]
            for one in document.time_intervals
        }
        self.root = Route(document.route, None, intervals, Counter())
        self.inhibitions = InhibitionIndex(
            [*document.inhibit_rules, *inhibitions_of(document.dependencies)]
        )
        self._defaults: dict[tuple[str, str], Route] = {}
        given = document.defaults
        for label, by in (("team", given.team), ("owner", given.owner)):
            for text, names in by.items():
                self._defaults[label, text] = self._default(label, text, names)
        for word, names in given.severity.items():
            rank = severity_of(word).word
            self._defaults["severity", rank] = self._default("severity", rank, names)

    def _default(self, label: str, text: str, names: Sequence[str]) -> Route:
        node = RouteNode(receiver=list(names), matchers=[written([(label, "=", text)])])
        return Route(node, self.root, {}, Counter(one.own for one in self.root.level.routes))

    def ways(self, labels: Mapping[str, str], *, own: bool) -> list[Route | _Own]:
        """Return the ways of an alert, in their order.

        Args:
            labels: of the alert, with rule, team, owner and severity
            own: whether its rule names receivers

        Returns:
            At least one; `OWN` for the receivers of its rule.
        """
        routes, decided = self.root.level.ways(labels)
        found: list[Route | _Own] = [*routes]
        if decided:
            return found
        if own:
            return [*found, OWN]
        default = self._default_of(labels)
        if default is not None:
            found.append(default)
        return found or [self.root if self.root.receivers else OWN]

    def _default_of(self, labels: Mapping[str, str]) -> Route | None:
        if not self._defaults:
            return None
        for label in ("team", "owner"):
            found = self._defaults.get((label, labels.get(label, "")))
            if found is not None:
                return found
        try:
            rank = severity_of(labels.get("severity", "")).word
        except ValueError:
            return None
        return self._defaults.get(("severity", rank))


def is_routed(route: str) -> bool:
    """Return whether a group's route is one of a document, and not the receivers of a rule."""
    return route.startswith("{}")


@lru_cache(maxsize=8)
def compiled(text: str) -> RouteTree:
    """Return the tree of a document that was applied, compiled once."""
    return RouteTree(read_routes(text, known=True))


def memberships(
    tree: RouteTree | None,
    rule: Rule,
    labels: Mapping[str, str],
    category: str,
    check: bool,
    team: str = "",
    severity: str = "",
    facts: Facts = NO_FACTS,
) -> tuple[Membership, ...]:
    """Return the groups of an alert of `rule`.

    Args:
        tree: the active routes; None for none, and then the rule's receivers are notified
        rule: that the alert is of
        labels: of the reading
        category: of the rule or its trigger
        check: whether the alert is about a check that fails; see `grouping.membership`
        team: of the alert, where the rule has none
        severity: of the alert, as the rule gives it
        facts: what Prefect says of whose the alert is

    Returns:
        One for each way; ways that differ in nothing are one. A canary has the way of its own.
    """
    own = membership(rule, labels, category, check=check, team=team)
    if tree is None or is_canary(rule, labels):
        return (own,)
    known = route_labels(tree, rule, labels, category, team, severity, facts)
    names_own = list(rule.receivers) != OWN_RECEIVERS
    ways = tree.ways(known, own=names_own)
    found: list[Membership] = []
    for way in ways:
        one = own if isinstance(way, _Own) else _routed(way, own, rule, known, check=check)
        if not any(_alike(one, other) for other in found):
            found.append(one)
    if len(found) > 1 and not own.receivers:
        # A rule without receivers adds nobody.
        return tuple(one for one in found if one.key != own.key)
    return tuple(found)


def facts_of(details: Mapping[str, Any] | None, source: RunSource) -> Facts:
    """Return what Prefect says of whose an alert is.

    Args:
        details: of its reading: `tags` and `work_pool` of the deployment that it is about, if any
        source: the run that saw it, whose deployment's count where the reading says nothing

    Returns:
        The facts.
    """
    about = details or {}
    own = Facts(source.tagged_owner, source.work_pool)
    return facts_about(about.get("tags"), about.get("work_pool"), own)


def route_labels(
    tree: RouteTree, rule: Rule, labels: Mapping[str, str], category: str, team: str, severity: str,
    facts: Facts = NO_FACTS,
) -> dict[str, str]:  # fmt: skip
    """Return the labels that routes see of an alert; the arguments are those of `memberships`."""
    known = labels_with(
        rule.labels, labels, rule=rule.name, category=category, team=rule.team or team,
        tenant=rule.tenant, severity=severity,
    )  # fmt: skip
    known["owner"] = tree.owners.of(rule, known, facts).owner
    return known


def _alike(one: Membership, other: Membership) -> bool:
    return msgspec.structs.replace(one, key=other.key) == other


def _routed(
    route: Route, own: Membership, rule: Rule, known: Mapping[str, str], *, check: bool
) -> Membership:
    """Return the group on a route; what the route does not say is as the rule's own group has it.

    The receivers are part of the key: an alert that opens after they were changed does not join a
    group that others were notified of.

    Args:
        route: the way
        own: the group that the alert has by its rule
        rule: that the alert is of
        known: the labels of the alert
        check: whether the alert is about a check that fails

    Returns:
        The group.
    """
    if check or route.group_by is None:
        by = own.labels
    elif "..." in route.group_by:
        by = dict(sorted(known.items()))
    else:
        by = {name: known.get(name, "") for name in route.group_by}
    receivers = route.receivers or own.receivers
    policy = dict(own.policy)
    for name, given in (("group_wait", route.wait), ("repeat_interval", route.repeat)):
        if given is not None:
            policy[name] = given.total_seconds()
    if route.interval is not None and not check:
        policy["group_interval"] = route.interval.total_seconds()
    if route.escalation is not None:
        policy["escalation"] = route.escalation
    if route.mute:
        policy["mute_times"] = route.mute
    if route.active:
        policy["active_times"] = route.active
    way = f"route:{len(route.identity)}:{route.identity}{'+'.join(receivers)}"
    return Membership(
        key=fingerprint(rule.tenant, way, by),
        route=route.path,
        tenant=rule.tenant,
        labels=by,
        receivers=receivers,
        policy=policy,
        wait=own.wait if route.wait is None else route.wait,
    )


def _either(given: Any, inherited: Any) -> Any:
    return inherited if given is None else given
