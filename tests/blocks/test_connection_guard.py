"""Connections that a library opens are judged before they are made, in this thread only."""

from __future__ import annotations

import socket
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from blocks.connection_guard import ConnectionGuard
from sentinel.settings import settings
from tests.prefect_server import Receiver


@pytest.fixture
def public_only(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    monkeypatch.setenv("SENTINEL_ALLOWED_NETWORKS", "")
    settings.cache_clear()
    yield
    settings.cache_clear()


def connect(receiver: Receiver) -> None:
    parts = urlsplit(receiver.url)
    socket.create_connection((str(parts.hostname), parts.port or 80)).close()


@pytest.mark.usefixtures("public_only")
def test_a_private_address_is_refused_inside_the_block_and_in_this_thread(receiver: Receiver):
    guard = ConnectionGuard("the service")
    with ThreadPoolExecutor(1) as others, guard.watching():
        with pytest.raises(PermissionError, match="the service is at a private address"):
            connect(receiver)
        others.submit(connect, receiver).result()
    assert guard.refused is not None
    assert guard.refused.permanent
    connect(receiver)


@pytest.mark.usefixtures("public_only")
def test_what_is_no_address_is_refused_and_a_proxy_is_not(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    guard = ConnectionGuard("the service")
    for address in ("/run/some.sock", ("localhost", 80), ("",), None):
        with pytest.raises(PermissionError):
            guard.judge(address)
    guard.judge(("93.184.215.14", 443))
    monkeypatch.setenv("https_proxy", receiver.url)
    with ConnectionGuard("the service").watching():
        connect(receiver)


def test_a_network_that_is_allowed_is_reached(receiver: Receiver):
    with ConnectionGuard("the service").watching():
        connect(receiver)  # the tests allow this machine
