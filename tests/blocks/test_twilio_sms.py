"""SMS through Twilio, posted to a real HTTP receiver and held against what Twilio publishes.

Its schema, with sources and what is unverified, is in `schemas`.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr, ValidationError

from blocks.message_text import utf16_size
from blocks.vendors.twilio_sms import TwilioSms
from sentinel.errors import DeliveryError
from tests.blocks.messages import message, resolved
from tests.blocks.vendors_world import HARD_TEXTS, acknowledged, fits, hard_texts, refused, storm
from tests.prefect_server import Receiver

SID, TOKEN = "AC" + "0123456789abcdef" * 2, "AUTH-T0K3N"


def sms(url: str, **more: Any) -> TwilioSms:
    given: dict[str, Any] = {"to_number": "+491701234567", "sender": "+15005550006", **more}
    return TwilioSms(account_sid=SID, auth_token=SecretStr(TOKEN), url=url, **given)


def forms(receiver: Receiver) -> list[dict[str, str]]:
    found = [parse_qs(one.body.decode(), strict_parsing=True) for one in receiver.requests]
    receiver.requests.clear()
    return [{name: value for name, (value,) in one.items()} for one in found]


def test_a_phone_gets_what_fires_and_what_is_over_and_no_acknowledgement(receiver: Receiver):
    receiver.answers, receiver.says = [201], b'{"sid": "SM1", "status": "queued"}'
    assert sms(receiver.url).send(message()).reference == "SM1"
    for each in (acknowledged(), resolved()):
        sms(receiver.url, sender="MG" + "0" * 32).send(each)
    (first, second) = receiver.requests
    assert first.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    login = base64.b64decode(first.headers["Authorization"].removeprefix("Basic ")).decode()
    assert login == f"{SID}:{TOKEN}"
    assert second.headers["Content-Type"] == "application/x-www-form-urlencoded"
    fires, over = forms(receiver)
    for *path, to in (("Body", "x" * 1601), ("Body", ""), ("To", "0170"), ("From", None)):
        assert refused(fires, "twilio_sms", *path, to=to), path
    assert refused(over, "twilio_sms", "MessagingServiceSid", to="MG1")
    assert fires == {
        "To": "+491701234567", "From": "+15005550006",
        "Body": "[critical] disk-space\n2 firing\nhttp://127.0.0.1:8501/?group=g1",
    }  # fmt: skip
    assert set(over) == {"To", "MessagingServiceSid", "Body"}
    assert over["Body"].startswith("[resolved] disk-space\n2 resolved")


@hard_texts
def test_a_body_has_at_most_three_parts(receiver: Receiver, text: str):
    sms(receiver.url).send(storm(text))
    (form,) = forms(receiver)
    assert fits(form, "twilio_sms")
    twice = sum(form["Body"].count(one) for one in "^{}\\[~]|€")
    plain = form["Body"].isascii() and "`" not in form["Body"]
    assert len(form["Body"]) + twice <= 3 * 153 if plain else utf16_size(form["Body"]) <= 3 * 67
    assert plain == (text not in (HARD_TEXTS["wide"], HARD_TEXTS["pairs"], HARD_TEXTS["markup"]))
    assert form["Body"].endswith("4,000 firing\nhttp://127.0.0.1:8501/?group=g1")


def test_a_number_that_is_none_is_refused_by_the_form_and_by_twilio(receiver: Receiver):
    for wrong in ({"to_number": "0170 1234567"}, {"sender": ""}):
        with pytest.raises(ValidationError):
            sms(receiver.url, **wrong)
    receiver.answers = [400]
    refusal = {"code": 21211, "message": f"Invalid 'To' Phone Number; {TOKEN}", "status": 400}
    receiver.says = json.dumps(refusal).encode()
    with pytest.raises(DeliveryError, match="Invalid 'To' Phone Number") as caught:
        sms(receiver.url).send(message())
    assert (caught.value.permanent, caught.value.of_message) == (True, True)
    assert TOKEN not in str(caught.value)
