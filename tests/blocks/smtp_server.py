"""A real SMTP server for tests: it logs people in, speaks TLS, and keeps what it is sent."""

from __future__ import annotations

import ssl
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.prefect_server import free_port

__all__ = ["USER", "Mail", "MailServer", "certificate", "serving"]

USER, PASSWORD = "sentinel", "pa55-w0rd"


class Mail:
    """One mail as the server took it."""

    def __init__(self, envelope: Envelope, session: Session) -> None:
        self.sender = envelope.mail_from
        self.recipients = envelope.rcpt_tos
        self.encrypted = session.ssl is not None
        self.user = session.auth_data
        self.raw = cast("bytes", envelope.content)
        parser = BytesParser(policy=SMTP_POLICY)
        self.message: EmailMessage = parser.parsebytes(cast("bytes", envelope.content))

    def part(self, kind: str) -> str:
        """The text of the part `plain` or `html`."""
        found = self.message.get_body((kind,))
        assert found is not None
        return cast("EmailMessage", found).get_content()

    def attachments(self) -> list[EmailMessage]:
        """What is attached to it."""
        return list(self.message.iter_attachments())


class MailServer:
    """Keeps every mail, and answers what it is told to.

    Attributes:
        answers: the answer to a command, instead of taking it: MAIL, RCPT, DATA, or RCPT or DATA
            and the address of the first recipient
    """

    def __init__(self, port: int, *, wants_login: bool) -> None:
        self.port = port
        self.wants_login = wants_login
        self.mails: list[Mail] = []
        self.answers: dict[str, str] = {}

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.wants_login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        answer = self.answers.get(f"RCPT {address}", self.answers.get("RCPT"))
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, session: Session, envelope: Envelope
    ) -> str:
        answer = self.answers.get(f"DATA {envelope.rcpt_tos[0]}", self.answers.get("DATA"))
        if answer:
            return answer
        self.mails.append(Mail(envelope, session))
        return "250 2.0.0 OK"

    def login(
        self, _server: Any, _session: Any, _envelope: Any, _kind: str, data: Any
    ) -> AuthResult:
        given = cast("LoginPassword", data)
        good = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=good, auth_data=given.login.decode())


@contextmanager
def serving(
    *, tls: ssl.SSLContext | None = None, starttls: bool = True, login: bool = True
) -> Generator[MailServer]:
    """An SMTP server on a free port while the block lasts.

    Args:
        tls: speak TLS with this certificate
        starttls: only after STARTTLS, not from the first byte
        login: demand a login
    """
    server = MailServer(free_port(), wants_login=login)
    more: dict[str, Any] = {}
    if tls is not None and starttls:
        more = {"tls_context": tls, "require_starttls": True}
    elif tls is not None:
        more = {"ssl_context": tls}
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=server.port,
        authenticator=server.login if login else None,
        auth_require_tls=tls is not None and starttls,
        **more,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate for 127.0.0.1, and the file to trust it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "cert.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    return context, chain
