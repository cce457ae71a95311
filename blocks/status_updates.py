"""Sends the subscribers of status pages what they are sent: mails, and signed webhooks.

Mails go through the server and the sender of an email channel, one to each address, several in
one session. A webhook is signed as those of receivers are, and refused at a private address alike.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import orjson

from blocks.http_post import is_web_address, post
from blocks.mail import SentinelEmail
from blocks.mail_headers import MAIL_POLICY
from blocks.mail_session import connect, host_of, port_of, smtp_errors, submit
from blocks.send_deadline import SendDeadline
from blocks.webhook import signed
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import SEND_SECONDS, Channel
from sentinel.services.status_subscription import subject_of, text_of, webhook_of
from sentinel.store.services.status_deliveries import Sent, StatusSend

__all__ = ["mail_to", "send_mails", "send_webhooks"]

_WEBHOOK_SECONDS = 10.0
_WEBHOOKS_AT_ONCE = 8
_NO_MAILBOX = (550, 551, 553)
"""Replies to a recipient that say that there is no such mailbox (RFC 5321)."""
_NO_ADDRESS = b"5.1."
"""How the codes of RFC 3463 begin that say the same, also in the reply to the mail itself."""


def send_mails(
    sends: Sequence[StatusSend], ref: str, channel_of: Callable[[str], Channel], now: datetime
) -> list[Sent]:
    """Send mails in one session.

    Args:
        sends: to addresses of email
        ref: of the email channel; empty for none
        channel_of: returns the channel of a reference; raises `DeliveryError`
        now: the date of the mails

    Returns:
        What came of each. Where the server cannot be used, that is no refusal of an address.
    """
    results: dict[str, Sent] = {}
    try:
        _submit_all(sends, _email_channel(ref, channel_of), now, results)
    except DeliveryError as error:
        for one in sends:
            results.setdefault(one.id, Sent(send=one, error=str(error)))
    return [results[one.id] for one in sends]


def _email_channel(ref: str, channel_of: Callable[[str], Channel]) -> SentinelEmail:
    if not ref:
        raise DeliveryError("SENTINEL_STATUS_MAIL names no email channel")
    channel = channel_of(ref)
    if not isinstance(channel, SentinelEmail):
        raise DeliveryError(f"{ref}, which SENTINEL_STATUS_MAIL names, is no email channel")
    return channel


def _submit_all(
    sends: Sequence[StatusSend], channel: SentinelEmail, now: datetime, results: dict[str, Sent]
) -> None:
    """Submit mails one after the other, and note what came of each that was answered.

    Only a reply that there is no such mailbox is permanent. Any other refusal, as of a mail server
    that relays no more this hour, says nothing of the subscriber.
    """
    deadline = SendDeadline(SEND_SECONDS)
    where = f"the mail server {host_of(channel.server)}:{port_of(channel.server)}"
    errors = smtp_errors(where, deadline)
    sender = parseaddr(channel.sender)[1]

    def exchange() -> None:
        server = connect(channel.server, channel.timeout, deadline)
        try:
            for number, one in enumerate(sends):
                errors.handed.clear()
                if number:
                    server.rset()
                mail = mail_to(one, channel.sender, now)
                try:
                    refused = submit(server, sender, [one.target], mail, errors.handed)
                except smtplib.SMTPDataError as error:
                    if not 500 <= error.smtp_code < 600:
                        raise
                    said = f"{where} refused the mail ({error.smtp_code})"
                    gone = _bytes_of(error.smtp_error).startswith(_NO_ADDRESS)
                    results[one.id] = Sent(send=one, error=said, permanent=gone)
                    continue
                code = refused.get(one.target, 0)
                said = f"{where} refused the recipient ({code})" if code else ""
                results[one.id] = Sent(send=one, error=said, permanent=code in _NO_MAILBOX)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()

    with errors:
        deadline.run(exchange)


def _bytes_of(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode("ascii", "replace")


def mail_to(one: StatusSend, sender: str, now: datetime) -> EmailMessage:
    """Return the mail of one message.

    Args:
        one: the message
        sender: address of the sender
        now: its date

    Returns:
        A mail of text, which mail programs can unsubscribe from by one click (RFC 8058).
    """
    mail = EmailMessage(policy=MAIL_POLICY)
    mail["Message-ID"] = f"<{one.id}@{Address(addr_spec=parseaddr(sender)[1]).domain}>"
    mail["Date"] = format_datetime(now)
    mail["From"] = sender
    mail["To"] = one.target
    mail["Subject"] = subject_of(one.title, one.news)
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Unsubscribe"] = f"<{one.link}>"
    if one.link.startswith("https://"):
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(text_of(one.title, one.address, one.link, one.news))
    return mail


def send_webhooks(sends: Sequence[StatusSend]) -> list[Sent]:
    """Post webhooks, some at the same time.

    Args:
        sends: to URLs

    Returns:
        What came of each.
    """
    with ThreadPoolExecutor(_WEBHOOKS_AT_ONCE, thread_name_prefix="status-webhook") as threads:
        return list(threads.map(_posted, sends))


def _posted(one: StatusSend) -> Sent:
    body = orjson.dumps(
        webhook_of(one.page, one.title, one.address, one.link, one.news, one.secret)
    )
    try:
        if not is_web_address(one.target):
            raise DeliveryError("the webhook has an address that cannot be asked", permanent=True)
        post(
            one.target, body,
            headers={
                "Content-Type": "application/json", "User-Agent": "sentinel",
                "Idempotency-Key": one.id, **signed(one.secret, body),
            },
            timeout=_WEBHOOK_SECONDS, what="the webhook", fix="",
        )  # fmt: skip
    except DeliveryError as error:
        return Sent(
            send=one, error=error.message, permanent=error.permanent, retry_after=error.retry_after
        )
    return Sent(send=one)
