"""The signed webhook, against a real HTTP receiver that checks the signature itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from msgspec.structs import replace
from prefect.types import SecretDict
from pydantic import SecretStr, ValidationError

from blocks.webhook import SignedWebhook
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message
from tests.blocks.messages import message, resolved
from tests.prefect_server import Receiver, free_port

SECRET = "a-shared-secret"


def webhook(url: str, **more: Any) -> SignedWebhook:
    return SignedWebhook(url=SecretStr(url), secret=SecretStr(SECRET), **more)


def test_the_receiver_can_check_that_the_message_is_ours(receiver: Receiver):
    webhook(receiver.url).send(message())
    (request,) = receiver.requests
    expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Sentinel-Signature-256"] == f"sha256={expected}"


def test_the_receiver_can_check_when_a_message_was_sent(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("blocks.webhook.time.time", lambda: 1_772_366_400.9)
    webhook(receiver.url).send(message())
    (request,) = receiver.requests
    assert request.headers["X-Sentinel-Timestamp"] == "1772366400"
    both = b"1772366400." + request.body
    expected = hmac.new(SECRET.encode(), both, hashlib.sha256).hexdigest()
    assert request.headers["X-Sentinel-Timed-Signature-256"] == f"sha256={expected}"


def test_the_body_is_the_one_that_receivers_know(receiver: Receiver):
    webhook(receiver.url).send(message())
    body = json.loads(receiver.requests[0].body)
    assert {
        "alert_id": "a0",
        "title": "/data0 is 97 percent full",
        "description": "It stops whatever writes to it.",
        "severity": "critical",
        "category": "system",
        "status": "open",
        "timestamp": "2026-03-01T12:00:00+00:00",
        "affected_resources": ["/data0", "db1"],
        "labels": {"mount": "/data0", "host": "db1"},
        "annotations": {"runbook": "https://r.example"},
    }.items() <= body.items()


def test_the_body_has_the_whole_group(receiver: Receiver):
    webhook(receiver.url).send(message())
    body = json.loads(receiver.requests[0].body)
    assert (body["group_id"], body["dedup_key"]) == ("g1", "sentinel-g1")
    assert (body["receiver"], body["reason"]) == ("default", "first")
    assert body["reason_text"] == "first notification"
    assert (body["group_status"], body["firing"], body["resolved"]) == ("firing", 2, 0)
    assert [alert["id"] for alert in body["alerts"]] == ["a0", "a1"]


def test_a_message_sent_twice_is_recognized_by_its_id(receiver: Receiver):
    channel = webhook(receiver.url)
    channel.send(message())
    channel.send(message())
    assert [r.headers["X-Sentinel-Message-Id"] for r in receiver.requests] == ["m1", "m1"]
    first, second = keys(receiver)
    assert first == second


def test_further_headers_are_sent(receiver: Receiver):
    headers = SecretDict({"Authorization": "Bearer of good news"})
    webhook(receiver.url, headers=headers).send(message())
    assert receiver.requests[0].headers["Authorization"] == "Bearer of good news"


def test_the_signature_cannot_be_replaced_by_a_header(receiver: Receiver):
    headers = SecretDict({"X-Sentinel-Signature-256": "sha256=forged"})
    webhook(receiver.url, headers=headers).send(message())
    assert "forged" not in receiver.requests[0].headers["X-Sentinel-Signature-256"]


def test_a_message_without_alerts_still_arrives(receiver: Receiver):
    webhook(receiver.url).send(message(alerts=[], status="resolved", firing=0))
    body = json.loads(receiver.requests[0].body)
    assert (body["alert_id"], body["status"]) == ("g1", "resolved")


@pytest.mark.parametrize("code", [200, 201, 202, 204])
def test_every_2xx_is_a_delivery(receiver: Receiver, code: int):
    receiver.answers = [code]
    webhook(receiver.url).send(message())


@pytest.mark.parametrize(
    ("code", "permanent"),
    [
        (400, True), (401, True), (403, True), (404, True), (410, True), (422, True),
        (302, True), (308, True),
        (408, False), (425, False), (429, False), (500, False), (502, False), (503, False),
    ],
)  # fmt: skip
def test_only_errors_that_a_retry_cannot_fix_are_permanent(
    receiver: Receiver, code: int, permanent: bool
):
    receiver.answers = [code]
    with pytest.raises(DeliveryError, match=f"answered {code}") as caught:
        webhook(receiver.url).send(message())
    assert caught.value.permanent is permanent
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("code", "of_message"),
    [(400, True), (413, True), (422, True), (401, False), (403, False), (404, False), (410, False)],
)
def test_some_refusals_are_of_the_message_and_others_of_the_channel(
    receiver: Receiver, code: int, of_message: bool
):
    receiver.answers = [code]
    with pytest.raises(DeliveryError) as caught:
        webhook(receiver.url).send(message())
    assert caught.value.of_message is of_message


def test_nobody_listening_is_tried_again():
    with pytest.raises(DeliveryError, match="did not answer") as caught:
        webhook(f"http://127.0.0.1:{free_port()}").send(message())
    assert not caught.value.permanent


@pytest.mark.parametrize("answer", [None, 404, 500])
def test_errors_and_the_block_itself_keep_secrets(receiver: Receiver, answer: int | None):
    base = f"http://127.0.0.1:{free_port()}" if answer is None else receiver.url
    receiver.answers = [answer or 200]
    channel = webhook(
        f"{base}/hook/T0KEN?key=QUERY", headers=SecretDict({"Authorization": "Bearer HEADER"})
    )
    with pytest.raises(DeliveryError) as caught:
        channel.send(message())
    for said in (str(caught.value), repr(caught.value), repr(channel), str(caught.value.__cause__)):
        for secret in ("T0KEN", "QUERY", "HEADER", SECRET):
            assert secret not in said


@pytest.mark.parametrize("url", ["ftp://x.example/", "/relative", "https://", "javascript:x"])
def test_an_invalid_url_is_refused_when_saved(url: str):
    with pytest.raises(ValidationError, match="begin with https://"):
        webhook(url)


def test_the_form_helps():
    fields = SignedWebhook.model_fields
    assert all(field.title and field.description for field in fields.values())
    assert SignedWebhook.get_block_type_slug() == "sentinel-webhook"


def test_every_alert_of_a_storm_is_sent_in_pages(receiver: Receiver):
    alert = message().alerts[0]
    alerts = [replace(alert, id=f"a{n}") for n in range(1_100)]
    webhook(receiver.url).send(message(alerts=alerts, firing=1_100))
    bodies = [json.loads(request.body) for request in receiver.requests]
    assert [(body["page"], body["pages"]) for body in bodies] == [(1, 3), (2, 3), (3, 3)]
    assert {(body["firing"], body["alert_id"]) for body in bodies} == {(1_100, "a0")}
    assert [one["id"] for body in bodies for one in body["alerts"]] == [one.id for one in alerts]
    ids = [request.headers["X-Sentinel-Message-Id"] for request in receiver.requests]
    assert ids == ["m1", "m1-2", "m1-3"]
    assert len(set(keys(receiver))) == 3


def keys(receiver: Receiver) -> list[str]:
    return [request.headers["Idempotency-Key"] for request in receiver.requests]


def storm_of(count: int) -> Message:
    alert = message().alerts[0]
    return message(alerts=[replace(alert, id=f"a{n}") for n in range(count)], firing=count)


def pages(receiver: Receiver) -> list[tuple[int, int]]:
    bodies = [json.loads(request.body) for request in receiver.requests]
    receiver.requests.clear()
    return [(body["page"], body["pages"]) for body in bodies]


def test_a_retry_begins_with_the_page_that_was_not_taken(receiver: Receiver):
    channel, storm = webhook(receiver.url), storm_of(1_100)
    receiver.answers = [200, 503]
    with pytest.raises(DeliveryError) as caught:
        channel.send(storm)
    first = keys(receiver)
    assert pages(receiver) == [(1, 3), (2, 3)]
    channel.send(replace(storm, progress=caught.value.progress))
    assert keys(receiver)[0] == first[1]
    assert pages(receiver) == [(2, 3), (3, 3)]


@pytest.mark.parametrize("other", [storm_of(1_101), replace(storm_of(1_100), firing=1_099)])
def test_a_retry_that_names_other_alerts_begins_with_the_first_page(
    receiver: Receiver, other: Message
):
    receiver.answers = [200, 503]
    with pytest.raises(DeliveryError) as caught:
        webhook(receiver.url).send(storm_of(1_100))
    first = keys(receiver)
    pages(receiver)
    webhook(receiver.url).send(replace(other, progress=caught.value.progress))
    # Else a receiver that keeps the keys would drop alerts that it never got.
    assert not set(first) & set(keys(receiver))
    assert pages(receiver) == [(1, 3), (2, 3), (3, 3)]


def test_a_retry_to_another_url_begins_with_the_first_page(receiver: Receiver):
    receiver.answers = [200, 503]
    with pytest.raises(DeliveryError) as caught:
        webhook(f"{receiver.url}/old").send(storm_of(1_100))
    first = keys(receiver)
    pages(receiver)
    webhook(f"{receiver.url}/new").send(replace(storm_of(1_100), progress=caught.value.progress))
    assert keys(receiver)[:2] == first
    assert pages(receiver) == [(1, 3), (2, 3), (3, 3)]
    assert "/old" not in caught.value.progress


def test_a_message_of_which_nothing_was_taken_says_so(receiver: Receiver):
    receiver.answers = [503]
    with pytest.raises(DeliveryError) as caught:
        webhook(receiver.url).send(storm_of(1_100))
    assert caught.value.progress == ""


def test_all_pages_share_one_deadline(receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    moments = iter([0.0, 10.0, 119.0, 121.0])
    monkeypatch.setattr("blocks.http_channel.time.monotonic", lambda: next(moments))
    channel = webhook(receiver.url)
    with pytest.raises(DeliveryError, match=r"all requests within 120 s") as caught:
        channel.send(storm_of(1_100))
    assert pages(receiver) == [(1, 3), (2, 3)]
    assert caught.value.progress.startswith("2 ")
    assert not caught.value.permanent


def test_an_alert_that_is_over_is_sent_with_its_end(receiver: Receiver):
    over = resolved().alerts[1]
    over = replace(over, resolution="no_data", resolution_text="no data")
    webhook(receiver.url).send(message(alerts=[message().alerts[0], over], firing=1, resolved=1))
    body = json.loads(receiver.requests[0].body)
    assert [(one["status"], one["resolution"]) for one in body["alerts"]] == [
        ("open", ""), ("resolved", "no_data"),
    ]  # fmt: skip
    assert body["alerts"][1]["resolved_at"] == "2026-03-01T12:05:00Z"
