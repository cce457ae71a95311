"""Mails that come back, read from a local IMAP server, are an alert for each address."""

from __future__ import annotations

import logging
from collections.abc import Generator

import pytest
from prefect.blocks.core import Block
from pydantic import SecretStr

from sentinel.alerts.actions import Resolve
from sentinel.clock import FakeClock
from sentinel.engine.bounce_watch import RULE, BounceWatch
from sentinel.notifications.bounces import Bounce, BounceReport
from sentinel.relay.run import relay_of
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.notifications.posted_bounces import keep_reports
from tests.blocks.imap_server import PASSWORD, USER, ImapServer, serving_mails
from tests.blocks.test_bounces import OURS, mailbox, report
from tests.blocks.test_mail import channel as email_channel
from tests.databases import both_databases
from tests.prefect_server import free_port
from tests.world import World


@pytest.fixture
def imap() -> Generator[ImapServer]:
    with serving_mails() as server:
        yield server


class Mailed:
    """A group that was mailed through an email channel, and the reports about it."""

    def __init__(self, store: Store, clock: FakeClock, port: int) -> None:
        self.world = World(store, clock)
        self.addresses = {"ops@example.org", "night@example.org"}
        self.watch = BounceWatch(store, mailbox(port).read, self._recipients_of)
        store.receivers.set("default", ["sentinel-email/ops"])
        self.world.sees({"/data": 97})
        self.world.tells()
        self.world.recorder.messages.clear()
        ((self.group,),) = self.world.rows("SELECT id FROM alert_group")

    def _recipients_of(self, ref: str) -> set[str]:
        return self.addresses if ref == "sentinel-email/ops" else set()

    def report(self, address: str = "Ops@example.org", group: str = "") -> bytes:
        original = OURS.replace(b"Group: g1", f"Group: {group or self.group}".encode())
        return report(address=address, original=original)

    def told(self) -> list[tuple[str, str]]:
        self.world.clock.forward(minutes=1)
        self.watch.evaluate(self.world.clock.now())
        self.world.tells()
        found = [(one.reason, one.alerts[0].title) for _, one in self.world.recorder.messages]
        self.world.recorder.messages.clear()
        return sorted(one for one in found if "mails to" in one[1])

    def live(self) -> list[str]:
        rows = self.world.rows(
            f"SELECT title FROM alert WHERE rule = '{RULE}' AND status = 'open' ORDER BY title"
        )
        return [title.split()[2] for (title,) in rows]


@pytest.fixture
def mailed(store: Store, clock: FakeClock, imap: ImapServer) -> Mailed:
    return Mailed(store, clock, imap.port)


def test_an_address_is_alerted_on_once_until_a_person_resolves_it(
    store: Store, clock: FakeClock, imap: ImapServer, mailed: Mailed
):
    others = [b"Subject: hello\r\n\r\n", report(original=b"Subject: x\r\n\r\nx\r\n")]
    imap.mails += [*others, mailed.report(), mailed.report("night@example.org")]
    why = "5.1.1 550 5.1.1 <ops@example.org>: no such user"
    assert mailed.told() == [
        ("first", f"mails to night@example.org are returned: {why}"),
        ("first", f"mails to ops@example.org are returned: {why}"),
    ]
    assert imap.seen == {3, 4}, "no mail of others is marked as seen"
    imap.mails.append(mailed.report())
    clock.forward(days=1)
    assert mailed.told() == []
    assert imap.commands.count("FETCH") == 4, "nothing is read twice"
    ids = [row[0] for row in mailed.world.rows(f"SELECT id FROM alert WHERE rule = '{RULE}'")]
    store.act(ids, Resolve(actor="ann"))
    clock.forward(hours=1)
    assert {reason for reason, _ in mailed.told()} == {"resolved"}
    clock.forward(days=1)
    imap.mails.append(mailed.report())
    assert [reason for reason, _ in mailed.told()] == ["first"]


def test_a_report_counts_only_for_a_group_and_an_address_that_were_mailed(
    imap: ImapServer, mailed: Mailed
):
    imap.mails += [
        mailed.report(group="01890000000070008000000000000000"),
        mailed.report("stranger@example.org"),
    ]
    assert mailed.told() == []
    assert imap.seen == set(), "reports that nobody took are left for people"
    mailed.told()
    assert imap.commands.count("FETCH") == 2
    imap.mails.append(mailed.report())
    mailed.told()
    assert mailed.live() == ["ops@example.org"]
    assert imap.seen == {3}


