"""The breaker of a channel, in moments that the test gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sentinel.notifications.breaker import OPENS_AFTER, Breaker, failed

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
