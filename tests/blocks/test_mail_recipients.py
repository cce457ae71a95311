"""Who gets a mail, and what the refusal of some of the recipients means for the others."""

from __future__ import annotations

import logging
from collections.abc import Generator

import pytest

from blocks.mail import recipients_of
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Channel
from tests.blocks.messages import message
from tests.blocks.smtp_server import MailServer, serving
from tests.blocks.test_mail import channel


@pytest.fixture
def server() -> Generator[MailServer]:
    """Without TLS, with a login."""
    with serving() as server:
        yield server


THREE = ["a@example.org", "b@example.org", "c@example.org"]


def got(server: MailServer) -> list[str]:
    return [one for mail in server.mails for one in mail.recipients]


def test_every_accepted_recipient_gets_one_mail(
    server: MailServer, caplog: pytest.LogCaptureFixture
):
    server.answers["RCPT night@example.org"] = "550 5.1.1 left us"
    with caplog.at_level(logging.WARNING):
        channel(server.port).send(message())
    assert server.mails[0].recipients == ["ops@example.org"]
    assert "refused 1 of 2 recipients (550)" in caplog.text
    assert "night@example.org" not in caplog.text


def test_the_recipients_of_a_channel_are_those_that_a_bounce_may_be_about():
    email = channel(25, cc=["Boss <Boss@Example.org>", "ops@example.org"])

    def channel_of(ref: str) -> Channel:
        if ref.endswith("/gone"):
            raise DeliveryError("no such block", permanent=True)
        if ref.endswith("/later"):
            raise DeliveryError("Prefect does not answer")
        return email

    known = {"ops@example.org", "night@example.org", "boss@example.org"}
    assert recipients_of("sentinel-email/ops", channel_of) == known
    for ref in ("sentinel-email/gone", "sentinel-webhook/ops", "inbox"):
        assert recipients_of(ref, channel_of) == set()
    with pytest.raises(DeliveryError, match="does not answer"):
        recipients_of("sentinel-email/later", channel_of)


def test_one_mail_each_shows_nobody_the_others(server: MailServer):
    each = channel(server.port, cc=["boss@example.org"], individually=True)
    each.send(message())
    assert [(mail.recipients, mail.message["To"], mail.message["Cc"]) for mail in server.mails] == [
        (["ops@example.org"], "Operations <ops@example.org>", None),
        (["night@example.org"], "night@example.org", None),
        (["boss@example.org"], "boss@example.org", None),
    ]
    assert {mail.message["Message-ID"] for mail in server.mails} == {"<m1.g1@example.org>"}


def test_a_retry_of_one_mail_each_goes_on_where_it_stopped(server: MailServer):
    each = channel(server.port, individually=True)
    server.answers["RCPT night@example.org"] = "421 4.3.2 going down"
    with pytest.raises(DeliveryError, match="421") as caught:
        each.send(message())
    assert not caught.value.permanent
    server.answers.clear()
    again = message(progress=caught.value.progress)
    each.send(again)
    assert [mail.recipients for mail in server.mails] == [
        ["ops@example.org"], ["night@example.org"],
    ]  # fmt: skip
    # To other recipients all of them are sent.
    channel(server.port, individually=True, to=["new@example.org"]).send(again)
    assert server.mails[-1].recipients == ["new@example.org"]


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_the_refusal_of_one_of_one_mail_each_keeps_no_other_from_its_mail(
    server: MailServer, command: str, caplog: pytest.LogCaptureFixture
):
    each = channel(server.port, individually=True, to=THREE)
    for refused in ("a", "b"):
        server.mails.clear()
        server.answers = {f"{command} {refused}@example.org": "554 5.7.1 no"}
        each.send(message())
        assert got(server) == [one for one in THREE if one[0] != refused]
    assert "refused 1 of 3 recipients (554)" in caplog.text


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_one_mail_each_is_refused_where_nobody_got_it(server: MailServer, command: str):
    each = channel(server.port, individually=True, to=THREE)
    server.answers = {command: "554 5.7.1 no"}
    with pytest.raises(DeliveryError, match=r"every recipient \(554\)") as caught:
        each.send(message())
    refused = caught.value
    assert (refused.permanent, refused.of_message) == (True, command == "DATA")
    assert refused.progress == "", "the next attempt begins with the first"
    server.answers = {command: "554 5.7.1 no", "RCPT a@example.org": "450 4.2.0 greylisted"}
    with pytest.raises(DeliveryError, match="450, 554") as caught:
        each.send(message())
    assert not caught.value.permanent


def test_what_earlier_attempts_refused_does_not_count_as_delivered(server: MailServer):
    each = channel(server.port, individually=True, to=THREE)
    server.answers = {"RCPT a@example.org": "450 4.2.0 later", "RCPT b@example.org": "421 4.3.2 x"}
    with pytest.raises(DeliveryError, match="421") as caught:
        each.send(message())
    progress = caught.value.progress
    server.answers = {"RCPT": "550 5.1.1 no such user"}
    with pytest.raises(DeliveryError, match="every recipient") as caught:
        each.send(message(progress=progress))
    assert not caught.value.permanent, "the first may take it later"
    # Where one was accepted, a refusal of all that is left is no error.
    server.answers = {"RCPT b@example.org": "421 4.3.2 x"}
    with pytest.raises(DeliveryError, match="421") as caught:
        each.send(message())
    server.answers = {"RCPT": "550 5.1.1 no such user"}
    each.send(message(progress=caught.value.progress))
    assert got(server) == ["a@example.org"]


@pytest.mark.parametrize("individually", [False, True])
def test_an_address_in_to_and_cc_gets_one_mail(server: MailServer, individually: bool):
    twice = channel(
        server.port, to=["Operations <ops@example.org>"], cc=["Ops@Example.org", "b@example.org"],
        individually=individually,
    )  # fmt: skip
    twice.send(message())
    assert got(server) == ["ops@example.org", "b@example.org"]
    server.answers = {"RCPT": "550 5.1.1 no such user"}
    with pytest.raises(DeliveryError, match="every recipient"):
        twice.send(message())
