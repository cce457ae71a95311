"""The life of an alert, one sentence a test; then any interleaving, by hypothesis."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

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
from sentinel.alerts.inputs import Closed, Good, Input, Status
from sentinel.alerts.lifecycle import step
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import Terms
from sentinel.severity import Severity
from tests.alerts.lives import T0, Life, at, bad


def test_a_bad_reading_opens_an_alert_and_a_good_one_resolves_it():
    life = Life()
    assert life.bad(0) is Reason.OPENED
    assert life.bad(60) is Reason.STILL_FIRING
    assert life.good(120) is Reason.RECOVERED
    assert life.resolved[0].resolved_at == at(120)
    assert life.resolved[0].bad_count == 2


def test_a_good_reading_of_what_never_fired_is_nothing():
    assert Life().good(0) is Reason.HEALTHY


def test_for_holds_it_pending_from_the_first_bad_evaluation():
    life = Life(Terms(hold=timedelta(minutes=2)))
    assert life.bad(0) is Reason.PENDING
    assert life.bad(60) is Reason.PENDING
    assert life.bad(119.9) is Reason.PENDING
    assert life.bad(120) is Reason.OPENED
    assert life.live is not None
    assert life.live.first_bad_at == at(0)
    assert life.live.opened_at == at(120)


def test_with_consecutive_both_must_hold():
    life = Life(Terms(hold=timedelta(minutes=1), consecutive=3))
    assert life.bad(0) is Reason.PENDING
    assert life.bad(60) is Reason.PENDING
    assert life.bad(120) is Reason.OPENED


def test_what_clears_while_pending_was_never_an_alert():
    life = Life(Terms(consecutive=2))
    life.bad(0)
    assert life.good(60) is Reason.CLEARED_BEFORE_OPEN
    assert life.live is None
    assert life.resolved == []
    assert life.bad(120) is Reason.PENDING


def test_a_gap_over_two_periods_restarts_pending():
    life = Life(Terms(hold=timedelta(minutes=2), period=timedelta(minutes=1)))
    life.bad(0)
    assert life.bad(121) is Reason.PENDING_RESTARTED
    assert life.bad(180) is Reason.PENDING
    assert life.bad(241) is Reason.OPENED


def test_a_missed_slot_neither_counts_nor_resets():
    life = Life(Terms(consecutive=3, period=timedelta(minutes=1)))
    life.bad(0)
    life.bad(120)  # the slot at 60 was missed
    assert life.bad(180) is Reason.OPENED


def test_a_recurrence_within_fifteen_minutes_reopens_the_same_alert():
    life = Life()
    life.bad(0)
    life.good(60)
    first = life.resolved[0].id
    assert life.bad(60 + 15 * 60) is Reason.REOPENED_SOON
    assert life.live is not None
    assert life.live.id == first
    assert life.live.occurrences == 2


def test_a_later_recurrence_is_a_new_alert():
    life = Life()
    life.bad(0)
    life.good(60)
    assert life.bad(61 + 15 * 60) is Reason.OPENED
    assert life.live is not None
    assert life.live.id != life.resolved[0].id


def test_with_for_the_older_alert_comes_back_and_the_pending_one_goes():
    life = Life(Terms(hold=timedelta(minutes=2)))
    life.bad(0)
    life.bad(120)
    life.good(180)
    life.bad(240)
    pending = life.live
    assert pending is not None
    become = life.sees(bad(360), at(360))
    assert become.reason is Reason.REOPENED_SOON
    assert become.drop == pending.id


def test_a_severity_that_rises_voids_the_acknowledgement_and_one_that_falls_does_not():
    life = Life()
    life.bad(0)
    life.does(Acknowledge(actor="ann", comment="mine"), 5)
    assert life.bad(60, Severity.CRITICAL) is Reason.ACKNOWLEDGEMENT_VOID
    assert life.live is not None
    assert life.live.status is Status.OPEN
    assert life.live.acknowledged_by == ""
    life.does(Acknowledge(actor="ann"), 65)
    assert life.bad(120, Severity.LOW) is Reason.SEVERITY_FELL
    assert life.live.status is Status.ACKNOWLEDGED


def test_a_severity_that_falls_and_comes_back_is_still_what_was_acknowledged():
    life = Life()
    life.bad(0, Severity.HIGH)
    life.does(Acknowledge(actor="ann"), 5)
    assert life.bad(60, Severity.LOW) is Reason.SEVERITY_FELL
    assert life.bad(120, Severity.HIGH) is Reason.SEVERITY_ROSE
    assert life.live is not None
    assert life.live.status is Status.ACKNOWLEDGED
    life.bad(180, Severity.CRITICAL)
    assert life.live.status is Status.OPEN


def test_a_one_shot_finding_expires_and_repeats_bump_the_count():
    life = Life(Terms(resolve_after=timedelta(minutes=10)))
    life.bad(0)
    assert life.bad(300) is Reason.REPEATED
    assert life.live is not None
    assert life.live.occurrences == 2
    expired = Closed(reason=Reason.EXPIRED)
    assert life.does(expired, 600).reason is Reason.UNCHANGED
    assert life.does(expired, 900).reason is Reason.EXPIRED
    assert life.resolved[-1].resolution == "expired"


def test_an_unacknowledged_critical_never_closes_by_itself():
    life = Life(Terms(resolve_after=timedelta(minutes=10)))
    life.bad(0, Severity.CRITICAL)
    assert life.does(Closed(reason=Reason.EXPIRED), 9999).reason is Reason.KEPT_CRITICAL
    life.does(Acknowledge(actor="ann"), 10_000)
    assert life.does(Closed(reason=Reason.EXPIRED), 10_001).reason is Reason.EXPIRED


def test_a_disabled_rule_closes_its_alert_and_does_not_call_it_recovered():
    life = Life()
    life.bad(0)
    become = life.does(Closed(reason=Reason.RULE_DISABLED, actor="ann"), 5)
    assert become.reason is Reason.RULE_DISABLED
    assert life.resolved[-1].resolution == "rule_disabled"


Happening = Severity | Input | None
"""A bad reading of this severity, an input, or (None) a good reading."""


ACTIONS: list[Happening] = [
    Acknowledge(actor="a"),
    Unacknowledge(actor="a"),
    Resolve(actor="a"),
    Reopen(actor="a"),
    Reopen(actor="a", comment="once more"),
    Assign(actor="a", assignee="b"),
    Comment(actor="a", comment="c"),
    Suppress(actor="a", until=T0 + timedelta(days=2)),
    Unsuppress(actor="a"),
    MarkNoise(actor="a", comment="flaps"),
    UnmarkNoise(actor="a"),
    Closed(reason=Reason.EXPIRED),
    Closed(reason=Reason.RULE_DISABLED),
]


READINGS: list[Happening] = [*Severity, None, None, None]


# Clocks may stand still, jump and step back.
steps = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(READINGS), st.sampled_from(ACTIONS)), st.integers(-600, 3600)
    ),
    max_size=40,
)


terms_strategy = st.builds(
    Terms,
    hold=st.sampled_from([timedelta(0), timedelta(minutes=2)]),
    consecutive=st.integers(1, 3),
    resolve_after=st.sampled_from([None, timedelta(minutes=5)]),
    period=st.sampled_from([None, timedelta(minutes=1)]),
)


@given(terms_strategy, steps)
def test_whatever_happens_the_life_stays_whole(
    terms: Terms, happenings: list[tuple[Happening, int]]
):
    life = Life(terms)
    now = 0
    for what, passed in happenings:
        now += passed
        before, opened = life.live, life.opened
        over = life.resolved[-1] if life.resolved else None
        if isinstance(what, Severity):
            become = life.sees(bad(now, what), at(now))
        elif what is None:
            become = life.sees(Good(at=at(now)), at(now))
        else:
            become = life.sees(what, at(now))
        after = life.live
        # An alert is over only by a good reading, a person, a switch or its own time.
        if before is not None and after is None and before.status is not Status.PENDING:
            assert become.reason in (
                Reason.RECOVERED, Reason.RESOLVED_MANUALLY, Reason.EXPIRED, Reason.RULE_DISABLED,
            )  # fmt: skip
        # A bad reading never ends anything, a good one never begins anything.
        if isinstance(what, Severity) and before is not None:
            assert after is not None
        if what is None:
            assert after is None
            assert life.opened == opened
        if after is not None:
            assert after.status is not Status.RESOLVED
            assert (after.opened_at is None) == (after.status is Status.PENDING)
            assert (after.acknowledged_at is None) == (after.status is not Status.ACKNOWLEDGED)
            assert after.resolved_at is None
            assert after.bad_count >= 1
            assert after.occurrences >= 1
        # A person's reopening gives back what was over, with its history, or says why not.
        if isinstance(what, Reopen) and over is not None:
            assert become.reason in (Reason.REOPENED_MANUALLY, Reason.REFUSED)
            if become.reason is Reason.REOPENED_MANUALLY:
                assert after is not None
                assert (after.id, after.opened_at) == (over.id, over.opened_at)
                assert after.acknowledged_by == over.acknowledged_by
                assert after.bad_count >= over.bad_count
                assert after.version == over.version + 1
                assert before is None or before.status is Status.PENDING
            else:
                assert after == before
                assert over in life.resolved
        # What people see changes the version, so that a conflict is noticed.
        target = become.state
        if become.visible and target is not None and before is not None and before.id == target.id:
            assert target.version == before.version + 1
        if become.reason in (Reason.REFUSED, Reason.UNCHANGED, Reason.KEPT_CRITICAL):
            assert not become.visible
    assert len({one.id for one in life.resolved}) == len(life.resolved)


@given(terms_strategy, steps)
def test_a_step_is_a_function_of_what_it_is_given(
    terms: Terms, happenings: list[tuple[Happening, int]]
):
    life = Life(terms)
    now = 0
    for what, passed in happenings:
        now += passed
        if not isinstance(what, Severity):
            continue
        recent = life.resolved[-1] if life.resolved else None
        alert = life.live
        kept = None if alert is None else msgspec.structs.replace(alert)
        first = step(alert, recent, bad(now, what), at(now), terms, "x")
        assert first == step(alert, recent, bad(now, what), at(now), terms, "x")
        assert alert == kept
        life.sees(bad(now, what), at(now))
