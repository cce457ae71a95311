"""Buttons in Slack, pressed at a local server that speaks Socket Mode."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from prefect_slack import (  # pyright: ignore[reportMissingTypeStubs] - as in blocks.vendors
    SlackCredentials,
)
from pydantic import SecretStr
from slack_sdk.socket_mode.builtin.connection import Connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from blocks.slack_people import Presser, Team, home_of, who_pressed
from blocks.slack_socket import SlackSockets
from blocks.vendors.slack_app import SlackApp
from sentinel.access.roles import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.people import People
from sentinel.store.notifications.chat_connections import disconnected, lost_connections
from tests.prefect_server import Receiver
from tests.waiting import eventually
from tests.world import World

HOME = {"team_id": "T9TK3CUKW", "team": "us", "user_id": "U0"}
MEMBER = {"team_id": "T9TK3CUKW", "profile": {"email": "Ann@Example.org"}}
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
        self.sends("interactive", {
            "type": "block_actions", "team": {"id": "T9TK3CUKW"},
            "channel": {"id": message["channel"], "name": "ops"},
            "user": {"id": "U061F7AUR", "username": "ann", "team_id": "T9TK3CUKW"},
            "actions": [{"type": "button", "block_id": "x", "action_id": action_id,
                         "value": button.get("value")}],
        })  # fmt: skip

    def sends(self, kind: str, payload: dict[str, Any]) -> None:
        """Send an envelope."""
        envelope = {"envelope_id": "e-1", "type": kind, "accepts_response_payload": True}
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
        # Their threads are no daemons: one that is left open keeps the process from ending.
        for connection in found.connections:
            connection.close()
    thread.join(60)
    assert not thread.is_alive(), "the server goes on"


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

    # It stays usable after what it does not understand.
    slack.sends("interactive", {"type": ["?"]})
    assert slack.acknowledged.get(timeout=60) == {"envelope_id": "e-1"}
    slack.takes(HOME, {"user": MEMBER}, {"message_ts": "1.3"})
    slack.presses(message, "sentinel-acknowledge")
    assert slack.acknowledged.get(timeout=60) == {"envelope_id": "e-1"}
    eventually(lambda: len(slack.web.requests) == 3, "whoever pressed is told")
    whose, asked, told = slack.web.requests
    assert (whose.path, whose.headers["Authorization"]) == ("/auth.test", "Bearer xoxb-1")
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
        sockets.watch(NOW + timedelta(minutes=2))
        return len(slack.connections) == 3

    eventually(reconnected, "it connects anew when Slack closes the connection")
    store.receivers.set("ops", ["inbox"])
    sockets.watch(NOW)
    eventually(lambda: slack.connections[-1].state.name == "CLOSED", "it hangs up")
    sockets.close()


def test_a_connection_that_ends_as_it_begins_to_receive_keeps_nobody_waiting(
    store: Store, slack: Slack, monkeypatch: pytest.MonkeyPatch
):
    """`watch` runs in the relay, which would hang with it."""
    sockets, _ = socket_of(store, slack.web)
    slack.takes({"url": slack.url})
    is_active, closing = Connection.is_active, threading.Event()
    looked = threading.Event()

    def looks_just_before(connection: Connection) -> bool:
        found = is_active(connection)
        client = sockets._open.get("xapp-s3cret")  # pyright: ignore[reportPrivateUsage]
        runner = client and client.current_session_runner.thread
        if client is not None and threading.current_thread() is runner and not looked.is_set():
            looked.set()
            assert closing.wait(60)
            eventually(lambda: client.current_session_state.terminated, "it is told to end")
        return found

    monkeypatch.setattr(Connection, "is_active", looks_just_before)
    sockets.watch(NOW)
    assert looked.wait(60)
    closed = threading.Thread(target=sockets.close, daemon=True)
    closed.start()
    closing.set()
    closed.join(30)
    assert not closed.is_alive()


def test_a_change_of_connections_while_it_closes_leaves_none_open(
    store: Store, slack: Slack, monkeypatch: pytest.MonkeyPatch
):
    sockets, _ = socket_of(store, slack.web)
    slack.takes({"url": slack.url})
    sockets.watch(NOW)
    client = sockets._open["xapp-s3cret"]  # pyright: ignore[reportPrivateUsage]
    sockets.close()
    slack.takes({"url": slack.url})
    client.connect_to_new_endpoint(force=True)
    assert not client.is_connected()


def test_a_button_that_cannot_be_served_says_so_and_is_logged(
    store: Store, clock: FakeClock, slack: Slack, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    app = SlackApp(
        credentials=SlackCredentials(token=SecretStr("xoxb-1")), channel="C024BE91L",
        app_token=SecretStr("xapp-1"), url=slack.web.url,
    )  # fmt: skip
    store.receivers.set("ops", ["sentinel-slack-app/ops"])
    world = World(store, clock, receivers=["ops"], group_wait="0s")
    world.sees({"/": 95.0})
    world.tells()
    People(store).create("ada", Role.ADMIN, password="a long passphrase", actor="setup")
    slack.takes({"channel": "C024BE91L", "ts": "1.2"})
    app.send(world.recorder.messages[0][1])
    message = json.loads(slack.web.requests.pop().body)
    sockets = SlackSockets(store, lambda _ref: app)
    slack.takes({"url": slack.url})
    sockets.watch(NOW)
    eventually(lambda: slack.connections, "the app connects")

    def said(*answers: dict[str, Any]) -> str:
        slack.web.requests.clear()
        slack.takes(*answers, {"message_ts": "1.3"})
        slack.presses(message, "sentinel-acknowledge")
        told = eventually(
            lambda: [one for one in slack.web.requests if one.path == "/chat.postEphemeral"],
            "whoever pressed is told",
        )
        return dict(parse_qsl(told[0].body.decode()))["text"]

    unknown = "Nothing was done, since Sentinel could not learn who you are: Slack's "
    assert said({"ok": False, "error": "internal_error"}) == (
        f"{unknown}auth.test answered internal_error. Press again in a moment."
    )
    scope = {"ok": False, "error": "missing_scope", "needed": "users:read"}
    assert said(HOME, scope).startswith(
        f"{unknown}users.info answered missing_scope (users:read). Add the scope under OAuth"
    )
    hidden = said({"user": {**MEMBER, "profile": {}}})
    assert hidden.startswith(f"{unknown}users.info answered without an email address. Add the sco")
    assert "is not understood" in said({"user": None})

    def broken(*_: object) -> str:
        raise ZeroDivisionError("what nobody thought of")

    monkeypatch.setattr("blocks.slack_socket.press", broken)
    assert said({"user": MEMBER}).startswith("Sentinel failed to do that, and its log says why.")
    assert "ZeroDivisionError: what nobody thought of" in caplog.text
    monkeypatch.setattr("blocks.slack_socket._tell", broken)
    caplog.clear()
    slack.takes({"user": MEMBER})
    slack.presses(message, "sentinel-acknowledge")
    eventually(lambda: "what Slack sent could not be served" in caplog.text, "it is logged")
    sockets.close()
    assert world.rows("SELECT status FROM alert") == [("open",)]


@pytest.mark.parametrize(
    ("home", "user", "team", "email"),
    [
        ({}, {}, {}, "ann@example.org"),
        ({}, {}, None, "ann@example.org"),
        ({}, {"profile": {"email": None}}, {}, ""),
        ({}, {"team_id": "T0THER"}, {}, ""),
        ({}, {}, {"id": "T0THER"}, ""),
        ({}, {"team_id": "T0THER", "enterprise_user": {"enterprise_id": "E1"}}, {}, ""),
        ({"enterprise_id": "E1"}, {"team_id": "T0THER"}, {}, ""),
        ({"enterprise_id": "E1"}, {"team_id": "T2", "enterprise_user": {"enterprise_id": "E2"}},
         {}, ""),
        ({"enterprise_id": "E1"}, {"team_id": "T2", "enterprise_user": {"enterprise_id": "E1"}},
         {"id": "T2", "enterprise_id": "E1"}, "ann@example.org"),
        ({}, {"is_stranger": True}, {}, ""),
        ({}, {"is_bot": True}, {}, ""),
        ({}, {"deleted": True}, {}, ""),
        ({}, {"is_email_confirmed": False}, {}, ""),
    ],
)  # fmt: skip
def test_only_a_member_of_the_apps_workspace_has_an_email_address(
    receiver: Receiver, home: dict[str, Any], user: dict[str, Any], team: dict[str, Any] | None,
    email: str,
):  # fmt: skip
    app = SlackApp(
        credentials=SlackCredentials(token=SecretStr("xoxb-1")), channel="C024BE91L",
        url=receiver.url,
    )  # fmt: skip
    answers = {**HOME, **home}, {"user": {**MEMBER, **user}}
    receiver.replies += [json.dumps({"ok": True, **one}).encode() for one in answers]
    sent = None if team is None else msgspec.convert({"id": HOME["team_id"], **team}, Team)
    found = who_pressed(app, home_of(app), Presser(id="U1", username="ann"), sent)
    assert (found.name, found.email, found.unknown) == ("ann", email, "")


def socket_of(store: Store, receiver: Receiver) -> tuple[SlackSockets, list[SlackApp]]:
    """Connections whose block can be replaced: it is the only one of the list."""
    blocks = [
        SlackApp(
            credentials=SlackCredentials(token=SecretStr("xoxb-1")), channel="C024BE91L",
            app_token=SecretStr("xapp-s3cret"), url=receiver.url,
        )
    ]  # fmt: skip
    store.receivers.set("ops", ["sentinel-slack-app/ops"])
    return SlackSockets(store, lambda _ref: blocks[0]), blocks


def tries(sockets: SlackSockets, receiver: Receiver, *, hours: float) -> list[int]:
    """The seconds at which Slack is asked, where it is asked for every 5 seconds."""
    found = list[int]()
    for second in range(0, int(hours * 3600), 5):
        before = len(receiver.requests)
        sockets.watch(NOW + timedelta(seconds=second))
        found += [second] * (len(receiver.requests) - before)
    return found


def test_a_wrong_app_token_is_logged_once_and_asked_for_again_when_the_block_changes(
    store: Store, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    sockets, blocks = socket_of(store, receiver)
    receiver.says = b'{"ok": false, "error": "invalid_auth"}'
    assert tries(sockets, receiver, hours=1.1) == [0, 3600]
    assert caplog.text.count("Slack's apps.connections.open answered invalid_auth") == 1
    assert "s3cret" not in caplog.text
    lost = lost_connections(store)
    assert list(lost) == ["sentinel-slack-app/ops"]
    assert lost["sentinel-slack-app/ops"].startswith("Slack's apps.connections.open answered inv")
    credentials = SlackCredentials(token=SecretStr("xoxb-2"))
    blocks[0] = blocks[0].model_copy(update={"credentials": credentials})
    assert tries(sockets, receiver, hours=0.1) == [0]
    sockets.close()


def test_a_connection_that_fails_is_tried_again_ever_later(store: Store, receiver: Receiver):
    sockets, _ = socket_of(store, receiver)
    receiver.says = b'{"ok": false, "error": "internal_error"}'
    assert tries(sockets, receiver, hours=0.03) == [0, 5, 15, 35, 75]
    sockets.close()


def test_it_waits_for_as_long_as_slack_asks(store: Store, receiver: Receiver):
    sockets, _ = socket_of(store, receiver)
    receiver.answers, receiver.headers["Retry-After"] = [429] * 9, "300"
    assert tries(sockets, receiver, hours=0.1) == [0, 300]
    sockets.close()


def test_a_connection_that_slack_ends_at_once_is_put_off_too(
    store: Store, clock: FakeClock, slack: Slack
):
    sockets, _ = socket_of(store, slack.web)
    for _ in range(3):
        slack.takes({"url": slack.url})
    disconnected(store, ["sentinel-slack-app/ops"], "by an earlier process")
    clock.forward(seconds=1)
    sockets.watch(NOW)
    assert not lost_connections(store)
    clock.forward(seconds=1)
    for connections, second in [(1, 5), (2, 20)]:
        eventually(lambda: len(slack.connections) == connections, "it connects")  # noqa: B023
        slack.connections[-1].close()
        hung = sockets._open["xapp-s3cret"]  # pyright: ignore[reportPrivateUsage]
        eventually(lambda: not hung.is_connected(), "it is noticed")  # noqa: B023
        sockets.watch(NOW + timedelta(seconds=second))
        assert len(slack.web.requests) == connections
        assert "soon after it was opened" in lost_connections(store)["sentinel-slack-app/ops"]
        sockets.watch(NOW + timedelta(seconds=second + 5 * connections))
        assert len(slack.web.requests) == connections + 1
        assert lost_connections(store), "until it has lasted"
    clock.forward(seconds=1)
    sockets.watch(NOW + timedelta(minutes=5))
    assert not lost_connections(store)
    clock.forward(seconds=1)
    disconnected(store, ["sentinel-slack-app/ops"], "no")
    assert lost_connections(store)
    store.receivers.set("ops", ["inbox"])
    assert not lost_connections(store), "nobody uses it"
    sockets.close()
