"""The dashboard answers for hosts of its own, over HTTP and over a websocket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from dashboard.host_guard import HostGuard


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


def asked(kind: str, host: str) -> Message:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": f"{kind}.disconnect"}

    scope: dict[str, Any] = {"type": kind, "headers": [(b"host", host.encode())], "path": "/"}
    guard = HostGuard(inner, frozenset({"localhost", "alerts.example.org"}))
    asyncio.run(guard(scope, receive, send))
    return sent[0]


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "alerts.example.org", ""])
def test_it_answers_under_its_own_names(host: str):
    assert asked("http", host)["status"] == 200
    assert asked("websocket", host)["type"] == "websocket.accept"


@pytest.mark.parametrize("host", ["rebound.example:8501", "localhost.rebound.example", "[::1"])
def test_it_refuses_another_name(host: str):
    assert asked("http", host)["status"] == 421
    assert asked("websocket", host) == {"type": "websocket.close", "code": 1008}
