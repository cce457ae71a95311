"""Each vendor's refusals: for good at once and with what to change, or for now and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from prefect_slack import SlackCredentials  # pyright: ignore[reportMissingTypeStubs]
from pydantic import SecretStr

from blocks.http_channel import HttpChannel
from blocks.vendors import VENDORS
from blocks.webhook import SignedWebhook
from sentinel.errors import DeliveryError
from tests.blocks.messages import message
from tests.prefect_server import Receiver

SECRET = SecretStr("an-0wn-s3cret-of-ours")
TWILIO = {
    "account_sid": "AC" + "0" * 32, "auth_token": SECRET, "to_number": "+491701234567",
    "sender": "+491701234568",
}  # fmt: skip
FIELDS: dict[str, dict[str, Any]] = {
    "discord": {},
    "jira_service_management": {"api_key": SECRET},
    "mattermost": {},
    "ntfy": {"topic": SECRET},
    "opsgenie": {"api_key": SECRET},
    "pagerduty": {"routing_key": SECRET},
    "slack_app": {"credentials": SlackCredentials(token=SECRET), "channel": "C0123456789"},
    "teams": {},
    "telegram": {"token": SECRET, "chat_id": "-100"},
    "template_webhook": {"template": '{"text": "{title}"}'},
    "twilio_sms": TWILIO,
    "twilio_voice": TWILIO,
    "webhook": {"secret": SECRET},
}
WORDS = sorted(FIELDS)
TO_CHANGE = {
    ("discord", 401): "Save the URL of another webhook",
    ("discord", 404): "Save the URL of another webhook",
    ("jira_service_management", 401): "API key of an API integration of a team in Operations",
    ("jira_service_management", 403): "may create",
    ("mattermost", 403): "System Console",
    ("mattermost", 404): "incoming webhook",
    ("ntfy", 401): "token",
    ("ntfy", 403): "write to the topic",
    ("ntfy", 404): "URL",
    ("opsgenie", 401): "region",
    ("opsgenie", 403): "may create",
    ("pagerduty", 400): "integration key",
    ("pagerduty", 404): "URL",
    ("slack_app", 401): "bot's token",
    ("teams", 404): "workflow",
    ("teams", 410): "workflow",
    ("telegram", 400): "chat",
    ("telegram", 401): "@BotFather",
    ("telegram", 403): "Add the bot to the chat",
    ("telegram", 404): "@BotFather",
    ("template_webhook", 400): "template",
    ("twilio_sms", 400): "numbers",
    ("twilio_sms", 401): "auth token",
    ("twilio_voice", 404): "account SID",
    ("webhook", 404): "URL",
    ("webhook", 410): "URL",
}
"""Words of what is to be changed, where a vendor says something of its own by a status."""


def channel(word: str, receiver: Receiver) -> HttpChannel:
    kind: Any = SignedWebhook if word == "webhook" else VENDORS[word]
    secret = str(kind.model_fields["url"].annotation).find("Secret") >= 0
    url: Any = SecretStr(receiver.url) if secret else receiver.url
    return kind(url=url, **FIELDS[word])


def refused(word: str, receiver: Receiver, code: int) -> DeliveryError:
    receiver.answers = [code]
    with pytest.raises(DeliveryError) as caught:
        channel(word, receiver).send(message())
    return caught.value


def test_every_type_is_asked():
    left_out = {"apprise": "it has no status", "web_push": "test_web_push.py asks its services"}
    assert set(VENDORS) - set(WORDS) == set(left_out), "others belong here"


@pytest.mark.parametrize("word", WORDS)
def test_what_cannot_work_fails_at_once_and_says_what_to_change(word: str, receiver: Receiver):
    means = {
        400: "not understand", 401: "credentials", 403: "allow", 404: "nothing at", 410: "gone",
    }  # fmt: skip
    for code, said in means.items():
        error = refused(word, receiver, code)
        assert error.permanent, code
        assert str(code) in error.message
        assert said in error.hint
        assert TO_CHANGE.get((word, code), "") in error.hint
        assert error.of_message == (code == 400)
        assert SECRET.get_secret_value() not in str(error)
    assert len(receiver.requests) == len(means), "a refusal was tried again within one send"


@pytest.mark.parametrize("word", WORDS)
def test_what_may_work_later_is_not_for_good_and_says_when(word: str, receiver: Receiver):
    for code in (408, 425, 429, 500, 502, 503, 504):
        assert not refused(word, receiver, code).permanent, code
    later = datetime.now(UTC) + timedelta(minutes=10)
    for code in (429, 503):
        receiver.headers = {"Retry-After": "120"}
        assert refused(word, receiver, code).retry_after == 120
        receiver.headers = {"Retry-After": format_datetime(later, usegmt=True)}
        assert 500 < refused(word, receiver, code).retry_after <= 600
