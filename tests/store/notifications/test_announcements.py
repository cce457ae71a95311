"""Silences are announced to the receivers that they mute, once each, through crashes too."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.notices import send_notices
from sentinel.errors import DeliveryError, NotFound
from sentinel.notifications.message import MAY_REPEAT
from sentinel.notifications.notify_document import read_notify
from sentinel.store import Store
from sentinel.store.audit.queries import every
from sentinel.store.notifications.announced_receivers import announced_receivers, set_announced
from sentinel.store.notifications.announcements import announce_silences
from sentinel.store.notifications.explaining import why_of_alert
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.notices import claim_notices
from sentinel.store.notifications.notify_documents import apply_document
from tests.world import World

NOON = datetime.fromisoformat("2026-01-05T12:00:00+00:00")  # a Monday


class Desk(World):
    """A world whose alerts notify two receivers, one of them with a channel of incidents."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        super().__init__(store, clock, receivers=["ops", "pager"])
        clock.set(NOON)
        store.receivers.set("ops", ["slack-webhook/ops"])
        store.receivers.set("pager", ["sentinel-pagerduty/p", "sentinel-ntfy/phone"])
        store.receivers.set("other", ["sentinel-webhook/other"])
        self.silences = MatcherSilences(store)

    def silence(self, **more: Any) -> str:
        until = self.clock.now() + timedelta(hours=2)
        given: dict[str, Any] = {
            "actor": "ann",
            "comment": "the array is rebuilt",
            "announce": True,
            **more,
        }
        return self.silences.create(['mount=~"/.*"'], until, **given)[0].id

    def hears(self, **later: float) -> list[tuple[str, str]]:
        """The reason and channel of each notice that is sent some time later."""
        self.clock.forward(**later)
        self.tells()
        self.recorder.messages.clear()
        announce_silences(self.store)
        send_notices(self.store, self.recorder.channel_of, by="test")
        heard = [(one.reason, ref) for ref, one in self.recorder.messages]
        return sorted(heard)


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Desk:
    return Desk(store, clock)


def test_a_silence_is_announced_to_those_that_it_mutes_from_begin_to_end(desk: Desk):
    desk.sees({"/a": 95, "/b": 95})
    made = desk.silence()
    assert desk.hears() == [
        ("silence_created", "sentinel-ntfy/phone"), ("silence_created", "slack-webhook/ops"),
    ]  # fmt: skip
    ((_, message), _) = desk.recorder.messages
    assert (message.status, message.alerts) == ("notice", [])
    assert "It mutes 2 alerts of this receiver: disk: /a 95" in message.text
    assert "the array is rebuilt" in message.text
    assert message.url.endswith(f"?group={desk.rows('SELECT id FROM alert_group')[0][0]}")
    assert desk.hears(minutes=90) == []
    assert [one[0] for one in desk.hears(minutes=16)] == ["silence_ending"] * 2
    assert desk.hears(minutes=1) == []
    desk.silences.extend(made, desk.clock.now() + timedelta(hours=1), actor="ann")
    assert desk.hears(minutes=1) == []
    desk.silences.expire(made, actor="bob")
    assert [one[0] for one in desk.hears()] == ["silence_ended"] * 2
    assert "ended by bob" in desk.recorder.messages[0][1].title
    assert "Of what it muted, 2 alerts still fire" in desk.recorder.messages[0][1].text
    assert desk.hears(hours=5) == []
    # Each attempt is a delivery of its own kind, and the alert says what was announced.
    kinds = desk.rows("SELECT reason, state FROM delivery WHERE reason LIKE 'silence_%'")
    assert sorted({tuple(one) for one in kinds}) == [
        ("silence_created", "sent"), ("silence_ended", "sent"), ("silence_ending", "sent"),
    ]  # fmt: skip
    announced = why_of_alert(desk.store, desk.ids()[0]).announcements
    assert [one.reason for one in announced][::2] == [
        "silence_created", "silence_ending", "silence_ended",
    ]  # fmt: skip
    assert announced[0].text.startswith("notified: a silence has begun to mute alerts of this")


