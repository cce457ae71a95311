"""Slack through an app, sent to a real HTTP receiver that answers as Slack's Web API does.

Its schema, with sources and what is unverified, is in `schemas`; blocks are also held against
`slack_sdk.models.blocks`, which Slack publishes.
"""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from msgspec.structs import replace
from prefect_slack import (  # pyright: ignore[reportMissingTypeStubs] - as in blocks.vendors
    SlackCredentials,
)
from pydantic import SecretStr, ValidationError
from slack_sdk.models.blocks import Block

from blocks.http_post import Answer
from blocks.slack_answers import FORM, GONE, NO_THREAD
from blocks.slack_text import MOST_BLOCK
from blocks.vendors.slack_app import SlackApp
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Message
from tests.blocks.messages import message, resolved
from tests.blocks.vendors_world import acknowledged, arrived, fits, hard_texts, refused, storm
from tests.prefect_server import Receiver

TOKEN = "xoxb-11-22-s3cret"
PARENT = "C024BE91L:1503435956.000247"


@pytest.fixture
def slack(receiver: Receiver) -> SlackApp:
    receiver.says = took()
    return SlackApp(
        credentials=SlackCredentials(token=SecretStr(TOKEN)), channel="C024BE91L", url=receiver.url
    )


def took(ts: str = "1503435956.000247") -> bytes:
    return json.dumps({"ok": True, "channel": "C024BE91L", "ts": ts, "message": {}}).encode()


def said(code: str, **more: str) -> bytes:
    return json.dumps({"ok": False, "error": code, **more}).encode()


def methods(receiver: Receiver) -> list[str]:
    return [request.path.lstrip("/") for request in receiver.requests]


def blocks_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", body.get("blocks") or body["attachments"][0]["blocks"])


