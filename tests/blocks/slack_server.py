"""A Slack that knows channels and members: a real HTTP server with the Web API's published shapes.

Each request is held against `schemas/slack_conversations.json`: a method, argument or name that
Slack's reference does not have fails the test that sent it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from prefect_slack import (  # pyright: ignore[reportMissingTypeStubs] - as in blocks.vendors
    SlackCredentials,
)
from pydantic import SecretStr

from blocks.vendors.slack_app import SlackApp
from tests.blocks.vendors_world import fits

__all__ = ["SlackServer", "slack_server"]

TOKEN = "xoxb-11-22-s3cret"
BOT = "U0BOT"


class SlackServer:
    """The state of a workspace, and every call that was made.

    `refuses` has errors by method, each answered once; `loses` names methods whose next call is
    carried out and not answered.
    """

    def __init__(self) -> None:
        self.channels: dict[str, dict[str, Any]] = {}
        self.members: dict[str, str] = {}
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.refuses: dict[str, str] = {}
        self.loses: set[str] = set()
        self.wrong: list[str] = []
        self.url = ""

    @property
    def app(self) -> SlackApp:
        """The block of the app that is installed in it."""
        credentials = SlackCredentials(token=SecretStr(TOKEN))
        return SlackApp(credentials=credentials, channel="C024BE91L", url=self.url)

    def methods(self) -> list[str]:
        """Names of the methods that were called, in their order."""
        return [method for method, _ in self.calls]

    def channel(self, name: str, **more: Any) -> dict[str, Any]:
        """Add a channel."""
        made: dict[str, Any] = {
            "id": f"C{len(self.channels):07d}", "name": name, "creator": BOT, "is_archived": False,
            "is_private": False, "topic": "", "members": [], **more,
        }  # fmt: skip
        self.channels[made["id"]] = made
        return made

    def answer(self, method: str, fields: dict[str, str]) -> dict[str, Any]:
        """Answer a call as Slack does."""
        self.calls.append((method, fields))
        try:
            assert fits(fields, "slack_conversations", method)
        except Exception as error:
            self.wrong.append(f"{method}: {error}")
        if code := self.refuses.pop(method, ""):
            return {"ok": False, "error": code, "needed": "channels:manage"}
        return getattr(self, f"_{method.replace('.', '_')}")(fields)

    def _auth_test(self, fields: dict[str, str]) -> dict[str, Any]:
        return {"ok": True, "url": "https://acme.slack.com/", "user_id": BOT, "team_id": "T1"}

    def _conversations_create(self, fields: dict[str, str]) -> dict[str, Any]:
        if any(one["name"] == fields["name"] for one in self.channels.values()):
            return {"ok": False, "error": "name_taken"}
        made = self.channel(fields["name"], is_private=fields["is_private"] == "true")
        return {"ok": True, "channel": made}

    def _conversations_list(self, fields: dict[str, str]) -> dict[str, Any]:
        private = fields["types"] == "private_channel"
        found = [
            one for one in self.channels.values()
            if one["is_private"] == private and not one["is_archived"]
        ]  # fmt: skip
        first = int(fields.get("cursor") or 0)
        after = str(first + 2) if first + 2 < len(found) else ""
        return {
            "ok": True, "channels": found[first : first + 2],  # fewer than the limit, as it may
            "response_metadata": {"next_cursor": after},
        }  # fmt: skip

    def _conversations_setTopic(self, fields: dict[str, str]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        return self._in(fields, {"topic": fields["topic"]})

    def _conversations_invite(self, fields: dict[str, str]) -> dict[str, Any]:
        if fields["users"] in self.channels[fields["channel"]]["members"]:
            return {"ok": False, "error": "already_in_channel"}
        there: list[str] = self.channels[fields["channel"]]["members"]
        return self._in(fields, {"members": [*there, fields["users"]]})

    def _conversations_archive(self, fields: dict[str, str]) -> dict[str, Any]:
        if self.channels[fields["channel"]]["is_archived"]:
            return {"ok": False, "error": "already_archived"}
        return self._in(fields, {"is_archived": True})

    def _users_lookupByEmail(self, fields: dict[str, str]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        user = self.members.get(fields["email"])
        if user is None:
            return {"ok": False, "error": "users_not_found"}
        return {"ok": True, "user": {"id": user, "team_id": "T1"}}

    def _in(self, fields: dict[str, str], change: dict[str, Any]) -> dict[str, Any]:
        one = self.channels[fields["channel"]]
        if one["is_archived"]:
            return {"ok": False, "error": "is_archived"}
        one.update(change)
        return {"ok": True}


@contextmanager
def slack_server() -> Generator[SlackServer]:
    """Serve a workspace until the block ends; then raise what was wrong with a request."""
    slack = SlackServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            method = self.path.lstrip("/")
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                slack.wrong.append(f"{method}: not authorized")
            answer = slack.answer(method, dict(parse_qsl(body, strict_parsing=bool(body))))
            if method in slack.loses:
                slack.loses.discard(method)
                self.close_connection = True
                return
            said = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    slack.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield slack
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert slack.wrong == []