def test_nobody_hears_of_one_that_mutes_nothing_or_is_not_announced(desk: Desk):
    quiet = desk.silence()
    assert desk.hears(minutes=5) == []
    desk.sees({"/a": 95})
    assert [one[0] for one in desk.hears(minutes=1)] == ["silence_created"] * 2  # it does now
    desk.silences.expire(quiet, actor="ann")
    desk.hears()
    desk.silence(announce=False)
    assert desk.hears(minutes=5) == []


def test_a_receiver_may_be_told_of_every_silence_that_mutes_it(desk: Desk):
    desk.sees({"/a": 95})
    made = desk.silence(announce=False)
    assert desk.hears(minutes=1) == []
    set_announced(desk.store, "ops", True, actor="ann")
    set_announced(desk.store, "other", True, actor="ann")  # nothing of it is muted
    assert desk.hears(minutes=1) == [("silence_created", "slack-webhook/ops")]
    assert desk.hears(minutes=1) == []
    # What was told to begin is told to be over, also where the setting is taken back meanwhile.
    set_announced(desk.store, "ops", False, actor="ann")
    desk.silences.expire(made, actor="ann")
    assert desk.hears(minutes=1) == [("silence_ended", "slack-webhook/ops")]
    desk.silence(announce=False)
    assert desk.hears(minutes=1) == []
    # Setting its channels keeps it; a rule's silence is announced, too.
    set_announced(desk.store, "ops", True, actor="ann")
    desk.store.receivers.set("ops", ["slack-webhook/ops2"])
    assert announced_receivers(desk.store) == {"ops", "other"}
    assert [one[0] for one in desk.hears(minutes=1)] == ["silence_created"]
    set_announced(desk.store, "default", True, actor="ann")  # which is not stored until then
    assert "default" in announced_receivers(desk.store)
    assert desk.store.receivers.all()["default"] == ["inbox"]
    with pytest.raises(NotFound, match="there is no receiver 'none'"):
        set_announced(desk.store, "none", True)


def test_each_window_of_a_recurring_silence_is_announced(desk: Desk):
    weekly = {
        "weekly": {
            "timezone": "UTC",
            "windows": [{"days": "mon", "start": "12:00", "end": "13:00"}],
        }
    }
    desk.sees({"/a": 95})
    until = NOON + timedelta(days=30)
    desk.silences.create(
        ['mount="/a"'], until, actor="ann", announce=True, recurrence=weekly, maintenance=True
    )
    heard = [[kind for kind, _ in desk.hears(minutes=5)][::2] for _ in range(14)]
    assert [one for some in heard for one in some] == [
        "silence_created", "silence_ending", "silence_ended",
    ]  # fmt: skip
    assert desk.hears(days=6, hours=22) == []
    desk.clock.set(NOON + timedelta(days=7, minutes=1))
    assert [one[0] for one in desk.hears()] == ["silence_created"] * 2


def test_a_recurring_silence_that_is_extended_within_its_window_is_not_over(desk: Desk):
    days = {"days": "mon", "start": "11:00", "end": "13:00"}
    weekly = {"weekly": {"timezone": "UTC", "windows": [days]}}
    desk.sees({"/a": 95})
    made, _ = desk.silences.create(
        ['mount="/a"'], NOON + timedelta(minutes=30), actor="ann", announce=True, recurrence=weekly
    )
    assert [one[0] for one in desk.hears(minutes=1)] == ["silence_created"] * 2
    desk.silences.extend(made.id, NOON + timedelta(days=30), actor="ann")
    assert desk.hears(minutes=10) == []
    heard = [kind for _ in range(5) for kind, _ in desk.hears(minutes=10)[::2]]
    assert heard == ["silence_ending", "silence_ended"]
    desk.clock.set(NOON + timedelta(days=7))
    assert [one[0] for one in desk.hears()] == ["silence_created"] * 2


def test_the_silence_of_a_rule_is_announced_too(desk: Desk):
    desk.sees({"/a": 95})
    until = desk.clock.now() + timedelta(hours=1)
    desk.store.silences.begin("disk", until, actor="ann", announce=True)
    assert [one[0] for one in desk.hears(minutes=1)] == ["silence_created"] * 2
    assert "1 alert of this receiver: disk" in desk.recorder.messages[0][1].text
    assert [one[0] for one in desk.hears(hours=1)] == ["silence_ended"] * 2
    assert len(why_of_alert(desk.store, desk.ids()[0]).announcements) == 4


