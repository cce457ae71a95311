"""Messages under way: a slow or broken channel costs no other channel anything."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from msgspec.structs import replace

from sentinel.access.acknowledge_tokens import link_id, new_secret, signed
from sentinel.engine.lanes import LANE_THREAD, Lanes
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import SEND_SECONDS, Channel, Message, Receipt
from sentinel.store.notifications.deliveries import Outcome, ToSend
from tests.waiting import eventually

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


class OfOneName:
    """A channel that hangs, fails, raises or answers, as its name says."""

    def __init__(self, channels: Channels, name: str, seconds: float) -> None:
        self._channels = channels
        self._name = name
        self.send_seconds = seconds

    def send(self, message: Message) -> Receipt:
        self._channels.tried[self._name] += 1
        match self._name:
            case "slow":
                self._channels.go.wait(60)
            case "dead":
                raise DeliveryError("no answer")
            case "exits":
                raise SystemExit(1)
            case "breaks":
                self._channels.go.wait(60)
                raise Broken
            case _:
                pass
        return Receipt()


class Broken(BaseException):
    """What ends a process."""


class Channels:
    """Channels of which some hang until told, and some fail."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.tried: Counter[str] = Counter()
        self.seconds = 60.0

    def channel_of(self, reference: str) -> Channel:
        return OfOneName(self, reference, self.seconds)


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
    lanes = Lanes(channels.channel_of, at_once=2)
    lanes.submit([to("slow", n) for n in range(20)] + [to("quick", n) for n in range(20)])
    found = gathered(lanes, 20)
    assert {one.sent.channel for one in found} == {"quick"}
    assert channels.tried["slow"] == 2
    assert len(lanes.pending) == 20


def test_a_send_that_never_ends_has_failed_at_its_deadline(channels: Channels):
    channels.seconds = 0.01
    lanes = Lanes(channels.channel_of, grace=0.0)
    lanes.submit([to("slow", 1)])
    (outcome,) = gathered(lanes, 1)
    assert outcome.error == "slow did not finish within 0.01 s"
    channels.go.set()
    assert lanes.outcomes(0.2) == []  # its own outcome comes too late to count
    assert lanes.pending == []


def test_a_channel_has_as_long_as_it_states_and_loading_it_as_long_as_any(channels: Channels):
    channels.seconds = 1_000.0
    lanes = Lanes(channels.channel_of, grace=0.0)
    lanes.submit([to("slow", 1)])
    eventually(lambda: channels.tried["slow"] == 1, "it is sent")
    assert lanes.until_next_deadline() > 900
    stuck = Lanes(lambda _: cast("Channel", channels.go.wait(60)), grace=0.0)
    stuck.submit([to("slow", 2)])
    assert 100 < stuck.until_next_deadline() <= SEND_SECONDS


def test_outcomes_before_a_send_that_breaks_the_process_are_returned(channels: Channels):
    lanes = Lanes(channels.channel_of)
    lanes.submit([to("quick", 1), to("breaks", 1)])
    eventually(lambda: channels.tried["breaks"] + channels.tried["quick"] == 2, "both are sent")
    channels.go.set()
    name = f"{LANE_THREAD}breaks"
    eventually(lambda: name not in {t.name for t in threading.enumerate()}, "it breaks")
    (outcome,) = gathered(lanes, 1)
    assert outcome.sent.channel == "quick"
    with pytest.raises(Broken):
        lanes.raise_broken()
    lanes.submit([to("quick", 2)])
    assert lanes.outcomes(0.0) == []  # nothing more is started


def test_a_channel_whose_code_leaves_the_process_has_failed(channels: Channels):
    lanes = Lanes(channels.channel_of)
    lanes.submit([to("exits", 1)])
    (outcome,) = gathered(lanes, 1)
    assert (outcome.error, outcome.permanent) == ("SystemExit, see the log", False)
    lanes.raise_broken()


@pytest.mark.parametrize("kind", ["answers", "refuses", "raises"])
def test_the_link_is_in_nothing_that_a_send_leaves_behind(
    caplog: pytest.LogCaptureFixture, kind: str
):
    token = signed(new_secret(), link_id("m", ["a"]), datetime(2026, 3, 2, tzinfo=UTC))
    url = f"https://ack.example.org/ack/{token}"
    quoted = f"took {url}, /ack/{token} and {token[:70]}…"

    class Quotes:
        def send(self, message: Message) -> Receipt:
            if kind == "answers":
                return Receipt(reference=f"r-{url}", answer=quoted)
            if kind == "refuses":
                error = DeliveryError(quoted)
                error.progress = f"1 {token}"
                raise error
            raise ValueError(quoted)

    lanes = Lanes(lambda _ref: Quotes())
    sent = replace(to("any", 1), message=replace(MESSAGE, acknowledge_url=url))
    lanes.submit([sent])
    (found,) = gathered(lanes, 1)
    left = [found.error, found.reference, found.answer, caplog.text]
    assert not any(token[:22] in one for one in left), left
    expected = {
        "answers": ("", "r-***", "took ***, /ack/*** and ***…"),
        "refuses": ("took ***, /ack/*** and ***…", "1 ***", ""),
        "raises": ("ValueError, see the log", "", ""),
    }
    assert (found.error, found.reference, found.answer) == expected[kind]
    if kind == "raises":
        assert "in send" in caplog.text
        assert "ValueError: took ***, /ack/*** and ***" in caplog.text


def test_what_waits_for_a_channel_that_failed_three_times_comes_back_untried(channels: Channels):
    lanes = Lanes(channels.channel_of, at_once=1)
    lanes.submit([to("dead", n) for n in range(20)])
    found = gathered(lanes, 20)
    assert channels.tried["dead"] == 3
    assert [one.untried for one in found] == [False] * 3 + [True] * 17
    lanes.submit([to("dead", 99)])  # the probe of its breaker is tried all the same
    (probe,) = gathered(lanes, 1)
    assert not probe.untried


def test_nothing_more_is_started_once_it_is_closed(channels: Channels):
    lanes = Lanes(channels.channel_of, at_once=1)
    lanes.submit([to("slow", 1), to("slow", 2)])
    lanes.close()
    channels.go.set()
    gathered(lanes, 1)
    assert channels.tried["slow"] == 1
