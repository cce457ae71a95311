"""The `ALERT_*` variables that alerting systems have, from the environment or `.env`.

They are read for one purpose: to make blocks of them (`sentinel channel sync`). After that the
block holds the secret, and the variable may go.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = ["AlertVariables"]


def _also(*names: str) -> AliasChoices:
    return AliasChoices(*(f"ALERT_{name}" for name in names))


class AlertVariables(BaseSettings):
    """Each field is `ALERT_` and its name; other usual names are taken too."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    slack_webhook_url: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_also("SLACK_WEBHOOK_URL", "SLACK_WEBHOOK"),
        description="Address of a Slack incoming webhook; makes slack-incoming-webhook/env.",
    )
    webhook_url: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_also("WEBHOOK_URL"),
        description="Where to post JSON; makes sentinel-webhook/env.",
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_also("WEBHOOK_SECRET"),
        description="Signs what is posted there; 8 characters or more.",
    )
    smtp_host: str = Field(
        default="",
        validation_alias=_also("SMTP_HOST", "SMTP_SERVER"),
        description="Mail server; makes sentinel-email/env and email-server-credentials/env.",
    )
    smtp_port: int | None = Field(
        default=None,
        validation_alias=_also("SMTP_PORT"),
        description="Its port; left out, what is usual: 587, 465 or 25.",
    )
    smtp_security: str = Field(
        default="starttls",
        validation_alias=_also("SMTP_SECURITY"),
        pattern="(?i)^(starttls|ssl|insecure)$",
        description="starttls, ssl or insecure.",
    )
    smtp_username: str = Field(
        default="",
        validation_alias=_also("SMTP_USERNAME", "SMTP_USER"),
        description="Its login; empty where it wants none.",
    )
    smtp_password: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=_also("SMTP_PASSWORD"),
        description="The password of that login.",
    )
    email_from: str = Field(
        default="",
        validation_alias=_also("EMAIL_FROM", "FROM_EMAIL", "SMTP_FROM"),
        description="Whom mails are from; left out, the login.",
    )
    email_to: Annotated[str, NoDecode] = Field(
        default="",
        validation_alias=_also("EMAIL_TO", "EMAIL_RECIPIENTS", "TO_EMAILS"),
        description="Who gets them, separated by commas.",
    )

    @property
    def recipients(self) -> list[str]:
        """`email_to` as a list."""
        return [one.strip() for one in self.email_to.split(",") if one.strip()]

    @property
    def present(self) -> bool:
        """Whether they describe a channel at all."""
        secrets = (self.slack_webhook_url, self.webhook_url)
        return bool(self.smtp_host) or any(one.get_secret_value() for one in secrets)
