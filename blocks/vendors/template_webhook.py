"""A webhook whose body is a template, for endpoints that want a form of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

import orjson
from prefect.types import SecretDict
from pydantic import Field, SecretStr, field_validator

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.webhook import FIELDS, body_of, signed
from sentinel.notifications.channel import Message
from sentinel.template import misspelt, placeholders, render, values_at


class TemplateWebhook(HttpChannel):
    """Sends what a template makes of a notification to any HTTP endpoint."""

    _block_type_name = "Sentinel Template Webhook"
    _block_type_slug = "sentinel-template-webhook"
    _description = "Notifies any HTTP endpoint of alerts, in a body that is made by a template."
    _what = "the webhook"
    _fix = "Check URL, method, headers and template of the block sentinel-template-webhook."
    _quotes = False  # whose words they are is not known

    url: SecretStr = Field(title="URL", description="URL to send to; a secret.")
    template: str = Field(
        title="Template",
        description="Body with {title}, {severity}, {labels.host} and the like. In JSON, a text "
        "that is one name alone is the value itself.",
        min_length=1,
        max_length=20_000,
        examples=['{"text": "{group_title}: {firing} firing", "link": "{url}"}'],
    )
    method: Literal["POST", "PUT", "PATCH"] = Field(
        default="POST", title="Method", description="Of HTTP."
    )
    headers: SecretDict = Field(
        default_factory=lambda: SecretDict({}),
        title="Headers",
        description="Additional headers, for example an Authorization that the endpoint requires.",
    )
    secret: SecretStr = Field(
        default=SecretStr(""),
        title="Secret",
        description="Signs each request as a sentinel-webhook does; empty for no signature.",
    )
    timeout: float = timeout_field()

    @field_validator("template")
    @classmethod
    def _has_known_names(cls, template: str) -> str:
        for name in placeholders(template):
            if name.split(".")[0] not in FIELDS:
                raise ValueError(f"{{{name}}} is unknown; there are {', '.join(sorted(FIELDS))}")
        if wrong := misspelt(template):
            raise ValueError(f"{wrong[0]} has a format that is not known")
        return template

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        fields = body_of(message)
        try:
            body = orjson.dumps(_filled(json.loads(self.template), fields))
            kind = "application/json"
        except ValueError:
            body = render(self.template, fields).encode("utf-8", "replace")
            kind = "text/plain; charset=utf-8"
        own = {str(k): str(v) for k, v in self.headers.get_secret_value().items()}
        secret = self.secret.get_secret_value()
        yield HttpRequest(
            url=self.url.get_secret_value(),
            body=body,
            headers={"Content-Type": kind, **own, **(signed(secret, body) if secret else {})},
            method=self.method,
        )


def _filled(part: Any, fields: Mapping[str, Any]) -> Any:
    """Return JSON with its texts filled in; a text that is one placeholder is the value itself."""
    if isinstance(part, str):
        names = placeholders(part)
        found: list[Any] = []
        if len(names) == 1 and part == f"{{{names[0]}}}":
            values_at(fields, names[0].split("."), found)
        return found[0] if len(found) == 1 else render(part, fields)
    if isinstance(part, dict):
        return {key: _filled(one, fields) for key, one in cast("dict[str, Any]", part).items()}
    if isinstance(part, list):
        return [_filled(one, fields) for one in cast("list[Any]", part)]
    return part
