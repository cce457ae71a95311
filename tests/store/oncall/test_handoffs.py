"""Handoffs become notices once, also after a restart and where two look at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.notices import send_notices
from sentinel.notifications.channel import Channel, Message, Receipt
from sentinel.store import Store
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.handoffs import notify_of_handoffs
from sentinel.store.oncall.overrides import OnCallOverrides

DOCUMENT = """
people:
  ann: {timezone: Europe/Berlin, notify: [{receiver: ann-chat}, {receiver: ann-sms, after: 5m}]}
  ben: {notify: [{receiver: ben-chat}]}
  cem: {notify: [{receiver: cem-chat}], handoff_notices: {receivers: [cem-mail]}}
schedules:
  primary:
    handoff_notices: {ahead: [1d]}
    layers: [{rotation: {people: [ann, ben], handoff: 2026-01-05T09:00}}]
"""
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)


class Recorder:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def channel_of(self, ref: str) -> Channel:
        recorder = self

        class Through:
            def send(self, message: Message) -> Receipt:
                recorder.sent.append((ref.partition("/")[2], message.title))
                return Receipt()

        return Through()


@pytest.fixture
def applied(store: Store, clock: FakeClock) -> Store:
    clock.set(MONDAY + DAY)
    for name in ("ann-chat", "ann-sms", "ben-chat", "cem-chat", "cem-mail"):
        store.receivers.set(name, [f"sentinel-webhook/{name}"])
    assert notify_of_handoffs(store) == 0
    OnCallDocuments(store).apply(DOCUMENT, actor="ann")
    assert notify_of_handoffs(store) == 0
    return store


def said(store: Store) -> list[tuple[str, str]]:
    notify_of_handoffs(store)
    recorder = Recorder()
    send_notices(store, recorder.channel_of, by="sweep")
    return sorted(recorder.sent)


def test_whoever_names_no_time_zone_reads_the_schedules(applied: Store, clock: FakeClock):
    there = DOCUMENT.replace("  primary:\n", "  primary:\n    timezone: Europe/Berlin\n")
    OnCallDocuments(applied).apply(there, actor="ann")
    clock.set(MONDAY + WEEK)
    assert ("ben-chat", "You are on call for primary until Mon 2026-01-19 09:00 CET") in said(
        applied
    )


def test_people_hear_of_a_handoff_by_their_receivers_once(applied: Store, clock: FakeClock):
    clock.set(MONDAY + 6 * DAY)
    assert said(applied) == [
        ("ann-chat", "Your shift for primary ends Mon 2026-01-12 10:00 CET"),
        ("ben-chat", "You will be on call for primary from Mon 2026-01-12 09:00 UTC until "
                     "Mon 2026-01-19 09:00 UTC"),
    ]  # fmt: skip
    assert said(applied) == []
    # An override that is made after that counts, and ben is told.
    OnCallOverrides(applied).add("primary", MONDAY + WEEK, MONDAY + 8 * DAY, ["cem"], actor="ann")
    assert said(applied) == [
        ("ben-chat", "You will not be on call for primary from Mon 2026-01-12 09:00 UTC")
    ]
    clock.set(MONDAY + WEEK)
    assert said(applied) == [
        ("ann-chat", "You are no longer on call for primary"),
        ("ben-chat", "You will be on call for primary from Tue 2026-01-13 09:00 UTC until "
                     "Mon 2026-01-19 09:00 UTC"),
        ("cem-mail", "You are on call for primary until Tue 2026-01-13 09:00 UTC"),
    ]  # fmt: skip
    clock.set(MONDAY + WEEK + DAY)
    assert [who for who, _ in said(applied)] == ["ben-chat", "cem-mail"]


def test_two_who_look_at_the_same_time_tell_it_once_and_a_restart_loses_none(
    applied: Store, clock: FakeClock
):
    clock.set(MONDAY + WEEK)
    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(notify_of_handoffs, [applied] * 4))
    assert sorted(counts) == [0, 0, 0, 2]
    # Whoever decided died before anything was sent.
    recorder = Recorder()
    assert send_notices(applied, recorder.channel_of, by="relay") == 2
    assert sorted(recorder.sent) == [
        ("ann-chat", "You are no longer on call for primary"),
        ("ben-chat", "You are on call for primary until Mon 2026-01-19 09:00 UTC"),
    ]


def test_a_schedule_that_asks_for_no_notices_any_more_is_forgotten(
    applied: Store, clock: FakeClock
):
    OnCallDocuments(applied).apply(
        DOCUMENT.replace("handoff_notices: {ahead: [1d]}", "").replace(
            ", handoff_notices: {receivers: [cem-mail]}", ""
        ),
        actor="ann",
    )
    clock.set(MONDAY + WEEK)
    assert said(applied) == []
    OnCallDocuments(applied).rollback(1, actor="ann")
    clock.set(MONDAY + WEEK + DAY)
    assert said(applied) == []  # what changed while nobody wanted to know is told nobody
    clock.set(MONDAY + 2 * WEEK)
    assert [who for who, _ in said(applied)] == ["ann-chat", "ben-chat"]


def test_clocks_that_differ_by_seconds_tell_each_handoff_once(applied: Store, clock: FakeClock):
    told: list[tuple[str, str]] = []
    for seconds in (-2, 1, -3, 2, -1, 3, -500, 4):
        clock.set(MONDAY + WEEK + timedelta(seconds=seconds))
        told += said(applied)
    assert sorted(who for who, title in told if "no longer" in title) == ["ann-chat"]
    assert sorted(who for who, title in told if "You are on call" in title) == ["ben-chat"]
    # A clock that was hours ahead does not keep quiet for hours.
    clock.set(MONDAY + 3 * WEEK)
    said(applied)
    clock.set(MONDAY + 2 * WEEK - DAY)
    said(applied)
    clock.set(MONDAY + 2 * WEEK)
    assert [who for who, _ in said(applied)] == ["ann-chat", "ben-chat"]
