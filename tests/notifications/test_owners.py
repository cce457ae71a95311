"""Whose an alert is: by its rule, its label, a tag of Prefect, or a list of patterns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sentinel.alerts.run_source import RunSource
from sentinel.notifications.notify_document import read_notify
from sentinel.notifications.notify_plan import differences
from sentinel.notifications.owners import NO_FACTS, Facts, Owners, tagged_owner
from sentinel.notifications.route_document import read_routes
from sentinel.notifications.route_trial import tried
from sentinel.notifications.routing import RouteTree, facts_of
from sentinel.rules.rule import Rule

LIST = """
# pattern       owner
*               platform      # whatever nobody else owns
disk-*          @infra
etl/*           data
etl/nightly-*   night
pool:gpu-?      ml
lab-*
"""
TREE = """
owners: |
  *       platform
  disk-*  infra
route:
  receiver: default
  routes: [{matchers: [owner="infra"], receiver: infra, group_by: [owner]}]
defaults: {owner: {platform: platform-chat}}
"""


def of(name: str, *, owner: str = "", facts: Facts = NO_FACTS, **labels: str) -> tuple[str, str]:
    found = Owners(LIST).of(Rule(name=name, owner=owner), labels, facts)
    return found.owner, found.by


@pytest.mark.parametrize(
    ("given", "owner", "by"),
    [
        ({"name": "cpu"}, "platform", "*"),
        ({"name": "disk-full"}, "infra", "disk-*"),
        ({"name": "disk-full", "owner": "ada"}, "ada", "rule"),
        ({"name": "lab-7"}, "", "lab-*"),
        ({"name": "runs", "flow": "etl", "deployment": "hourly"}, "data", "etl/*"),
        ({"name": "runs", "flow": "etl", "deployment": "nightly-1"}, "night", "etl/nightly-*"),
        ({"name": "runs", "flow": "web", "deployment": "x"}, "platform", "*"),
        ({"name": "cpu", "facts": Facts("", "gpu-1")}, "ml", "pool:gpu-?"),
        ({"name": "cpu", "facts": Facts("", "GPU-1")}, "platform", "*"),
        ({"name": "cpu", "facts": Facts("tagged", "gpu-1")}, "tagged", "tag"),
        ({"name": "cpu", "facts": Facts("tagged"), "label": "x"}, "tagged", "tag"),
    ],
)
def test_the_rule_then_the_tag_then_the_last_pattern_that_matches(
    given: dict[str, Any], owner: str, by: str
):
    assert of(**given) == (owner, by)


def test_the_label_of_an_alert_stands_between_its_rule_and_tags():
    owners, facts = Owners(LIST), Facts("tagged")
    labels = {"owner": "label"}
    assert owners.of(Rule(name="cpu"), labels, facts).owner == "label"
    assert owners.of(Rule(name="cpu", owner="ada"), labels, facts).owner == "ada"
    assert Owners().of(Rule(name="cpu"), {}).owner == ""


def test_an_alert_about_a_deployment_has_that_deployments_tags_and_pool():
    source = RunSource(tagged_owner="of-the-check", work_pool="sentinel")
    assert facts_of(None, source) == Facts("of-the-check", "sentinel")
    about = {"tags": ["nightly", "owner:data"], "work_pool": "gpu-1"}
    assert facts_of(about, source) == Facts("data", "gpu-1")
    assert facts_of({"tags": [7, "owner:"], "work_pool": 7}, RunSource()) == Facts()
    assert tagged_owner("owner:x") == ""


@pytest.mark.parametrize(
    ("name", "receivers"),
    [("disk-full", ["infra"]), ("cpu", ["platform-chat"])],
)
def test_owners_count_in_routes_and_defaults(name: str, receivers: list[str]):
    tree = RouteTree(read_routes(TREE))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    found = tried(tree, Rule(name=name), {}, at, 1)
    assert [one for way in found.ways for one in way.receivers] == receivers
    moved = tried(tree, Rule(name="cpu"), {}, at, 1, Facts("infra")).ways[0]
    assert (moved.receivers, moved.labels) == (("infra",), {"owner": "infra"})


def test_a_list_that_cannot_be_read_and_one_that_differs():
    with pytest.raises(ValueError, match="line 2: write a pattern and one owner"):
        Owners("a b\nc d e")
    before, after = read_notify({"n": TREE}), read_notify({"n": TREE.replace("disk-*  infra", "")})
    assert [str(one) for one in differences(after, {}, before.routes)] == ["- owner disk-*"]
