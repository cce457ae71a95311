"""What people do to an alert, one sentence a test."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from sentinel.alerts.actions import (
    Acknowledge,
    Assign,
    Comment,
    MarkNoise,
    Reopen,
    Resolve,
    Suppress,
    Unacknowledge,
    UnmarkNoise,
    Unsuppress,
)
from sentinel.alerts.inputs import Closed, Input, Status
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import Terms
from sentinel.severity import Severity
from tests.alerts.lives import Life, at, bad


def test_a_persons_resolve_stands_for_five_minutes_then_reopens_saying_why():
    life = Life()
    life.bad(0)
    assert life.does(Resolve(actor="ann"), 10).reason is Reason.RESOLVED_MANUALLY
    assert life.bad(60) is Reason.HELD_AFTER_RESOLVE
    assert life.bad(309) is Reason.HELD_AFTER_RESOLVE
    assert life.bad(310) is Reason.REOPENED_STILL_FIRING


def test_a_worse_severity_breaks_a_persons_resolve():
    life = Life()
    life.bad(0)
    life.does(Resolve(actor="ann"), 10)
    assert life.bad(60, Severity.CRITICAL) is Reason.REOPENED_STILL_FIRING


@pytest.mark.parametrize(
    ("began", "reason"), [(9, Reason.REOPENED_STILL_FIRING), (11, Reason.REOPENED_SOON)]
)
def test_a_later_episode_does_not_reopen_as_still_firing(began: float, reason: Reason):
    life = Life()
    life.bad(0)
    life.does(Resolve(actor="ann"), 10)
    later = msgspec.structs.replace(bad(400), started=at(began))
    assert life.sees(later, at(400)).reason is reason


def test_a_resolve_taken_back_leaves_it_as_it_was():
    life = Life()
    life.bad(0)
    before = life.live
    assert before is not None
    life.does(Resolve(actor="ann"), 10)
    become = life.does(Reopen(actor="ann", comment="wrong key"), 12)
    assert become.reason is Reason.REOPENED_MANUALLY
    assert life.live == msgspec.structs.replace(before, version=before.version + 2)
    assert life.resolved == []
    assert life.bad(60) is Reason.STILL_FIRING


def test_what_somebody_had_is_theirs_again_when_it_is_reopened():
    life = Life()
    life.bad(0)
    life.does(Acknowledge(actor="bo", comment="mine"), 5)
    before = life.live
    assert before is not None
    life.does(Resolve(actor="ann"), 10)
    life.does(Reopen(actor="ann"), 500)
    assert life.live == msgspec.structs.replace(before, version=before.version + 2)


def test_what_recovered_is_reopened_until_it_is_seen_good_again():
    life = Life()
    life.bad(0)
    life.good(60)
    assert life.does(Reopen(actor="ann"), 90).reason is Reason.REOPENED_MANUALLY
    assert life.good(120) is Reason.RECOVERED


def test_reopening_a_live_alert_changes_nothing_and_is_no_error():
    life = Life()
    life.bad(0)
    become = life.does(Reopen(actor="ann"), 5)
    assert become.reason is Reason.UNCHANGED
    assert not become.visible


def test_what_has_opened_anew_is_named_instead_of_reopening_the_old_one():
    life = Life()
    life.bad(0)
    life.does(Resolve(actor="ann"), 10)
    assert life.bad(7200) is Reason.OPENED
    assert life.live is not None
    become = life.does(Reopen(actor="ann"), 7300)
    assert become.reason is Reason.REFUSED
    assert life.live.id in become.error


def test_what_is_pending_in_its_place_is_counted_with_it():
    life = Life(Terms(consecutive=3))
    for seconds in (0, 60, 120):
        life.bad(seconds)
    life.does(Resolve(actor="ann"), 130)
    assert life.bad(7200) is Reason.PENDING
    become = life.does(Reopen(actor="ann"), 7210)
    assert become.drop is not None
    assert life.live is not None
    assert (life.live.bad_count, life.live.last_bad_at) == (4, at(7200))


def test_an_alert_of_a_disabled_rule_is_not_reopened():
    life = Life(Terms(switched_off=True))
    life.bad(0)
    life.does(Closed(reason=Reason.RULE_DISABLED), 5)
    assert "switched off" in life.does(Reopen(actor="ann"), 10).error


def test_a_one_shot_finding_that_is_reopened_ends_when_it_would_have_or_by_hand():
    life = Life(Terms(resolve_after=timedelta(minutes=10)))
    life.bad(0)
    life.does(Resolve(actor="ann"), 60)
    life.does(Reopen(actor="ann"), 120)
    assert life.does(Closed(reason=Reason.EXPIRED), 600).reason is Reason.EXPIRED
    life.does(Reopen(actor="ann"), 700)
    assert life.does(Closed(reason=Reason.EXPIRED), 9999).reason is Reason.UNCHANGED
    assert life.does(Resolve(actor="ann"), 9999).reason is Reason.RESOLVED_MANUALLY


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (Acknowledge(actor="a"), "resolved"),
        (Unacknowledge(actor="a"), "not acknowledged"),
        (Comment(actor="a", comment="  "), "needs words"),
        (Suppress(actor="a", until=at(1)), "past"),
    ],
)
def test_an_action_that_makes_no_sense_is_refused_saying_why(action: Input, why: str):
    life = Life()
    life.bad(0)
    life.good(60)
    become = life.does(action, 100)
    assert become.reason is Reason.REFUSED
    assert why in become.error
    assert not become.visible


def test_nothing_can_be_done_to_a_pending_alert():
    life = Life(Terms(consecutive=2))
    life.bad(0)
    assert "pending" in life.does(Acknowledge(actor="a"), 1).error


def test_assigning_commenting_suppressing_change_only_what_they_say():
    life = Life()
    life.bad(0)
    before = life.live
    assert before is not None
    life.does(Assign(actor="a", assignee="bo"), 1)
    life.does(Comment(actor="a", comment="looking"), 2)
    life.does(Suppress(actor="a", until=at(500), comment="planned"), 3)
    after = life.live
    assert after is not None
    assert (after.assignee, after.suppressed_until, after.status) == ("bo", at(500), Status.OPEN)
    assert after.version == before.version + 3
    life.does(Unsuppress(actor="a"), 4)
    assert life.live is not None
    assert life.live.suppressed_until == at(4)


def test_a_mark_as_noise_needs_a_reason_stays_after_the_resolve_and_is_withdrawn():
    life = Life()
    life.bad(0)
    assert "needs its reason" in life.does(MarkNoise(actor="ann", comment=" "), 1).error
    marked = life.does(MarkNoise(actor="ann", comment="flaps"), 2)
    assert (marked.reason, marked.visible) == (Reason.MARKED_NOISE, True)
    again = life.does(MarkNoise(actor="ben", comment=" flaps "), 3)
    assert again.reason is Reason.UNCHANGED
    life.does(Acknowledge(actor="ann"), 4)
    life.does(Resolve(actor="ann"), 5)
    assert (life.resolved[-1].noise_reason, life.resolved[-1].acknowledged_by) == ("flaps", "ann")
    other = life.does(MarkNoise(actor="ben", comment="twice a day"), 6)
    assert other.state is not None
    assert (other.state.noise_reason, other.state.status) == ("twice a day", Status.RESOLVED)
    assert life.does(UnmarkNoise(actor="ben"), 7).reason is Reason.UNMARKED_NOISE
    assert life.does(UnmarkNoise(actor="ben"), 8).reason is Reason.UNCHANGED
