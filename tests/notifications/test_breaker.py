"""The breaker of a channel, in moments that the test gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.notifications.breaker import OPENS_AFTER, PROBE, Breaker, failed, probing

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def after(failures: int, *, every: float = 1.0) -> Breaker:
    breaker = Breaker()
    for number in range(failures):
        breaker = failed(breaker, NOW + timedelta(seconds=every * number), 0.5)
    return breaker


def test_it_is_closed_until_the_third_failure_in_a_row():
    assert OPENS_AFTER == 3
    assert after(2).closed_until(NOW + timedelta(seconds=2)) is None
    opened = after(3)
    assert opened.opened_at == NOW + timedelta(seconds=2)
    assert opened.closed_until(NOW + timedelta(seconds=3)) == NOW + timedelta(seconds=12)
    assert opened.closed_until(NOW + timedelta(seconds=12)) is None


def test_failures_that_were_under_way_when_it_opened_are_no_probes():
    assert after(8).probe_at == after(3).probe_at
    assert after(8).probes == 0


def test_the_pause_doubles_with_each_failed_probe_up_to_five_minutes():
    breaker, now = after(3), NOW
    pauses: list[float] = []
    for _ in range(7):
        assert breaker.probe_at is not None
        pauses.append((breaker.probe_at - now).total_seconds())
        now = breaker.probe_at
        breaker = failed(breaker, now, 0.5)
    assert pauses[0] == pytest.approx(12)  # 10 s after the third failure, which came after 2 s
    assert pauses[1:] == pytest.approx([20, 40, 80, 160, 300, 300])
    assert breaker.opened_at == NOW + timedelta(seconds=2)


def test_a_channel_that_asks_for_a_longer_pause_gets_it():
    opened = failed(after(2), NOW, 0.5, retry_after=90.0)
    assert opened.closed_until(NOW) == NOW + timedelta(seconds=90)
    assert failed(after(2), NOW, 0.5, retry_after=1.0).probe_at == NOW + timedelta(seconds=10)


def test_the_circuit_is_closed_open_or_half_open():
    assert after(2).circuit(NOW) == "closed"
    opened = after(3)
    assert opened.probe_at is not None
    assert opened.circuit(NOW + timedelta(seconds=3)) == "open"
    assert opened.circuit(opened.probe_at) == "half-open"
    tried = probing(opened, opened.probe_at)
    assert tried.circuit(opened.probe_at) == "half-open"
    assert tried.closed_until(opened.probe_at) == opened.probe_at + PROBE
    assert failed(tried, opened.probe_at, 0.5).circuit(opened.probe_at) == "open"
    assert probing(after(2), NOW) == after(2)


STEP = timedelta(seconds=5)
"""How often a sender says that it is still there."""
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 80)),
        st.tuples(st.just("send"), st.just(0)),
        st.tuples(st.just("took"), st.integers(0, 9)),
        st.tuples(st.just("failed"), st.integers(0, 9)),
        st.tuples(st.just("died"), st.integers(0, 9)),
        st.tuples(st.just("busy"), st.integers(0, 400)),
    ),
    max_size=60,
)


@given(events=EVENTS, spread=st.floats(0, 1))
@settings(max_examples=60)
def test_whatever_happens_one_probe_is_tried_at_a_time_and_nobody_waits_for_ever(
    events: list[tuple[str, int]], spread: float
):
    breaker, now = Breaker(), NOW
    under_way: list[str] = []  # of each message, the state of the circuit when it was sent
    for what, number in events:
        if what == "wait":
            for _ in range(number):
                now += STEP
                if under_way:
                    breaker = probing(breaker, now)
        elif what == "send" and breaker.closed_until(now) is None:
            circuit = breaker.circuit(now)
            assert circuit != "open"
            assert circuit == "closed" or "half-open" not in under_way
            breaker = probing(breaker, now)
            under_way.append(circuit)
        elif under_way and what != "send":
            under_way.pop(number % len(under_way))
            if what == "took":
                breaker = Breaker()
                # What was a probe is a message like others now.
                under_way = ["closed" for _ in under_way]
            elif what != "died":
                busy = float(number) if what == "busy" else 0.0
                before = breaker
                breaker = failed(breaker, now, spread, retry_after=busy)
                assert breaker.failures == before.failures + 1
        assert (breaker.circuit(now) == "closed") == (breaker.opened_at is None)
        assert (breaker.opened_at is not None) == (breaker.failures >= OPENS_AFTER)
        ends = breaker.closed_until(now)
        assert ends is None or ends <= now + timedelta(seconds=max(400, 300 * 1.1))
