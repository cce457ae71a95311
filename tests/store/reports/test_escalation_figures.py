"""How far escalations went, by policy and team, and how long until somebody acknowledged."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.access import Reach, Scope
from sentinel.alerts.actions import Acknowledge, Resolve, Unacknowledge
from sentinel.clock import FakeClock
from sentinel.notifications.grouping import membership
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.store import Store
from sentinel.store.reports.escalations import PolicyFigures, escalation_figures
from tests.databases import both_databases
from tests.store.escalations.paged import Paged


@pytest.fixture
def paged(store: Store, clock: FakeClock) -> Paged:
    return Paged(store, clock)


def levels(found: PolicyFigures) -> list[tuple[int, int, int, float | None]]:
    return [(one.level, one.reached, one.acknowledged, one.seconds) for one in found.levels]


@both_databases
def test_levels_and_times_are_counted_by_policy_and_team(paged: Paged):
    assert escalation_figures(paged.store).policies == []
    # Reaches level 2, is acknowledged there after 12 minutes, and begins anew without an answer.
    paged.fires("/")
    paged.goes_on()
    paged.goes_on(10)
    paged.clock.forward(minutes=2)
    paged.does(Acknowledge(actor="ben"))
    paged.clock.forward(minutes=1)
    paged.does(Unacknowledge(actor="ben"))
    paged.fires("/", "/var")
    # Another one, of another team: acknowledged before anybody was paged.
    paged.rule = paged.rule.model_copy(update={"name": "other", "team": "once"})
    (other,) = set(paged.fires("/")) - {
        disk for (disk,) in paged.rows("SELECT id FROM alert WHERE rule = 'disk'")
    }
    paged.clock.forward(seconds=30)
    paged.does(Acknowledge(actor="ann"), other)
    paged.does(Resolve(actor="ann"), other)
    # And a drill, which does not count.
    paged.rule = paged.rule.model_copy(update={"name": DRILL_RULE, "team": "default"})
    paged.fires("/")
    assert paged.rows("SELECT count(*) FROM escalation")[0][0] == 3
    found = escalation_figures(paged.store)
    assert [(one.policy, one.team, one.escalations) for one in found.policies] == [
        ("default", "default", 1), ("once", "once", 1)
    ]  # fmt: skip
    first, second = found.policies
    assert (first.acknowledged, first.seconds) == (1, 720)
    assert levels(first) == [(1, 1, 0, None), (2, 1, 1, 720)]
    assert levels(second) == [(0, 1, 1, 30)]
    assert (found.total.escalations, found.total.acknowledged) == (2, 2)
    assert (found.total.seconds, found.until - found.since) == (375, timedelta(hours=24))
    assert levels(found.total) == [(0, 2, 1, 30), (1, 1, 0, None), (2, 1, 1, 720)]
    (of_team,) = escalation_figures(paged.store, team="once").policies
    assert of_team == second
    (of_policy,) = escalation_figures(paged.store, policy="default").policies
    assert of_policy == first
    mine = Scope(parts=(Reach(tenants=None, teams=frozenset(("once",))),))
    assert escalation_figures(paged.store, scope=mine).policies == [second]
    paged.clock.forward(hours=25)
    assert escalation_figures(paged.store).total.escalations == 0
    assert escalation_figures(paged.store, hours=26).total.escalations == 2


def test_the_group_of_a_drill_knows_that_it_is_one(paged: Paged):
    rule = paged.rule.model_copy(update={"name": DRILL_RULE})
    assert membership(rule, {}, "", check=False).policy["drill"] is True
    assert "drill" not in membership(paged.rule, {}, "", check=False).policy
