"""The links in every channel's messages open exactly the group that the message is about."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import msgspec
import pytest
from pydantic import SecretStr

from blocks.http_channel import HttpChannel
from blocks.mail_text import html_of, text_of
from blocks.slack_text import payload_of
from blocks.vendors import VENDORS
from blocks.webhook import body_of
from dashboard.live_filter import View
from dashboard.page_addresses import unknown_parameters
from sentinel.alerts.actions import Resolve, Suppress
from sentinel.clock import FakeClock
from sentinel.notifications.channel import Message
from sentinel.store import Store
from tests.databases import sqlite_copy
from tests.world import World

DASHBOARD, PUBLIC = "https://alerts.example.org/sentinel", "https://ack.example.org"
SECRET: dict[str, Any] = {"url": SecretStr("https://hooks.example.org/x")}
CHANNELS: dict[str, dict[str, Any]] = {
    "discord": SECRET,
    "jira_service_management": {"api_key": SecretStr("k")},
    "mattermost": SECRET,
    "ntfy": {"topic": SecretStr("t")},
    "opsgenie": {"api_key": SecretStr("k")},
    "pagerduty": {"routing_key": SecretStr("0" * 32)},
    "teams": SECRET,
    "telegram": {"token": SecretStr("t"), "chat_id": "-1"},
    "template_webhook": {**SECRET, "template": '{"link": "{url}", "ack": "{acknowledge_url}"}'},
    "twilio_sms": {
        "account_sid": "AC" + "0" * 32, "auth_token": SecretStr("t"), "to_number": "+491701234567",
        "sender": "+15005550006",
    },
}  # fmt: skip

OWN_ACKNOWLEDGEMENT = ("pagerduty", "opsgenie", "jira_service_management")


@pytest.fixture
def messages(
    tmp_path: Path, migrated_sqlite: Path, clock: FakeClock
) -> Generator[tuple[Store, list[Message]]]:
    """Messages about two groups of one rule, which fire and are over in part; and the store."""
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "s.db"), clock=clock)
    store.options = msgspec.structs.replace(
        store.options, dashboard_url=DASHBOARD, public_url=PUBLIC
    )
    store.receivers.set("ops", ["slack-webhook/ops"])
    world = World(store, clock, receivers=["ops"], group_by=["mount"], group_interval="1m")
    world.sees({"/": 95, "/data?group=x&y=ä": 97})
    world.tells()
    first, second = world.ids()
    store.act([first], Resolve(actor="ann"))
    store.act([second], Suppress(actor="ann", until=clock.now().replace(year=2030)))
    clock.forward(minutes=5)
    world.tells()
    yield store, [m for ref, m in world.recorder.messages if ref == "slack-webhook/ops"]
    store.close()


def bodies(message: Message) -> dict[str, str]:
    """What each channel says, decoded as its reader has it."""
    found = {
        "slack": payload_of(message, links=True),
        "webhook": body_of(message),
        "mail": text_of(message),
    }
    said = {word: json.dumps(one, default=str) for word, one in found.items()}
    said["mail in html"] = unescape(html_of(message))
    for word, given in CHANNELS.items():
        channel: HttpChannel = VENDORS[word](**given)
        asked = list(channel._requests(message))  # pyright: ignore[reportPrivateUsage]
        for request in asked:
            raw = request.body
            said[word] = unquote_plus(raw.decode()) if isinstance(raw, bytes) else json.dumps(raw)
    return said


def test_every_link_to_the_dashboard_opens_the_group_of_its_message_and_no_other(
    messages: tuple[Store, list[Message]],
):
    store, sent = messages
    assert [message.status for message in sent] == ["firing", "firing", "resolved"]
    groups = {message.group_id for message in sent}
    assert len(groups) == 2
    for message in sent:
        for word, said in bodies(message).items():
            links: list[str] = re.findall(re.escape(DASHBOARD) + r"[^\s\"<>|)\\,]*", said)
            # Twilio has a page in place of the dashboard; the others, a resolve without a text.
            assert links or word in ("twilio_sms", *OWN_ACKNOWLEDGEMENT)
            for link in links:
                query = dict(parse_qsl(urlsplit(link).query, strict_parsing=True))
                assert unknown_parameters("", list(query)) == [], (word, link)
                if "group" in query:
                    assert query == {"group": message.group_id}, (word, link)
                    shown = store.alerts.page(View.read(query).filter("ann"), limit=100).items
                    assert {one.id for one in shown} == {alert.id for alert in message.alerts}
                else:
                    assert query["alert"] in {alert.id for alert in message.alerts}, (word, link)
            acknowledges = set(re.findall(re.escape(PUBLIC) + r"/ack/[\w.-]+", said))
            assert acknowledges <= {message.acknowledge_url}, word
            if message.status == "firing":
                assert bool(acknowledges) != (word in OWN_ACKNOWLEDGEMENT), word
