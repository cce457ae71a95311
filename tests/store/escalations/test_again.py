"""Where no level follows, an acknowledgement that no longer holds pages the last level again."""

from __future__ import annotations

import pytest

from sentinel.alerts.actions import Acknowledge, Unacknowledge
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.store.escalations.paged import Paged


@pytest.fixture
def paged(store: Store, clock: FakeClock) -> Paged:
    """All levels of the policy are done, and all pages sent."""
    paged = Paged(store, clock)
    paged.fires("/")
    for minutes in (0, 10, 10):
        paged.goes_on(minutes)
        paged.sends()
    assert paged.row().state == "exhausted"
    return paged


def test_taking_it_back_pages_the_last_level_again_at_once(paged: Paged):
    paged.does(Acknowledge(actor="ann"))
    paged.clock.forward(minutes=30)
    paged.does(Unacknowledge(actor="ann"))
    assert sorted(paged.sends()) == [("again", "phone", "cem"), ("again", "room", "")]
    assert (paged.row().state, paged.shown()) == ("exhausted", [("escalated", 3)])
    paged.does(Acknowledge(actor="cem"))
    paged.clock.forward(minutes=30)
    assert paged.sends() == []


def test_an_undo_of_the_acknowledgement_pages_nobody(paged: Paged):
    paged.does(Acknowledge(actor="ann"))
    paged.clock.forward(seconds=5)
    paged.does(Unacknowledge(actor="ann"))
    assert (paged.sends(), paged.row().state) == ([], "exhausted")


def test_an_owner_who_does_not_answer_is_followed_by_the_last_level(paged: Paged):
    paged.does(Acknowledge(actor="cem"))
    assert [one.what for one in paged.goes_on(60)] == ["owner"]
    assert paged.sends() == [("again", "phone", "cem")]
    paged.clock.forward(minutes=4)
    assert paged.sends() == []
    paged.clock.forward(minutes=1)
    assert paged.sends() == [("again", "room", "")]  # the level's others, and the owner not twice


def test_an_owner_who_answers_keeps_the_last_level_asleep(paged: Paged):
    paged.does(Acknowledge(actor="cem"))
    paged.goes_on(60)
    paged.sends()
    paged.does(Acknowledge(actor="cem"))
    paged.clock.forward(minutes=30)
    assert paged.sends() == []
