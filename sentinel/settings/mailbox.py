"""Settings of the mailbox to which bounces come."""

from __future__ import annotations

from pydantic import Field, SecretStr

from sentinel.settings.secure import SecureSettings

__all__ = ["MailboxSettings"]


class MailboxSettings(SecureSettings):
    """Where mails that could not be delivered come back to."""

    bounce_mailbox: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Mailbox of the sender of email channels, read once a minute for mails that came back: "
            "`imaps://user:password@host/INBOX`, or `imap://` for STARTTLS. An address that cannot "
            "be reached is an alert; empty means that none is read."
        ),
    )
