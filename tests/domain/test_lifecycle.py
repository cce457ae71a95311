"""The life of an alert, one sentence a test; then any interleaving, by hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.lifecycle import (
    Acknowledge,
    AlertState,
    Assign,
    Bad,
    Comment,
    Ended,
    Good,
    Input,
    Reason,
    Reopen,
    Resolve,
    Status,
    Suppress,
    Terms,
    Transition,
    Unacknowledge,
    Unsuppress,
    step,
)
from sentinel.severity import Severity

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def bad(seconds: float, severity: Severity = Severity.MEDIUM) -> Bad:
    return Bad(at=at(seconds), severity=int(severity), word=severity.word)


OPENING = (
    Reason.OPENED, Reason.REOPENED, Reason.REOPENED_STILL_BAD, Reason.REOPENED_BY_HAND,
)  # fmt: skip


class Life:
    """One fingerprint, driven as the store drives it."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.live: AlertState | None = None
        self.resolved: list[AlertState] = []
        self.made = 0
        self.opened = 0

    def sees(self, given: Input, now: datetime) -> Transition:
        recent = self.resolved[-1] if self.resolved else None
        self.made += 1
        target = self.live
        beside = None
        if isinstance(given, Reopen) and recent is not None:
            # What is over is what a person reopens; what lives in its place is beside it.
            target, beside = recent, self.live
        elif target is None and not isinstance(given, Bad | Good | Ended):
            target = recent
        become = step(target, recent, given, now, self.terms, f"{self.made}", beside)
        if become.drop is not None:
            assert self.live is not None
            assert become.drop == self.live.id
            self.live = None
        if become.reason is Reason.REFUSED:
            return become
        state = become.state
        if state is None:
            return become
        if become.reason in OPENING:
            self.opened += 1
        self.resolved = [one for one in self.resolved if one.id != state.id]
        if state.status is Status.RESOLVED:
            self.resolved.append(state)
            self.live = None
        else:
            self.live = state
        return become

    def bad(self, seconds: float, severity: Severity = Severity.MEDIUM) -> Reason:
        return self.sees(bad(seconds, severity), at(seconds)).reason

    def good(self, seconds: float) -> Reason:
        return self.sees(Good(at=at(seconds)), at(seconds)).reason

    def does(self, action: Input, seconds: float) -> Transition:
        return self.sees(action, at(seconds))


def test_a_bad_reading_opens_an_alert_and_a_good_one_resolves_it():
    life = Life()
    assert life.bad(0) is Reason.OPENED
    assert life.bad(60) is Reason.STILL_BAD
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
    assert life.bad(60 + 15 * 60) is Reason.REOPENED
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
    assert become.reason is Reason.REOPENED
    assert become.drop == pending.id


def test_a_persons_resolve_stands_for_five_minutes_then_reopens_saying_why():
    life = Life()
    life.bad(0)
    assert life.does(Resolve(actor="ann"), 10).reason is Reason.RESOLVED_BY_HAND
    assert life.bad(60) is Reason.HELD
    assert life.bad(309) is Reason.HELD
    assert life.bad(310) is Reason.REOPENED_STILL_BAD


def test_a_worse_severity_breaks_a_persons_resolve():
    life = Life()
    life.bad(0)
    life.does(Resolve(actor="ann"), 10)
    assert life.bad(60, Severity.CRITICAL) is Reason.REOPENED_STILL_BAD


def test_a_resolve_taken_back_leaves_it_as_it_was():
    life = Life()
    life.bad(0)
    before = life.live
    assert before is not None
    life.does(Resolve(actor="ann"), 10)
    become = life.does(Reopen(actor="ann", comment="wrong key"), 12)
    assert become.reason is Reason.REOPENED_BY_HAND
    assert life.live == msgspec.structs.replace(before, version=before.version + 2)
    assert life.resolved == []
    assert life.bad(60) is Reason.STILL_BAD


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
    assert life.does(Reopen(actor="ann"), 90).reason is Reason.REOPENED_BY_HAND
    assert life.good(120) is Reason.RECOVERED


def test_what_is_not_over_is_not_reopened_and_that_is_no_error():
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


def test_nothing_is_reopened_that_nobody_looks_at():
    life = Life(Terms(switched_off=True))
    life.bad(0)
    life.does(Ended(reason=Reason.RULE_DISABLED), 5)
    assert "switched off" in life.does(Reopen(actor="ann"), 10).error


def test_a_one_shot_finding_that_is_reopened_ends_when_it_would_have_or_by_hand():
    life = Life(Terms(resolve_after=timedelta(minutes=10)))
    life.bad(0)
    life.does(Resolve(actor="ann"), 60)
    life.does(Reopen(actor="ann"), 120)
    assert life.does(Ended(reason=Reason.EXPIRED), 600).reason is Reason.EXPIRED
    life.does(Reopen(actor="ann"), 700)
    assert life.does(Ended(reason=Reason.EXPIRED), 9999).reason is Reason.UNCHANGED
    assert life.does(Resolve(actor="ann"), 9999).reason is Reason.RESOLVED_BY_HAND


def test_a_severity_that_rises_voids_the_acknowledgement_and_one_that_falls_does_not():
    life = Life()
    life.bad(0)
    life.does(Acknowledge(actor="ann", comment="mine"), 5)
    assert life.bad(60, Severity.CRITICAL) is Reason.SEVERITY_ROSE
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
    expired = Ended(reason=Reason.EXPIRED)
    assert life.does(expired, 600).reason is Reason.UNCHANGED
    assert life.does(expired, 900).reason is Reason.EXPIRED
    assert life.resolved[-1].resolution == "expired"


def test_an_unacknowledged_critical_never_closes_by_itself():
    life = Life(Terms(resolve_after=timedelta(minutes=10)))
    life.bad(0, Severity.CRITICAL)
    assert life.does(Ended(reason=Reason.EXPIRED), 9999).reason is Reason.KEPT_CRITICAL
    life.does(Acknowledge(actor="ann"), 10_000)
    assert life.does(Ended(reason=Reason.EXPIRED), 10_001).reason is Reason.EXPIRED


def test_a_disabled_rule_closes_its_alert_and_does_not_call_it_recovered():
    life = Life()
    life.bad(0)
    become = life.does(Ended(reason=Reason.RULE_DISABLED, actor="ann"), 5)
    assert become.reason is Reason.RULE_DISABLED
    assert life.resolved[-1].resolution == "rule disabled"


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
    Ended(reason=Reason.EXPIRED),
    Ended(reason=Reason.RULE_DISABLED),
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
                Reason.RECOVERED, Reason.RESOLVED_BY_HAND, Reason.EXPIRED, Reason.RULE_DISABLED,
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
            assert become.reason in (Reason.REOPENED_BY_HAND, Reason.REFUSED)
            if become.reason is Reason.REOPENED_BY_HAND:
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
