"""Messages under way: a slow or broken channel costs no other channel anything."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import pytest

from sentinel.engine.lanes import Lanes
from sentinel.notifications.channel import Message
from sentinel.store.notifications.deliveries import Outcome, ToSend

MESSAGE = Message(
    id="m", group_id="g", dedup_key="d", at=datetime(2026, 3, 1, tzinfo=UTC), status="firing",
    reason="first", reason_text="first notification", receiver="ops", title="t", severity="high",
    firing=1, resolved=0, alerts=[], url="http://127.0.0.1/",
)  # fmt: skip


def to(channel: str, number: int) -> ToSend:
    return ToSend(
        delivery_id=f"{channel}{number:04x}", group_id=f"g{number}", receiver="ops",
        channel=channel, seq=1, firing=1, severity=4, attempts=0,
        repeat=timedelta(hours=4), message=MESSAGE,
    )  # fmt: skip


class Channels:
    """Channels of which some hang until told, and some fail."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.tried: Counter[str] = Counter()

    def send(self, one: ToSend) -> Outcome:
        self.tried[one.channel] += 1
        if one.channel == "slow":
            self.go.wait(60)
        return Outcome(sent=one, error="no answer" if one.channel == "dead" else "")


@pytest.fixture
def channels() -> Generator[Channels]:
    channels = Channels()
    yield channels
    channels.go.set()


def gathered(lanes: Lanes, most: int) -> list[Outcome]:
    found: list[Outcome] = []
    while len(found) < most:
        found += lanes.outcomes(30)
    return found


def test_a_channel_that_hangs_delays_no_other(channels: Channels):
    lanes = Lanes(channels.send, at_once=2)
    lanes.submit([to("slow", n) for n in range(20)] + [to("quick", n) for n in range(20)])
    found = gathered(lanes, 20)
    assert {one.sent.channel for one in found} == {"quick"}
    assert channels.tried["slow"] == 2
    assert len(lanes.pending) == 20


def test_a_send_that_never_ends_has_failed_at_its_deadline(channels: Channels):
    lanes = Lanes(channels.send, deadline=0.0)
    lanes.submit([to("slow", 1)])
    (outcome,) = gathered(lanes, 1)
    assert outcome.error == "slow did not finish within 0 s"
    channels.go.set()
    assert lanes.outcomes(0.2) == []  # its own outcome comes too late to count
    assert lanes.pending == []


def test_what_waits_for_a_channel_that_failed_three_times_comes_back_untried(channels: Channels):
    lanes = Lanes(channels.send, at_once=1)
    lanes.submit([to("dead", n) for n in range(20)])
    found = gathered(lanes, 20)
    assert channels.tried["dead"] == 3
    assert [one.untried for one in found] == [False] * 3 + [True] * 17
    lanes.submit([to("dead", 99)])  # the probe of its breaker is tried all the same
    (probe,) = gathered(lanes, 1)
    assert not probe.untried


def test_nothing_more_is_started_once_it_is_closed(channels: Channels):
    lanes = Lanes(channels.send, at_once=1)
    lanes.submit([to("slow", 1), to("slow", 2)])
    lanes.close()
    channels.go.set()
    gathered(lanes, 1)
    assert channels.tried["slow"] == 1
