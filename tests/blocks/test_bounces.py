"""Mails that come back are read from a local IMAP server."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from blocks.bounces import report_of
from blocks.mail import mail_of
from blocks.mailbox import Mailbox, usable_mailbox
from sentinel.errors import ConfigurationError, DeliveryError
from sentinel.notifications.bounces import BounceReport
from tests.blocks.imap_server import PASSWORD, USER, ImapServer, serving_mails
from tests.blocks.messages import message
from tests.blocks.smtp_server import certificate

OURS = mail_of(message(), sender="s@example.org", to=["ops@example.org"]).as_bytes()


def report(
    *, address: str = "Ops@example.org", action: str = "failed", status: str = "5.1.1",
    original: bytes = OURS, headers: bool = False, kind: str = "delivery-status",
) -> bytes:  # fmt: skip
    """What a mail server sends back (RFC 3464, shaped as Postfix writes it)."""
    part = b"text/rfc822-headers" if headers else b"message/rfc822"
    original = original.partition(b"\r\n\r\n")[0] + b"\r\n" if headers else original
    return (
        (
            "From: MAILER-DAEMON@mx.example.org\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
            f'Content-Type: multipart/report; report-type={kind};\r\n\tboundary="b/x"\r\n\r\n'
            "--b/x\r\nContent-Type: text/plain\r\n\r\nI am sorry.\r\n\r\n"
            f"--b/x\r\nContent-Type: message/{kind}\r\n\r\n"
            "Reporting-MTA: dns; mx.example.org\r\n\r\n"
            f"Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {status}\r\n"
            "Diagnostic-Code: smtp; 550 5.1.1 <ops@example.org>: no\r\n    such user\r\n\r\n"
        ).encode()
        + b"--b/x\r\nContent-Type: "
        + part
        + b"\r\n\r\n"
        + original
        + b"\r\n--b/x--\r\n"
    )


def all_ours(reports: Sequence[BounceReport]) -> list[bool]:
    return [True for _ in reports]


@pytest.fixture
def imap() -> Generator[ImapServer]:
    with serving_mails() as server:
        yield server


def mailbox(port: int, *, user: str = USER, host: str = "127.0.0.1", end: str = "") -> Mailbox:
    where = end or "INBOX?security=insecure"
    return Mailbox(f"{'imap' if not end else 'imaps'}://{user}:{PASSWORD}@{host}:{port}/{where}")


@pytest.mark.parametrize("headers", [False, True])
def test_a_report_names_the_address_and_why(headers: bool):
    about = report_of(report(headers=headers))
    assert about is not None
    assert about.group_id == "g1"
    (found,) = about.bounces
    assert (found.address, found.status) == ("ops@example.org", "5.1.1")
    assert found.said == "550 5.1.1 <ops@example.org>: no such user"


# Named, since a report has a random boundary, and all processes must find the same tests.
NO_BOUNCE = {
    "delayed": lambda: report(action="delayed", status="4.4.1"),
    "failed for now": lambda: report(action="failed", status="4.2.2"),
    "delivered": lambda: report(action="delivered", status="2.0.0"),
    "no address": lambda: report(address="nobody"),
    "of somebody else": lambda: report(original=b"Subject: of somebody else\r\n\r\nhello\r\n"),
    "no report": lambda: OURS,
    "empty": lambda: b"",
    "no text": lambda: b"\xff\x00\r\n",
    "no group": lambda: report(original=OURS.replace(b"X-Sentinel-Group", b"X-Other")),
    "a strange group": lambda: report(
        original=OURS.replace(b"X-Sentinel-Group: g1", b"X-Sentinel-Group: a b")
    ),
    "another kind": lambda: report(kind="disposition-notification"),
    "cut": lambda: report()[:300],
}


@pytest.mark.parametrize("name", NO_BOUNCE)
def test_what_is_not_final_or_not_ours_is_no_bounce(name: str):
    assert report_of(NO_BOUNCE[name]()) is None


def test_reports_are_seen_only_once_their_alerts_are_kept(imap: ImapServer):
    imap.mails.append(report())

    def fails(_reports: object) -> list[bool]:
        raise DeliveryError("the database is down")

    with pytest.raises(DeliveryError, match="database"):
        mailbox(imap.port).read(fails)
    assert imap.seen == set()


def test_a_mail_that_cannot_be_parsed_is_left_and_does_not_stop_the_others(
    imap: ImapServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    imap.mails += [report(address="odd@example.org"), report()]

    def parsed(mail: bytes) -> BounceReport | None:
        if b"odd@" in mail:
            raise IndexError("string index out of range")
        return report_of(mail)

    monkeypatch.setattr("blocks.mailbox.report_of", parsed)
    box = mailbox(imap.port)
    assert (box.read(all_ours), box.read(all_ours)) == (1, 0)
    assert imap.seen == {2}
    assert imap.commands.count("FETCH") == 2, "it is not read again"
    assert caplog.text.count("mail 1 in the mailbox at 127.0.0.1") == 1
    assert "IndexError" in caplog.text


def test_a_mail_that_the_server_does_not_hand_out_does_not_stop_the_others(
    imap: ImapServer, caplog: pytest.LogCaptureFixture
):
    imap.mails += [report(), report()]
    imap.refuses = {"FETCH 1"}
    assert mailbox(imap.port).read(all_ours) == 1
    assert imap.seen == {2}
    assert "mail 1 in the mailbox at 127.0.0.1" in caplog.text


@pytest.mark.parametrize("url", ["imap://ann:p%C3%A4ss@", "imap://%C3%A4nn:pass@"])
def test_a_login_outside_ascii_says_what_to_do(imap: ImapServer, url: str):
    outside = Mailbox(f"{url}127.0.0.1:{imap.port}/INBOX?security=insecure")
    with pytest.raises(DeliveryError, match="outside ASCII") as caught:
        outside.read(all_ours)
    assert "SENTINEL_BOUNCE_MAILBOX" in caught.value.hint
    assert "ss" not in str(caught.value).replace("password", "")


def test_a_mailbox_too_slow_for_all_of_its_mails_is_read_in_pieces(imap: ImapServer):
    imap.mails += [report() for _ in range(25)]
    imap.refuses = {"STORE 21,22,23,24,25"}
    sizes: list[int] = []

    def take(reports: Sequence[BounceReport]) -> list[bool]:
        sizes.append(len(reports))
        return all_ours(reports)

    box = mailbox(imap.port)
    with pytest.raises(DeliveryError, match="could not be read"):
        box.read(take)
    assert imap.seen == set(range(1, 21)), "what was taken before is not read again"
    imap.refuses.clear()
    assert box.read(take) == 5
    assert sizes == [10, 10, 5, 5]


def test_mails_that_are_no_reports_are_known_by_their_number_while_it_is_theirs(imap: ImapServer):
    imap.mails += [report(action="delayed", status="4.4.1"), report()]
    box = mailbox(imap.port)
    assert box.read(all_ours) == 1
    imap.mails[0], imap.validity = report(), 2
    assert box.read(all_ours) == 1, "the number is another mail's now"
    assert imap.seen == {1, 2}
    imap.seen.clear()
    imap.mails[:] = [report(action="delayed", status="4.4.1")]
    box.read(all_ours)
    imap.seen = {1}
    box.read(all_ours)
    imap.seen.clear()
    imap.commands.clear()
    box.read(all_ours)
    assert imap.commands.count("FETCH") == 1, "of mails that are gone nothing is kept"


def test_a_mailbox_in_tls_is_read_where_its_certificate_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    context, trusted = certificate(tmp_path)
    with serving_mails(context) as imap:
        imap.mails.append(report())
        secure = mailbox(imap.port, host="localhost", end="INBOX")
        with pytest.raises(DeliveryError, match="certificate that is not trusted"):
            secure.read(all_ours)
        assert imap.commands == []
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert secure.read(all_ours) == 1


@pytest.mark.parametrize(
    "url",
    ["https://a:b@x.org/", "imaps://x.org/INBOX", "imaps://a@x.org/", "imaps://a:b@x.org:port/",
     "imaps://a:b@x.org/?folder=x", "imaps://a:b@[x/"],
)  # fmt: skip
def test_an_address_that_is_no_mailbox_says_what_to_write(
    url: str, caplog: pytest.LogCaptureFixture
):
    with pytest.raises(ConfigurationError, match="SENTINEL_BOUNCE_MAILBOX") as caught:
        Mailbox(url)
    assert "imaps://user:password@host/INBOX" in caught.value.hint
    assert usable_mailbox(url) is None
    assert "a:b" not in caplog.text
    assert usable_mailbox("") is None


def test_a_mailbox_is_read_over_starttls_and_logs_in_after_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    context, trusted = certificate(tmp_path)
    with serving_mails(context, starttls=True) as imap:
        imap.mails.append(report())
        box = Mailbox(f"imap://{USER}:{PASSWORD}@localhost:{imap.port}/INBOX")
        with pytest.raises(DeliveryError, match="certificate that is not trusted"):
            box.read(all_ours)
        assert (imap.commands, imap.in_tls) == (["CAPABILITY"], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert box.read(all_ours) == 1
        assert imap.seen == {1}
        assert imap.in_tls[:3] == ["CAPABILITY", "LOGIN", "SELECT"]
        assert imap.commands.count("LOGIN") == imap.in_tls.count("LOGIN") == 1


def test_no_password_is_sent_to_a_server_that_offers_no_tls(imap: ImapServer):
    box = Mailbox(f"imap://{USER}:{PASSWORD}@127.0.0.1:{imap.port}/INBOX")
    with pytest.raises(DeliveryError, match="could not be read"):
        box.read(all_ours)
    assert imap.commands == ["CAPABILITY"]
