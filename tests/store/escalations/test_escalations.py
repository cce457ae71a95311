"""A group that escalates pages one level after another until somebody acknowledges all of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from sentinel.alerts.actions import (
    Acknowledge,
    Comment,
    Escalate,
    Reopen,
    Resolve,
    Suppress,
    Unacknowledge,
    Unsuppress,
)
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.alerts.apply_escalation import carry_out
from sentinel.store.escalations.claims import claim_due
from sentinel.store.escalations.pages import (
    page_answered,
    page_attempted,
    pages_due,
)
from sentinel.store.escalations.resuming import go_on_unmuted
from sentinel.store.escalations.rows import ESCALATION
from sentinel.store.escalations.running import running
from sentinel.store.escalations.watching import LATE, stuck, unmanned
from sentinel.store.escalations.why import alert_why
from sentinel.store.notifications.matcher_silences import MatcherSilences
from tests.databases import both_databases
from tests.store.escalations.paged import START, Paged


@pytest.fixture
def paged(store: Store, clock: FakeClock) -> Paged:
    return Paged(store, clock)


def test_levels_are_paged_one_after_another_and_a_resolve_tells_who_was_paged(paged: Paged):
    paged.fires("/", "/var")
    assert paged.row().state == "waiting"
    ((one,)) = paged.goes_on()
    assert (one.what, one.level, one.due_at) == ("paged", 1, START + timedelta(minutes=10))
    assert paged.sends() == [("page", "pager", "ann")]
    assert paged.shown() == [("open", 0)] * 2  # it is the notification itself
    assert paged.goes_on(2) == []
    assert paged.sends() == [("page", "phone", "ann")]
    assert [one.level for one in paged.goes_on(8)] == [2]
    assert paged.sends() == [("page", "pager", "ben")]
    assert paged.shown() == [("escalated", 2)] * 2
    (last,) = paged.goes_on(10)
    assert (last.level, last.due_at, paged.row().state) == (3, None, "exhausted")
    assert sorted(paged.sends()) == [("page", "phone", "cem"), ("page", "room", "")]
    paged.sees({"/": 10.0, "/var": 10.0})
    assert (paged.row().state, paged.row().ended_why) == ("ended", "recovered")
    assert sorted(paged.sends()) == [
        ("resolved", "pager", "ann"), ("resolved", "pager", "ben"), ("resolved", "phone", "cem"),
        ("resolved", "room", ""),
    ]  # fmt: skip
    assert paged.sends() == []


def test_the_first_page_attempted_starts_the_clock_and_a_lost_hour_moves_what_follows(
    paged: Paged,
):
    paged.fires("/")
    paged.clock.forward(minutes=30)  # nobody looked
    (one,) = paged.goes_on()
    assert one.due_at == paged.clock.now() + timedelta(minutes=10)
    paged.clock.forward(minutes=5)  # nobody sent
    assert paged.sends() == [("page", "pager", "ann"), ("page", "phone", "ann")]
    assert paged.row().first_page_at
    assert paged.due_in() == 10


def test_an_acknowledgement_through_whatever_door_stops_it_and_drops_what_was_to_be_sent(
    paged: Paged,
):
    first, second = paged.fires("/", "/var")
    paged.goes_on()
    paged.sends()
    paged.does(Acknowledge(actor="ann"), first)
    assert paged.row().state == "waiting"  # the other one still fires
    claimed = claim_due(paged.store, START + timedelta(minutes=10))
    paged.does(Acknowledge(actor="Ann@example.org via bot"), second)
    assert (paged.row().state, paged.row().acknowledged_by) == ("acknowledged", "ann")
    assert [one.what for one in carry_out(paged.store, claimed)] == ["lost"]
    paged.clock.forward(minutes=30)
    assert (paged.sends(), paged.goes_on()) == ([], [])
    assert [one.state for one in paged.pages()] == ["sent", "dropped"]


def test_an_acknowledgement_that_runs_out_pages_its_owner_again_and_goes_on(paged: Paged):
    (alert,) = paged.fires("/")
    paged.goes_on()
    paged.sends()
    paged.does(Acknowledge(actor="ben"))
    assert paged.due_in() == 60
    paged.clock.forward(minutes=59)
    paged.does(Comment(actor="cem", comment="still on it"))
    assert paged.due_in() == 60
    (one,) = paged.goes_on(60)
    assert (one.what, paged.sends()) == ("owner", [("again", "pager", "ben")])
    assert paged.shown() == [("open", 0)]
    timeline = paged.store.alerts.timeline(alert)
    assert (timeline[-1].kind, timeline[-1].comment) == ("unacknowledged", "by ben")
    assert paged.due_in() == 10
    assert [one.level for one in paged.goes_on(10)] == [2]


def test_where_the_owner_of_an_acknowledgement_is_unknown_the_last_level_is_paged(paged: Paged):
    paged.fires("/")
    for minutes in (0, 10, 10):
        paged.goes_on(minutes)
        paged.sends()
    assert paged.row().state == "exhausted"
    paged.does(Acknowledge(actor="visitor"))
    assert [one.what for one in paged.goes_on(60)] == ["owner"]
    assert sorted(paged.sends()) == [("again", "phone", "cem"), ("again", "room", "")]
    assert paged.shown() == [("escalated", 3)]


def test_an_acknowledgement_that_runs_out_while_muted_pages_its_owner_once_it_is_heard(
    paged: Paged,
):
    paged.fires("/")
    paged.goes_on()
    paged.sends()
    paged.does(Acknowledge(actor="ben"))
    paged.clock.forward(minutes=30)
    paged.does(Suppress(actor="ann", until=paged.clock.now() + timedelta(hours=1)))
    assert [one.what for one in paged.goes_on(30)] == ["paused"]
    assert (paged.row().state, paged.row().acknowledged_by) == ("acknowledged", "ben")
    paged.clock.forward(minutes=30)
    assert [one.what for one in paged.goes_on()] == ["owner"]
    assert paged.sends() == [("again", "pager", "ben")]


def test_what_is_muted_pauses_it_and_it_goes_on_with_what_was_left(paged: Paged):
    paged.fires("/")
    paged.goes_on()
    paged.sends()
    paged.clock.forward(minutes=1)
    paged.does(Suppress(actor="ann", until=START + timedelta(hours=1)))
    assert (paged.row().state, paged.due_in()) == ("paused", None)
    paged.clock.forward(minutes=20)
    assert paged.sends() == []
    paged.does(Unsuppress(actor="ann"))
    assert (paged.row().state, paged.due_in()) == ("waiting", 9)
    paged.clock.forward(minutes=1)
    assert paged.sends() == [("page", "phone", "ann")]
    # By time alone: the decision on the group, which is due when the mute ends, notices it.
    paged.does(Suppress(actor="ann", until=paged.clock.now() + timedelta(minutes=5)))
    paged.tells()
    paged.clock.forward(minutes=5)
    paged.tells()
    assert (paged.row().state, paged.due_in()) == ("waiting", 8)


def test_what_opens_silenced_pages_nobody_until_the_silence_ends(paged: Paged):
    silences = MatcherSilences(paged.store)
    silence, _ = silences.create(['rule="disk"'], START + timedelta(hours=1), actor="ann")
    paged.fires("/")
    assert [one.what for one in paged.goes_on()] == ["paused"]  # before a decision on the group
    paged.clock.forward(minutes=5)
    assert go_on_unmuted(paged.store, paged.clock.now()) == 0
    assert "all of it is muted" in paged.does(Escalate(actor="ann")).error
    silences.expire(silence.id, actor="ann")
    assert go_on_unmuted(paged.store, paged.clock.now()) == 1
    assert [one.what for one in paged.goes_on()] == ["paged"]


def test_what_its_steps_conditions_leave_out_is_no_escalation(paged: Paged):
    paged.by("severe")
    paged.fires("/")
    assert [one.what for one in paged.goes_on(1)] == ["nobody"]
    assert (paged.shown(), paged.due_in()) == ([("open", 0)], 5)


def test_news_in_an_acknowledged_group_begins_anew_and_a_withdrawal_goes_on(paged: Paged):
    paged.fires("/")
    paged.goes_on()
    paged.sends()
    paged.goes_on(10)
    paged.clock.forward(minutes=4)
    paged.does(Acknowledge(actor="ben"))
    paged.clock.forward(minutes=4)
    paged.does(Unacknowledge(actor="ben"))
    assert (paged.row().level, paged.due_in()) == (2, 6)
    paged.does(Acknowledge(actor="ben"))
    paged.fires("/", "/var")
    assert (paged.row().level, paged.due_in()) == (0, 0)


def test_a_person_escalates_to_the_next_level_at_once(paged: Paged):
    paged.by("everybody")
    (alert,) = paged.fires("/")
    paged.goes_on()
    paged.does(Acknowledge(actor="ann"))
    paged.does(Acknowledge(actor="ben"))
    assert paged.row().state == "acknowledged"
    done = paged.does(Escalate(actor="ben", comment="too big for me"))
    assert (done.ok, str(done.reason)) == (True, "escalated_manually")
    assert paged.shown() == [("escalated", 2)]
    assert str(paged.does(Escalate(actor="ben")).reason) == "unchanged"
    assert [one.level for one in paged.goes_on()] == [2]
    assert ("page", "phone", "cem") in paged.sends()
    refused = paged.does(Escalate(actor="ben"))
    assert (refused.ok, "no further level" in refused.error) == (False, True)
    timeline = [(one.kind, one.actor) for one in paged.store.alerts.timeline(alert)]
    assert timeline.count(("escalated", "ben")) == 1


def test_nobody_on_call_falls_through_to_the_next_step_at_once(paged: Paged):
    paged.by("empty")
    paged.fires("/")
    (one,) = paged.goes_on()
    assert (one.what, one.missing, paged.due_in()) == ("nobody", ("schedule nobody",), 0)
    assert unmanned(paged.store) == {("empty", "schedule nobody"): 1}
    assert [one.what for one in paged.goes_on()] == ["paged"]
    assert paged.sends() == [("page", "pager", "ben")]


def test_a_group_that_is_resolved_while_claimed_pages_nobody(paged: Paged):
    paged.fires("/")
    claimed = claim_due(paged.store, paged.clock.now())
    paged.does(Resolve(actor="ann"))
    assert [one.what for one in carry_out(paged.store, claimed)] == ["lost"]
    assert paged.sends() == []


def test_a_page_that_fails_is_tried_again_and_one_whose_sender_died_is_sent_once_more(
    paged: Paged,
):
    paged.fires("/")
    paged.goes_on()
    now = paged.clock.now()
    (page,) = pages_due(paged.store, now)
    assert page_attempted(paged.store, page.id, now)
    assert not page_attempted(paged.store, page.id, now)
    later = now + timedelta(seconds=61)
    assert [one.id for one in pages_due(paged.store, later)] == [page.id]
    assert page_attempted(paged.store, page.id, later)
    page_answered(
        paged.store, page.id, later, error="timed out", retry_at=later + timedelta(minutes=1)
    )
    assert pages_due(paged.store, later) == []
    assert len(pages_due(paged.store, later + timedelta(minutes=1))) == 2


def test_a_resolve_that_is_taken_back_in_time_changes_nothing_and_later_it_begins_anew(
    paged: Paged,
):
    paged.fires("/")
    paged.goes_on()
    paged.sends()
    paged.clock.forward(minutes=1)
    paged.does(Resolve(actor="ann"))
    paged.clock.forward(seconds=3)
    assert (paged.row().state, paged.sends()) == ("ended", [])
    paged.does(Reopen(actor="ann"))
    assert (paged.row().state, paged.row().level, paged.due_in()) == ("waiting", 1, 9)
    paged.does(Acknowledge(actor="ann"))
    paged.does(Resolve(actor="ann"))
    paged.does(Reopen(actor="ann"))
    assert (paged.row().state, paged.row().acknowledged_by) == ("acknowledged", "ann")
    paged.does(Resolve(actor="ann"))
    paged.clock.forward(minutes=1)
    assert paged.sends() == [("resolved", "pager", "ann")]
    paged.does(Reopen(actor="ann"))
    assert [row.state for row in paged.rows("SELECT state FROM escalation ORDER BY id")] == [
        "ended", "acknowledged"
    ]  # fmt: skip


def test_one_that_cannot_be_carried_out_keeps_no_other_from_its_step(paged: Paged):
    paged.rule = paged.rule.model_copy(update={"group_by": ["mount"]})
    paged.fires("/", "/var")
    with paged.store.write() as connection:
        first = select(func.min(ESCALATION.c.id)).scalar_subquery()
        broken = ESCALATION.update().where(ESCALATION.c.id == first)
        connection.execute(broken.values(snapshot={"steps": []}))
    assert sorted(one.what for one in paged.goes_on()) == ["failed", "paged"]
    (entry,) = paged.rows("SELECT message FROM system_log WHERE what = 'escalation.failed'")
    assert "could not be carried out" in entry.message


def test_a_snapshot_that_cannot_be_read_holds_up_no_acknowledgement_and_no_end(paged: Paged):
    paged.fires("/")
    paged.goes_on()
    paged.sends()
    with paged.store.write() as connection:  # as an older version wrote it
        connection.execute(ESCALATION.update().values(snapshot={"steps": [{"page": "ann"}]}))
    paged.does(Suppress(actor="ann", until=START + timedelta(hours=1)))
    paged.does(Unsuppress(actor="ann"))
    assert paged.does(Comment(actor="ann", comment="on it")).ok
    assert "no further level" in paged.does(Escalate(actor="ann")).error
    assert paged.does(Acknowledge(actor="ann")).ok
    assert (paged.row().state, paged.row().acknowledged_by) == ("acknowledged", "ann")
    assert paged.goes_on(120) == []
    assert [one.state for one in paged.pages()] == ["sent", "dropped"]
    (entry,) = paged.rows("SELECT * FROM system_log WHERE what = 'escalation.failed'")
    assert (entry.level, "cannot be read" in entry.message) == ("error", True)
    (shown,) = running(paged.store, paged.clock.now())
    assert (shown.acknowledged_by, shown.levels, shown.following) == ("ann", 1, None)
    assert alert_why(paged.store, paged.ids()[0]).groups[0].escalation

    # What it would do by itself fails in the open: the auditor finds that it does not go on.
    assert paged.does(Unacknowledge(actor="ann")).ok
    assert [one.what for one in paged.goes_on(10)] == ["failed"]
    assert paged.sends() == [("page", "phone", "ann")]  # put back
    assert [one.why for one in stuck(paged.store, paged.clock.now() + 2 * LATE)] == ["overdue"]
    assert paged.does(Acknowledge(actor="ann")).ok
    paged.fires("/", "/var")  # news
    assert [one.what for one in paged.goes_on()] == ["failed"]
    paged.does(Resolve(actor="ann"))
    assert paged.row().state == "ended"
    paged.clock.forward(minutes=1)
    assert paged.sends() == [("resolved", "pager", "ann")]


@both_databases
def test_what_is_taken_back_puts_back_what_was_left_of_the_last_step(paged: Paged):
    paged.by("once")
    paged.fires("/")
    paged.goes_on()
    assert (paged.sends(), paged.row().state) == ([("page", "pager", "ann")], "exhausted")
    paged.clock.forward(minutes=1)
    paged.does(Acknowledge(actor="ann"))
    paged.clock.forward(minutes=10)
    assert paged.sends() == []
    paged.does(Unacknowledge(actor="ann"))
    assert paged.sends() == []
    paged.does(Resolve(actor="ann"))
    paged.clock.forward(seconds=3)
    paged.does(Reopen(actor="ann"))
    assert paged.sends() == []
    paged.clock.forward(minutes=1)
    assert paged.sends() == [("page", "phone", "ann")]
    paged.does(Acknowledge(actor="ann"))
    paged.does(Unacknowledge(actor="ann"))
    paged.clock.forward(minutes=10)
    assert paged.sends() == []
