"""What the channels of Twilio share: an account, two numbers, and how a form is posted."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlencode

import orjson
from pydantic import Field, SecretStr

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.http_post import Answer

__all__ = ["TwilioChannel"]


class TwilioChannel(HttpChannel):
    """A channel that reaches one phone through an account of Twilio."""

    _what: ClassVar[str] = "Twilio"
    _fix: ClassVar[str] = "Check the account, its token, and that both numbers may be used by it."
    _fixes: ClassVar[Mapping[int, str]] = {
        400: "Check both numbers: the sender's is one of the account, and may reach the other.",
        401: "Save the account SID and its auth token again.",
        404: "Check the account SID.",
    }
    _reads: ClassVar[int] = 16_384

    account_sid: str = Field(
        title="Account SID", description="AC and 32 digits.", pattern="^AC[0-9a-fA-F]{32}$"
    )
    auth_token: SecretStr = Field(
        title="Auth token", description="Of the account; a secret.", min_length=1
    )
    to_number: str = Field(
        title="To", description="The phone, as +491701234567.", pattern=r"^\+[1-9][0-9]{6,14}$"
    )
    sender: str = Field(title="From", description="A number of the account.", min_length=1)
    url: str = Field(default="https://api.twilio.com", title="URL", description="Of the API.")
    timeout: float = timeout_field()

    def _posted(self, resource: str, form: Mapping[str, str]) -> HttpRequest:
        """Return the request that makes something of `resource`, such as `Calls`."""
        login = f"{self.account_sid}:{self.auth_token.get_secret_value()}"
        return HttpRequest(
            url=f"{self.url.rstrip('/')}/2010-04-01/Accounts/{self.account_sid}/{resource}.json",
            body=urlencode(form).encode(),
            headers={
                "Authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )

    def _reference(self, answer: Answer) -> str:
        try:
            return str(orjson.loads(answer.body)["sid"])
        except (ValueError, KeyError, TypeError):
            return ""
