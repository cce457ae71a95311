"""The routing tree by itself: what a route inherits, defaults, trials and the cost of a look-up."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel import Rule
from sentinel.notifications.grouping import Membership
from sentinel.notifications.route_document import read_routes
from sentinel.notifications.route_trial import checked, looked_at, route_trials, rule_of
from sentinel.notifications.routing import RouteTree, memberships

AT = datetime.fromisoformat("2026-01-01T12:00:00+00:00")


def tree(text: str) -> RouteTree:
    return RouteTree(read_routes(text))


def groups(routes: RouteTree | None, labels: dict[str, str], **rule: Any) -> list[Membership]:
    one = Rule.model_validate({"name": "disk", "severity": "high", **rule})
    found = memberships(routes, one, labels, "system", False, "", one.severity)
    assert len({group.key for group in found}) == len(found)
    return list(found)


def names(routes: RouteTree, labels: dict[str, str], **rule: Any) -> list[str]:
    return [name for one in groups(routes, labels, **rule) for name in one.receivers]


INHERITED = tree("""
route:
  receiver: ops
  group_by: [rule, host]
  group_wait: 10s
  repeat_interval: 1d
  routes:
    - matchers: [team="db"]
      group_interval: 2m
      routes:
        - {matchers: [tier="gold"], receiver: [gold, db], group_by: [...], group_wait: 0s}
""")


def test_a_route_inherits_what_it_does_not_say():
    (one,) = groups(INHERITED, {"host": "a"}, team="db", group_interval="7m", repeat_interval="1h")
    assert (one.route, one.receivers) == ('{}/{team="db"}', ("ops",))
    assert one.labels == {"rule": "disk", "host": "a"}
    assert one.wait == timedelta(seconds=10)
    assert one.policy["group_interval"] == 120
    assert one.policy["repeat_interval"] == 86_400
    (gold,) = groups(INHERITED, {"host": "a", "tier": "gold"}, team="db", throttle="1h")
    assert gold.receivers == ("gold", "db")
    assert gold.labels["tier"] == "gold"
    assert gold.labels["severity"] == "high"
    assert gold.wait == timedelta(0)
    assert (gold.policy["group_interval"], gold.policy["throttle"]) == (120, 3600)
    (other,) = groups(INHERITED, {}, group_interval="7m")
    assert (other.route, other.policy["group_interval"]) == ("{}", 420)


def test_another_receiver_or_tenant_is_another_group():
    keys = {
        groups(tree(f"route: {{receiver: {name}}}"), {}, tenant=tenant)[0].key
        for name in ("a", "b")
        for tenant in ("default", "red")
    }
    assert len(keys) == 4


def test_a_rules_own_group_is_the_same_with_and_without_routes():
    before = groups(None, {}, receivers=["own"])
    assert groups(tree("route: {receiver: ops}"), {}, receivers=["own"]) == before
    assert groups(tree("route: {}"), {}) == groups(None, {})
    assert names(tree("route: {receiver: ops}"), {}, receivers=[]) == []


DEFAULTS = tree("""
route:
  receiver: ops
  routes: [{matchers: [rule="special"], receiver: special}]
defaults:
  team: {db: db-team}
  owner: {ada: ada}
  severity: {critical: pager, warning: [mail, chat]}
""")


@pytest.mark.parametrize(
    ("rule", "receivers"),
    [
        ({"team": "db", "severity": "critical"}, ["db-team"]),
        ({"owner": "ada", "severity": "critical"}, ["ada"]),
        ({"severity": "emergency"}, ["pager"]),
        ({"severity": "medium"}, ["mail", "chat"]),
        ({"severity": "low"}, ["ops"]),
        ({"team": "db", "receivers": ["own"]}, ["own"]),
        ({"team": "db", "name": "special"}, ["special"]),
    ],
)
def test_defaults_are_by_team_then_owner_then_severity(rule: dict[str, Any], receivers: list[str]):
    assert names(DEFAULTS, {}, **rule) == receivers


def test_two_routes_to_one_group_are_one_group():
    routes = tree("""
route:
  receiver: ops
  routes:
    - {matchers: [a="b"], receiver: x, continue: true}
    - {matchers: [a="b"], receiver: x, continue: true}
    - {matchers: [a="b"], receiver: y, continue: true}
""")
    assert names(routes, {"a": "b"}) == ["x", "y"]


def test_routes_that_differ_only_in_their_times_are_two_groups():
    routes = tree("""
