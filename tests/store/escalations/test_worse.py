"""A group that becomes worse pages those whom its severity, or quiet hours, had left out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.alerts.actions import Acknowledge, Suppress, Unsuppress
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.escalations import resuming
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.oncall.documents import OnCallDocuments
from tests.databases import both_databases
from tests.store.escalations.paged import Paged

DOCUMENT = """
people:
  ann:
    notify: [{receiver: pager}, {receiver: phone, after: 2m}]
    quiet_hours: {windows: [{start: "11:00", end: "23:00"}]}
  ben: {notify: [{receiver: pager}]}
teams:
  one: {people: [ann], escalation: one}
  severe: {people: [ann], escalation: severe}
escalation_policies:
  one: {steps: [{notify: person:ann}]}
  severe: {steps: [{notify: person:ann, severity: critical}, {after: 1m, notify: person:ben}]}
"""


@pytest.fixture
def paged(store: Store, clock: FakeClock) -> Paged:
    paged = Paged(store, clock)
    OnCallDocuments(store).apply(DOCUMENT, actor="ann")
    levels = {"levels": {"high": 90, "critical": 98}}
    paged.rule = paged.rule.model_validate(
        {"name": "disk", "every": "60s", "when": levels, "group_wait": "0s"}
        | {"group_by": ["rule"], "team": "one"}
    )
    return paged


def worse(paged: Paged, *mounts: str) -> None:
    paged.clock.forward(minutes=2)
    paged.store.apply(paged.evaluation(dict.fromkeys(mounts or ("/",), 99.0)))


@both_databases
def test_critical_breaks_through_quiet_hours_that_have_put_a_page_off(paged: Paged):
    paged.fires("/")
    paged.goes_on()
    assert (paged.sends(), paged.row().state) == ([], "exhausted")
    assert [one.state for one in paged.pages()] == ["put_off", "put_off"]
    worse(paged)
    assert paged.sends() == [("page", "pager", "ann")]
    paged.clock.forward(minutes=2)
    assert paged.sends() == [("page", "phone", "ann")]


@both_databases
def test_a_step_that_was_skipped_for_the_severity_pages_once_it_counts(paged: Paged):
    paged.by("severe")
    paged.fires("/")
    assert [one.what for one in paged.goes_on()] == ["nobody"]
    worse(paged)
    assert paged.sends() == [("page", "pager", "ann")]
    assert paged.row().level == 1
    assert [one.level for one in paged.goes_on()] == [2]
    assert ("page", "pager", "ben") in paged.sends()
    # Down and up again within the hour is no further page of the step.
    paged.clock.forward(minutes=3)
    paged.fires("/")
    paged.sends()
    worse(paged)
    assert paged.sends() == []


def test_what_becomes_critical_while_it_is_muted_pages_once_it_is_heard(paged: Paged):
    paged.fires("/")
    paged.goes_on()
    paged.by("one")
    paged.does(Suppress(actor="ben", until=paged.clock.now() + timedelta(hours=1)))
    worse(paged)
    assert paged.sends() == []
    paged.does(Unsuppress(actor="ben"))
    assert ("page", "pager", "ann") in paged.sends()


def test_a_silence_holds_back_the_last_level_and_leaves_the_end_of_quiet_hours(paged: Paged):
    paged.fires("/")
    paged.goes_on()
    paged.clock.forward(minutes=1)
    paged.does(Suppress(actor="ben", until=paged.clock.now() + timedelta(hours=1)))
    assert paged.row().state == "paused"
    paged.clock.forward(minutes=50)
    paged.does(Unsuppress(actor="ben"))
    assert (paged.row().state, paged.due_in()) == ("exhausted", None)
    assert [f"{one.at:%H:%M}" for one in paged.pages()] == ["23:00", "23:02"]
    # One that is under way: ann's telephone waits for what was left of its delay.
    worse(paged)
    assert paged.sends() == [("page", "pager", "ann")]
    paged.clock.forward(minutes=1)
    paged.does(Suppress(actor="ben", until=paged.clock.now() + timedelta(hours=1)))
    paged.clock.forward(minutes=5)
    assert paged.sends() == []
    paged.does(Unsuppress(actor="ben"))
    assert paged.sends() == []
    paged.clock.forward(minutes=1)
    assert paged.sends() == [("page", "phone", "ann")]


def test_those_that_stay_muted_keep_no_other_from_going_on(
    paged: Paged, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(resuming, "_MOST", 1)
    paged.rule = paged.rule.model_copy(update={"group_by": ["mount"]})
    silences = MatcherSilences(paged.store)
    until = paged.clock.now() + timedelta(hours=1)
    made = [
        silences.create([f'mount="/{name}"'], until, actor="ben")[0].id for name in ("a", "b", "c")
    ]
    paged.fires("/a", "/b", "/c")
    assert [one.what for one in paged.goes_on()] == ["paused"] * 3
    for number, silence in enumerate(reversed(made)):
        silences.expire(silence, actor="ben")
        assert resuming.go_on_unmuted(paged.store, paged.clock.now()) == 1, number


@both_databases
def test_what_joins_a_group_without_a_further_level_begins_anew(paged: Paged):
    paged.fires("/")
    paged.goes_on()
    worse(paged)
    paged.clock.forward(minutes=2)
    assert len(paged.sends()) == 2
    paged.clock.forward(minutes=2)
    paged.store.apply(paged.evaluation({"/": 99.0, "/var": 99.0}))
    # What joins one by one pages once for each interval of the group.
    assert (paged.row().state, paged.row().level, paged.due_in()) == ("waiting", 0, 5)
    assert [one.what for one in paged.goes_on(5)] == ["paged"]
    assert paged.sends() == [("page", "pager", "ann")]
    paged.does(Acknowledge(actor="ann"))
    assert paged.row().state == "acknowledged"
