"""Email: prefect-email's block has the SMTP server, this block the sender and the recipients.

Both parts, text and HTML, have the same content. Every further mail about a group answers the
first one (`In-Reply-To` and `References`, RFC 5322 3.6.4), so that mail programs show one
conversation.
"""

from __future__ import annotations

import logging
import re
import smtplib
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.errors import HeaderParseError
from email.headerregistry import Address, AddressHeader, UniqueAddressHeader
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Literal, cast

from prefect.blocks.core import Block
from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - its types are in its source
    EmailServerCredentials,
)
from pydantic import Field, field_validator

from blocks.bounces import GROUP_HEADER
from blocks.mail_csv import csv_of
from blocks.mail_headers import MAIL_POLICY
from blocks.mail_progress import MailProgress
from blocks.mail_session import connect, host_of, port_of, smtp_errors, submit
from blocks.mail_text import MOST_ALERTS, html_of, text_of
from blocks.message_text import is_resolved, one_line
from blocks.send_deadline import SendDeadline
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import SEND_SECONDS, Channel, Message, Receipt

__all__ = ["SentinelEmail", "mail_of", "recipients_of"]

log = logging.getLogger(__name__)

_MOST_SUBJECT = 200


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
    cc: list[str] = Field(
        default=[],
        title="Cc",
        description="Addresses that get a copy.",
        max_length=100,
    )
    individually: bool = Field(
        default=False,
        title="One mail each",
        description="Send a mail of its own to each address, so that nobody sees the others.",
    )
    attach: Literal["long", "always", "never"] = Field(
        default="long",
        title="Attach CSV",
        description=f"Attach all alerts as CSV: where a mail names more than {MOST_ALERTS} (long), "
        "always or never.",
    )
    unsubscribe: str = Field(
        default="",
        title="Unsubscribe",
        description="Where somebody asks for no more mails, for the header List-Unsubscribe: "
        "mailto: and an address, or https://; empty for none.",
        pattern=r"^((mailto:|https://)[\x21-\x3b\x3d\x3f-\x7e]{3,500})?$",
    )
    timeout: float = Field(
        default=20.0,
        gt=0,
        le=120,
        title="Timeout",
        description="Seconds to wait for the server at each step; the whole mail has three times "
        "as long, at most 120.",
    )

    @field_validator("to", "cc")
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
        mails = self._mails(message)
        recipients = [one for _, some in mails for one in some]
        (sender,) = (one.addr_spec for one in _addresses(mails[0][0], "From"))
        deadline = SendDeadline(self.send_seconds)
        errors = smtp_errors(self._where, deadline)
        done = MailProgress(message.progress, recipients)

        def exchange() -> None:
            server = connect(self.server, self.timeout, deadline)
            refused: dict[str, int] = {}
            try:
                for mail, some in mails[done.submitted :]:
                    if refused:
                        # A mail without an accepted recipient is still open (RFC 5321, 4.1.4).
                        server.rset()
                    try:
                        refused = submit(server, sender, some, mail, errors.handed)
                    except smtplib.SMTPDataError as error:
                        if len(mails) == 1 or not 500 <= error.smtp_code < 600:
                            raise
                        # A refusal of this mail says nothing of those to the others.
                        refused = dict.fromkeys(some, error.smtp_code)
                        done.of_content = True
                    errors.handed.clear()
                    done.add(some, refused)
            finally:
                with suppress(OSError, smtplib.SMTPException):
                    server.quit()

        try:
            with errors:
                deadline.run(exchange)
        except DeliveryError as error:
            if done.accepted or 0 < done.submitted < len(mails):
                # A retry goes on with the mails to which the server has not answered.
                error.progress = str(done)
            raise
        codes = ", ".join(map(str, sorted(set(done.refused))))
        if not done.accepted:
            raise DeliveryError(
                f"{self._where} refused every recipient ({codes})",
                permanent=not done.deferred,
                # After DATA the server has accepted sender and recipients (RFC 5321, 4.2.5).
                of_message=done.of_content,
                hint="Check the addresses, and whether the server relays mail to them.",
            )
        if done.refused:
            # No error: a retry would repeat the mail to the recipients that the server accepted.
            log.warning(
                "%s refused %d of %d recipients (%s)", self._where, len(done.refused),
                len(recipients), codes,
            )  # fmt: skip
        first = mails[0][0]
        return Receipt(reference=str(first["In-Reply-To"] or first["Message-ID"]))

    def _mails(self, message: Message) -> list[tuple[EmailMessage, list[str]]]:
        """Return the mails about a message, each with its recipients."""
        to = _once(self.to)
        cc = _once([*to, *self.cc])[len(to) :]
        ways: list[tuple[list[str], list[str]]] = [(to, cc)]
        if self.individually:
            ways = [([one], []) for one in [*to, *cc]]
        csv = self.attach == "always" or (
            self.attach == "long" and len(message.alerts) > MOST_ALERTS
        )
        made: list[tuple[EmailMessage, list[str]]] = []
        for to, cc in ways:
            mail = mail_of(message, sender=self.sender, to=to, cc=cc, csv=csv)
            if self.unsubscribe:
                mail["List-Unsubscribe"] = f"<{self.unsubscribe}>"
            names = ("To", "Cc") if cc else ("To",)
            found = [one.addr_spec for name in names for one in _addresses(mail, name)]
            made.append((mail, found))
        return made

    @property
    def recipients(self) -> frozenset[str]:
        """Addresses of To and Cc, without names and in small letters."""
        return frozenset(_address(one).addr_spec.lower() for one in [*self.to, *self.cc])

    @property
    def send_seconds(self) -> float:
        """Deadline of a whole send: three times what a step may take, at most 120 seconds."""
        return min(SEND_SECONDS, 3 * self.timeout)

    @property
    def _where(self) -> str:
        return f"the mail server {host_of(self.server)}:{port_of(self.server)}"


