"""Email: prefect-email's block has the SMTP server, this block the sender and the recipients.

Both parts, text and HTML, have the same content. Every further mail about a group answers the
first one (`In-Reply-To` and `References`, RFC 5322 3.6.4), so that mail programs show one
conversation.
"""

from __future__ import annotations

import logging
import re
import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from email.errors import HeaderParseError
from email.headerregistry import Address, AddressHeader, UniqueAddressHeader
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Any, cast

from prefect.blocks.core import Block
from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - its types are in its source
    EmailServerCredentials,
)
from prefect_email.credentials import (  # pyright: ignore[reportMissingTypeStubs] - as above
    SMTPServer,
    SMTPType,
)
from pydantic import Field, field_validator

from blocks.mail_text import html_of, text_of
from blocks.message_text import is_resolved, one_line
from blocks.send_deadline import SendDeadline
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import SEND_SECONDS, Message, Receipt

__all__ = ["SentinelEmail", "mail_of"]

log = logging.getLogger(__name__)

_MOST_SUBJECT = 200
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


class SentinelEmail(Block):
    """Notifies people of alerts by email."""

    _block_type_name = "Sentinel Email"
    _block_type_slug = "sentinel-email"
    _description = "Notifies people of alerts by email, in HTML and plain text."

    server: EmailServerCredentials = Field(
        title="Server", description="The SMTP server, a block of type Email Server Credentials."
    )
    to: list[str] = Field(
        title="To",
        description="Addresses of the recipients, with or without a name.",
        examples=[["Operations <ops@example.org>"]],
        min_length=1,
        max_length=100,
    )
    sender: str = Field(
        title="From",
        description="Address of the sender; most servers require one of their own domains.",
        examples=["Sentinel <sentinel@example.org>"],
    )
    timeout: float = Field(
        default=20.0,
        gt=0,
        le=120,
        title="Timeout",
        description="Seconds to wait for the server at each step; the whole mail has three times "
        "as long, at most 120.",
    )

    @field_validator("to")
    @classmethod
    def _are_addresses(cls, to: list[str]) -> list[str]:
        return [str(_address(one)) for one in to]

    @field_validator("sender")
    @classmethod
    def _is_address(cls, sender: str) -> str:
        return str(_address(sender))

    def send(self, message: Message) -> Receipt:
        """Send one mail about `message` to all recipients.

        Args:
            message: the message

        Returns:
            The `Message-ID` of the first mail of the conversation, which the next mail answers.

        Raises:
            DeliveryError: the server accepted no recipient; permanent if all its codes are 5xx
        """
        mail = mail_of(message, sender=self.sender, to=self.to)
        recipients = [one.addr_spec for one in _addresses(mail, "To")]
        (sender,) = (one.addr_spec for one in _addresses(mail, "From"))
        deadline = SendDeadline(self.send_seconds)
        errors = _smtp_errors(self._where, deadline)

        def exchange() -> dict[str, int]:
            server = _connect(self.server, self.timeout, deadline)
            try:
                return _submit(server, sender, recipients, mail, errors.handed)
            finally:
                with suppress(OSError, smtplib.SMTPException):
                    server.quit()

        with errors:
            refused = deadline.run(exchange)
        if len(refused) == len(recipients):
            codes = sorted(set(refused.values()))
            raise DeliveryError(
                f"{self._where} refused every recipient ({', '.join(map(str, codes))})",
                permanent=all(code >= 500 for code in codes),
                hint="Check the addresses, and whether the server relays mail to them.",
            )
        if refused:
            # No error: a retry would repeat the mail to the recipients that the server accepted.
            log.warning(
                "%s refused %d of %d recipients (%s)", self._where, len(refused),
                len(recipients), ", ".join(map(str, sorted(set(refused.values())))),
            )  # fmt: skip
        return Receipt(reference=str(mail["In-Reply-To"] or mail["Message-ID"]))

    @property
    def send_seconds(self) -> float:
        """Deadline of a whole send: three times what a step may take, at most 120 seconds."""
        return min(SEND_SECONDS, 3 * self.timeout)

    @property
    def _where(self) -> str:
        return f"the mail server {_host(self.server)}:{_port(self.server)}"


def mail_of(message: Message, *, sender: str, to: list[str]) -> EmailMessage:
    """Return the mail about `message`.

    Args:
        message: the message
        sender: address of the sender
        to: addresses of the recipients

    Returns:
        The mail with headers, text and HTML.
    """
    mail = EmailMessage(policy=SMTP_POLICY)
    domain = _address(sender).domain
    # A retry has the same id, so that a server can recognize the duplicate.
    mail["Message-ID"] = f"<{message.id}@{domain}>"
    mail["Date"] = format_datetime(message.at)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = one_line(message.title)[:_MOST_SUBJECT]
    if re.fullmatch(r"<[^<>\s]{1,250}>", message.answers):
        mail["In-Reply-To"] = message.answers
        mail["References"] = message.answers
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers this
    mail["X-Sentinel-Group"] = message.group_id
    mail["X-Sentinel-Severity"] = message.severity
    if message.severity == "critical" and not is_resolved(message):
        mail["Importance"] = "high"
    mail.set_content(text_of(message))
    mail.add_alternative(html_of(message), subtype="html")
    return mail


def _address(text: str) -> Address:
    """Parse `text` as one address.

    Args:
        text: an address as in a mail header, with or without a name

    Returns:
        The address.

    Raises:
        ValueError: `text` is not exactly one address
    """
    probe = EmailMessage(policy=SMTP_POLICY)
    try:
        probe["From"] = text
        (found,) = _addresses(probe, "From")
        good = bool(found.username and found.domain) and found.addr_spec.isascii()
    except (ValueError, HeaderParseError, IndexError):
        good, found = False, Address()
    if not good:
        raise ValueError(f"{text!r} is not a mail address: write ops@example.org or Ops <ops@…>")
    return found


def _addresses(mail: EmailMessage, header: str) -> tuple[Address, ...]:
    return cast("AddressHeader | UniqueAddressHeader", mail[header]).addresses


def _host(server: EmailServerCredentials) -> str:
    chosen = server.smtp_server
    return chosen.value if isinstance(chosen, SMTPServer) else chosen


def _kind(server: EmailServerCredentials) -> SMTPType:
    chosen = server.smtp_type
    return chosen if isinstance(chosen, SMTPType) else SMTPType[chosen.upper()]


def _port(server: EmailServerCredentials) -> int:
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


def _connect(
    server: EmailServerCredentials, timeout: float, deadline: SendDeadline
) -> smtplib.SMTP:
    """Open an SMTP session, with the encryption and the login of the block.

    The block's own `get_server` has no timeout: a server that hangs would block the flow run.

    Args:
        server: the block that has the server, encryption and login
        timeout: seconds to wait at each step
        deadline: shuts the session's connection down when the whole mail has taken too long

    Returns:
        The session, ready for a mail.
    """
    kind, host, port = _kind(server), _host(server), _port(server)
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


def _submit(
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


class _smtp_errors:  # noqa: N801 - used as a function
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
