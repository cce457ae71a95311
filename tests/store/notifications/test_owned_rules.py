"""Owners of rules and alerts in the database: routes, comparisons and the list of the unowned."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from prefect.client.schemas.objects import FlowRun

from flows.evaluation import source_of
from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.clock import FakeClock
from sentinel.notifications.routing import compiled
from sentinel.store import Store
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.owned_rules import owned_rules
from sentinel.store.notifications.route_diff import route_diff
from sentinel.store.notifications.routes import Routes
from tests.databases import both_databases
from tests.world import World

TREE = """
owners: "pool:gpu ml"
route:
  receiver: default
  routes:
    - {matchers: [owner="data"], receiver: data}
    - {matchers: [owner="ml"], receiver: ml}
"""


def run(*tags: str, pool: str = "") -> FlowRun:
    return FlowRun.model_validate(
        {"flow_id": "0198f2c4-a7e0-7cc0-b2a1-d3f4e5a69788", "tags": list(tags),
         "work_pool_name": pool or None}
    )  # fmt: skip


@both_databases
def test_tags_and_work_pools_choose_the_route_and_are_listed(store: Store, clock: FakeClock):
    for name in ("data", "ml"):
        store.receivers.set(name, ["inbox"])
    Routes(store).apply(TREE, actor="ada")

    def opens(name: str, source: FlowRun, reading: Reading) -> list[str]:
        world = World(store, clock, name=name)
        seen = Observation(readings=[reading], complete=True, error=None, state={})
        given = world.evaluation()
        store.apply(
            msgspec.structs.replace(given, observation=seen, source=source_of(source, None))
        )
        clock.forward(seconds=60)
        (row, *_) = world.rows("SELECT receivers FROM alert_group ORDER BY opened_at DESC")
        return msgspec.json.decode(row[0]) if isinstance(row[0], str) else row[0]

    bad = Reading(labels={"mount": "/a"}, value=99)
    assert opens("tagged", run("nightly", "owner:data"), bad) == ["data"]
    assert opens("pooled", run(pool="gpu"), bad) == ["ml"]
    assert opens("nobodys", run(pool="cpu"), bad) == ["default"]
    details = {"tags": ["owner:data"], "work_pool": "cpu"}
    about = Reading(labels={"flow": "etl", "deployment": "x"}, value=99, details=details)
    assert opens("watches", run(pool="gpu"), about) == ["data"]

    found = {one.rule: (one.owner, one.by) for one in owned_rules(store)}
    assert found == {
        "tagged": ("data", "tag"), "pooled": ("ml", "pool:gpu"), "watches": ("ml", "pool:gpu"),
        "nobodys": ("", ""),
    }  # fmt: skip
    assert [one.rule for one in owned_rules(store, unowned=True)] == ["nobodys"]
    # A silence sees the owners that routes see.
    silenced = {
        owner: [one.rule for one in MatcherSilences(store).preview([f'owner="{owner}"']).alerts]
        for owner in ("data", "ml")
    }
    assert silenced == {"data": ["tagged", "watches"], "ml": ["pooled"]}
    # A comparison sees what the evaluation saw.
    draft = compiled(TREE.replace("receiver: ml", "receiver: default"))
    (moved,) = route_diff(store, draft, timedelta(days=1)).moved
    assert (moved.before, moved.after, moved.alerts) == (("ml",), ("default",), 1)
