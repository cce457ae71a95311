"""Connections that are opened and not used are closed, in times that the test makes short."""

from __future__ import annotations

import socket
from collections.abc import Generator

import pytest
from fastapi import FastAPI

from sentinel.api import idle_connections, limits
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