def texts(body: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for block in blocks_of(body):
        found += [block["text"]["text"]] if "text" in block else []
        found += [one["text"] for one in block.get("elements", []) if one["type"] == "mrkdwn"]
    return found


def hold_against_the_vendor(body: dict[str, Any], part: str = "") -> None:
    assert fits(body, "slack_app", part)
    for block in blocks_of(body):
        parsed: Any = cast("Any", Block).parse(block)
        parsed.validate_json()
        assert parsed.to_dict() == block
    assert sum(map(len, texts(body))) < 9_500


def more_firing() -> Message:
    first, second = message().alerts
    return message(
        id="m2", reason="new_firing", reason_text="more alerts are firing", answers=PARENT,
        alerts=[first, replace(second, new=True)],
    )  # fmt: skip


def test_a_group_is_one_message_that_is_edited_with_a_thread(slack: SlackApp, receiver: Receiver):
    first = slack.send(message())
    assert first.reference == PARENT
    by_ann = acknowledged(reason="acknowledgement", reason_text="somebody acknowledged all")
    by_ann = replace(by_ann, alerts=[replace(one, acknowledged_by="ann") for one in by_ann.alerts])
    for each in (more_firing(), by_ann, resolved()):
        receiver.replies = [took(), took("1503435999.000001")]
        receipt = slack.send(replace(each, answers=first.reference))
        assert receipt.reference == first.reference, "the next message must edit the same one"
    assert methods(receiver) == ["chat.postMessage", *["chat.update", "chat.postMessage"] * 3]
    assert {request.headers["Authorization"] for request in receiver.requests} == {
        f"Bearer {TOKEN}"
    }
    opened, *rest = arrived(receiver)
    edits, replies = rest[::2], rest[1::2]
    hold_against_the_vendor(opened)
    for body in edits:
        hold_against_the_vendor(body, "update")
    for body in replies:
        hold_against_the_vendor(body, "reply")
    assert {one["ts"] for one in edits} == {one["thread_ts"] for one in replies}
    assert [one["attachments"][0]["color"] for one in (opened, *edits)] == [
        "#d32f2f", "#d32f2f", "#d32f2f", "#388e3c",
    ]  # fmt: skip
    assert "critical, acknowledged by ann for 10m" in texts(edits[1])[0]
    new, seen, over = (texts(one)[0].splitlines() for one in replies)
    assert new == [
        "🔴 *more alerts are firing* · 2 firing",
        "low, open: <http://127.0.0.1:8501/?alert=a1|/data1 is 96 percent full>",
    ]
    assert seen[1].startswith("critical, acknowledged by ann: <http")
    assert over[0] == "✅ *all alerts are resolved* · 2 resolved"
    assert len(over) == 3


def test_what_a_person_should_hear_of_is_shown_in_the_channel_too(
    slack: SlackApp, receiver: Receiver
):
    shown: dict[str, bool] = {}
    for reason in ("new_firing", "severity_rose", "repeat", "partly_resolved", "acknowledgement"):
        slack.send(message(reason=reason, answers=PARENT))
        shown[reason] = "reply_broadcast" in arrived(receiver)[1]
    assert shown == {
        "new_firing": True, "severity_rose": True, "repeat": True, "partly_resolved": False,
        "acknowledgement": False,
    }  # fmt: skip


def test_a_button_opens_the_group(slack: SlackApp, receiver: Receiver):
    slack.send(message())
    (body,) = arrived(receiver)
    (opens,) = blocks_of(body)[-1]["elements"]
    assert (opens["type"], opens["text"]["text"], opens["url"]) == (
        "button", "Open", "http://127.0.0.1:8501/?group=g1",
    )  # fmt: skip
    slack.send(message(acknowledge_url="https://ack.example.org/ack/t0ken"))
    (body,) = arrived(receiver)
    hold_against_the_vendor(body)
    acknowledge, _ = blocks_of(body)[-1]["elements"]
    assert (acknowledge["text"]["text"], acknowledge["url"]) == (
        "Acknowledge", "https://ack.example.org/ack/t0ken",
    )  # fmt: skip


def test_with_an_app_token_the_buttons_act(slack: SlackApp, receiver: Receiver):
    slack = slack.model_copy(update={"app_token": SecretStr("xapp-1")})
    group = "a" * 32
    for each in (message(seq=7), acknowledged(), resolved()):
        slack.send(replace(each, group_id=group, acknowledge_url="https://ack.example.org/ack/t"))
    bodies = arrived(receiver)
    for body in bodies:
        hold_against_the_vendor(body)
    asks = [[one["action_id"] for one in blocks_of(body)[-1]["elements"]] for body in bodies]
    assert asks == [
        ["sentinel-acknowledge", "sentinel-resolve", "open-open"],
        ["sentinel-resolve", "open-open"],
        ["open-open"],
    ]
    acknowledge, resolve, _ = blocks_of(bodies[0])[-1]["elements"]
    assert acknowledge["value"] == resolve["value"] == f"{group}:7:1772366400000"
    assert "confirm" in resolve
    link = "<https://ack.example.org/ack/t|Acknowledge>"
    assert link in texts(bodies[0])[-1], "it works also while Sentinel does not listen"


def test_a_message_in_place_of_one_that_is_gone_gets_the_time_that_is_left(
    slack: SlackApp, monkeypatch: pytest.MonkeyPatch
):
    now, given = [0.0], list[float]()

    def post(url: str, *_: Any, timeout: float, **__: Any) -> Answer:
        given.append(timeout)
        now[0] += 20
        gone = url.endswith("chat.update")
        said = {"ok": not gone, "error": "message_not_found", "channel": "C1", "ts": "1.2"}
        return Answer(headers={}, body=json.dumps(said).encode())

    monkeypatch.setattr("blocks.http_channel.post", post)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    slack = slack.model_copy(update={"timeout": 120.0})
    assert slack.send(message(reason="repeat", answers=PARENT)).reference == "C1:1.2"
    assert given == [slack.send_seconds, slack.send_seconds - 20]


def test_the_text_of_a_template_takes_the_place_of_the_alerts(slack: SlackApp, receiver: Receiver):
    slack.send(message(text="Call <!channel> & ann\n" + "x" * 4000))
    (body,) = arrived(receiver)
    hold_against_the_vendor(body)
    text, footer = texts(body)
    assert text.startswith("Call &lt;!channel&gt; &amp; ann\nxxx")
    assert "2 firing" in footer
    assert "more" not in footer


@pytest.mark.parametrize("answers", ["", "C0THER:1503435956.000247", "from another version"])
def test_without_a_message_in_this_channel_another_is_posted(
    slack: SlackApp, receiver: Receiver, answers: str
):
    slack.send(message(reason="repeat", answers=answers))
    assert methods(receiver) == ["chat.postMessage"]


def test_an_incident_that_begins_again_is_a_new_message(slack: SlackApp, receiver: Receiver):
    slack.send(message(reason="first", answers=PARENT))
    assert methods(receiver) == ["chat.postMessage"]


@hard_texts
def test_whatever_a_check_says_keeps_to_the_limits(slack: SlackApp, receiver: Receiver, text: str):
    many = storm(text)
    many = replace(many, alerts=[replace(one, new=True) for one in many.alerts])
    slack.send(many)
    slack.send(replace(many, reason="new_firing", answers=PARENT))
    opened, edited, reply = arrived(receiver)
    hold_against_the_vendor(opened)
    hold_against_the_vendor(edited, "update")
    hold_against_the_vendor(reply, "reply")
    assert "and 3,990 more>" in texts(opened)[-1]
    assert texts(reply)[0].rpartition("… and ")[2].endswith(" more")
    assert all(len(one) <= MOST_BLOCK for one in texts(opened))


def test_the_schema_refuses_what_slack_does(slack: SlackApp, receiver: Receiver):
    slack.send(message())
    (body,) = arrived(receiver)
    section, actions = ("attachments", 0, "blocks", 0), ("attachments", 0, "blocks", -1)
    for *path, to in (
        (*section, "text", "text", "x" * 3001), (*section, "type", "header"),
        ("attachments", 0, "blocks", [blocks_of(body)[0]] * 51), ("channel", "#ops"),
        (*actions, "elements", blocks_of(body)[-1]["elements"] * 26), ("text", "x" * 4001),
        (*actions, "elements", 0, "text", "text", "x" * 76), ("attachments", 0, "color", "red"),
    ):  # fmt: skip
        assert refused(body, "slack_app", *path, to=to), path


@pytest.mark.parametrize("code", sorted(GONE))
def test_a_message_that_cannot_be_edited_is_posted_again(
    slack: SlackApp, receiver: Receiver, code: str
):
    receiver.replies = [said(code), took("1600000000.000001")]
    receipt = slack.send(more_firing())
    assert methods(receiver) == ["chat.update", "chat.postMessage"]
    assert receipt.reference == "C024BE91L:1600000000.000001"


@pytest.mark.parametrize("code", sorted(NO_THREAD))
def test_a_thread_that_takes_no_reply_leads_to_another_message(
    slack: SlackApp, receiver: Receiver, code: str
):
    receiver.replies = [took(), said(code), took("1600000000.000001")]
    assert slack.send(more_firing()).reference == "C024BE91L:1600000000.000001"


@pytest.mark.parametrize("code", sorted(FORM))
def test_a_layout_that_slack_rejects_is_sent_as_plain_text(
    slack: SlackApp, receiver: Receiver, code: str
):
    receiver.replies = [said(code)]
    slack.send(message())
    plain = arrived(receiver)[1]
    assert (plain["attachments"], plain["blocks"]) == ([], [])
    assert "[critical] disk-space" in plain["text"]


def test_a_retry_does_not_edit_twice(slack: SlackApp, receiver: Receiver):
    receiver.replies = [took(), said("internal_error")]
    with pytest.raises(DeliveryError, match="Slack answered internal_error") as caught:
        slack.send(more_firing())
    assert (caught.value.permanent, caught.value.unanswered) == (False, True)
    receiver.requests.clear()
    receipt = slack.send(replace(more_firing(), progress=caught.value.progress))
    assert methods(receiver) == ["chat.postMessage"]
    assert receipt.reference == PARENT


@pytest.mark.parametrize(
    ("code", "permanent", "do"),
    [
        ("invalid_auth", True, "save its bot token"), ("token_revoked", True, "save its bot token"),
        ("not_in_channel", True, "write /invite"), ("channel_not_found", True, "channel's ID"),
        ("is_archived", True, "Unarchive"), ("restricted_action", True, "Let apps post"),
        ("a_code_of_next_year", True, "docs.slack.dev"), ("<script>", True, "docs.slack.dev"),
        ("service_unavailable", False, ""), ("ratelimited", False, ""), ("fatal_error", False, ""),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_change(
    slack: SlackApp, receiver: Receiver, code: str, permanent: bool, do: str
):
    receiver.says = said(code)
    with pytest.raises(DeliveryError, match="Slack answered ") as caught:
        slack.send(message())
    assert caught.value.permanent is permanent
    assert do in caught.value.hint
    assert "<" not in caught.value.message


def test_a_missing_scope_is_named(slack: SlackApp, receiver: Receiver):
    receiver.says = said("missing_scope", needed="chat:write", provided="users:read")
    with pytest.raises(DeliveryError, match=r"missing_scope \(chat:write\)") as caught:
        slack.send(message())
    assert "OAuth & Permissions" in caught.value.hint


def test_slack_is_left_alone_for_as_long_as_it_asks(slack: SlackApp, receiver: Receiver):
    receiver.answers, receiver.headers = [429], {"Retry-After": "7"}
    receiver.says = said("ratelimited")
    with pytest.raises(DeliveryError) as caught:
        slack.send(message())
    assert (caught.value.permanent, caught.value.retry_after) == (False, 7.0)


@pytest.mark.parametrize("body", [b"", b"<html>login</html>", b"[]", b"{}"])
def test_what_is_no_answer_of_slack_is_no_success(slack: SlackApp, receiver: Receiver, body: bytes):
    receiver.says = body
    with pytest.raises(DeliveryError, match="no answer of its Web API") as caught:
        slack.send(message())
    assert not caught.value.permanent


def test_no_error_and_no_form_of_the_block_has_the_token(slack: SlackApp, receiver: Receiver):
    receiver.answers, receiver.says = [403], said(f"bad {TOKEN}")
    with pytest.raises(DeliveryError) as caught:
        slack.send(message())
    for text in (str(caught.value), repr(slack), str(slack.model_dump())):
        assert "s3cret" not in text


@pytest.mark.parametrize("channel", ["#ops", "ops", "c024be91l", ""])
def test_a_channel_is_named_by_its_id(channel: str):
    with pytest.raises(ValidationError, match="String should match pattern"):
        SlackApp(credentials=SlackCredentials(token=SecretStr(TOKEN)), channel=channel)
