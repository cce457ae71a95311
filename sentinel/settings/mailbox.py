"""Settings of where bounces come from: a mailbox, or requests of the vendor that sends mails."""

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
    bounce_sns_topics: str = Field(
        default="",
        description="ARNs of the Amazon SNS topics to which SES reports bounces, separated by "
        "commas; messages of other topics are refused; empty means that messages of every topic "
        "are refused.",
    )
    bounce_sendgrid_key: SecretStr = Field(
        default=SecretStr(""),
        description="Verification key of SendGrid's signed event webhook; empty means that its "
        "requests need the API key alone.",
    )
    bounce_mailgun_key: SecretStr = Field(
        default=SecretStr(""),
        description="HTTP webhook signing key of Mailgun; empty means that its requests need the "
        "API key alone.",
    )
