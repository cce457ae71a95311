"""Connections that are opened and not used are closed, in times that the test makes short."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from uvicorn.server import ServerState

from sentinel.api import limits
from sentinel.serving import idle_connections
from tests.api.served import TOKEN, served

HEAD = (
    f"POST /api/v1/alerts/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
    "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
).encode()


@pytest.fixture
def port(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Generator[int]:
    monkeypatch.setattr(idle_connections, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(limits, "PART_SECONDS", 0.3)
    with served(app, "off") as url:
        yield int(url.rpartition(":")[2])


def answer_to(port: int, *said: bytes) -> bytes:
    """All that comes back until the server closes the connection, which it must."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        for one in said:
            client.sendall(one)
        found = b""
        while part := client.recv(65536):
            found += part
        return found


@pytest.mark.parametrize("said", [b"", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b"])
def test_a_connection_without_a_whole_head_is_closed(port: int, said: bytes):
    assert answer_to(port, said) == b""


def test_a_second_head_that_is_not_whole_is_closed_too(port: int):
    whole = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    found = answer_to(port, whole, b"GET /health HTTP/1.1\r\nHost")
    assert found.count(b"HTTP/1.1 ") == 1


def test_a_body_that_does_not_arrive_is_answered_408(port: int):
    found = answer_to(port, HEAD, b'[{"name": "cpu"')
    assert found.startswith(b"HTTP/1.1 408")
    assert b'"code":"timeout"' in found


def test_a_head_that_does_not_end_is_refused_at_a_bound(port: int):
    endless = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"b" * 70_000
    assert answer_to(port, endless).startswith(b"HTTP/1.1 400")


class Written(asyncio.Transport):
    """Keeps what is written, for a protocol that is fed without a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes, self.closed = b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.bytes += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def test_trailers_without_end_are_refused_at_the_same_bound():
    async def waits(_scope: Any, _receive: Any, _send: Any) -> None:
        await asyncio.Event().wait()

    async def feed() -> bytes:
        config = uvicorn.Config(waits, ws="none", log_config=None)
        written = Written()
        protocol = idle_connections.PromptProtocol(config, ServerState(), {})
        protocol.connection_made(written)
        protocol.data_received(HEAD.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked"))
        protocol.data_received(b"2\r\n[]\r\n0\r\nX-A: ")
        await asyncio.sleep(0)  # the application begins
        for _ in range(2):
            assert written.bytes == b""
            protocol.data_received(b"b" * 40_000)
        assert written.closed
        protocol.connection_lost(None)
        return written.bytes

    assert asyncio.run(feed()).startswith(b"HTTP/1.1 400")


def test_a_large_head_that_ends_is_answered(port: int):
    large = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-A: "
    assert answer_to(port, large + b"b" * 30_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 200")
