"""Email, sent to a real SMTP server that demands a login and speaks TLS."""

from __future__ import annotations

import csv
import io
import logging
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - as in blocks.mail
    EmailServerCredentials,
)
from pydantic import SecretStr, ValidationError

from blocks.mail import SentinelEmail
from blocks.mail_csv import csv_of
from sentinel.errors import DeliveryError
from tests.blocks.messages import message, resolved
from tests.blocks.smtp_server import PASSWORD, USER, MailServer, certificate, serving
from tests.prefect_server import free_port


@pytest.fixture
def server() -> Generator[MailServer]:
    """Without TLS, with a login."""
    with serving() as server:
        yield server


OF_THE_MAIL = ("cc", "individually", "attach", "unsubscribe")


def channel(port: int, *, kind: str = "INSECURE", host: str = "127.0.0.1", **more: Any):
    credentials: dict[str, Any] = {"username": USER, "password": SecretStr(PASSWORD), **more}
    to = credentials.pop("to", ["Operations <ops@example.org>", "night@example.org"])
    own = {name: credentials.pop(name) for name in OF_THE_MAIL if name in credentials}
    return SentinelEmail(
        server=EmailServerCredentials(
            smtp_server=host, smtp_type=kind, smtp_port=port, **credentials
        ),
        to=to,
        sender="Sentinel <sentinel@example.org>",
        timeout=5,
        **own,
    )


def test_everybody_gets_the_mail_under_the_name_of_the_login(server: MailServer):
    channel(server.port).send(message())
    (mail,) = server.mails
    assert (mail.sender, mail.user) == ("sentinel@example.org", USER)
    assert mail.recipients == ["ops@example.org", "night@example.org"]
    assert mail.message["To"] == "Operations <ops@example.org>, night@example.org"
    assert mail.message["Subject"] == "[critical] disk-space"


def test_both_parts_say_the_same(server: MailServer):
    channel(server.port).send(message())
    (mail,) = server.mails
    assert [part.get_content_type() for part in mail.message.walk()] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip
    for part in (mail.part("plain"), mail.part("html")):
        for said in (
            "2 firing: first notification", "/data0 is 97 percent full", "critical, open for 10m",
            "It stops whatever writes to it.", "mount=/data0, host=db1",
            "http://127.0.0.1:8501/?alert=a0", "http://127.0.0.1:8501/?group=g1",
            "https://r.example", "Sent by Sentinel to the receiver default.",
        ):  # fmt: skip
            assert said in part


def test_both_parts_have_the_link_that_acknowledges(server: MailServer):
    link = "https://ack.example.org/ack/t0ken"
    channel(server.port).send(message(acknowledge_url=link))
    channel(server.port).send(message())
    with_link, without = server.mails
    assert f"Acknowledge: {link}" in with_link.part("plain")
    assert f'href="{link}"' in with_link.part("html")
    assert "Acknowledge" not in without.part("plain") + without.part("html")


def test_the_text_of_a_template_takes_the_place_of_the_alerts(server: MailServer):
    many = message(alerts=[message().alerts[0]] * 80, firing=80, text="Call <b>ann</b>\nnow")
    channel(server.port).send(many)
    (mail,) = server.mails
    assert "  Call <b>ann</b>\r\n  now" in mail.part("plain")
    assert "Call &lt;b&gt;ann&lt;/b&gt;<br>\r\nnow" in mail.part("html")
    for part in (mail.part("plain"), mail.part("html")):
        assert "percent full" not in part
        assert "more" not in part


def test_text_of_a_check_is_escaped_in_html(server: MailServer):
    hostile = "<script>alert('x')</script> & <b>"
    alert = message().alerts[0]
    alert = replace(
        alert, title=hostile, description=hostile, labels={"<i>": hostile},
        annotations={"runbook": "javascript:alert(1)", "<u>": "https://ok.example/"},
    )  # fmt: skip
    channel(server.port).send(message(title=hostile, alerts=[alert], receiver="<s>"))
    html = server.mails[0].part("html")
    for tag in ("<script", "<b>", "<i>", "<u>", "<s>", "javascript:"):
        assert tag not in html
    assert "&lt;script&gt;" in html
    assert 'href="https://ok.example/"' in html


def test_a_title_cannot_bring_headers_of_its_own(server: MailServer):
    channel(server.port).send(message(title="full\r\nBcc: thief@example.org\n" + "x" * 500))
    (mail,) = server.mails
    assert mail.message["Bcc"] is None
    assert mail.recipients == ["ops@example.org", "night@example.org"]
    assert str(mail.message["Subject"]).startswith("full Bcc: thief@example.org xxx")
    assert len(str(mail.message["Subject"])) <= 200


