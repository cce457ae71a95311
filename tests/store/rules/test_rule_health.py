"""The health of rules on a real store, from their evaluations and from what people did."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from sentinel.alerts.actions import Resolve
from sentinel.clock import FakeClock
from sentinel.engine.paused_rules import follow_paused
from sentinel.ingest.posted_alert import POSTED, post_alert
from sentinel.prefect_client.port import Deployed
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.rules.health import RuleHealth, explain, health_of
from sentinel.store import Store
from sentinel.store.rules.health import FACTS, NONE, alert_counts, facts_of, note_paused
from tests.world import World


def health(store: Store) -> RuleHealth:
    (row,) = store.rules.fields({name: name for name in (*FACTS, "tenant", "name")}, None)
    counts = alert_counts(store).get((row["tenant"], row["name"]), NONE)
    return health_of(facts_of(row, counts), store.now())


def test_it_follows_the_evaluations(store: Store, clock: FakeClock):
    world = World(store, clock, **{"for": "2m"})
    world.sees({"/": 20})
    assert health(store) is RuleHealth.OK
    world.sees({"/": 95})
    assert health(store) is RuleHealth.PENDING
    world.sees({"/": 95})
    world.sees({"/": 95})
    assert health(store) is RuleHealth.FIRING
    world.sees({"/": 20})
    world.sees({})
    assert health(store) is RuleHealth.NO_DATA
    world.sees({}, closed_world=True)
    assert health(store) is RuleHealth.OK
    # A check that could not see says nothing, also where all that it does not list is good.
    world.sees({}, closed_world=True, not_seen=[{"mount": "/"}])
    assert health(store) is RuleHealth.NO_DATA
    world.sees({"/": 20}, closed_world=True, not_seen=[{"mount": "/b"}])
    assert health(store) is RuleHealth.OK
    world.sees(error=OSError("no"))
    assert health(store) is RuleHealth.ERROR
    clock.forward(minutes=5)
    assert health(store) is RuleHealth.STALE
    store.rules.disable("disk", actor="ann")
    assert health(store) is RuleHealth.DISABLED


@pytest.mark.parametrize("rule", [POSTED, DRILL_RULE])
def test_alerts_that_programs_create_are_over_once_a_person_resolved_them(
    store: Store, rule: Literal["api", "sentinel-drill"]
):
    posted = post_alert(
        store, actor="ann", labels={"drill": "db"}, title="Drill: db", severity="high", rule=rule
    )
    assert health(store) is RuleHealth.FIRING
    store.act([posted.alert_id], Resolve(actor="ann"))
    assert health(store) is RuleHealth.OK


def test_a_rule_whose_alerts_a_person_resolved_while_it_fires_is_not_ok(
    store: Store, clock: FakeClock
):
    world = World(store, clock)
    world.sees({"/": 95})
    store.act(world.ids(), Resolve(actor="ann"))
    assert health(store) is RuleHealth.FIRING
    for _ in range(6):
        world.sees({"/": 95})
        assert health(store) is RuleHealth.FIRING
    assert world.alerts() == [("disk: / 95 percent", "open")]
    store.act(world.ids(), Resolve(actor="ann"))
    world.sees({"/": 20})
    assert health(store) is RuleHealth.OK


def test_a_rule_that_never_saw_a_series_says_so(store: Store, clock: FakeClock):
    world = World(store, clock)

    def why() -> str:
        (row,) = store.rules.fields({name: name for name in FACTS}, None)
        return explain(facts_of(row, NONE), store.now())

    world.sees({})
    assert why() == "no evaluation has seen a series yet; check what it reads and its matchers"
    world.sees({"/": 20})
    world.sees({})
    assert why() == "the last evaluation saw nothing"


class Server:
    """What Prefect says of its deployments."""

    def __init__(self, **deployment: Any) -> None:
        self.deployment = deployment

    def every_deployment(self) -> list[Deployed]:
        return [Deployed(id="dep-1", name="disk", flow_id="flow-1", **self.deployment)]


def test_what_is_paused_in_prefect_is_paused_here(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/": 20})
    number = store.change_number()
    for deployment, paused in (
        ({"paused": True}, True),
        ({"schedules": [{"active": False}]}, True),
        ({"schedules": [{"active": False}, {"active": True}]}, False),
        ({}, False),  # nothing runs it by itself, and nobody paused it
    ):
        follow_paused(store, Server(**deployment))  # pyright: ignore[reportArgumentType] - all that is asked of it
        assert health(store) is (RuleHealth.PAUSED if paused else RuleHealth.OK)
    assert store.change_number() > number
    assert note_paused(store, set()) == 0
