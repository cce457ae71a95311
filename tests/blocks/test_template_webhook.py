"""The templated webhook, against a real HTTP receiver."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from msgspec.structs import replace
from prefect.types import SecretDict
from pydantic import SecretStr, ValidationError

from blocks.vendors.template_webhook import TemplateWebhook
from blocks.webhook import FIELDS, body_of
from tests.blocks.messages import message
from tests.blocks.vendors_world import arrived, hard_texts
from tests.prefect_server import Receiver

TEMPLATE = '{"text": "{group_title}: {firing} firing", "n": "{firing}", "first": ["{labels}"]}'


def webhook(url: str, template: str = TEMPLATE, **more: Any) -> TemplateWebhook:
    return TemplateWebhook(url=SecretStr(url), template=template, **more)


def test_a_json_template_is_filled_in_and_a_lone_name_is_the_value_itself(receiver: Receiver):
    headers = SecretDict({"Authorization": "Bearer x"})
    webhook(receiver.url, method="PUT", headers=headers).send(message())
    (request,) = receiver.requests
    assert (request.method, request.headers["Authorization"]) == ("PUT", "Bearer x")
    assert request.headers["Content-Type"] == "application/json"
    assert "X-Sentinel-Timestamp" not in request.headers
    assert arrived(receiver) == [
        {"text": "[critical] disk-space: 2 firing", "n": 2,
         "first": [{"mount": "/data0", "host": "db1"}]}
    ]  # fmt: skip


@hard_texts
def test_whatever_a_check_says_stays_a_text_of_the_template(receiver: Receiver, text: str):
    alert = replace(message().alerts[0], title=text)
    template = '{"text": "alert: {title}", "n": 1}'
    webhook(receiver.url, template).send(message(alerts=[alert], firing=1))
    (body,) = arrived(receiver)
    assert set(body) == {"text", "n"}
    assert body["n"] == 1
    whole = f"alert: {text}"
    assert body["text"] == (whole if len(whole) <= 4000 else whole[:3999] + "…")


def test_a_text_that_is_json_or_a_name_stays_a_text(receiver: Receiver):
    for text in ('", "n": 7, "x": "', "{url}"):
        alert = replace(message().alerts[0], title=text)
        webhook(receiver.url, '{"text": "{title}"}').send(message(alerts=[alert], firing=1))
        assert arrived(receiver) == [{"text": text}]


def test_another_template_is_plain_text_and_is_signed(receiver: Receiver):
    webhook(receiver.url, "{severity}: {title}", secret=SecretStr("s3cret")).send(message())
    (request,) = receiver.requests
    assert request.body == b"critical: /data0 is 97 percent full"
    assert request.headers["Content-Type"] == "text/plain; charset=utf-8"
    sent = request.headers["X-Sentinel-Timestamp"].encode() + b"." + request.body
    expected = hmac.new(b"s3cret", sent, hashlib.sha256).hexdigest()
    assert request.headers["X-Sentinel-Timed-Signature-256"] == f"sha256={expected}"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{colour}", "{colour} is unknown; there are acknowledge_url, affected_resources"),
        ("{title:x}", "format"),
    ],
)
def test_a_name_that_is_not_there_is_refused_when_saved(template: str, why: str):
    with pytest.raises(ValidationError, match=why):
        webhook("https://x.example", template)


def test_the_names_are_the_fields_of_the_documented_body():
    assert set(body_of(message())) == FIELDS