def test_any_script_arrives_as_it_is(server: MailServer):
    channel(server.port).send(message(title="[critical] диск полон 磁盘已满"))
    (mail,) = server.mails
    assert mail.message["Subject"] == "[critical] диск полон 磁盘已满"
    assert "磁盘已满" in mail.part("plain")


def test_the_end_answers_the_first_mail(server: MailServer):
    first = channel(server.port).send(message())
    second = channel(server.port).send(message(id="m2", answers=first.reference))
    channel(server.port).send(resolved(id="m3", answers=second.reference))
    opened, more, over = (mail.message for mail in server.mails)
    assert opened["In-Reply-To"] is None
    assert opened["Message-ID"] == "<m1.g1@example.org>"
    for answer in (more, over):
        assert answer["In-Reply-To"] == opened["Message-ID"]
        assert answer["References"] == opened["Message-ID"]
    assert len({opened["Message-ID"], more["Message-ID"], over["Message-ID"]}) == 3
    assert over["Subject"] == "[resolved] disk-space"
    assert "resolved after 15m" in server.mails[2].part("plain")


def test_sent_again_it_is_the_same_mail(server: MailServer):
    for _ in range(2):
        channel(server.port).send(message())
    assert [mail.message["Message-ID"] for mail in server.mails] == ["<m1.g1@example.org>"] * 2


def test_no_robot_answers_and_a_critical_mail_stands_out(server: MailServer):
    channel(server.port).send(message())
    channel(server.port).send(resolved())
    firing, over = (mail.message for mail in server.mails)
    assert firing["Auto-Submitted"] == "auto-generated"
    assert (firing["Importance"], over["Importance"]) == ("high", None)
    assert firing["X-Sentinel-Group"] == "g1"


@pytest.mark.parametrize("kind", ["STARTTLS", "SSL"])
def test_a_login_goes_over_tls(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serving(tls=context, starttls=kind == "STARTTLS") as server:
        channel(server.port, kind=kind, host="localhost").send(message())
        (mail,) = server.mails
        assert mail.user == USER
        # The server tells only of STARTTLS; a port of TLS takes nothing else.
        assert mail.encrypted or kind == "SSL"


def test_a_certificate_that_is_not_trusted_is_never_talked_to(tmp_path: Path):
    context, _ = certificate(tmp_path)
    with serving(tls=context) as server:
        with pytest.raises(DeliveryError, match="certificate that is not trusted") as caught:
            channel(server.port, kind="STARTTLS", host="localhost").send(message())
        assert not caught.value.permanent
        assert server.mails == []
        channel(server.port, kind="STARTTLS", host="localhost", verify=False).send(message())
        assert len(server.mails) == 1


def test_a_server_without_starttls_never_sees_the_password(server: MailServer):
    with pytest.raises(DeliveryError, match="does not support what the block requires") as caught:
        channel(server.port, kind="STARTTLS").send(message())
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("command", "answer", "permanent"),
    [
        ("MAIL", "550 5.7.1 no such sender", True), ("MAIL", "451 4.3.0 later", False),
        ("RCPT", "550 5.1.1 no such user", True), ("RCPT", "450 4.2.0 greylisted", False),
        ("RCPT", "421 4.3.2 going down", False),
        ("DATA", "554 5.7.1 spam", True), ("DATA", "452 4.3.1 disk full", False),
    ],
)  # fmt: skip
def test_only_a_5xx_is_permanent(server: MailServer, command: str, answer: str, permanent: bool):
    server.answers[command] = answer
    with pytest.raises(DeliveryError, match=answer[:3]) as caught:
        channel(server.port).send(message())
    assert caught.value.permanent is permanent
    assert server.mails == []


@pytest.mark.parametrize(
    ("command", "of_message"), [("MAIL", False), ("RCPT", False), ("DATA", True)]
)
def test_only_a_refusal_after_data_is_of_the_message(
    server: MailServer, command: str, of_message: bool
):
    server.answers[command] = "554 5.7.1 no"
    with pytest.raises(DeliveryError) as caught:
        channel(server.port).send(message())
    assert (caught.value.permanent, caught.value.of_message) == (True, of_message)


def test_a_wrong_password_is_permanent_and_not_repeated(server: MailServer):
    with pytest.raises(DeliveryError, match="rejected the login") as caught:
        channel(server.port, password=SecretStr("wr0ng-0ne")).send(message())
    assert caught.value.permanent
    assert "wr0ng-0ne" not in str(caught.value)


def test_a_login_outside_ascii_says_what_to_do(server: MailServer):
    with pytest.raises(DeliveryError, match="login with letters outside ASCII") as caught:
        channel(server.port, password=SecretStr("pässw0rd")).send(message())
    assert caught.value.permanent
    assert "ssw0rd" not in str(caught.value)


