"""Mails become alerts: acknowledged once they are committed, refused with the codes of SMTP."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from sentinel.api import mail_server
from sentinel.api.mail_server import MailServer, mail_server_of
from sentinel.errors import ConfigurationError, DatabaseError
from sentinel.ingest.arrivals import Arrivals
from sentinel.ingest.mail_document import mail_document
from sentinel.settings import Settings
from sentinel.store import Store
from tests.blocks.smtp_server import certificate
from tests.prefect_server import free_port

DOCUMENT = """
addresses:
  alerts@sentinel.example: {}
  "shop+*@sentinel.example":
    tenant: acme
    severity: low
    labels: {service: shop}
    senders: ["*@shop.example"]
"""
FROM, TO = "nagios@host.example", "alerts@sentinel.example"


def mail(subject: str, text: str = "It is full.", **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = FROM, TO, subject
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


class Post:
    """A mail server of ours, and mails that are sent to it over a real connection."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.arrivals = Arrivals(store)

    def delivers(
        self, send: Callable[[smtplib.SMTP], Any], document: str = DOCUMENT, **more: Any
    ) -> Any:
        """What `send` returns, or the error of the client."""

        async def served() -> Any:
            server = MailServer(mail_document(document), self.arrivals, **more)
            port = await server.start("127.0.0.1", 0)
            try:
                return await asyncio.to_thread(self._with_client, port, send)
            finally:
                await server.close()

        return asyncio.run(served())

    def _with_client(self, port: int, send: Callable[[smtplib.SMTP], Any]) -> Any:
        with smtplib.SMTP("localhost", port, timeout=30) as client:
            return send(client)

    def gets(self, *mails: EmailMessage, to: str = TO, sender: str = FROM) -> None:
        def send(client: smtplib.SMTP) -> None:
            for one in mails:
                client.send_message(one, from_addr=sender, to_addrs=[to])

        self.delivers(send)

    def alerts(self) -> list[tuple[str, str, str, str]]:
        with self.store.read() as connection:
            rows = connection.exec_driver_sql(
                "SELECT tenant, title, status, severity_word FROM alert ORDER BY id"
            )
            return [tuple(row) for row in rows]


@pytest.fixture
def post(store: Store) -> Post:
    return Post(store)


def test_a_mail_is_an_alert_and_the_same_subject_again_is_the_same_alert(post: Post):
    post.gets(mail("PROBLEM: disk full on db1"), mail("disk full on db1"))
    assert post.alerts() == [("default", "disk full on db1", "open", "high")]


def test_an_address_says_tenant_severity_and_labels(post: Post):
    post.gets(mail("slow"), to="Shop+eu@sentinel.example", sender="a@shop.example")
    assert post.alerts() == [("acme", "slow", "open", "low")]
    with post.store.read() as connection:
        found = connection.exec_driver_sql("SELECT labels FROM alert").scalar_one()
    assert '"service": "shop"' in str(found).replace('":"', '": "')


@pytest.mark.parametrize("ends", [
    mail("[RESOLVED] disk full"), mail("OK: disk full"), mail("Re: disk full", "Resolved, thanks"),
    mail("AW: Re: disk full", "> closed\n"),
])  # fmt: skip
def test_a_subject_or_a_reply_resolves_it(post: Post, ends: EmailMessage):
    post.gets(mail("CRITICAL - disk full"))
    assert post.alerts() == [("default", "disk full", "open", "critical")]
    post.gets(ends)
    assert [one[2] for one in post.alerts()] == ["resolved"]


@pytest.mark.parametrize("goes_on", [
    mail("Re: disk full", "I am looking into it"), mail("resolved"), mail("disk full resolved"),
])  # fmt: skip
def test_what_only_mentions_it_resolves_nothing(post: Post, goes_on: EmailMessage):
    post.gets(mail("disk full"), goes_on)
    assert post.alerts()[0][2] == "open"


def test_refusals_have_the_codes_that_senders_act_on(post: Post):
    def refused(sender: str, to: str, subject: str = "x") -> int:
        def send(client: smtplib.SMTP) -> int:
            try:
                client.send_message(mail(subject), from_addr=sender, to_addrs=[to])
            except smtplib.SMTPRecipientsRefused as error:
                return next(iter(error.recipients.values()))[0]
            except smtplib.SMTPResponseException as error:
                return error.smtp_code
            return 250

        return post.delivers(send)

    assert refused(FROM, "nobody@sentinel.example") == 550
    assert refused("a@elsewhere.example", "shop+eu@sentinel.example") == 550
    assert refused("A@Shop.Example", "shop+eu@sentinel.example") == 250
    assert refused(FROM, TO, "Re: ") == 554


def test_a_mail_that_is_too_large_is_refused_before_it_is_sent(post: Post):
    def send(client: smtplib.SMTP) -> int:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            client.send_message(mail("x", "y" * 3000))
        return refused.value.smtp_code

    assert post.delivers(send, most_bytes=2000) == 552


