"""The emergency channel: read from the environment, so that it needs neither Prefect nor a block.

Its address is a secret; errors name the setting and never the address.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.slack import SlackChannel
from blocks.webhook import pages_of, signed
from sentinel.errors import ConfigurationError
from sentinel.notifications.channel import EMERGENCY, Channel, Message

__all__ = ["Emergency", "emergency_channel", "usable_emergency"]

log = logging.getLogger(__name__)

_HINT = (
    "Write https://…, smtp://user:password@host:587/?from=a@x.org&to=b@x.org, or an address of "
    "Apprise such as gotify://host/token."
)
_SMTP = {"smtp": "STARTTLS", "smtps": "SSL"}


class Emergency(Protocol):
    """The settings that say what the emergency channel is."""

    @property
    def emergency_url(self) -> SecretStr:
        """Return its address, empty for none."""
        ...

    @property
    def emergency_secret(self) -> SecretStr:
        """Return what signs the requests of a webhook, empty for nothing."""
        ...


def emergency_channel(settings: Emergency) -> Channel | None:
    """Return the emergency channel of the settings.

    Args:
        settings: with `emergency_url` and `emergency_secret`

    Returns:
        The channel; None where the address is empty.

    Raises:
        ConfigurationError: the address is none that a channel can be made of
    """
    url = settings.emergency_url.get_secret_value()
    if not url:
        return None
    try:
        return _made(url, settings.emergency_secret)
    except ValueError as error:
        why = "it is no address"
        if isinstance(error, ValidationError):  # its own text repeats the address
            why = error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"SENTINEL_EMERGENCY_URL: {why}", hint=_HINT) from None


def usable_emergency(settings: Emergency) -> Channel | None:
    """Return the emergency channel, also where its address is wrong.

    Nobody must be left without notifications because the address of the last resort is wrong.

    Args:
        settings: as `emergency_channel` has them

    Returns:
        The channel; None where there is none, with a line of log where its address is wrong.
    """
    try:
        return emergency_channel(settings)
    except ConfigurationError as error:
        log.error("%s, so there is no emergency channel", error)
        return None


def _made(url: str, secret: SecretStr) -> Channel:
    parts = urlsplit(url)
    if parts.scheme in _SMTP:
        return _email(url)
    if parts.scheme not in ("http", "https"):
        from blocks.vendors.apprise import Apprise  # seconds to import

        return Apprise(address=SecretStr(url))
    if parts.hostname == "hooks.slack.com":
        return SlackChannel(EMERGENCY, url)
    return EmergencyWebhook(url=SecretStr(url), secret=secret)


def _email(url: str) -> Channel:
    from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - as in mail
        EmailServerCredentials,
    )

    from blocks.mail import SentinelEmail

    parts, asked = urlsplit(url), parse_qs(urlsplit(url).query)
    known = {"from", "to", "security"}
    if not parts.hostname or not {"from", "to"} <= set(asked) <= known:
        raise ValueError
    security = "INSECURE" if asked.get("security") == ["insecure"] else _SMTP[parts.scheme]
    server = EmailServerCredentials(
        smtp_server=parts.hostname, smtp_port=parts.port, smtp_type=security,
        username=unquote(parts.username) if parts.username else None,
        password=SecretStr(unquote(parts.password or "")),
    )  # fmt: skip
    to = [one.strip() for text in asked["to"] for one in text.split(",")]
    return SentinelEmail(server=server, to=to, sender=asked["from"][0])


class EmergencyWebhook(HttpChannel):
    """Posts what a signed webhook does, signed where there is a secret."""

    _block_type_name = "Sentinel Emergency Webhook"
    _block_type_slug = "sentinel-emergency-webhook"
    _what = "the emergency webhook"
    _fix = "Check SENTINEL_EMERGENCY_URL and SENTINEL_EMERGENCY_SECRET."
    _quotes = False  # whose words they are is not known

    url: SecretStr
    secret: SecretStr = Field(default=SecretStr(""))
    timeout: float = timeout_field()

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        secret = self.secret.get_secret_value()
        for body in pages_of(message):
            yield HttpRequest(
                url=self.url.get_secret_value(),
                body=body,
                headers={
                    "Content-Type": "application/json",
                    **(signed(secret, body) if secret else {}),
                },
            )
