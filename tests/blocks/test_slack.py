"""Slack messages, posted to a real HTTP receiver and held against Slack's own SDK.

`slack_sdk.models.blocks` is published by Slack and checks the limits it documents.
"""

from __future__ import annotations

import json
import logging
from typing import Any, cast

import pytest
from msgspec.structs import replace
from slack_sdk.models.blocks import Block

from blocks.slack import SlackChannel
from blocks.slack_text import payload_of
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message, MessageAlert
from tests.blocks.messages import message, resolved
from tests.prefect_server import Receiver, free_port

TOKEN = "/services/T000/B000/s3cret"


def channel(receiver: Receiver) -> SlackChannel:
    return SlackChannel("slack-incoming-webhook/ops", receiver.url + TOKEN)


def posted(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in receiver.requests]


def blocks_of(payload: dict[str, Any]) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", payload["attachments"][0]["blocks"])


def texts(payload: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for block in blocks_of(payload):
        found += [block["text"]["text"]] if "text" in block else []
        found += [element["text"] for element in block.get("elements", [])]
    return found


def large(alert: MessageAlert, text: str) -> MessageAlert:
    return replace(
        alert, title=text, description=text, labels={text: text},
        annotations={f"link{n}": f"https://r.example/{'p' * 150}/{n}" for n in range(9)},
    )  # fmt: skip


def hold_against_the_vendor(payload: dict[str, Any]) -> None:
    blocks = blocks_of(payload)
    assert 1 <= len(blocks) <= 50
    for block in blocks:
        parsed: Any = cast("Any", Block).parse(block)
        parsed.validate_json()
        assert parsed.to_dict() == block
    assert all(1 <= len(text) <= 3000 for text in texts(payload))
    # msg_blocks_too_long: not documented, seen refused at 11,341 characters and taken at 9,597.
    assert sum(map(len, texts(payload))) < 9_500
    assert 1 <= len(payload["text"]) <= 4000


def test_a_message_has_severity_title_and_links(receiver: Receiver):
    channel(receiver).send(message())
    (payload,) = posted(receiver)
    assert payload["text"] == ("🔴 *<http://127.0.0.1:8501/?group=g1|[critical] disk-space>*")
    assert payload["attachments"][0]["color"] == "#d32f2f"
    first = texts(payload)[0]
    assert "*<http://127.0.0.1:8501/?alert=a0|/data0 is 97 percent full>*" in first
    assert "critical, open for 10m, since <!date^1772365800^" in first
    assert "mount=/data0, host=db1" in first
    assert "<https://r.example|runbook>" in first
    assert texts(payload)[-1] == "2 firing · first notification · receiver: default"


def test_a_message_has_the_link_that_acknowledges(receiver: Receiver):
    channel(receiver).send(message(acknowledge_url="https://ack.example.org/ack/t0ken"))
    (payload,) = posted(receiver)
    hold_against_the_vendor(payload)
    assert "<https://ack.example.org/ack/t0ken|Acknowledge>" in texts(payload)[-1]


def test_the_end_is_green_and_says_how_long_it_took(receiver: Receiver):
    channel(receiver).send(resolved())
    (payload,) = posted(receiver)
    assert payload["text"].startswith("✅ *<")
    assert "[resolved] disk-space" in payload["text"]
    assert payload["attachments"][0]["color"] == "#388e3c"
    assert "resolved after 15m" in texts(payload)[0]
    assert "2 resolved · all alerts are resolved" in texts(payload)[-1]


@pytest.mark.parametrize("text", ["x" * 9000, "&" * 9000, "<>|*_" * 900, "磁" * 9000, "\n" * 50])
def test_whatever_a_check_says_keeps_to_slacks_limits(text: str):
    alerts = [large(message().alerts[n % 2], text) for n in range(50)]
    for about in (
        message(),
        resolved(),
        message(alerts=[]),
        message(title=text, alerts=alerts, firing=4000, reason=text, receiver="r" * 100),
    ):
        hold_against_the_vendor(payload_of(about))


def test_a_storm_is_ten_alerts_and_a_count():
    alerts = [message().alerts[n % 2] for n in range(50)]
    payload = payload_of(message(alerts=alerts, firing=4000))
    assert len(blocks_of(payload)) == 11
    assert "<http://127.0.0.1:8501/?group=g1|and 3,990 more>" in texts(payload)[-1]


def test_text_of_a_check_makes_no_mentions_and_no_links(receiver: Receiver):
    alert = replace(
        message().alerts[0], title="<!channel> & <https://evil.example|click>",
        description="<@U123> <!here>", annotations={"runbook": "javascript:alert(1)"},
    )  # fmt: skip
    channel(receiver).send(message(title="<!everyone>|x", alerts=[alert]))
    said = json.dumps(posted(receiver)[0], ensure_ascii=False)
    for acting in ("<!channel", "<!here", "<!everyone", "<@U123", "<https://evil", "javascript"):
        assert acting not in said
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example¦click&gt;" in said


def test_a_layout_that_slack_rejects_is_sent_as_plain_text(receiver: Receiver):
    receiver.answers = [400, 200]
    channel(receiver).send(message())
    assert list(posted(receiver)[1]) == ["text"]
    assert "[critical] disk-space" in posted(receiver)[1]["text"]


@pytest.mark.parametrize(
    ("code", "permanent"),
    [(400, True), (403, True), (404, True), (410, True), (429, False), (500, False), (503, False)],
)
def test_only_errors_that_a_retry_cannot_fix_are_permanent(
    receiver: Receiver, code: int, permanent: bool
):
    receiver.answers = [code, code]
    with pytest.raises(DeliveryError, match=f"answered {code}") as caught:
        channel(receiver).send(message())
    assert caught.value.permanent is permanent


def test_the_error_code_of_slack_is_passed_on(receiver: Receiver):
    receiver.answers, receiver.says = [404], b"channel_not_found"
    with pytest.raises(DeliveryError, match="404 Not Found: channel_not_found"):
        channel(receiver).send(message())


def test_an_answer_that_repeats_the_address_is_not_passed_on(receiver: Receiver):
    receiver.answers, receiver.says = [404], TOKEN.encode()
    with pytest.raises(DeliveryError) as caught:
        channel(receiver).send(message())
    assert "s3cret" not in str(caught.value)


def test_nobody_listening_is_tried_again():
    with pytest.raises(DeliveryError, match="did not answer") as caught:
        SlackChannel("x/y", f"http://127.0.0.1:{free_port()}{TOKEN}").send(message())
    assert not caught.value.permanent


@pytest.mark.parametrize("answer", [200, 400, 404, 500])
def test_the_address_is_in_no_log_and_no_error(
    receiver: Receiver, answer: int, caplog: pytest.LogCaptureFixture
):
    receiver.answers = [answer, answer]
    said = ""
    with caplog.at_level(logging.DEBUG):
        try:
            channel(receiver).send(message())
        except DeliveryError as error:
            said = f"{error!s} {error!r} {error.__cause__!r} {error.__context__!r}"
    for text in (caplog.text, said):
        assert "s3cret" not in text
        assert "T000" not in text


def test_a_message_without_alerts_has_title_and_counts():
    about: Message = message(alerts=[], firing=0, resolved=0)
    assert texts(payload_of(about)) == ["none firing · first notification · receiver: default"]


def test_what_is_over_is_named_beside_a_storm():
    firing = [message().alerts[0]] * 40
    over = replace(resolved().alerts[1], resolution="no_data", resolution_text="no data")
    payload = payload_of(message(alerts=[*firing, over], firing=40, resolved=1))
    assert len(blocks_of(payload)) == 11
    assert "low, resolved (no data) after 15m" in texts(payload)[-2]
    assert "40 firing, 1 resolved" in texts(payload)[-1]
    assert "and 31 more" in texts(payload)[-1]
