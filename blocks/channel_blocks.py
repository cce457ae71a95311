"""Making the blocks of channels: by command, or from the variables that such systems have.

The Prefect UI makes the same blocks; whoever edits one there edits the channel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import msgspec
from prefect.blocks.core import Block
from prefect.exceptions import ObjectNotFound, PrefectException
from pydantic import SecretStr, ValidationError

from blocks.channel_variables import AlertVariables
from sentinel.errors import ConfigurationError, Conflict, PrefectUnreachable
from sentinel.prefect_client.blocks import EMAIL, SERVER

__all__ = ["ENV_NAME", "SavedChannel", "email", "save_from_variables", "slack", "webhook"]

ENV_NAME = "env"
"""Name of the blocks that are made from variables."""


class SavedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A channel that was saved; `new` where there was none of that name."""

    ref: str
    new: bool


def slack(name: str, *, url: str, replace: bool = False) -> SavedChannel:
    """Save a Slack channel: prefect-slack's block with the address of an incoming webhook.

    Args:
        name: of the block
        url: the webhook's address
        replace: one of that name that exists

    Raises:
        ConfigurationError: name or address are not usable
        Conflict: there is one, and it is not to be replaced
        PrefectUnreachable: Prefect does not answer
    """
    from prefect_slack import SlackWebhook  # pyright: ignore[reportMissingTypeStubs] - as in mail

    from blocks.http_post import is_web_address

    if not is_web_address(url):
        raise ConfigurationError(
            "the address of the Slack webhook does not begin with https://",
            hint="Slack shows it under Incoming Webhooks of the app.",
        )
    return _saved(lambda: SlackWebhook(url=SecretStr(url)), name, replace=replace)


def webhook(name: str, *, url: str, secret: str, replace: bool = False) -> SavedChannel:
    """Save a signed webhook; arguments and errors as with `slack`."""
    from blocks.webhook import SignedWebhook

    return _saved(
        lambda: SignedWebhook(url=SecretStr(url), secret=SecretStr(secret)), name, replace=replace
    )


def email(
    name: str, *, host: str, to: list[str], sender: str, port: int | None = None,
    security: str = "starttls", username: str = "", password: str = "", replace: bool = False,
) -> SavedChannel:  # fmt: skip
    """Save an email channel, and the mail server's block under the same name.

    Args:
        name: of both blocks
        host: of the mail server
        to: who gets the mails
        sender: whom they are from
        port: of the server; None means what is usual for `security`
        security: starttls, ssl or insecure
        username: empty where the server wants no login
        password: the same
        replace: blocks of that name that exist

    Raises:
        ConfigurationError: something given is not usable
        Conflict: there is one, and it is not to be replaced
        PrefectUnreachable: Prefect does not answer
    """
    from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - as in mail
        EmailServerCredentials,
    )

    from blocks.mail import SentinelEmail

    def server() -> EmailServerCredentials:
        return EmailServerCredentials(
            smtp_server=host,
            smtp_type=security.upper(),
            smtp_port=port,
            username=username or None,
            password=SecretStr(password),
        )

    # Checked as a whole before anything is saved.
    _checked(lambda: SentinelEmail(server=server(), to=to, sender=sender))
    if not replace:
        _refuse(f"{EMAIL}/{name}")
        _refuse(f"{SERVER}/{name}")
    _saved(server, name, replace=True)
    saved = _asked(lambda: EmailServerCredentials.load(name))
    return _saved(lambda: SentinelEmail(server=saved, to=to, sender=sender), name, replace=replace)


def save_from_variables(given: AlertVariables) -> list[SavedChannel]:
    """Save the channels that the `ALERT_*` variables describe, each under the name `env`.

    Raises:
        ConfigurationError: what they say is not usable
        PrefectUnreachable: Prefect does not answer
    """
    made: list[SavedChannel] = []
    if url := given.slack_webhook_url.get_secret_value():
        made.append(slack(ENV_NAME, url=url, replace=True))
    if given.smtp_host:
        made.append(
            email(
                ENV_NAME, host=given.smtp_host, port=given.smtp_port, to=given.recipients,
                sender=given.email_from or given.smtp_username, security=given.smtp_security,
                username=given.smtp_username, replace=True,
                password=given.smtp_password.get_secret_value(),
            )
        )  # fmt: skip
    if url := given.webhook_url.get_secret_value():
        secret = given.webhook_secret.get_secret_value()
        made.append(webhook(ENV_NAME, url=url, secret=secret, replace=True))
    return made


def _saved(make: Callable[[], Block], name: str, *, replace: bool) -> SavedChannel:
    block = _checked(make)
    ref = f"{block.get_block_type_slug()}/{name}"
    known = _exists(ref)
    if known and not replace:
        _refuse(ref)
    _asked(lambda: block.save(name, overwrite=replace))
    return SavedChannel(ref=ref, new=not known)


def _checked(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (ValidationError, ValueError) as error:
        # Pydantic's own words would show what was given, which may be the secret.
        first = error.errors(include_input=False)[0] if isinstance(error, ValidationError) else None
        field = ".".join(map(str, first["loc"])) if first else ""
        said = first["msg"].removeprefix("Value error, ") if first else str(error)
        raise ConfigurationError(f"{field}: {said}".lstrip(": ")) from None


def _refuse(ref: str) -> None:
    if _exists(ref):
        raise Conflict(
            f"there is a block {ref} already", hint="Take another name, or add --replace."
        )


def _exists(ref: str) -> bool:
    from prefect.client.orchestration import get_client

    slug, _, name = ref.partition("/")

    def look() -> bool:
        with get_client(sync_client=True) as client:
            try:
                client.read_block_document_by_name(name, slug, include_secrets=False)
            except ObjectNotFound:
                return False
            return True

    return _asked(look)


def _asked(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (httpx.HTTPError, PrefectException, RuntimeError) as error:
        raise PrefectUnreachable(
            f"Prefect did not take the block ({type(error).__name__})",
            hint="Is its server running? See PREFECT_API_URL.",
        ) from None
    except ValueError as error:
        # Names: small letters, digits and dashes.
        raise ConfigurationError(" ".join(str(error).split())[:300]) from None