def recipients_of(ref: str, channel_of: Callable[[str], Channel]) -> frozenset[str]:
    """Return the addresses to which a channel sends mails.

    Args:
        ref: reference of any channel
        channel_of: returns the channel that a reference names

    Returns:
        The addresses in small letters; none where it is no email channel, or was deleted.

    Raises:
        DeliveryError: the channel cannot be loaded now
    """
    if not ref.startswith(f"{SentinelEmail.get_block_type_slug()}/"):
        return frozenset()
    try:
        channel = channel_of(ref)
    except DeliveryError as error:
        if not error.permanent:
            raise
        return frozenset()
    return channel.recipients if isinstance(channel, SentinelEmail) else frozenset()


def mail_of(
    message: Message, *, sender: str, to: list[str], cc: Sequence[str] = (), csv: bool = False
) -> EmailMessage:
    """Return the mail about `message`.

    Args:
        message: the message
        sender: address of the sender
        to: addresses of the recipients
        cc: addresses that get a copy
        csv: attach all alerts as CSV

    Returns:
        The mail with headers, text and HTML.
    """
    mail = EmailMessage(policy=MAIL_POLICY)
    domain = _address(sender).domain
    # A retry has the same id, so that a server can recognize the duplicate.
    # With the group, by which `sentinel.ingest.mail_bounces` knows it.
    mail["Message-ID"] = f"<{message.id}.{message.group_id}@{domain}>"
    mail["Date"] = format_datetime(message.at)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    if cc:
        mail["Cc"] = ", ".join(cc)
    mail["Subject"] = one_line(message.title)[:_MOST_SUBJECT]
    if re.fullmatch(r"<[^<>\s]{1,250}>", message.answers):
        mail["In-Reply-To"] = message.answers
        mail["References"] = message.answers
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers this
    mail[GROUP_HEADER] = message.group_id
    mail["X-PM-Metadata-sentinel-group"] = message.group_id  # Postmark's bounces name no other
    mail["X-Sentinel-Severity"] = message.severity
    if message.severity == "critical" and not is_resolved(message):
        mail["Importance"] = "high"
    mail.set_content(text_of(message))
    mail.add_alternative(html_of(message), subtype="html")
    if message.attachment is not None:
        name, content = message.attachment
        mail.add_attachment(
            content.encode("utf-8", "replace"), maintype="text", subtype="csv", filename=name,
            params={"charset": "utf-8"},
        )  # fmt: skip
    if csv and message.alerts:
        # As bytes, since line ends inside a text of a check are part of it.
        mail.add_attachment(
            csv_of(message).encode("utf-8", "replace"), maintype="text", subtype="csv",
            filename="alerts.csv", params={"charset": "utf-8"},
        )  # fmt: skip
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


def _once(addresses: Sequence[str]) -> list[str]:
    """Return the addresses without those that repeat an earlier one, in any letters."""
    found: dict[str, str] = {}
    for one in addresses:
        found.setdefault(_address(one).addr_spec.lower(), one)
    return list(found.values())


def _addresses(mail: EmailMessage, header: str) -> tuple[Address, ...]:
    return cast("AddressHeader | UniqueAddressHeader", mail[header]).addresses
