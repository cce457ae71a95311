"""The usual `ALERT_*` variables of alerting systems, from the environment or `.env`.

`sentinel channel sync` creates blocks from them. Afterwards the block holds the secret, and the
variable can be removed.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sentinel.prefect_client.list_text import listed

__all__ = ["AlertVariables"]


def _also(*names: str) -> AliasChoices:
    return AliasChoices(*(f"ALERT_{name}" for name in names))


class AlertVariables(BaseSettings):
    """The variable of a field is `ALERT_` and its name; other usual names are accepted too."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    slack_webhook_url: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_also("SLACK_WEBHOOK_URL", "SLACK_WEBHOOK"),
        description="URL of a Slack incoming webhook; creates slack-incoming-webhook/env.",
    )
    webhook_url: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_also("WEBHOOK_URL"),
        description="URL to post JSON to; creates sentinel-webhook/env.",
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_also("WEBHOOK_SECRET"),
        description="Signing secret of that webhook, at least 8 characters.",
    )
    smtp_host: str = Field(
        default="",
        validation_alias=_also("SMTP_HOST", "SMTP_SERVER"),
        description="SMTP server; creates sentinel-email/env and email-server-credentials/env.",
    )
    smtp_port: int | None = Field(
        default=None,
        validation_alias=_also("SMTP_PORT"),
        description="Its port; by default the usual one: 587, 465 or 25.",
    )
    smtp_security: str = Field(
        default="starttls",
        validation_alias=_also("SMTP_SECURITY"),
        pattern="(?i)^(starttls|ssl|insecure)$",
        description="Encryption: starttls, ssl or insecure.",
    )
    smtp_username: str = Field(
        default="",
        validation_alias=_also("SMTP_USERNAME", "SMTP_USER"),
        description="Login name; empty if the server needs none.",
    )
    smtp_password: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_also("SMTP_PASSWORD"),
        description="Password of the login.",
    )
    email_from: str = Field(
        default="",
        validation_alias=_also("EMAIL_FROM", "FROM_EMAIL", "SMTP_FROM"),
        description="Address of the sender; by default the login name.",
    )
    email_to: Annotated[str, NoDecode] = Field(
        default="",
        validation_alias=_also("EMAIL_TO", "EMAIL_RECIPIENTS", "TO_EMAILS"),
        description="Addresses of the recipients, separated by commas.",
    )

    @property
    def recipients(self) -> list[str]:
        """The addresses in `email_to`."""
        return listed(self.email_to)

    @property
    def present(self) -> bool:
        """Whether the variables define a channel."""
        secrets = (self.slack_webhook_url, self.webhook_url)
        return bool(self.smtp_host) or any(one.get_secret_value() for one in secrets)