route:
  receiver: ops
  routes:
    - {matchers: [a="b"], receiver: x, continue: true, active_time_intervals: [day]}
    - matchers: [a="b"]
      receiver: x
      continue: true
      mute_time_intervals: [day]
      routes: [{matchers: [c="d"], group_wait: 1m}]
    - {matchers: [a="b"], continue: true, routes: [{matchers: [c="d"], receiver: x}]}
    - {matchers: [team="db"], receiver: db, continue: true, mute_time_intervals: [day]}
defaults: {team: {db: db}}
time_intervals:
  - {name: day, time_intervals: [{times: [{start_time: "09:00", end_time: "17:00"}]}]}
""")
    alone = tree('route: {receiver: ops, routes: [{matchers: [a="b"], receiver: x}]}')
    day, night, _ = groups(routes, {"a": "b"})
    assert (day.route, day.receivers) == (night.route, night.receivers)
    assert ("active_times" in day.policy, "mute_times" in night.policy) == (True, True)
    assert day.key == groups(alone, {"a": "b"})[0].key  # that of the first is as it was
    assert [one.wait for one in groups(routes, {"a": "b", "c": "d"})][1:] == [
        timedelta(minutes=1), None,
    ]  # fmt: skip
    muted, default = groups(routes, {}, team="db")
    assert ("mute_times" in muted.policy, "mute_times" in default.policy) == (True, False)


def test_a_thousand_routes_are_not_searched_one_by_one():
    many: list[dict[str, Any]] = [
        {"matchers": [f'service="s{number}"', 'env!="test"'], "receiver": f"r{number}"}
        for number in range(1000)
    ]
    many.insert(500, {"matchers": ['zone=~"eu-.*"'], "receiver": "eu", "continue": True})
    routes = tree(yaml.safe_dump({"route": {"receiver": "ops", "routes": many}}))
    assert names(routes, {"service": "s700", "zone": "eu-1"}) == ["eu", "r700"]
    assert names(routes, {"service": "s700", "env": "test"}) == ["ops"]
    level = routes.root.level
    looked: list[int] = []
    for place, route in enumerate(level.routes):

        def ways(labels: Any, place: int = place, ways: Any = route.ways) -> Any:
            looked.append(place)
            return ways(labels)

        route.ways = ways  # pyright: ignore[reportAttributeAccessIssue] - counted in the test
    assert names(routes, {"service": "s900"}) == ["r900"]
    assert looked == [500, 901]


NIGHTS = tree("""
route:
  receiver: ops
  routes:
    - matchers: [team="db"]
      receiver: db
      group_wait: 1m
      repeat_interval: 1h
      active_time_intervals: [office]
time_intervals:
  - name: office
    time_intervals:
      - {times: [{start_time: "09:00", end_time: "17:00"}], location: Europe/Berlin}
""")


def test_a_trial_shows_the_times_of_the_messages_and_the_muting():
    evening = datetime.fromisoformat("2026-01-01T15:30:00+00:00")
    labels = {"team": "db", "rule": "disk"}
    (one,) = route_trials(NIGHTS, rule_of(labels), labels, evening)
    assert one.labels == {"rule": "disk"}
    assert not one.muted
    told = [(step.at.isoformat()[5:16], step.reason) for step in one.steps if step.send]
    assert told == [
        ("01-01T15:31", "first"), ("01-02T08:00", "repeat"), ("01-02T09:00", "repeat"),
    ]  # fmt: skip
    held = [step for step in one.steps if step.reason == "outside_active_time"]
    assert [step.text for step in held] == [
        "2026-01-01 16:31:00 UTC  not notified: outside the active time intervals of its route; "
        "next decision at 2026-01-02 08:00:00 UTC"
    ]
    (night,) = route_trials(NIGHTS, rule_of(labels), labels, evening + timedelta(hours=5))
    assert night.muted
    (nobody,) = route_trials(None, rule_of({}, []), {}, AT)
    assert [step.reason for step in nobody.steps] == ["not_routed"]


def test_the_way_names_the_routes_that_were_looked_at():
    def seen(tree: RouteTree, labels: dict[str, str]) -> list[tuple[int, str, bool]]:
        return [(one.depth, one.matchers, one.matched) for one in looked_at(tree, labels)]

    assert seen(NIGHTS, {"team": "db"}) == [(0, "", True), (1, 'team="db"', True)]
    assert seen(INHERITED, {}) == [(0, "", True), (1, 'team="db"', False)]


def test_the_file_of_the_how_to_passes_its_own_tests():
    page = (Path(__file__).parents[2] / "docs/how-to/route-alerts.md").read_text("utf-8")
    document = checked(page.partition("```yaml\n")[2].partition("```")[0])
    assert len(document.tests) == 2
