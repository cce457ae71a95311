"""SMTP sessions: opened with the encryption and the login of a block, within a deadline.

Errors are for people: they have the server's code and never its text, which may repeat secrets.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from email.message import EmailMessage
from typing import Any

from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - its types are in its source
    EmailServerCredentials,
)
from prefect_email.credentials import (  # pyright: ignore[reportMissingTypeStubs] - as above
    SMTPServer,
    SMTPType,
)

from blocks.send_deadline import SendDeadline
from sentinel.errors import DeliveryError

__all__ = ["connect", "host_of", "port_of", "smtp_errors", "submit"]

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


def host_of(server: EmailServerCredentials) -> str:
    """Return the name of a block's server."""
    chosen = server.smtp_server
    return chosen.value if isinstance(chosen, SMTPServer) else chosen


def _kind(server: EmailServerCredentials) -> SMTPType:
    chosen = server.smtp_type
    return chosen if isinstance(chosen, SMTPType) else SMTPType[chosen.upper()]


def port_of(server: EmailServerCredentials) -> int:
    """Return the port of a block's server, by default the usual one of its encryption."""
    return server.smtp_port or _kind(server).value


class _Watched:
    """The part of an SMTP session that hands each of its connections to a deadline."""

    _deadline: SendDeadline
    _sock: socket.socket | None = None

    @property
    def sock(self) -> socket.socket | None:
        return self._sock

    @sock.setter
    def sock(self, connection: socket.socket | None) -> None:
        self._sock = connection
        if connection is not None:
            self._deadline.watch(connection)


class _Session(_Watched, smtplib.SMTP):  # pyright: ignore[reportIncompatibleVariableOverride] - a property in place of an attribute
    def __init__(self, deadline: SendDeadline, host: str, port: int, *, timeout: float) -> None:
        self._deadline = deadline
        super().__init__(host, port, timeout=timeout)


class _TlsSession(_Watched, smtplib.SMTP_SSL):  # pyright: ignore[reportIncompatibleVariableOverride] - as above
    def __init__(
        self, deadline: SendDeadline, host: str, port: int, *, timeout: float,
        context: ssl.SSLContext,
    ) -> None:  # fmt: skip
        self._deadline = deadline
        super().__init__(host, port, timeout=timeout, context=context)


def connect(server: EmailServerCredentials, timeout: float, deadline: SendDeadline) -> smtplib.SMTP:
    """Open an SMTP session, with the encryption and the login of the block.

    The block's own `get_server` has no timeout: a server that hangs would block the flow run.

    Args:
        server: the block that has the server, encryption and login
        timeout: seconds to wait at each step
        deadline: shuts the session's connection down when the whole mail has taken too long

    Returns:
        The session, ready for a mail.
    """
    kind, host, port = _kind(server), host_of(server), port_of(server)
    context = ssl.create_default_context()
    if server.verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if kind is SMTPType.SSL:
        session = _TlsSession(deadline, host, port, timeout=timeout, context=context)
    else:
        session = _Session(deadline, host, port, timeout=timeout)
    try:
        if kind is SMTPType.STARTTLS:
            session.starttls(context=context)
        if server.username:
            session.login(server.username, server.password.get_secret_value())
    except BaseException:
        session.close()
        raise
    return session


def submit(
    server: smtplib.SMTP, sender: str, recipients: list[str], mail: EmailMessage,
    handed: threading.Event,
) -> dict[str, int]:  # fmt: skip
    """Submit the mail for all accepted recipients; return the reply code of each rejected one."""
    server.ehlo_or_helo_if_needed()
    code, reply = server.mail(sender)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, reply, sender)
    refused: dict[str, int] = {}
    for one in recipients:
        code, reply = server.rcpt(one)
        if code == 421:
            raise smtplib.SMTPResponseException(code, reply)
        if code not in (250, 251):
            refused[one] = code
    if len(refused) < len(recipients):
        handed.set()
        code, reply = server.data(mail.as_bytes())
        if code != 250:
            raise smtplib.SMTPDataError(code, reply)
    return refused


class smtp_errors:  # noqa: N801 - used as a function
    """A context that turns errors of the SMTP session into `DeliveryError`."""

    def __init__(self, where: str, deadline: SendDeadline) -> None:
        self._where = where
        self._deadline = deadline
        self.handed = threading.Event()
        """The mail is on its way: without an answer, the server may have taken it."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None and self._deadline.expired:
            late = DeliveryError(
                f"{self._where} did not take the mail within {self._deadline.seconds:g} s"
            )
            late.unanswered = self.handed.is_set()
            raise late from None
        if isinstance(error, OSError | smtplib.SMTPException | UnicodeError):
            said = _delivery_error(self._where, error)
            answered = isinstance(error, smtplib.SMTPResponseException)
            said.unanswered = self.handed.is_set() and not answered
            raise said from None


def _delivery_error(
    where: str, error: OSError | smtplib.SMTPException | UnicodeError
) -> DeliveryError:
    """Return `error` for people, without the server's text, which may repeat secrets."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return DeliveryError(
                f"{where} rejected the login ({_code(error)})",
                permanent=error.smtp_code >= 500,
                hint="Check user name and password in the block.",
            )
        case smtplib.SMTPSenderRefused():
            return DeliveryError(
                f"{where} refused the sender ({_code(error)})",
                permanent=error.smtp_code >= 500,
                hint="Set the block's From to an address that this server accepts.",
            )
        case smtplib.SMTPResponseException():
            # smtplib uses -1 if there was no valid answer.
            return DeliveryError(
                f"{where} answered {_code(error)}",
                permanent=500 <= error.smtp_code < 600,
                # After DATA the server has accepted sender and recipients (RFC 5321, 4.2.5).
                of_message=isinstance(error, smtplib.SMTPDataError),
            )
        case smtplib.SMTPNotSupportedError():
            return DeliveryError(
                f"{where} does not support what the block requires: {error}",
                permanent=True,
                hint="Choose an SMTP type that it supports, or leave the user name empty.",
            )
        case ssl.SSLCertVerificationError():
            return DeliveryError(
                f"{where} has a certificate that is not trusted here: {error.verify_message}",
                hint="Fix the certificate, or disable Verify in the block.",
            )
        case ssl.SSLError():
            return DeliveryError(
                f"{where} does not support the TLS of the block ({error.reason})",
                hint="Check SMTP type and port: SSL is 465, STARTTLS 587.",
            )
        case UnicodeEncodeError(encoding="ascii"):
            return DeliveryError(
                f"{where} has a login with letters outside ASCII",
                permanent=True,
                hint="Choose a user and a password of ASCII letters, and write them in the block.",
            )
        case UnicodeError():
            return DeliveryError(f"{where} has an invalid name", permanent=True)
        case _:
            return DeliveryError(f"{where} did not answer ({type(error).__name__})")


def _code(error: smtplib.SMTPResponseException) -> str:
    """Return the reply code with the enhanced code (RFC 3463), if there is one: `550 5.1.1`."""
    reply: Any = error.smtp_error
    text = reply.decode("ascii", "replace") if isinstance(reply, bytes) else str(reply)
    more = _ENHANCED.match(text)
    return f"{error.smtp_code} {more.group()}" if more else str(error.smtp_code)
