"""Twilio, by its Messages resource: one short SMS for each notification but acknowledgements.

https://www.twilio.com/docs/messaging/api/message-resource (read on 2026-11-29): a body has at most
1,600 characters, and is paid by the part of 153 (or 67 with a character outside GSM-7).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import urlencode

import orjson
from pydantic import Field, SecretStr

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.http_post import Answer
from blocks.message_text import clipped, counts, one_line
from sentinel.notifications.channel import Message, all_acknowledged

_MOST_BODY = 459
"""Three parts."""


class TwilioSms(HttpChannel):
    """Sends an SMS to one phone."""

    _block_type_name = "Sentinel Twilio SMS"
    _block_type_slug = "sentinel-twilio-sms"
    _description = "Sends notifications of alerts to a phone as SMS, through Twilio."
    _what = "Twilio"
    _fix = "Check the account, its token, and that both numbers may be used by it."
    _reads = 16_384

    account_sid: str = Field(
        title="Account SID", description="AC and 32 digits.", pattern="^AC[0-9a-fA-F]{32}$"
    )
    auth_token: SecretStr = Field(
        title="Auth token", description="Of the account; a secret.", min_length=1
    )
    to_number: str = Field(
        title="To", description="The phone, as +491701234567.", pattern=r"^\+[1-9][0-9]{6,14}$"
    )
    sender: str = Field(
        title="From",
        description="A number of the account, a sender name, or a messaging service (MG…).",
        min_length=1,
    )
    url: str = Field(default="https://api.twilio.com", title="URL", description="Of the API.")
    timeout: float = timeout_field()

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        if all_acknowledged(message):
            return  # whoever acknowledged has the phone in hand
        end = f"\n{counts(message)}\n{message.url}"
        if len(end) > _MOST_BODY // 2:
            end = f"\n{counts(message)}"  # a link that is cut leads nowhere
        service = self.sender.startswith("MG") and len(self.sender) == 34
        form = {
            "To": self.to_number,
            "MessagingServiceSid" if service else "From": self.sender,
            "Body": clipped(one_line(message.title), _MOST_BODY - len(end)) + end,
        }
        login = f"{self.account_sid}:{self.auth_token.get_secret_value()}"
        yield HttpRequest(
            url=f"{self.url.rstrip('/')}/2010-04-01/Accounts/{self.account_sid}/Messages.json",
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
