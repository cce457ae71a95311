"""A dashboard with its own login over a real database, with something in Streamlit's place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from dashboard import page_tokens
from dashboard.commands import Commands
from dashboard.configuration import Configuration
from dashboard.data import Data
from dashboard.live_api import LiveApi
from dashboard.login_gate import LoginGate
from dashboard.refusals import Refusals
from dashboard.response_cache import ResponseCache
from dashboard.sign_in import SignIn
from sentinel.access.cookies import COOKIE
from sentinel.links import Addresses
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.security_log import SecurityLog

__all__ = ["CLOSED", "OWN", "PAGE", "PASSWORD", "Connection", "Dashboard"]

ADDRESSES = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")
PASSWORD = "seven green bicycles"
OWN = {"sec-fetch-site": "same-origin"}
PAGE = {"accept": "text/html"}


class Dashboard:
    """The login, the door and something in Streamlit's place, over a real database."""

    def __init__(self, store: Store) -> None:
        self.seconds = 0.0
        self.security = SecurityLog(store, after=lambda _seconds, _do: None)
        self.sign_in: SignIn | None = SignIn(
            store, Settings(), lambda: self.seconds, security=self.security
        )
        self.sign_in_of: Callable[[], SignIn | None] = lambda: self.sign_in
        data = Data(store, ADDRESSES, lambda: True)
        responses = ResponseCache(data)
        commands = Commands(data, Configuration(store, ADDRESSES), Refusals(self.security))

        def streamlit(_: Request) -> Response:
            return PlainTextResponse("Streamlit")

        async def stream(websocket: WebSocket) -> None:
            await websocket.accept()
            while True:
                await websocket.send_text(f"ran {await websocket.receive_text()}")

        self.app = Starlette(
            routes=[WebSocketRoute("/_stcore/stream", stream), Route("/{rest:path}", streamlit)],
            middleware=[
                Middleware(
                    LoginGate,
                    path=lambda: "/sentinel",
                    base=str,
                    sign_in=lambda: self.sign_in_of(),
                    public_url=lambda: "https://alerts.example.org",
                ),
                Middleware(
                    LiveApi,
                    path=lambda: "/sentinel",
                    responses=lambda: responses,
                    commands=lambda: commands,
                    refusals=lambda: Refusals(self.security),
                ),
            ],
        )

    def asks(
        self, path: str, method: str = "GET", cookie: str = "", host: str = "http://d", **more: Any
    ) -> httpx.Response:
        """One answer, to whoever holds this cookie."""
        headers: dict[str, str] = more.pop("headers", {})
        if cookie:
            headers = headers | {"cookie": f"{COOKIE}={cookie}"}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=host) as client:
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(ask())

    def logs_in(self, name: str = "maria", password: str = PASSWORD, **more: Any) -> httpx.Response:
        """The answer to the form."""
        form = {"name": name, "password": password, "next": more.pop("next", "/history?q=a")}
        more.setdefault("headers", OWN)
        return self.asks("/sentinel/login", "POST", data=form, **more)

    def cookie(self, name: str = "maria") -> str:
        """The session of a new login."""
        answer = self.logs_in(name)
        assert answer.status_code == 303, answer.text
        return answer.cookies[COOKIE]

    def door(self, cookie: str, actor: str = "maria", **command: Any) -> httpx.Response:
        """What the door answers to a page of this person, or to one of their commands."""
        headers = OWN | {page_tokens.HEADER: page_tokens.issue(actor, "s1")}
        if not command:
            return self.asks("/sentinel/rows", cookie=cookie, headers=headers)
        body = {"commands": [{"id": "c1", **command}]}
        return self.asks("/sentinel/act", "POST", cookie, headers=headers, json=body)


class Connection:
    """A connection to Streamlit, as a browser holds it open."""

    def __init__(self, dashboard: Dashboard, cookie: str = "") -> None:
        self._loop = asyncio.new_event_loop()
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._out: asyncio.Queue[Message] = asyncio.Queue()
        headers = [(b"cookie", f"{COOKIE}={cookie}".encode())] if cookie else []
        scope: dict[str, Any] = {
            "type": "websocket", "path": "/_stcore/stream", "headers": headers, "query_string": b"",
            "scheme": "ws", "subprotocols": [], "client": ("127.0.0.1", 1), "server": ("d", 80),
        }  # fmt: skip
        self._task = self._loop.create_task(dashboard.app(scope, self._in.get, self._out.put))
        self.begun = self._next({"type": "websocket.connect"})

    def says(self, words: str) -> Message:
        """Send a message; gives what came back."""
        return self._next({"type": "websocket.receive", "text": words})

    def close(self) -> None:
        """Hang up."""
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})
        self._loop.run_until_complete(asyncio.wait({self._task}))
        self._loop.close()

    def _next(self, message: Message) -> Message:
        async def exchange() -> Message:
            await self._in.put(message)
            return await self._out.get()

        return self._loop.run_until_complete(exchange())


CLOSED = {"type": "websocket.close", "code": 1008}