def test_a_mail_is_acknowledged_only_when_its_alert_is_committed(
    post: Post, monkeypatch: pytest.MonkeyPatch
):
    submit, away = post.arrivals.submit, iter([True])

    def sometimes(message: Any) -> Any:
        if next(away, False):
            raise DatabaseError("the disk is full")
        return submit(message)

    monkeypatch.setattr(post.arrivals, "submit", sometimes)

    def send(client: smtplib.SMTP) -> tuple[int, int]:
        client.ehlo()
        codes: list[int] = []
        for _ in range(2):
            client.mail(FROM)
            client.rcpt(TO)
            codes.append(client.data(mail("disk full").as_bytes())[0])
            codes.append(len(post.alerts()))
        return tuple(codes)  # type: ignore[return-value]

    assert post.delivers(send) == (451, 0, 250, 1)


def test_after_an_error_that_nobody_foresaw_the_sender_keeps_the_mail(
    post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fails(_: Any) -> Any:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(post.arrivals, "submit", fails)

    def send(client: smtplib.SMTP) -> int:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.send_message(mail("disk full"))
        assert "unforeseen" not in str(refused.value.smtp_error)
        return refused.value.smtp_code

    assert post.delivers(send) == 451
    assert "unforeseen" in caplog.text


def test_more_connections_than_allowed_are_closed(post: Post, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mail_server, "MOST_OPEN", 1)

    def send(client: smtplib.SMTP) -> None:
        assert client.sock is not None
        port = client.sock.getpeername()[1]
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
            smtplib.SMTP("127.0.0.1", port, timeout=30)
        client.send_message(mail("x"))

    post.delivers(send)
    assert len(post.alerts()) == 1


def test_the_settings_say_whether_and_where_mails_are_taken(
    app: FastAPI, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    file = tmp_path / "mail.yaml"
    file.write_text(DOCUMENT)
    port = free_port()

    async def started() -> None:
        assert await mail_server_of(app, Settings()) is None
        chosen = Settings(mail_intake=str(file), mail_intake_port=port)
        server = await mail_server_of(app, chosen)
        assert server is not None
        assert await mail_server_of(app, chosen) is None  # the port is taken
        await server.close()
        with pytest.raises(ConfigurationError, match="cannot be read"):
            await mail_server_of(app, Settings(mail_intake=str(tmp_path / "none")))

    asyncio.run(started())
    assert "mails cannot be taken at port" in caplog.text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("addresses: {}", "addresses"),
        ("addresses: {a@b: {severity: bad}}", "addresses.a@b.severity"),
        ("addresses: {a@b: {}}\nwords: {up: perhaps}", "words"),
        ("[]", "no YAML with names and values"),
    ],
)
def test_a_document_that_cannot_be_used_says_where(text: str, wrong: str):
    with pytest.raises(ConfigurationError, match=wrong):
        mail_document(text)


def test_a_login_is_needed_and_taken_after_starttls_alone(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    context, trusted = certificate(tmp_path)
    asked: dict[str, Any] = {"tls": context, "login": "printer:s3cret:x"}

    def refused(client: smtplib.SMTP) -> list[int]:
        codes = [client.docmd("EHLO me")[0], client.docmd(f"MAIL FROM:<{FROM}>")[0]]
        with pytest.raises(smtplib.SMTPNotSupportedError):
            client.login("printer", "s3cret:x")
        client.starttls(context=ssl.create_default_context(cafile=str(trusted)))
        with pytest.raises(smtplib.SMTPAuthenticationError) as wrong:
            client.login("printer", "s3cret")
        return [*codes, wrong.value.smtp_code, client.mail(FROM)[0]]

    def sends(client: smtplib.SMTP) -> None:
        client.starttls(context=ssl.create_default_context(cafile=str(trusted)))
        client.login("printer", "s3cret:x")
        client.send_message(mail("paper is out"), from_addr=FROM, to_addrs=[TO])

    assert post.delivers(refused, **asked) == [250, 530, 535, 530]
    assert post.alerts() == []
    # One connection is all that may be open: after STARTTLS it is still the same one.
    monkeypatch.setattr(mail_server, "MOST_OPEN", 1)
    post.delivers(sends, **asked)
    assert [title for _, title, _, _ in post.alerts()] == ["paper is out"]


def test_who_guesses_passwords_is_disconnected(post: Post, tmp_path: Path):
    context, trusted = certificate(tmp_path)

    def guesses(client: smtplib.SMTP) -> list[int]:
        client.starttls(context=ssl.create_default_context(cafile=str(trusted)))
        client.ehlo()
        wrong = b64encode(b"\0printer\0guess").decode()
        codes: list[int] = []
        with suppress(smtplib.SMTPServerDisconnected):
            while len(codes) < 20:
                codes.append(client.docmd("AUTH", f"PLAIN {wrong}")[0])
        return codes

    assert post.delivers(guesses, tls=context, login="printer:s3cret") == [535] * 6 + [421]


@pytest.mark.parametrize("login", ["printer:secret", "printer", ":secret"])
def test_a_login_that_cannot_be_used_keeps_the_api_from_starting(
    app: FastAPI, tmp_path: Path, login: str
):
    file = tmp_path / "mail.yaml"
    file.write_text(DOCUMENT)
    more: dict[str, Any] = {}
    if login != "printer:secret":
        certificate(tmp_path)
        more = {"tls_certificate": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}
    settings = Settings(mail_intake=str(file), mail_intake_login=SecretStr(login), **more)
    with pytest.raises(ConfigurationError, match="SENTINEL_MAIL_INTAKE_LOGIN") as refused:
        asyncio.run(mail_server_of(app, settings))
    assert "secret" not in str(refused.value)
