"""Imported routes are added below those that are active, and a second time nothing is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import yaml

from sentinel.ingest.oncall_import.route_merging import MergedRoutes, merged_routes
from sentinel.notifications.route_document import read_routes
from sentinel.notifications.routing import RouteTree

ACTIVE = """
route:  # ours
  receiver: default
  routes:
    - {matchers: ['team="db"', 'env!="test"'], receiver: db, escalation: own}
    - {matchers: ['team="web"'], escalation: web}
tests:
  - {labels: {team: db, env: prod}, receivers: [db]}
  - {labels: {team: shop}, receivers: [default]}
"""
SHOP: dict[str, Any] = {"matchers": ['team="shop"'], "escalation": "shop"}
DB: dict[str, Any] = {"matchers": ['env!="test"', 'team="db"'], "escalation": "db"}
WEB: dict[str, Any] = {"matchers": ['team="web"'], "escalation": "web"}


def said(found: MergedRoutes) -> list[str]:
    return [*map(str, found.differences), *map(str, found.notes)]


def test_without_routes_there_is_a_document_whose_alerts_notify_whom_they_did():
    found = merged_routes(0, "", [SHOP, SHOP])
    assert yaml.safe_load(found.text) == {"route": {"routes": [SHOP]}}
    assert read_routes(found.text).route.receiver == []
    assert said(found) == ['+ route {team="shop"}: escalation shop']
    again = merged_routes(1, found.text, [SHOP])
    assert (again.text, said(again)) == (found.text, [])
    assert merged_routes(0, "", []).text == ""


def test_what_is_there_stays_and_the_rest_comes_after_it():
    found = merged_routes(3, ACTIVE, [DB, WEB, SHOP])
    assert [one.escalation for one in read_routes(found.text).route.routes] == [
        "own", "web", "shop"
    ]  # fmt: skip
    assert said(found) == [
        '+ route {team="shop"}: escalation shop',
        """conflict: route {env!="test", team="db"}: its escalation is kept with 'own', where """
        "the import has 'db'",
        "conflict: the routes: they are written anew: comments in them are kept in their earlier "
        "version only",
    ]
    again = merged_routes(4, found.text, [DB, WEB, SHOP])
    assert (again.text, list(again.differences)) == (found.text, [])


def test_below_a_route_that_takes_everything_they_still_match():
    night = "{name: night, time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}]}]}"
    text = f"""
route:
  receiver: default
  routes:
    - {{receiver: audit, continue: true}}
    - {{receiver: ops, mute_time_intervals: [night], group_wait: 5m}}
time_intervals: [{night}]
"""
    found = merged_routes(3, text, [SHOP])
    (way,) = RouteTree(read_routes(found.text)).root.ways({"team": "shop"})[1:]
    assert (way.escalation, way.receivers, way.wait) == ("shop", ("ops",), timedelta(minutes=5))
    assert list(way.mute) == ["night"]
    assert said(found) == ['+ route {team="shop"}: escalation shop']
    assert merged_routes(4, found.text, [SHOP]).differences == ()
    dead = text.replace("group_wait: 5m}", "}\n    - {matchers: ['team=\"shop\"']}")
    assert len(merged_routes(3, dead, [SHOP]).differences) == 1  # that one never matches


def test_routes_whose_document_is_refused_with_the_new_ones_stay_as_they_are():
    strict = ACTIVE.replace("team: shop}, receivers: [default]", "team: shop}, receivers: [other]")
    found = merged_routes(3, strict, [SHOP])
    assert (found.text, list(found.differences)) == (strict, [])
    assert said(found)[0].startswith("conflict: the routes: none is added: ")
