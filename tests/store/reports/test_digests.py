"""A digest for each period of a team, once, through restarts."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest

from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.engine.notices import send_notices
from sentinel.errors import Conflict, NotFound
from sentinel.notifications.channel import Message
from sentinel.notifications.digest import digest_text
from sentinel.store import Store
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.reports.digests import digest_of, send_digests
from tests.databases import sqlite_alone
from tests.world import World

ONCALL = """
people:
  ada: {notify: [{receiver: inbox-only}]}
  bob: {notify: [{receiver: inbox-only}]}
teams:
  db:
    people: [ada, bob]
    schedule: primary
    digest: {at: "08:00", receivers: [mail, inbox-only], empty: false}
  web: {people: [ada]}
schedules:
  primary:
    timezone: UTC
    layers:
      - name: weekly
        rotation: {people: [ada, bob], handoff: 2026-01-05T09:00, every: weekly}
"""
EIGHT = datetime.fromisoformat("2026-01-06T08:00:00+00:00")


class Desk(World):
    """A world with a team that has a daily digest."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        super().__init__(store, clock, team="db")
        clock.set(EIGHT - timedelta(hours=12))
        store.receivers.set("mail", ["sentinel-email/db"])
        store.receivers.set("inbox-only", ["inbox"])
        OnCallDocuments(store).apply(ONCALL, actor="ann")

    def digests(self, at: datetime) -> list[tuple[str, Message]]:
        """What the sweep of a moment sends."""
        self.clock.set(at)
        send_digests(self.store)
        self.recorder.messages.clear()
        send_notices(self.store, self.recorder.channel_of, by="test")
        return sorted(self.recorder.messages, key=lambda one: one[0])


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Desk:
    return Desk(store, clock)


def test_a_digest_says_what_fired_what_is_open_and_who_is_next(desk: Desk, clock: FakeClock):
    assert desk.digests(clock.now()) == []  # the last time before it was configured
    clock.set(EIGHT)
    assert desk.digests(clock.now()) == []  # nothing happened, and an empty one is not wanted
    desk.sees({"/a": 95, "/b": 99})
    desk.raises("/x", severity="critical", name="other", team="")
    Routes(desk.store).apply("{route: {receiver: default}, owners: 'other db'}", actor="ann")
    clock.forward(minutes=10)
    desk.store.act([desk.ids()[0]], Acknowledge(actor="ada"))
    clock.forward(minutes=10)
    desk.sees({"/a": 10, "/b": 99})
    nine = EIGHT + timedelta(days=1)
    inbox, mail = desk.digests(nine)
    assert (inbox[0], mail[0]) == ("inbox", "sentinel-email/db")
    message = mail[1]
    assert message.title == "[digest] db: 3 alerts, 2 still open"
    assert (message.status, message.reason) == ("notice", "digest")
    text = message.text
    assert "From Tue 2026-01-06 08:00 to Wed 2026-01-07 08:00 (UTC): 3 alerts opened" in text
    assert "0 in the period before, 1 resolved, 2 never acknowledged." in text
    assert "By severity: 1 critical, 2 medium." in text
    assert "MTTA 11m, MTTR 22m." in text
    assert "- disk: 2 (0 before)\n- other: 1 (0 before)" in text
    assert "Still open:\n- critical: other: /x 97" in text
    assert "- ada from Wed 2026-01-07 08:00 to Mon 2026-01-12 09:00" in text
    assert "- bob from Mon 2026-01-12 09:00 to Wed 2026-01-14 08:00" in text
    assert "<li>other: 1 (0 before)</li>" in message.html
    assert message.attachment is not None
    name, content = message.attachment
    rows = list(csv.DictReader(io.StringIO(content)))
    assert (name, len(rows)) == ("alerts-2026-01-07.csv", 3)
    assert {one["acknowledged_by"] for one in rows} == {"ada", ""}
    # Only a mail has a file, and what was sent is not kept.
    assert (inbox[1].text, inbox[1].html, inbox[1].attachment) == (message.text, "", None)
    assert [row[0] for row in desk.rows("SELECT state FROM notice")] == ["sent", "sent"]
    assert not [row for row in desk.rows("SELECT body FROM notice") if row[0] not in ({}, "{}")]
    # Once for the period, whoever sweeps and however often.
    assert desk.digests(nine + timedelta(minutes=1)) == []
    assert desk.digests(nine + timedelta(hours=23)) == []


@sqlite_alone
def test_what_was_missed_is_in_the_next_one(desk: Desk, clock: FakeClock):
    desk.digests(EIGHT)
    desk.sees({"/a": 95})
    (_, message), _ = desk.digests(EIGHT + timedelta(days=3, hours=2))
    assert "From Tue 2026-01-06 08:00 to Fri 2026-01-09 08:00" in message.text
    # An alert that is still open is news each day.
    assert len(desk.digests(EIGHT + timedelta(days=4))) == 2
    clock.forward(days=60)
    desk.store.retain(timedelta(days=30))
    assert len(desk.rows("SELECT 1 FROM digest_run")) == 1


@sqlite_alone
def test_a_preview_sends_nothing_and_names_who_has_a_digest(desk: Desk):
    desk.sees({"/a": 95})
    found = digest_of(desk.store, "db", EIGHT + timedelta(hours=1))
    assert (found.until, found.opened, found.open_count) == (EIGHT, 1, 1)
    assert "1 alert opened" in digest_text(found)
    assert not desk.rows("SELECT 1 FROM notice")
    with pytest.raises(NotFound, match="web") as refused:
        digest_of(desk.store, "web")
    assert "Teams with one: db" in str(refused.value.hint)


def test_a_receiver_of_a_digest_is_not_removed(desk: Desk):
    with pytest.raises(Conflict, match="names the receiver 'mail'"):
        desk.store.receivers.remove("mail")
