"""When a channel is notified and why: each reason, then any group at any moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.notifications.decision import (
    Decision,
    GroupNow,
    Notified,
    Policy,
    decide,
    pause_after,
)
from sentinel.notifications.reasons import Reason
from sentinel.notifications.storm import StormNow
from sentinel.timing.active_hours import ActiveHours
from sentinel.timing.rate_limit import Limit
from sentinel.timing.time_intervals import TimeInterval

T0 = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = Policy()


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def group(**fields: Any) -> GroupNow:
    base = GroupNow(seq=2, opened_at=T0, severity=3, firing=1)
    return msgspec.structs.replace(base, **fields)


def notified(**fields: Any) -> Notified:
    return msgspec.structs.replace(Notified(seq=1, firing=1, severity=3, at=at(30)), **fields)


NEVER = Notified()


@pytest.mark.parametrize(
    ("now", "group", "notified", "send", "reason", "next_at"),
    [
        (29, group(new_firing=1), NEVER, False, Reason.GROUP_WAIT, 30),
        (30, group(new_firing=1), NEVER, True, Reason.FIRST, None),
        (60, group(firing=0), NEVER, False, Reason.RESOLVED_BEFORE_NOTIFIED, None),
        (31, group(new_firing=1), notified(), False, Reason.GROUP_INTERVAL, 330),
        (330, group(new_firing=1), notified(), True, Reason.NEW_FIRING, None),
        (330, group(resolved_since=1), notified(), True, Reason.PARTLY_RESOLVED, None),
        (31, group(severity=5, acknowledged=1), notified(), True, Reason.SEVERITY_ROSE, None),
        (31, group(severity=2), notified(), False, Reason.REPEAT_INTERVAL, 30 + 14_400),
        (30 + 14_400, group(), notified(), True, Reason.REPEAT, None),
        (99_999, group(acknowledged=1), notified(), False, Reason.ACKNOWLEDGED, None),
        (31, group(firing=0, resolved_since=1), notified(), True, Reason.RESOLVED, None),
        (31, group(firing=0, quiet_since=1), notified(), False, Reason.RESOLVED_QUIETLY, None),
        # An incident that a channel keeps is closed, however it ended.
        (
            31,
            group(firing=0, quiet_since=1),
            notified(acknowledged=True),
            True,
            Reason.RESOLVED,
            None,
        ),
        (31, group(firing=0, quiet_since=1), NEVER, False, Reason.RESOLVED_BEFORE_NOTIFIED, None),
        (31, group(firing=0), notified(firing=0, severity=0), False, Reason.ALREADY_NOTIFIED, None),
        (31, group(suppressed=1), NEVER, False, Reason.SUPPRESSED, None),
        (31, group(new_firing=1), notified(firing=0, severity=0), True, Reason.FIRST, None),
        (40, group(new_firing=1), Notified(attempts=1, retry_at=at(50)), False, Reason.RETRY, 50),
        (50, group(new_firing=1), Notified(attempts=1, retry_at=at(50)), True, Reason.FIRST, None),
        (50, group(new_firing=1), Notified(refused_seq=2), False, Reason.REFUSED, None),
        (50, group(seq=3, new_firing=1), Notified(refused_seq=2), True, Reason.FIRST, None),
    ],
)
def test_a_decision_and_its_reason(
    now: int, group: GroupNow, notified: Notified, send: bool, reason: Reason, next_at: int | None
):
    expected = Decision(send=send, reason=reason, next_at=None if next_at is None else at(next_at))
    assert decide(group, notified, at(now), POLICY) == expected


CLOSED = ActiveHours.model_validate({"windows": [{"start": "09:00", "end": "17:00"}]})
ALWAYS = TimeInterval.model_validate({})
LATER = TimeInterval.model_validate({"times": [{"start_time": "09:00", "end_time": "17:00"}]})


@pytest.mark.parametrize(
    ("policy", "so_far", "reason"),
    [
        (Policy(hours=CLOSED), {}, Reason.OUTSIDE_HOURS),
        (Policy(mute_times=(ALWAYS,)), {}, Reason.MUTE_TIME),
        (Policy(active_times=(LATER,)), {}, Reason.OUTSIDE_ACTIVE_TIME),
        (Policy(limit=Limit(throttle=timedelta(hours=2))), {}, Reason.THROTTLED),
        (Policy(limit=Limit(per_hour=1)), {}, Reason.PER_HOUR),
        (Policy(), {"storm": StormNow(until=at(900))}, Reason.STORM),
        (Policy(), {"limited_until": at(900)}, Reason.MESSAGE_LIMIT),
        (Policy(), {"down_until": at(900)}, Reason.CHANNEL_DOWN),
        (Policy(), {"retry_at": at(900)}, Reason.RETRY),
    ],
)
def test_a_page_passes_all_that_spares_people_but_waits_for_a_channel_that_takes_nothing(
    policy: Policy, so_far: dict[str, Any], reason: Reason
):
    so_far = {"at": at(30), **so_far}
    asked = group(new_firing=1), notified(**so_far), at(600)
    assert decide(*asked, policy).reason is reason
    page = decide(*asked, msgspec.structs.replace(policy, page=True))
    waits = reason in (Reason.CHANNEL_DOWN, Reason.RETRY)
    assert page.reason is (reason if waits else Reason.NEW_FIRING)


def test_a_suppressed_group_is_decided_on_again_when_the_suppression_ends():
    muted = group(suppressed=1, suppressed_until=at(500))
    assert decide(muted, NEVER, at(100), POLICY).next_at == at(500)


def test_a_partly_suppressed_group_is_decided_on_again_when_a_suppression_ends():
    muted = group(firing=2, suppressed=1, suppressed_until=at(500))
    assert decide(muted, notified(), at(100), POLICY).next_at == at(500)
    taken = msgspec.structs.replace(muted, acknowledged=1)
    expected = Decision(send=False, reason=Reason.ACKNOWLEDGED, next_at=at(500))
    assert decide(taken, notified(), at(100), POLICY) == expected


groups = st.builds(
    GroupNow,
    seq=st.integers(1, 9),
    opened_at=st.integers(0, 100).map(at),
    severity=st.integers(1, 5),
    firing=st.integers(0, 3),
    acknowledged=st.integers(0, 3),
    suppressed=st.integers(0, 3),
    new_firing=st.integers(0, 3),
    resolved_since=st.integers(0, 3),
    quiet_since=st.integers(0, 3),
)
notifications = st.one_of(
    st.just(NEVER),
    st.builds(
        Notified,
        seq=st.integers(1, 9),
        firing=st.integers(0, 3),
        severity=st.integers(0, 5),
        at=st.integers(0, 20_000).map(at),
        attempts=st.integers(0, 3),
        retry_at=st.one_of(st.none(), st.integers(0, 20_000).map(at)),
        refused_seq=st.one_of(st.none(), st.integers(1, 9)),
    ),
)
moments = st.integers(0, 40_000).map(at)


@given(groups, notifications, moments)
def test_deciding_is_a_function_and_a_next_time_lies_ahead(
    group: GroupNow, notified: Notified, now: datetime
):
    decision = decide(group, notified, now, POLICY)
    assert decision == decide(group, notified, now, POLICY)
    if decision.next_at is not None:
        assert not decision.send
        assert decision.next_at > now


@given(groups, notifications, moments)
def test_a_resolve_is_sent_only_to_channels_that_were_notified_of_firing(
    group: GroupNow, notified: Notified, now: datetime
):
    decision = decide(group, notified, now, POLICY)
    if decision.send and group.firing == 0:
        assert notified.firing > 0


@given(groups, notifications, moments)
def test_nothing_else_falls_due_without_a_change(
    group: GroupNow, notified: Notified, now: datetime
):
    """No next time means that waiting alone never makes it due."""
    decision = decide(group, notified, now, POLICY)
    if not decision.send and decision.next_at is None:
        later = decide(group, notified, now + timedelta(days=30), POLICY)
        assert not later.send


@given(groups, notifications, moments)
def test_at_the_next_time_the_decision_is_another(
    group: GroupNow, notified: Notified, now: datetime
):
    decision = decide(group, notified, now, POLICY)
    if decision.next_at is not None:
        then = decide(group, notified, decision.next_at, POLICY)
        assert then.send or then.reason is not decision.reason


@given(groups, moments)
def test_nothing_is_sent_again_right_after_a_notification(group: GroupNow, now: datetime):
    first = decide(group, NEVER, now, POLICY)
    if not first.send:
        return
    after = Notified(seq=group.seq, firing=group.firing, severity=group.severity, at=now)
    settled = msgspec.structs.replace(group, new_firing=0, resolved_since=0, quiet_since=0)
    assert not decide(settled, after, now, POLICY).send


@given(st.integers(1, 100), st.floats(0, 1))
def test_pauses_grow_to_ten_minutes_and_never_end(attempts: int, spread: float):
    pause = pause_after(attempts, spread)
    assert timedelta(seconds=9) <= pause <= timedelta(minutes=11)
    assert pause <= pause_after(attempts + 1, spread)
