"""A storm of alerts: when it begins and ends, and what a receiver is sent meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.notifications.decision import GroupNow, Notified, Policy, decide
from sentinel.notifications.reasons import Reason
from sentinel.notifications.storm import (
    INTERVAL,
    PACE,
    WAIT,
    Storm,
    StormNow,
    first_message_in,
    least_between_wakes,
    storm_after,
)
from sentinel.notifications.wake import AT_MOST_EVERY

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_a_storm_begins_with_so_many_alerts_within_a_minute():
    assert storm_after(None, 999, T0, 1_000) is None
    assert storm_after(None, 1_000, T0, 1_000) == Storm(began_at=T0, seen_at=T0)
    assert storm_after(None, 1_000_000, T0, 0) is None


def test_it_goes_on_while_a_tenth_of_that_opens_and_ends_five_minutes_later():
    storm = Storm(began_at=T0, seen_at=T0)
    assert storm_after(storm, 100, at(200), 1_000) == Storm(began_at=T0, seen_at=at(200))
    assert storm_after(storm, 99, at(299), 1_000) == storm
    assert storm_after(storm, 99, at(300), 1_000) is None


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(-100, 400), st.integers(0, 100)), max_size=30),
)
def test_a_storm_never_lasts_more_than_its_interval_beyond_the_last_alerts(
    begins_at: int, looks: list[tuple[int, int]]
):
    storm, now, seen = None, T0, None
    for pause, opened in looks:
        now += timedelta(seconds=pause)
        storm = storm_after(storm, opened, now, begins_at)
        if opened >= begins_at:
            assert storm is not None
        if opened * 10 >= begins_at:
            seen = now
        if storm is not None:
            assert seen is not None
            assert storm.seen_at <= now < storm.until
            assert storm.until <= now + INTERVAL
    assert storm_after(storm, 0, now + INTERVAL, begins_at) is None


GROUP = GroupNow(seq=1, opened_at=at(60), severity=4, firing=1, new_firing=1)
STORM = StormNow(until=at(400), notified=True)


@pytest.mark.parametrize(
    ("severity", "told", "names", "reason"),
    [
        (4, True, False, Reason.STORM),
        (5, True, False, Reason.FIRST),
        (5, True, True, Reason.STORM),
        (5, False, False, Reason.STORM),
    ],
)
def test_only_a_critical_group_that_its_message_does_not_name_is_sent_by_itself(
    severity: int, told: bool, names: bool, reason: Reason
):
    group = msgspec.structs.replace(GROUP, severity=severity)
    storm = StormNow(until=at(400), notified=told, names=names)
    decision = decide(group, Notified(storm=storm), at(61), Policy())
    assert decision.reason is reason
    if reason is Reason.STORM:
        assert (decision.held, decision.next_at) == (Reason.FIRST, at(400))


def test_a_page_and_the_end_of_an_incident_pass():
    assert decide(GROUP, Notified(storm=STORM), at(61), Policy(page=True)).send
    over = msgspec.structs.replace(GROUP, firing=0, new_firing=0, resolved_since=1)
    known = Notified(seq=1, firing=1, severity=4, at=at(30), storm=STORM)
    assert not decide(over, known, at(61), Policy()).send
    incident = msgspec.structs.replace(known, acknowledged=False)
    assert decide(over, incident, at(61), Policy()).reason is Reason.RESOLVED


def test_a_storms_own_group_waits_its_interval_unless_it_becomes_critical():
    policy = Policy(group_interval=INTERVAL, rises_at=5)
    known = Notified(seq=1, firing=1, severity=2, at=at(60))
    assert decide(GROUP, known, at(61), policy).next_at == at(360)
    critical = msgspec.structs.replace(GROUP, severity=5)
    assert decide(critical, known, at(61), policy).reason is Reason.SEVERITY_ROSE


def test_notify_is_started_at_most_every_half_minute_in_a_storm():
    storm = Storm(began_at=at(10), seen_at=at(10))
    assert least_between_wakes([storm], at(10)) == PACE
    assert least_between_wakes([storm], at(9)) == AT_MOST_EVERY
    assert least_between_wakes([storm], None) == least_between_wakes([], at(9)) == AT_MOST_EVERY


def test_the_first_message_waits_for_the_rest_of_the_time_and_at_least_two_seconds():
    storm = Storm(began_at=T0, seen_at=at(100))
    waits = [
        first_message_in(storm, now) for now in (None, at(-5), T0, at(1.5), at(4), at(5), at(99))
    ]
    assert waits == [WAIT, WAIT, WAIT, WAIT - timedelta(seconds=1.5), *[timedelta(seconds=2)] * 3]