def test_some_get_a_copy_and_all_learn_where_to_unsubscribe(server: MailServer):
    channel(server.port, cc=["Boss <boss@example.org>"], unsubscribe="mailto:ops@example.org").send(
        message()
    )
    (mail,) = server.mails
    assert mail.recipients == ["ops@example.org", "night@example.org", "boss@example.org"]
    assert mail.message["Cc"] == "Boss <boss@example.org>"
    assert mail.message["List-Unsubscribe"] == "<mailto:ops@example.org>"
    where = f"https://example.org/{'x' * 90}"
    channel(server.port, unsubscribe=where).send(message())
    # Python's email would write an address that is longer than a line as encoded words.
    assert f"List-Unsubscribe: <{where}>\r\n".encode() in server.mails[1].raw
    for bad in ("ops@example.org", "https://x.example/>\r\nBcc: a@x.org", "javascript:alert(1)"):
        with pytest.raises(ValidationError, match="should match pattern"):
            channel(25, unsubscribe=bad)


def test_a_mail_that_cannot_name_all_alerts_has_them_as_csv(server: MailServer):
    one = replace(message().alerts[0], title='=cmd("calc"), "x"\nnext', resolved_at=None)
    many = message(alerts=[replace(one, id=f"a{n}") for n in range(51)], firing=51)
    channel(server.port).send(many)
    channel(server.port).send(message())
    channel(server.port, attach="always").send(message())
    channel(server.port, attach="never").send(many)
    names = [[part.get_filename() for part in mail.attachments()] for mail in server.mails]
    assert names == [["alerts.csv"], [], ["alerts.csv"], []]
    (part,) = server.mails[0].attachments()
    rows = list(csv.DictReader(io.StringIO(part.get_content(), newline="")))
    assert [row["id"] for row in rows] == [f"a{n}" for n in range(51)]
    assert rows[0]["title"] == '\'=cmd("calc"), "x"\nnext'
    assert (rows[0]["opened_at"], rows[0]["resolved_at"]) == ("2026-03-01T11:50:00Z", "")
    assert (rows[0]["labels"], rows[0]["value"]) == ("host=db1, mount=/data0", "97.0")
    assert "51 firing" in server.mails[0].part("plain")


def test_a_csv_says_how_many_alerts_it_leaves_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("blocks.mail_csv.MOST_ROWS", 4)
    one, over = message().alerts[0], resolved().alerts[0]
    many = message(
        alerts=[*[replace(one, id=f"a{n}") for n in range(1500)], replace(over, id="over")],
        firing=1500, resolved=1,
    )  # fmt: skip
    rows = list(csv.reader(io.StringIO(csv_of(many), newline="")))[1:]
    assert [row[0] for row in rows] == ["a0", "a1", "a2", "over", "… and 1,497 more"]
    assert {len(row) for row in rows} == {13}
    assert "more" not in csv_of(message())


@pytest.mark.parametrize(
    ("text", "cell"),
    [("  =1+1", "'  =1+1"), ("full;=1+1", "full;'=1+1"), ("full\t@x", "full\t'@x"),
     ("full\n -1", "full\n' -1"), ("a=b, c-d", "a=b, c-d")],
)  # fmt: skip
def test_no_part_of_a_text_in_a_csv_is_a_formula(text: str, cell: str):
    alert = replace(message().alerts[0], title=text)
    (row,) = csv.DictReader(io.StringIO(csv_of(message(alerts=[alert], firing=1)), newline=""))
    assert row["title"] == cell


def test_nobody_listening_is_tried_again():
    with pytest.raises(DeliveryError, match="did not answer") as caught:
        channel(free_port()).send(message())
    assert not caught.value.permanent


def test_a_server_that_hangs_is_given_up_on():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = channel(silent.getsockname()[1]).model_copy(update={"timeout": 0.2})
        with pytest.raises(DeliveryError, match="did not answer") as caught:
            mute.send(message())
    assert not caught.value.permanent


def test_no_log_and_no_form_of_the_block_has_the_password(
    server: MailServer, caplog: pytest.LogCaptureFixture
):
    chosen = channel(server.port)
    with caplog.at_level(logging.DEBUG):
        chosen.send(message())
    for said in (caplog.text, repr(chosen), str(chosen.model_dump())):
        assert PASSWORD not in said


@pytest.mark.parametrize(
    "to",
    ["nobody", "@example.org", "a@x.org, b@x.org", "a@x.org\nBcc: c@x.org", "", "ü@x.org"],
)
def test_an_invalid_address_is_refused_when_saved(to: str):
    with pytest.raises(ValidationError, match="is not a mail address"):
        channel(25, to=[to])


def test_the_form_helps():
    fields = SentinelEmail.model_fields
    assert all(field.title and field.description for field in fields.values())
    assert SentinelEmail.get_block_type_slug() == "sentinel-email"