def test_a_sender_that_dies_repeats_one_message_that_says_so(desk: Desk):
    desk.sees({"/a": 95})
    desk.silence()
    desk.tells()
    announce_silences(desk.store)
    first = claim_notices(desk.store, "dies")
    assert len(first) == 2
    assert desk.hears(minutes=1) == []  # its claim still holds
    assert len(desk.hears(minutes=3)) == 2
    again = [one for _, one in desk.recorder.messages]
    assert {one.id for one in again} == {one.message.id for one in first}
    assert all(one.notices == (MAY_REPEAT,) for one in again)
    assert desk.hears(minutes=5) == []


def test_what_fails_is_tried_again_and_what_is_refused_is_not(desk: Desk):
    desk.sees({"/a": 95})
    desk.silence()
    desk.tells()
    desk.recorder.fails = {
        "slack-webhook/ops": DeliveryError("down"),
        "sentinel-ntfy/phone": DeliveryError("no such topic", permanent=True),
    }
    assert desk.hears() == []
    desk.recorder.fails = {}
    assert desk.hears() == []
    assert desk.hears(minutes=2) == [("silence_created", "slack-webhook/ops")]
    states = desk.rows("SELECT channel, state, attempts FROM notice ORDER BY channel")
    assert [tuple(one) for one in states] == [
        ("sentinel-ntfy/phone", "refused", 1), ("slack-webhook/ops", "sent", 2),
    ]  # fmt: skip
    assert desk.rows("SELECT 1 FROM system_log WHERE what = 'notice.given_up'")
    desk.clock.forward(days=40)
    desk.store.retain(timedelta(days=30))
    assert not desk.rows("SELECT 1 FROM notice")


DECLARED = """
silences:
  - name: rebuild
    matchers: ['mount=~"/.*"']
    until: 2026-01-05T16:00:00Z
    announce: true
    comment: the array is rebuilt
"""


@pytest.mark.both_databases
def test_an_edit_of_a_declared_silence_is_announced_only_where_its_times_change(desk: Desk):
    def applied(**words: str) -> None:
        text = DECLARED
        for old, new in words.items():
            text = text.replace(f"{old}:", new)
        apply_document(desk.store, read_notify({"n": text}), actor="ci")

    desk.sees({"/": 95})
    applied()
    assert [one[0] for one in desk.hears(minutes=1)] == ["silence_created"] * 2
    (before,) = desk.store.silences.page(10, None, ended=False)
    applied(comment="maintenance: true\n    comment: and the disks,")
    (after,) = desk.store.silences.page(10, None, ended=False)
    assert (after.id, after.maintenance, after.reason) == (
        before.id, True, "and the disks, the array is rebuilt",
    )  # fmt: skip
    assert desk.hears(minutes=1) == []
    applied(until="until: 2026-01-06T16:00:00Z #")
    assert [one[0] for one in desk.hears(minutes=1)] == ["silence_changed"] * 2
    assert desk.hears(minutes=1) == []
    applied(until="until: 2026-01-05T16:00:00Z #")
    assert [one[0] for one in desk.hears(minutes=1)] == ["silence_changed"] * 2
    weekly = "recurrence: {weekly: {timezone: UTC, windows: [{start: '12:02', end: '15:00'}]}}"
    applied(comment=f"{weekly}\n    comment:")
    assert [one[0] for one in desk.hears(minutes=1)] == ["silence_changed"] * 2
    assert desk.hears(minutes=1) == []
    applied(comment=f"{weekly.replace('12:02', '13:00')}\n    comment:")  # which is not now
    assert "silence_ended" in [one[0] for one in desk.hears(minutes=1)]
    done = [one.action for some in every(desk.store) for one in some]
    assert sorted(one for one in done if one.startswith("silence.")) == [
        *["silence.changed"] * 4, "silence.created", "silence.extended",
    ]  # fmt: skip
