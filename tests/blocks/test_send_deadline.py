"""Receivers that answer byte by byte: a send ends at its deadline, and reads no more than a bit."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prefect_email import (  # pyright: ignore[reportMissingTypeStubs] - its types are in its source
    EmailServerCredentials,
)
from pydantic import SecretStr

from blocks.mail import SentinelEmail
from blocks.send_deadline import SendDeadline
from blocks.slack import SlackChannel
from blocks.webhook import SignedWebhook
from sentinel.errors import DeliveryError
from sentinel.notifications.channel import Channel
from tests.blocks.messages import message
from tests.blocks.smtp_server import certificate

Say = Callable[[socket.socket, threading.Event], None]


@contextmanager
def talking(say: Say) -> Generator[int]:
    """A server that says what a test wants to whoever connects; gives its port."""
    over = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):
                    say(connection, over)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)


def dripping(first: bytes, drop: bytes, *, most: int = 1_000_000) -> Say:
    """Say `first`, and then `drop` every 50 ms, at `most` so often."""

    def say(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(first)
        for _ in range(most):
            if over.wait(0.05):
                break
            connection.sendall(drop)

    return say


def encrypted(say: Say, context: ssl.SSLContext) -> Say:
    """Say it by TLS."""

    def say_it(connection: socket.socket, over: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            say(secure, over)

    return say_it


def webhook(port: int, server: str = "http://127.0.0.1") -> Channel:
    url, secret = SecretStr(f"{server}:{port}/"), SecretStr("a-shared-secret")
    return SignedWebhook(url=url, secret=secret, timeout=0.5)


def mail(port: int) -> Channel:
    server = EmailServerCredentials(
        smtp_server="127.0.0.1", smtp_port=port, smtp_type="INSECURE", username=None
    )
    return SentinelEmail(server=server, to=["a@example.org"], sender="b@example.org", timeout=0.2)


SAYS = r"within 0\.[56] s|answered 500"
"""A refusal whose text does not end is a refusal, since its head is whole."""


@pytest.mark.parametrize(
    ("channel", "says"),
    [
        (webhook, dripping(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n")),
        (webhook, dripping(b"", b"H")),
        (webhook, dripping(b"HTTP/1.1 500 No\r\n\r\n", b"x")),
        (mail, dripping(b"220-hello\r\n", b"220-still\r\n")),
        (mail, dripping(b"", b"2")),
    ],
)
def test_a_receiver_that_answers_byte_by_byte_is_given_up_at_the_deadline(
    channel: Callable[[int], Channel], says: Say
):
    with talking(says) as port, pytest.raises(DeliveryError, match=SAYS) as caught:
        channel(port).send(message())
    assert not caught.value.permanent


def test_a_receiver_that_answers_byte_by_byte_over_tls_is_given_up_at_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    heard_to_the_end = threading.Event()

    def says(connection: socket.socket, over: threading.Event) -> None:
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", most=80)(connection, over)
        heard_to_the_end.set()

    with talking(encrypted(says, context)) as port:
        with pytest.raises(DeliveryError, match=r"within 0\.5 s"):
            webhook(port, "https://localhost").send(message())
        assert not heard_to_the_end.is_set()


def test_what_was_taken_is_delivered_however_long_the_rest_of_the_answer_is():
    """The fault's receiver: its head comes at once, and then a byte now and then."""
    with talking(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x")) as port:
        webhook(port).send(message())


def test_an_endless_refusal_is_read_up_to_its_first_words():
    refusal = b"HTTP/1.1 404 No\r\n\r\nno_service " + b"x" * 2000
    with (
        talking(dripping(refusal, b"x")) as port,
        pytest.raises(DeliveryError, match="answered 404") as caught,
    ):
        SlackChannel("slack-webhook/ops", f"http://127.0.0.1:{port}/").send(message())
    assert caught.value.permanent


@pytest.mark.parametrize("channel", [webhook, mail])
def test_a_name_that_is_not_looked_up_in_time_ends_the_send_at_the_deadline(
    channel: Callable[[int], Channel], monkeypatch: pytest.MonkeyPatch
):
    answered = threading.Event()

    def hangs(*_: object, **__: object) -> list[object]:
        answered.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    try:
        with pytest.raises(DeliveryError, match=r"within 0\.[56] s") as caught:
            channel(25).send(message())
    finally:
        answered.set()
    assert not caught.value.permanent


def test_a_connection_that_comes_after_the_deadline_is_shut_down_at_once():
    ours, theirs = socket.socketpair()
    over = threading.Event()

    def connects_late() -> None:
        over.wait(60)

    deadline = SendDeadline(0.0)
    with ours, theirs:
        with pytest.raises(TimeoutError):
            deadline.run(connects_late)
        theirs.settimeout(10)
        deadline.watch(ours)
        assert theirs.recv(1) == b""
        over.set()


def test_what_the_work_returns_or_raises_comes_through():
    assert SendDeadline(60.0).run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        SendDeadline(60.0).run(lambda: 1 // 0)
