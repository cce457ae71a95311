"""Mails that come back, read from a local IMAP server, are an alert for each address."""

from __future__ import annotations

import logging
from collections.abc import Generator

import pytest

from sentinel.alerts.actions import Resolve
from sentinel.clock import FakeClock
from sentinel.engine.bounce_watch import RULE, BounceWatch
from sentinel.store import Store
from tests.blocks.imap_server import PASSWORD, ImapServer, serving_mails
from tests.blocks.test_bounces import mailbox, report
from tests.prefect_server import free_port
from tests.world import World


@pytest.fixture
def imap() -> Generator[ImapServer]:
    with serving_mails() as server:
        yield server


def test_an_address_is_alerted_on_once_until_a_person_resolves_it(
    store: Store, clock: FakeClock, imap: ImapServer
):
    world = World(store, clock)
    watch = BounceWatch(store, mailbox(imap.port).read)
    others = [b"Subject: hello\r\n\r\n", report(original=b"Subject: x\r\n\r\nx\r\n")]
    imap.mails += [*others, report(), report(address="night@example.org")]

    def told() -> list[tuple[str, str]]:
        watch.evaluate(clock.now())
        world.tells()
        found = [(one.reason, one.alerts[0].title) for _, one in world.recorder.messages]
        world.recorder.messages.clear()
        return sorted(found)

    why = "5.1.1 550 5.1.1 <ops@example.org>: no such user"
    assert told() == [
        ("first", f"mails to night@example.org are returned: {why}"),
        ("first", f"mails to ops@example.org are returned: {why}"),
    ]
    assert imap.seen == {3, 4}, "no mail of others is marked as seen"
    imap.mails.append(report())
    clock.forward(days=1)
    assert told() == []
    assert imap.commands.count("FETCH") == 4, "nothing is read twice"
    ids = [row[0] for row in world.rows(f"SELECT id FROM alert WHERE rule = '{RULE}'")]
    store.act(ids, Resolve(actor="ann"))
    clock.forward(hours=1)
    assert {reason for reason, _ in told()} == {"resolved"}
    clock.forward(days=1)
    imap.mails.append(report())
    assert [reason for reason, _ in told()] == ["first"]


def test_a_mailbox_that_cannot_be_read_is_logged_once_without_its_password(
    store: Store, clock: FakeClock, imap: ImapServer, caplog: pytest.LogCaptureFixture
):
    watch = BounceWatch(store, mailbox(imap.port).read)
    for command in ("LOGIN", "SELECT", "SEARCH"):
        imap.refuses = {command}
        watch.evaluate(clock.now())
    BounceWatch(store, mailbox(free_port()).read).evaluate(clock.now())
    assert caplog.text.count("bounces cannot be read, trying again") == 2
    imap.refuses.clear()
    with caplog.at_level(logging.INFO):
        watch.evaluate(clock.now())
    assert "bounces can be read again" in caplog.text
    assert PASSWORD not in caplog.text
