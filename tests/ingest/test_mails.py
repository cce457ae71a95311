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
