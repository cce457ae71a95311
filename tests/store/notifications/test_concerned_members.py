"""A decision looks only at members that silences and inhibition rules may concern anew."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel import Rule
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.routes import Routes
from sentinel.store.notifications.rule_labels import RuleLabels
from tests.databases import both_databases
from tests.world import World

MANY = {f"/{number}": 95.0 for number in range(60)}
ROUTES = """
route: {receiver: default}
inhibit_rules:
  - {source_matchers: [rule="other"], target_matchers: [severity="low"], equal: [mount]}
"""


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The rows whose labels decisions read."""
    rows: list[Any] = []

    class Counted(RuleLabels):
        def of(self, row: Any) -> dict[str, str]:
            rows.append(row)
            return super().of(row)

    monkeypatch.setattr("sentinel.store.notifications.concerned_members.RuleLabels", Counted)
    return rows


@both_databases
def test_what_is_known_to_match_nothing_is_not_looked_at_again(
    store: Store, clock: FakeClock, looked_at: list[Any]
):
    world = World(store, clock, group_interval="60s", repeat_interval="1h")
    Routes(store).apply(ROUTES, actor="ann")
    silences = MatcherSilences(store)
    until = clock.now().replace(year=clock.now().year + 1)
    silences.create(['team="other"'], until, actor="ann")
    world.sees(MANY)
    world.tells()
    counts = [len(looked_at)]
    clock.forward(hours=1)
    world.tells()
    counts.append(len(looked_at))
    world.sees({**MANY, "/new": 95})
    world.tells()
    counts.append(len(looked_at))
    assert counts == [60, 60, 61]
    assert [len(one.alerts) for _, one in world.recorder.messages] == [60, 60, 61]
    world.recorder.messages.clear()

    # Another silence is looked for in all of them, and what matches is found without labels then.
    silences.create(['mount=~"/5|/new"'], until, actor="ann")
    clock.forward(hours=1)
    world.tells()
    (message,) = [one for _, one in world.recorder.messages]
    assert len(message.alerts) == 59
    before = len(looked_at)
    clock.forward(hours=1)
    world.tells()
    assert (len(looked_at), len(world.recorder.messages[-1][1].alerts)) == (before, 59)


def test_a_rule_that_changes_its_labels_is_looked_at_again(store: Store, clock: FakeClock):
    world = World(store, clock, repeat_interval="1h", annotations={"summary": "mount={mount}"})
    until = clock.now().replace(year=clock.now().year + 1)
    MatcherSilences(store).create(['env="test"'], until, actor="ann")
    world.sees({"/": 95})
    assert world.said() == [("firing", "first")]
    world.rule = Rule.model_validate({**world.rule.model_dump(), "labels": {"env": "test"}})
    world.sees({"/": 95})
    clock.forward(hours=1)
    assert (world.said(), world.reasons()) == ([], ["silenced"])


def test_what_a_decision_found_that_was_taken_back_is_not_remembered(
    store: Store, clock: FakeClock, looked_at: list[Any], monkeypatch: pytest.MonkeyPatch
):
    world = World(store, clock)
    until = clock.now().replace(year=clock.now().year + 1)
    MatcherSilences(store).create(['team="other"'], until, actor="ann")
    world.sees(MANY)

    def broken(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("sentinel.store.notifications.notification_log.Gates.save", broken)
        with pytest.raises(RuntimeError, match="disk"):
            store.notification_log.claim("test")
    world.tells()
    assert len(looked_at) == 120
