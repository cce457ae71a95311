"""What a mail says of its alert."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.checks.reading import checked
from sentinel.errors import SampleError
from sentinel.ingest.mail_document import Address, MailDocument
from sentinel.ingest.mails import mail_reading

TO = "alerts@sentinel.example"
DOCUMENT = MailDocument(addresses={TO: Address()})


def description(content: bytes) -> str:
    reading = mail_reading(content, DOCUMENT, TO, Address())
    return (reading.annotations or {}).get("description", "")


def test_of_a_mail_in_html_the_text_is_kept():
    mail = EmailMessage()
    mail["Subject"] = "disk"
    mail.set_content("<style>p {}</style><p>It is <b>full</b></p><p>now</p>", subtype="html")
    assert description(mail.as_bytes()) == "It is full now"
    mail.make_alternative()
    mail.add_alternative("It is full.")
    assert description(mail.as_bytes()) == "It is full."


def test_a_charset_that_nobody_knows_costs_letters_and_not_the_alert():
    mail = b"Subject: disk\r\nContent-Type: text/plain; charset=x-unknown\r\n\r\nfull \xff\r\n"
    assert description(mail).startswith("full")


def test_a_charset_with_a_nul_costs_letters_and_not_the_alert():
    mail = b'Subject: disk\r\nContent-Type: text/plain; charset="utf-8\0"\r\n\r\nfull\r\n'
    assert description(mail) == "full"


def test_parts_without_an_end_are_refused_with_a_reason():
    mail = b"Subject: disk\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 2000
    with pytest.raises(SampleError, match="nested too deeply"):
        mail_reading(mail, DOCUMENT, TO, Address())


def test_of_headers_without_an_end_the_beginning_is_kept():
    many = b"\r\n ".join([b"re:" * 20_000] * 4)
    mail = b"From: " + b"a" * 60_000 + b"\r\nSubject: " + many + b" disk\r\n\r\n"
    reading = mail_reading(mail, DOCUMENT, TO, Address())
    assert len(reading.summary or "") <= 2000
    assert [len(str(one)) <= 500 for one in (reading.details or {}).values()] == [True, True]


@given(content=st.binary(max_size=300), subject=st.text(max_size=60))
def test_whatever_is_sent_is_a_reading_or_refused_with_a_reason(content: bytes, subject: str):
    encoded = subject.replace("\n", " ").replace("\r", " ").encode("utf-8", "replace")
    for mail in (content, b"Subject: a" + encoded + b"\r\n" + content):
        try:
            reading = mail_reading(mail, DOCUMENT, TO, Address())
        except SampleError as error:
            assert "subject" in error.message  # noqa: PT017 - the other outcome is as good
        else:
            assert checked(reading).labels["address"] == TO


@pytest.mark.parametrize(
    ("subject", "labels"),
    [
        ("[CRITICAL] Disk  full", "disk full"), ("Re: FW: WARNING: Disk full", "disk full"),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "grüße"), ("Up and away", "up and away"),
        ("Down: x", "x"), ("Problem", "problem"),
    ],
)  # fmt: skip
def test_the_subject_without_prefixes_and_words_identifies_the_alert(subject: str, labels: str):
    mail = f"Subject: {subject}\r\n\r\n".encode()
    assert mail_reading(mail, DOCUMENT, TO, Address()).labels["subject"] == labels


@pytest.mark.parametrize(
    ("problem", "severity", "recovery"),
    [
        (  # https://github.com/NagiosEnterprises/nagioscore, sample-config/template-object
            "** PROBLEM Service Alert: web-1/disk is WARNING **", "medium",
            "** RECOVERY Service Alert: web-1/disk is OK **",
        ),
        (
            "** PROBLEM Host Alert: web-1 is DOWN **", "high",
            "** RECOVERY Host Alert: web-1 is UP **",
        ),
        (  # https://github.com/Icinga/icinga2, etc/icinga2/scripts
            "[PROBLEM] Ping on web-1 is CRITICAL!", "critical", "[RECOVERY] Ping on web-1 is OK!",
        ),
        (  # https://github.com/ConSol-Monitoring/omd, packages/notifications-tt
            "*** PROBLEM *** web-1 / disk is CRITICAL", "critical",
            "*** RECOVERY *** web-1 / disk is OK",
        ),
        (  # https://www.zabbix.com/documentation/7.0/en/manual/config/notifications/media
            "Problem: High load", "high", "Resolved in 1d 5m 3s: High load",
        ),
    ],
)  # fmt: skip
def test_a_recovery_ends_the_alert_as_monitors_write_it(problem: str, severity: str, recovery: str):
    first, last = (
        mail_reading(f"Subject: {one}\r\n\r\n".encode(), DOCUMENT, TO, Address())
        for one in (problem, recovery)
    )
    assert (first.firing, first.severity, last.firing) == (True, severity, False)
    assert first.labels == last.labels


def test_a_change_of_state_is_the_same_alert():
    words = ("PROBLEM is WARNING", "PROBLEM is CRITICAL", "ACKNOWLEDGEMENT is CRITICAL")
    subjects = [one.split(" ", 1) for one in words]
    readings = [
        mail_reading(
            f"Subject: ** {kind} Service Alert: web-1/disk {state} **\r\n\r\n".encode(),
            DOCUMENT, TO, Address(),
        )
        for kind, state in subjects
    ]  # fmt: skip
    assert len({one.labels["subject"] for one in readings}) == 1
    assert [str(one.severity) for one in readings] == ["medium", "critical", "critical"]
