"""Bodies about providers, and what each type of provider takes as its configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sentinel.api.paging import NEXT
from sentinel.api.schemas import NO_NUL
from sentinel.errors import ConfigurationError
from sentinel.prefect_client.channel_types import vendor_words
from sentinel.validation_messages import validation_message

__all__ = [
    "ID_PATTERN",
    "PROVIDER_TYPES",
    "ProviderChange",
    "ProviderItem",
    "ProviderList",
    "ProviderNew",
    "ProviderType",
    "SlackConfig",
    "checked_config",
    "id_of",
]

ID_PATTERN = "^[a-z0-9]+(-[a-z0-9]+)*$"
"""Of a provider's id."""

Text = Annotated[str, Field(max_length=2000, json_schema_extra={"pattern": NO_NUL})]
_OWN_FORMS = ("pagerduty", "slack", "webhook", "email")
"""Types whose configuration has a form of its own; others take the fields of their block."""
PROVIDER_TYPES = (*_OWN_FORMS, *(one for one in vendor_words() if one not in _OWN_FORMS))


def _known(provider_type: str) -> str:
    if provider_type not in PROVIDER_TYPES:
        raise ValueError(f"write one of {', '.join(PROVIDER_TYPES)}")
    return provider_type


ProviderType = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": list(PROVIDER_TYPES)})
]
_NAME = "A name for people; without an `id`, its id is made of it."
_SLACK: dict[str, Any] = {
    "name": "DevOps Slack",
    "provider_type": "slack",
    "config": {"webhook_url": "https://hooks.slack.com/services/YOUR/SLACK/WEBHOOK"},
}


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PagerDutyConfig(_Config):
    """Of PagerDuty: its `api_key` is the integration key of Events API v2, which has a service."""

    api_key: Text = Field(min_length=1)
    service_id: Text = ""
    urgency: Literal["high", "low"] = "high"


class SlackConfig(_Config):
    """Of an incoming webhook of Slack."""

    webhook_url: Text = Field(min_length=1)
    channel: Text = ""
    username: Text = ""


class WebhookConfig(_Config):
    """Of a webhook that is signed."""

    url: Text = Field(min_length=1)
    secret: Text = Field(min_length=8)


class EmailConfig(_Config):
    """Of a mail server."""

    smtp_host: Text = Field(min_length=1)
    smtp_port: int | None = Field(None, ge=1, le=65_535)
    smtp_security: Literal["starttls", "ssl", "insecure"] = "starttls"
    username: Text = ""
    password: Text = ""
    from_email: Text = Field(min_length=1)
    to: list[Text] = Field(min_length=1, max_length=100)


_CONFIGS: dict[str, type[_Config]] = {
    "pagerduty": PagerDutyConfig, "slack": SlackConfig, "webhook": WebhookConfig,
    "email": EmailConfig,
}  # fmt: skip


class ProviderNew(BaseModel):
    """A provider to create."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_SLACK]})

    id: Annotated[str, Field(pattern=ID_PATTERN, max_length=60)] | None = Field(
        None, description="By which policies name it, for example slack-001."
    )
    name: Annotated[
        str, Field(min_length=1, max_length=60, json_schema_extra={"pattern": "[A-Za-z0-9]"})
    ] = Field(description=_NAME)
    provider_type: ProviderType
    config: dict[Text, Any] = Field(max_length=50, description="As its type takes it.")


class ProviderChange(BaseModel):
    """The fields of a provider that change; those of `config` that are left out stay."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"config": {"channel": "#ops"}}]}
    )

    name: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    config: dict[Text, Any] | None = Field(None, max_length=50)


class ProviderItem(BaseModel):
    """A provider, without its secrets."""

    id: str
    name: str
    provider_type: ProviderType
    config: dict[str, Any] = Field(description="Secrets are ********.")
    channel: str = Field(description="The Prefect block that sends; empty where nothing can yet.")
    receivers: list[str] = Field(description="Names of the receivers that use it.")
    notes: list[str] = Field(default_factory=list[str], description="What has no effect yet.")


class ProviderList(BaseModel):
    """A page of providers, by id."""

    items: list[ProviderItem]
    next_cursor: str | None = Field(None, description=NEXT)


def id_of(name: str) -> str:
    """Return the id of a provider that has no id of its own.

    Args:
        name: as people gave it

    Returns:
        Its letters and digits in small, with one dash for what lies between them.

    Raises:
        ConfigurationError: it has no letter and no digit
    """
    own = "-".join(re.findall(r"[a-z0-9]+", name.lower()))[:60].strip("-")
    if not own:
        raise ConfigurationError(
            f"name: {name!r} has no letter and no digit", hint="Give it an id: slack-001."
        )
    return own


def checked_config(provider_type: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration, if its type takes it.

    Args:
        provider_type: of the provider
        config: as it was given

    Returns:
        The fields that were given.

    Raises:
        ConfigurationError: a field is unknown, missing or not usable; names it
    """
    if provider_type not in _CONFIGS:
        return _checked_block(provider_type, config)
    model = _CONFIGS[provider_type]
    try:
        return model.model_validate(config, strict=True).model_dump(exclude_unset=True)
    except ValidationError as error:
        # Without the input, which may be a secret.
        first: dict[str, Any] = {
            **error.errors(include_url=False, include_input=False)[0], "input": None,
        }  # fmt: skip
    place = ".".join(map(str, ("config", *first["loc"])))
    message = validation_message(first, model)
    raise ConfigurationError(
        f"{place}: {message}",
        hint=f"{provider_type} takes: {', '.join(model.model_fields)}.",
    )


def _checked_block(provider_type: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration that is the fields of a block."""
    from blocks.channel_blocks import validated  # the import of Prefect takes seconds

    try:
        validated(provider_type, config)
    except ConfigurationError as error:
        raise ConfigurationError(f"config.{error.message}", hint=error.hint) from None
    return dict(config)
