"""The order of noisy rules of stored alerts: learned where that is better, and said which."""

from __future__ import annotations

import sys

import pytest
from sqlalchemy import event

from sentinel.access import EVERYTHING, Reach, Scope
from sentinel.clock import FakeClock
from sentinel.noise.ranking import NOT_INSTALLED
from sentinel.store import Store
from sentinel.store.reports.noise import noise_report
from sentinel.store.reports.noise_ranking import rule_ranking
from tests.databases import both_databases
from tests.store.noise_weeks import LOUD, QUIET, seven_weeks
from tests.world import World


@both_databases
def test_rules_come_in_the_learned_order_and_each_scope_learns_of_its_own(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    mine, theirs = (Scope((Reach(frozenset({name})),)) for name in ("a", "b"))
    seven_weeks(store, tenant="a")
    World(store, clock, name="other", tenant="b").sees({"/": 95.0})
    found = noise_report(store, scope=mine)
    assert found.ranking.learned
    names = [one.name for one in found.rules]
    assert (set(names[:5]), set(names[5:])) == (set(QUIET), set(LOUD))
    values = [one.learned for one in found.rules if one.learned is not None]
    assert values == sorted(values, reverse=True)
    assert len(values) == 10
    # By the score it is the other way round.
    scores = [one.fatigue.score or 0.0 for one in found.rules]
    assert max(scores[:5]) < min(scores[5:])
    other = noise_report(store, scope=theirs)
    assert (other.ranking.learned, other.ranking.coefficients) == (False, {})
    assert other.ranking.text.endswith("and has 0.")
    assert rule_ranking(store, EVERYTHING).ranking.learned
    # What was cut off by the most that is read is a week that is not whole, and left out.
    clock.forward(hours=1)
    monkeypatch.setattr("sentinel.store.reports.noise_ranking._LEARNED_FROM", 450)
    assert "and has 3" in rule_ranking(store, mine).ranking.text
    monkeypatch.setitem(sys.modules, "sklearn", None)
    simple = noise_report(store, scope=mine)
    assert simple.ranking == NOT_INSTALLED
    assert {one.name for one in simple.rules[:5]} == set(LOUD)
    assert {one.learned for one in simple.rules} == {None}


def test_it_is_learned_once_an_hour(store: Store, clock: FakeClock):
    World(store, clock).sees({"/": 95.0})
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    first = rule_ranking(store, EVERYTHING)
    many = len(asked)
    clock.forward(minutes=59)
    assert (rule_ranking(store, EVERYTHING), len(asked)) == (first, many)
    clock.forward(minutes=2)
    assert rule_ranking(store, EVERYTHING).at > first.at
    assert len(asked) == 2 * many > 0
