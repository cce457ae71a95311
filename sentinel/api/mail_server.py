"""Takes mails over SMTP as alerts, where the settings ask for it.

A mail is acknowledged with 250 once its alerts are committed. Until then the sender keeps it, and
sends it again to whoever answers with 4xx or is gone, so that none is lost; the same mail again is
the same alert.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from sentinel.errors import ConfigurationError, SampleError, SentinelError
from sentinel.ingest.arrivals import Arrivals, Message
from sentinel.ingest.mail_document import MailDocument, mail_document
from sentinel.ingest.mails import mail_reading
from sentinel.settings import Settings
from sentinel.settings.tls import CIPHERS, tls_options

__all__ = ["MailServer", "mail_server_of"]

log = logging.getLogger(__name__)

MOST_BYTES = 10_485_760
MOST_OPEN = 16
"""Connections; more are closed at once. Each may hold a mail: 160 MiB in all."""
MOST_RECIPIENTS = 50
_LINE = 65_536
"""Bytes of a line: many senders write HTML in lines that are longer than RFC 5321 allows."""
_SILENT = 60.0
_MOST_LOGINS, _MOST_COMMANDS = 6, 1_000_000
"""Of one connection, which is closed then: whoever guesses passwords must connect again."""


class _Protocol(SMTP):
    line_length_limit = _LINE


class MailServer:
    """Listens between `start` and `close`; both are called on the event loop.

    Args:
        document: which addresses it takes, and what a mail to each becomes
        arrivals: applies the alerts
        most_bytes: of a mail
        tls: of the certificate with which it offers STARTTLS; None to offer none
        login: USER:PASSWORD that a sender needs, once it speaks TLS; empty for none
    """

    def __init__(
        self, document: MailDocument, arrivals: Arrivals, *, most_bytes: int = MOST_BYTES,
        tls: ssl.SSLContext | None = None, login: str = "",
    ) -> None:  # fmt: skip
        self._document = document
        self._arrivals = arrivals
        self._most_bytes = most_bytes
        self._tls = tls
        self._login = login.encode()
        self._server: asyncio.Server | None = None
        self._open: set[_Protocol] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen.

        Args:
            host: the address
            port: to listen at; 0 for a free one

        Returns:
            The port.

        Raises:
            OSError: the port is taken
        """
        # It logs each command of each connection, with the addresses of people.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol(loop), host, port)
        bound = int(self._server.sockets[0].getsockname()[1])
        log.info("mails are taken at %s:%d", host, bound)
        return bound

    async def close(self) -> None:
        """Listen no more; a mail that is not acknowledged is sent again by its sender."""
        if self._server is not None:
            self._server.close()
        for one in list(self._open):
            transport = one.transport
            if transport is not None:
                transport.close()

    def _protocol(self, loop: asyncio.AbstractEventLoop) -> Callable[[], asyncio.BaseProtocol]:
        server = self

        class Counted(_Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                known = self in server._open  # pyright: ignore[reportPrivateUsage] - of its own server
                # After STARTTLS it is called again, for the same connection.
                if not known and len(server._open) >= MOST_OPEN:  # pyright: ignore[reportPrivateUsage] - of its own server
                    log.warning("a connection of SMTP is refused, since %d are open", MOST_OPEN)
                    cast("asyncio.Transport", transport).abort()
                    return
                server._open.add(self)  # pyright: ignore[reportPrivateUsage] - as above
                super().connection_made(transport)

            def connection_lost(self, error: Exception | None) -> None:
                if self in server._open:  # pyright: ignore[reportPrivateUsage] - as above
                    server._open.discard(self)  # pyright: ignore[reportPrivateUsage] - as above
                    super().connection_lost(error)

        def made() -> asyncio.BaseProtocol:
            return Counted(
                self, data_size_limit=self._most_bytes, enable_SMTPUTF8=True, timeout=_SILENT,
                hostname="sentinel", ident="Sentinel", loop=loop, tls_context=server._tls,  # pyright: ignore[reportPrivateUsage] - as above
                auth_required=bool(server._login), authenticator=server._authenticated,  # pyright: ignore[reportPrivateUsage] - as above
                command_call_limit={"AUTH": _MOST_LOGINS, "*": _MOST_COMMANDS},
            )  # fmt: skip

        return made

    def _authenticated(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        if not isinstance(given, LoginPassword) or not self._login:
            return AuthResult(success=False, handled=False)
        said = given.login + b":" + given.password
        good = hmac.compare_digest(said, self._login)
        if not good:
            log.warning("a login of SMTP is refused")
        return AuthResult(success=good, handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer who may write to which address."""
        known = self._document.address(address)
        if known is None:
            return "550 5.1.1 no such address here"
        if not self._document.may_write(envelope.mail_from or "", known):
            return "550 5.7.1 you may not write to this address"
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take a mail: its alerts are committed when the sender is told so."""
        content = envelope.content
        body = content.encode() if isinstance(content, str) else content or b""
        try:
            # In a thread: a large mail takes seconds, in which the API has others to answer.
            messages = await asyncio.to_thread(self._messages, body, envelope.rcpt_tos)
        except SampleError as error:
            return f"554 5.6.0 {error.message}"
        try:
            for message in messages:
                await asyncio.wrap_future(self._arrivals.submit(message))
        except (SentinelError, SQLAlchemyError) as error:
            log.warning("a mail is not taken, its sender is to try again: %s", error)
            return "451 4.3.0 it cannot be written now, try again later"
        return "250 2.0.0 OK, it is written"

    async def handle_exception(self, error: Exception) -> str:
        """Answer what nobody foresaw, so that the sender keeps the mail: after 5xx it is lost."""
        log.error("a mail is not taken, its sender is to try again", exc_info=error)
        return "451 4.3.0 it cannot be taken now, try again later"

    def _messages(self, body: bytes, recipients: Sequence[str]) -> list[Message]:
        return [self._message(body, one) for one in dict.fromkeys(recipients)]

    def _message(self, body: bytes, to: str) -> Message:
        address = self._document.address(to)
        if address is None:
            raise SampleError(f"there is no address {to}", field="to")
        reading = mail_reading(body, self._document, to, address)
        return Message(sender="email", tenant=address.tenant, readings=[reading])


async def mail_server_of(app: FastAPI, settings: Settings) -> MailServer | None:
    """Listen for mails, where the settings ask for it.

    Args:
        app: through whose arrivals the alerts go
        settings: that name the document, host and port

    Returns:
        The server, to be closed; None where it is not asked for, or where the port is taken, as by
        another process of the API.

    Raises:
        ConfigurationError: the document cannot be read or used, or the login lacks a certificate
    """
    if not settings.mail_intake:
        return None
    try:
        text = Path(settings.mail_intake).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"SENTINEL_MAIL_INTAKE: {settings.mail_intake} cannot be read: {error}",
            hint="It names a YAML file of addresses.",
        ) from None
    login = settings.mail_intake_login.get_secret_value()
    context = _tls_of(settings)
    if login and context is None:
        raise ConfigurationError(
            "SENTINEL_MAIL_INTAKE_LOGIN is set and SENTINEL_TLS_CERTIFICATE is not",
            hint="Name a certificate: a password is taken after STARTTLS alone.",
        )
    if login and not all(login.partition(":")):
        raise ConfigurationError(
            "SENTINEL_MAIL_INTAKE_LOGIN is not of the form USER:PASSWORD",
            hint="Give both, with a colon between.",
        )
    server = MailServer(
        mail_document(text), cast("Any", app.state).arrivals, tls=context, login=login
    )
    try:
        await server.start(settings.mail_intake_host, settings.mail_intake_port)
    except OSError as error:
        log.warning("mails cannot be taken at port %d: %s", settings.mail_intake_port, error)
        return None
    return server


def _tls_of(settings: Settings) -> ssl.SSLContext | None:
    """Return the context of the API's certificate, which `tls_options` has checked."""
    if settings.tls_certificate is None or not tls_options(settings):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    password = settings.tls_key_password.get_secret_value()
    context.load_cert_chain(settings.tls_certificate, settings.tls_key, password)
    return context
