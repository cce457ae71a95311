"""One guard for the API and the dashboard: hosts of their own, over HTTP and over a websocket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from sentinel.host_guard import HostGuard, unknown_host
from tests.prefect_server import ROOT


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


async def refusal(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 421, "headers": []})
    await send({"type": "http.response.body", "body": unknown_host(scope).encode()})


def asked(kind: str, host: str, guard: HostGuard | None = None) -> Message:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": f"{kind}.disconnect"}

    scope: dict[str, Any] = {"type": kind, "headers": [(b"host", host.encode())], "path": "/"}
    asyncio.run((guard or made())(scope, receive, send))
    return sent[0]


def made() -> HostGuard:
    return HostGuard(inner, frozenset({"localhost", "alerts.example.org"}), refusal)


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "alerts.example.org", ""])
def test_it_answers_under_its_own_names(host: str):
    assert asked("http", host)["status"] == 200
    assert asked("websocket", host)["type"] == "websocket.accept"


@pytest.mark.parametrize("host", ["rebound.example:8501", "localhost.rebound.example", "[::1"])
def test_it_refuses_another_name(host: str):
    assert asked("http", host)["status"] == 421
    assert asked("websocket", host) == {"type": "websocket.close", "code": 1008}


def test_what_passed_is_known_and_nothing_else_and_no_more_than_a_few():
    guard = made()
    addresses = [f"192.0.2.{n}:{port}" for n in range(100) for port in (80, 8400)]
    for _ in range(2):
        for host in ("localhost", "rebound.example", "localhost.", "Localhost", *addresses):
            expected = 421 if host == "rebound.example" else 200
            assert asked("http", host, guard)["status"] == expected
    assert asked("http", "rebound.example", guard)["status"] == 421
    assert len(guard._passed) == 100  # pyright: ignore[reportPrivateUsage] - what it holds


def test_the_name_that_was_refused_is_shown_without_control_characters():
    scope: dict[str, Any] = {"type": "http", "headers": [(b"host", b"x\x1b[31m" + b"y" * 500)]}
    assert "\x1b" not in unknown_host(scope)
    assert len(unknown_host(scope)) <= 210


def test_there_is_one_guard():
    files = [path for room in ("sentinel", "dashboard") for path in (ROOT / room).rglob("*.py")]
    with_one = [path.name for path in files if "class HostGuard" in path.read_text("utf-8")]
    assert with_one == ["host_guard.py"]


def test_a_lifespan_has_no_host_and_passes():
    assert asked("lifespan", "rebound.example") == {
        "type": "http.response.start", "status": 200, "headers": []
    }  # fmt: skip
