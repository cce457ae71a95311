"""Save the blocks of channels, for the command line and from the `ALERT_*` variables.

The Prefect UI creates the same blocks; editing a block there edits the channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_origin

import httpx
import msgspec
from prefect.blocks.core import Block
from prefect.exceptions import ObjectNotFound, PrefectException
from pydantic import SecretStr, ValidationError

from blocks.channel_variables import AlertVariables
from sentinel.errors import ConfigurationError, Conflict, PrefectUnreachable
from sentinel.prefect_client.blocks import EMAIL, SERVER

if TYPE_CHECKING:
    from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - as in mail
        EmailServerCredentials,
    )

    from blocks.http_channel import HttpChannel

__all__ = [
    "ENV_NAME",
    "SavedChannel",
    "TypeField",
    "email",
    "fields_of",
    "save_from_variables",
    "slack",
    "validated",
    "vendor",
    "webhook",
]

ENV_NAME = "env"
"""Name of the blocks that are created from variables."""


class SavedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A saved channel: its reference, and whether it is new or replaces one of the same name."""

    ref: str
    new: bool


class TypeField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a type of channel: whether it must be given, is a secret, a list or an object.

    `inner` is the secret of the block that the field holds; empty where it holds none.
    """

    name: str
    title: str
    required: bool
    secret: bool
    structured: bool
    inner: str = ""


def slack(name: str, *, url: str, replace: bool = False) -> SavedChannel:
    """Save a Slack channel: prefect-slack's block with the address of an incoming webhook.

    Args:
        name: name of the block
        url: URL of the webhook, a secret
        replace: replace an existing block of that name

    Returns:
        The saved channel.

    Raises:
        ConfigurationError: the name or the URL is invalid
        Conflict: the block exists, and `replace` is false
        PrefectUnreachable: Prefect does not answer
    """
    from prefect_slack import SlackWebhook  # pyright: ignore[reportMissingTypeStubs] - as in mail

    _check_slack(url)
    return _save(lambda: SlackWebhook(url=SecretStr(url)), name, replace=replace)


def webhook(name: str, *, url: str, secret: str, replace: bool = False) -> SavedChannel:
    """Save a signed webhook; arguments and errors are those of `slack`."""
    from blocks.webhook import SignedWebhook

    return _save(
        lambda: SignedWebhook(url=SecretStr(url), secret=SecretStr(secret)), name, replace=replace
    )


def vendor(
    word: str, name: str, *, given: Mapping[str, Any], replace: bool = False
) -> SavedChannel:
    """Save a channel of a type of `blocks/vendors`.

    Args:
        word: of the type, such as pagerduty
        name: name of the block
        given: values by field; a block in it is its values, saved under the same name, or the name
            of a saved one
        replace: replace an existing block of that name

    Returns:
        The saved channel.

    Raises:
        ConfigurationError: the name is invalid, or a field is unknown, missing or invalid
        Conflict: the block exists, and `replace` is false
        PrefectUnreachable: Prefect does not answer
    """
    block = validated(word, {field: _loaded(word, field, one) for field, one in given.items()})
    made = [
        getattr(block, one.name) for one in fields_of(word)
        if one.inner and isinstance(given.get(one.name), Mapping)
    ]  # fmt: skip
    if not replace:
        for one in (block, *made):
            _refuse_existing(f"{one.get_block_type_slug()}/{name}")
    for one in made:
        _save(lambda inner=one: inner, name, replace=True)
    return _save(lambda: block, name, replace=replace)


def _loaded(word: str, field: str, value: Any) -> Any:
    """Return what a field is given, and the saved block where that is the name of one."""
    from blocks.vendors import VENDORS

    about = VENDORS[word].model_fields.get(field)
    kind: Any = about.annotation if about else None
    if not isinstance(value, str) or not _secret_of(kind):
        return value
    slug = kind.get_block_type_slug()
    if not _exists(f"{slug}/{value}"):
        raise ConfigurationError(
            f"{field}: there is no block {slug}/{value}", hint="Save it first, or name another."
        )
    return _request(lambda: kind.load(value))


def _secret_of(kind: Any) -> str:
    """Return the name of the secret that a block in a field must be given; empty for no block."""
    if not (isinstance(kind, type) and issubclass(kind, Block)):
        return ""
    fields = kind.model_fields.items()
    return next((n for n, one in fields if one.is_required() and one.annotation is SecretStr), "")


def validated(word: str, given: Mapping[str, Any]) -> HttpChannel:
    """Return a block of a type of `blocks/vendors` that is not saved.

    Args:
        word: of the type
        given: values by field; a text is taken for the value that it writes

    Returns:
        The block.

    Raises:
        ConfigurationError: a field is unknown, missing or invalid
    """
    from blocks.vendors import VENDORS

    kind = VENDORS[word]
    takes = [field.name for field in fields_of(word)]
    for name in given:
        if name not in takes:  # a block itself would keep it
            raise ConfigurationError(
                f"{name}: is unknown", hint=f"{word} takes: {', '.join(takes)}."
            )
    return _validate(lambda: kind(**given))


def fields_of(word: str) -> list[TypeField]:
    """Return the fields of a type of `blocks/vendors`, in their order."""
    from blocks.vendors import VENDORS

    found: list[TypeField] = []
    for name, field in VENDORS[word].model_fields.items():
        kind: Any = field.annotation
        inner = _secret_of(kind)
        plain = kind in (SecretStr, str, float, int, bool) or get_origin(kind) is Literal
        found.append(
            TypeField(
                name=name, title=field.title or name, required=field.is_required(),
                secret=kind is SecretStr or bool(inner), structured=not plain, inner=inner,
            )
        )  # fmt: skip
    return found


def email(
    name: str, *, host: str, to: list[str], sender: str, port: int | None = None,
    security: str = "starttls", username: str = "", password: str = "", replace: bool = False,
) -> SavedChannel:  # fmt: skip
    """Save an email channel, and the mail server's block under the same name.

    Args:
        name: name of both blocks
        host: host name of the SMTP server
        to: addresses of the recipients
        sender: address of the sender
        port: port of the server; None for the usual one of `security`
        security: encryption: starttls, ssl or insecure
        username: login name; empty if the server needs no login
        password: password of the login; empty without a login
        replace: replace existing blocks of that name

    Returns:
        The saved channel.

    Raises:
        ConfigurationError: an argument is invalid
        Conflict: a block exists, and `replace` is false
        PrefectUnreachable: Prefect does not answer
    """
    from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - as in mail
        EmailServerCredentials,
    )

    from blocks.mail import SentinelEmail

    # Both blocks are validated before either is saved.
    server = _check_email(
        host=host, to=to, sender=sender, port=port, security=security, username=username,
        password=password,
    )  # fmt: skip
    if not replace:
        _refuse_existing(f"{EMAIL}/{name}")
        _refuse_existing(f"{SERVER}/{name}")
    _save(server, name, replace=True)
    saved = _request(lambda: EmailServerCredentials.load(name))
    return _save(lambda: SentinelEmail(server=saved, to=to, sender=sender), name, replace=replace)


def save_from_variables(given: AlertVariables) -> Iterator[SavedChannel]:
    """Save the channels that the `ALERT_*` variables define, each under the name `env`.

    All variables are checked before anything is saved, so that a mistake in one saves nothing.

    Args:
        given: the variables

    Yields:
        Each channel as soon as it is saved; an existing block of that name was replaced.

    Raises:
        ConfigurationError: a variable has an invalid value
        PrefectUnreachable: Prefect does not answer; the channels before are saved
    """
    from blocks.webhook import SignedWebhook

    username, password = given.smtp_username, given.smtp_password.get_secret_value()
    sender = given.email_from or username
    hook, secret = given.webhook_url.get_secret_value(), given.webhook_secret.get_secret_value()
    if chat := given.slack_webhook_url.get_secret_value():
        _check_slack(chat)
    if given.smtp_host:
        if username and not password:
            raise ConfigurationError(
                "ALERT_SMTP_USERNAME is set, and ALERT_SMTP_PASSWORD is not",
                hint="Set both, or neither if the server needs no login.",
            )
        _check_email(
            host=given.smtp_host, to=given.recipients, sender=sender, port=given.smtp_port,
            security=given.smtp_security, username=username, password=password,
        )  # fmt: skip
    if hook:
        _validate(lambda: SignedWebhook(url=SecretStr(hook), secret=SecretStr(secret)))
    if chat:
        yield slack(ENV_NAME, url=chat, replace=True)
    if given.smtp_host:
        yield email(
            ENV_NAME, host=given.smtp_host, port=given.smtp_port, to=given.recipients,
            sender=sender, security=given.smtp_security, username=username, replace=True,
            password=password,
        )  # fmt: skip
    if hook:
        yield webhook(ENV_NAME, url=hook, secret=secret, replace=True)


def _check_slack(url: str) -> None:
    from blocks.http_post import is_web_address

    if not is_web_address(url):
        raise ConfigurationError(
            "the URL of the Slack webhook does not begin with https://",
            hint="Copy it from Incoming Webhooks of the app in Slack.",
        )


def _check_email(
    *, host: str, to: list[str], sender: str, port: int | None, security: str, username: str,
    password: str,
) -> Callable[[], EmailServerCredentials]:  # fmt: skip
    """Return what makes the block of the server, once both blocks are known to be valid."""
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

    _validate(lambda: SentinelEmail(server=server(), to=to, sender=sender))
    return server


def _save(make: Callable[[], Block], name: str, *, replace: bool) -> SavedChannel:
    block = _validate(make)
    ref = f"{block.get_block_type_slug()}/{name}"
    known = _exists(ref)
    if known and not replace:
        _refuse_existing(ref)
    _request(lambda: block.save(name, overwrite=replace))
    return SavedChannel(ref=ref, new=not known)


def _validate(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (ValidationError, ValueError) as error:
        # Pydantic's full message repeats the input, which may be the secret.
        first = error.errors(include_input=False)[0] if isinstance(error, ValidationError) else None
        field = ".".join(map(str, first["loc"])) if first else ""
        message = first["msg"].removeprefix("Value error, ") if first else str(error)
        raise ConfigurationError(f"{field}: {message}".lstrip(": ")) from None


def _refuse_existing(ref: str) -> None:
    if _exists(ref):
        raise Conflict(
            f"the block {ref} exists already", hint="Choose another name, or add --replace."
        )


def _exists(ref: str) -> bool:
    from prefect.client.orchestration import get_client

    slug, _, name = ref.partition("/")

    def read() -> bool:
        with get_client(sync_client=True) as client:
            try:
                client.read_block_document_by_name(name, slug, include_secrets=False)
            except ObjectNotFound:
                return False
            return True

    return _request(read)


def _request(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (httpx.HTTPError, PrefectException, RuntimeError) as error:
        raise PrefectUnreachable(
            f"Prefect did not save the block ({type(error).__name__})",
            hint="Check PREFECT_API_URL, and that the server is running.",
        ) from None
    except ValueError as error:
        # Prefect's message about the name: lower-case letters, digits and dashes.
        raise ConfigurationError(" ".join(str(error).split())[:300]) from None
