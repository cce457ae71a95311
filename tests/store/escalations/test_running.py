"""What is read of the escalations that run: their level, who was paged, and who is next."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.alerts.actions import Acknowledge, Resolve
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.escalations.running import Running, running
from sentinel.store.oncall.overrides import OnCallOverrides
from tests.databases import both_databases
from tests.store.escalations.test_escalations import Paged


@pytest.fixture
def paged(store: Store, clock: FakeClock) -> Paged:
    return Paged(store, clock)


def only(paged: Paged) -> Running:
    (found,) = running(paged.store, paged.clock.now())
    return found


def following(found: Running) -> list[tuple[str, str]]:
    assert found.following is not None
    return [(page.person, page.why) for page in found.following.pages]


@both_databases
def test_the_level_who_was_paged_and_who_is_next_are_read(paged: Paged):
    assert running(paged.store, paged.clock.now()) == []
    (alert,) = paged.fires("/var")
    first = only(paged)
    assert (first.state, first.level, first.levels, first.policy) == ("waiting", 0, 3, "default")
    assert (first.firing, first.paged, first.title) == (1, [], "disk: /var 97 percent")
    assert first.receivers == ["default"]
    assert following(first) == [("ann", "schedule primary")] * 2  # pager, and phone later

    at = paged.clock.now()
    OnCallOverrides(paged.store).add("primary", at, at + timedelta(hours=1), ["cem"], actor="ann")
    assert following(only(paged)) == [("cem", "schedule primary")]
    paged.goes_on()
    paged.sends()
    second = only(paged)
    assert (second.level, second.paged) == (1, ["cem"])
    assert second.due_at == at + timedelta(minutes=10)
    assert following(second) == [("ben", "person ben")]

    paged.does(Acknowledge(actor="cem"), alert)
    resting = only(paged)
    assert (resting.state, resting.acknowledged_by) == ("acknowledged", "cem")
    paged.does(Resolve(actor="cem"), alert)
    assert running(paged.store, paged.clock.now()) == []


@both_databases
def test_after_the_last_step_nobody_is_next_and_the_soonest_is_first(paged: Paged):
    paged.by("empty")
    paged.fires("/var")
    paged.goes_on()
    paged.goes_on()
    last = only(paged)
    assert (last.state, last.level, last.following) == ("exhausted", 2, None)
    assert last.missing == ("schedule nobody",)
    paged.rule = paged.rule.model_copy(update={"name": "other", "team": "default"})
    paged.fires("/home")
    assert [one.policy for one in running(paged.store, paged.clock.now())] == ["default", "empty"]
