"""Which escalation policy a group has: its rule's own, its route's, or its team's."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.notifications.route_document import read_routes
from sentinel.notifications.route_trial import rule_of
from sentinel.notifications.routing import RouteTree, memberships
from sentinel.oncall.choice import policy_of
from sentinel.oncall.document import read_oncall
from sentinel.rules.rule import Rule

DOCUMENT = read_oncall(
    """
people: {ann: {notify: [{receiver: pager}]}}
teams:
  db: {people: [ann], escalation: of-team}
  web: {people: [ann]}
escalation_policies:
  of-team: {steps: [{notify: person:ann}]}
  of-route: {steps: [{notify: person:ann}]}
"""
)
TREE = RouteTree(
    read_routes(
        """
route:
  receiver: default
  routes:
    - matchers: [tier="1"]
      escalation: of-route
      routes: [{matchers: [host="a"], receiver: a}]
    - matchers: [tier="2"]
      escalation: ""
"""
    )
)
OWN = {"delay_minutes": 5, "max_level": 2, "channels": ["pager"]}


@pytest.mark.parametrize(
    ("rule", "labels", "name", "why"),
    [
        ({"team": "db"}, {}, "of-team", "escalation of the team db"),
        ({"team": "web"}, {}, None, ""),
        ({}, {}, None, ""),
        ({"team": "db"}, {"tier": "1"}, "of-route", "escalation of the route"),
        # A route below has that of the route above.
        ({}, {"tier": "1", "host": "a"}, "of-route", "escalation of the route"),
        # An empty one stands for nobody, also not the team's.
        ({"team": "db"}, {"tier": "2"}, None, ""),
        ({"team": "db", "escalation_rules": OWN}, {"tier": "1"}, "",
         "escalation_rules of the rule"),
    ],
)  # fmt: skip
def test_the_rule_decides_before_the_route_and_the_route_before_the_team(
    rule: dict[str, Any], labels: dict[str, str], name: str | None, why: str
):
    given = Rule.model_validate({"name": "r", **rule})
    (group,) = memberships(TREE, given, labels, "general", False)
    chosen = policy_of(group.policy, DOCUMENT)
    assert (chosen and chosen.name, chosen.why if chosen else "") == (name, why)
    if name == "":
        assert chosen is not None
        assert [str(step.notify[0]) for step in chosen.policy.steps] == ["receiver pager"] * 2


def test_a_policy_that_is_gone_is_as_none():
    assert policy_of({"escalation": "left"}, DOCUMENT) is None
    (group,) = memberships(None, rule_of({"team": "db"}), {}, "general", False)
    chosen = policy_of(group.policy, DOCUMENT)
    assert chosen is not None
    assert chosen.name == "of-team"


def test_routes_with_another_policy_are_another_way():
    tree = RouteTree(
        read_routes(
            """
route:
  receiver: default
  routes:
    - {matchers: [a="1"], continue: true, escalation: of-route}
    - {matchers: [b="1"]}
"""
        )
    )
    both = memberships(tree, rule_of({}), {"a": "1", "b": "1"}, "general", False)
    assert [one.policy.get("escalation") for one in both] == ["of-route", None]
