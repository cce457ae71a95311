"""Buttons in Slack, pressed at a local server that speaks Socket Mode."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from prefect_slack import (  # pyright: ignore[reportMissingTypeStubs] - as in blocks.vendors
    SlackCredentials,
)
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from blocks.slack_socket import SlackSockets
from blocks.vendors.slack_app import SlackApp
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.prefect_server import Receiver
from tests.waiting import eventually
from tests.world import World

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Slack:
    """Slack's end: the methods of its Web API, and the connections that apps open."""

    def __init__(self, web: Receiver, server: Server) -> None:
        self.web = web
        self.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/link/?ticket=1"
        self.connections: list[ServerConnection] = []
        self.acknowledged: queue.Queue[dict[str, Any]] = queue.Queue()

    def takes(self, *answers: dict[str, Any]) -> None:
        """Answer the next calls, in their order."""
        self.web.replies += [json.dumps({"ok": True, **one}).encode() for one in answers]

    def presses(self, message: dict[str, Any], action_id: str) -> None:
        """Press a button of a message, as a person in the channel."""
        (button,) = [
            one
            for one in message["attachments"][0]["blocks"][-1]["elements"]
            if one["action_id"] == action_id
        ]
        payload = {
            "type": "block_actions", "channel": {"id": message["channel"], "name": "ops"},
            "user": {"id": "U061F7AUR", "username": "ann", "team_id": "T9TK3CUKW"},
            "actions": [{"type": "button", "block_id": "x", "action_id": action_id,
                         "value": button.get("value")}],
        }  # fmt: skip
        envelope = {"envelope_id": "e-1", "type": "interactive", "accepts_response_payload": True}
        self.connections[-1].send(json.dumps({**envelope, "payload": payload}))


@pytest.fixture
def slack(receiver: Receiver) -> Generator[Slack]:
    def serves(connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        found.connections.append(connection)
        try:
            for text in connection:
                found.acknowledged.put(json.loads(text))
        except ConnectionClosed:
            pass

    with serve(serves, "127.0.0.1", 0) as server:
        found = Slack(receiver, server)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()
    thread.join()


def test_a_button_acts_without_a_public_address(store: Store, clock: FakeClock, slack: Slack):
    app = SlackApp(
        credentials=SlackCredentials(token=SecretStr("xoxb-1")), channel="C024BE91L",
        app_token=SecretStr("xapp-1"), url=slack.web.url,
    )  # fmt: skip
    store.receivers.set("ops", ["sentinel-slack-app/ops", "sentinel-slack-app/also"])
    world = World(store, clock, receivers=["ops"], group_wait="0s")
    world.sees({"/": 95.0})
    world.tells()
    slack.takes({"channel": "C024BE91L", "ts": "1.2"})
    app.send(world.recorder.messages[0][1])
    message = json.loads(slack.web.requests.pop().body)

    sockets = SlackSockets(store, lambda _ref: app)
    slack.takes({"url": slack.url})
    sockets.watch(NOW)
    sockets.watch(NOW)
    (opened,) = slack.web.requests
    assert (opened.path, opened.headers["Authorization"]) == (
        "/apps.connections.open", "Bearer xapp-1",
    ), "one connection for all channels of the app, by its own token"  # fmt: skip
    slack.web.requests.clear()
    eventually(lambda: slack.connections, "the app connects")

    slack.takes({"user": {"profile": {"email": "Ann@Example.org"}}}, {"message_ts": "1.3"})
    slack.presses(message, "sentinel-acknowledge")
    assert slack.acknowledged.get(timeout=60) == {"envelope_id": "e-1"}
    eventually(lambda: len(slack.web.requests) == 2, "whoever pressed is told")
    asked, told = slack.web.requests
    assert (asked.path, asked.body) == ("/users.info", b"user=U061F7AUR")
    assert told.path == "/chat.postEphemeral"
    assert b"You+acknowledged+1+alert%2C+as+slack%3Aann." in told.body
    assert b"channel=C024BE91L&user=U061F7AUR" in told.body
    assert world.rows("SELECT status, acknowledged_by FROM alert") == [
        ("acknowledged", "slack:ann")
    ]

    # Slack asks apps to change connections from time to time, and may also just close one.
    slack.takes({"url": slack.url})
    slack.connections[-1].send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
    eventually(lambda: len(slack.connections) == 2, "it connects anew when Slack asks for it")
    slack.connections[-1].close()

    def reconnected() -> bool:
        if not slack.web.replies and len(slack.connections) == 2:
            slack.takes({"url": slack.url})
        sockets.watch(NOW)
        return len(slack.connections) == 3

    eventually(reconnected, "it connects anew when Slack closes the connection")
    store.receivers.set("ops", ["inbox"])
    sockets.watch(NOW)
    eventually(lambda: slack.connections[-1].state.name == "CLOSED", "it hangs up")
    sockets.close()


def test_a_wrong_app_token_is_logged_once_and_stops_nothing(
    store: Store, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    app = SlackApp(
        credentials=SlackCredentials(token=SecretStr("xoxb-1")), channel="C024BE91L",
        app_token=SecretStr("xapp-s3cret"), url=receiver.url,
    )  # fmt: skip
    receiver.says = b'{"ok": false, "error": "invalid_auth"}'
    store.receivers.set("ops", ["sentinel-slack-app/ops"])
    sockets = SlackSockets(store, lambda _ref: app)
    for _ in range(2):
        sockets.watch(NOW)
    sockets.close()
    assert len(receiver.requests) == 2
    assert caplog.text.count("Slack's apps.connections.open answered invalid_auth") == 1
    assert "s3cret" not in caplog.text