def test_the_relay_takes_the_addresses_from_the_email_channels(
    store: Store, clock: FakeClock, imap: ImapServer, mailed: Mailed,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    def loaded(ref: str) -> Block:
        assert ref == "sentinel-email/ops"
        return email_channel(25, cc=["Boss@Example.org"])

    monkeypatch.setattr("blocks.channels._load", loaded)
    address = f"imap://{USER}:{PASSWORD}@127.0.0.1:{imap.port}/?security=insecure"
    relay = relay_of(store, Settings(bounce_mailbox=SecretStr(address)))
    (duty,) = [one for one in relay.duties if one.name == "read bounces"]
    imap.mails += [mailed.report(f"{one}@example.org") for one in ("boss", "ops", "stranger")]
    duty.do(clock.now())
    assert mailed.live() == ["boss@example.org", "ops@example.org"]
    assert imap.seen == {1, 2}


@both_databases
def test_the_relay_reads_what_vendors_posted_also_without_a_mailbox(
    store: Store, clock: FakeClock, mailed: Mailed, monkeypatch: pytest.MonkeyPatch
):
    def loaded(_: str) -> Block:
        return email_channel(25)

    monkeypatch.setattr("blocks.channels._load", loaded)
    posted = [
        BounceReport(group_id=mailed.group, bounces=(Bounce(address=address, status="5.1.1"),))
        for address in ("ops@example.org", "stranger@example.org")
    ]
    assert keep_reports(store, posted) == 2
    relay = relay_of(store, Settings())
    (duty,) = [one for one in relay.duties if one.name == "read bounces"]
    duty.do(clock.now())
    assert mailed.live() == ["ops@example.org"]
    mailed.watch.evaluate(clock.forward(minutes=1))
    assert mailed.world.rows("SELECT id FROM posted_bounce") == []


def test_one_read_opens_a_bounded_number_of_alerts_and_says_how_many_it_dropped(
    imap: ImapServer, mailed: Mailed, caplog: pytest.LogCaptureFixture
):
    many = [f"p{n:02}@example.org" for n in range(23)]
    mailed.addresses |= set(many)
    imap.mails += [mailed.report(one) for one in many]
    mailed.told()
    assert mailed.live() == many[:20]
    assert "20 have an alert, 3 have none" in caplog.text
    imap.mails += [mailed.report(one) for one in (many[0], many[22])]
    mailed.told()
    assert mailed.live() == [*many[:20], many[22]]


def test_an_alert_closes_after_a_week_without_a_report_that_was_read(
    clock: FakeClock, imap: ImapServer, mailed: Mailed
):
    imap.mails += [mailed.report(), mailed.report("night@example.org")]
    mailed.told()
    clock.forward(days=5)
    imap.mails.append(mailed.report("night@example.org"))
    mailed.told()
    clock.forward(days=3)
    imap.mails.append(mailed.report("stranger@example.org"))
    imap.refuses = {"SEARCH"}
    mailed.told()
    assert mailed.live() == ["night@example.org", "ops@example.org"], "nobody knows"
    imap.refuses.clear()
    mailed.told()
    assert mailed.live() == ["night@example.org"]
    rows = mailed.world.rows(
        f"SELECT resolution FROM alert WHERE rule = '{RULE}' AND status = 'resolved'"
    )
    assert rows == [("not_reported",)]


def test_a_mailbox_that_cannot_be_read_is_logged_once_without_its_password(
    store: Store, clock: FakeClock, imap: ImapServer, caplog: pytest.LogCaptureFixture
):
    def nobody(_ref: str) -> set[str]:
        return set()

    watch = BounceWatch(store, mailbox(imap.port).read, nobody)
    for command in ("LOGIN", "SELECT", "SEARCH"):
        imap.refuses = {command}
        watch.evaluate(clock.now())
    BounceWatch(store, mailbox(free_port()).read, nobody).evaluate(clock.now())
    assert caplog.text.count("bounces cannot be read, trying again") == 2
    imap.refuses.clear()
    with caplog.at_level(logging.INFO):
        watch.evaluate(clock.now())
    assert "bounces can be read again" in caplog.text
    assert PASSWORD not in caplog.text
