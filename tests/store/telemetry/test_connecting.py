"""A store that hangs: who needs it waits a little, and later callers fail at once."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from sentinel.errors import TelemetryUnavailable
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.connecting import Connecting
from sentinel.store.telemetry.ddl import Place


class Made:
    closed = False

    def close(self) -> None:
        self.closed = True


def test_all_wait_for_one_attempt_and_who_comes_later_fails_at_once() -> None:
    moment, tried, answers = [100.0], [0], threading.Event()

    def connect() -> Made:
        tried[0] += 1
        assert answers.wait(30)
        return Made()

    connecting = Connecting(connect, 0.05, clock=lambda: moment[0])
    with pytest.raises(TelemetryUnavailable, match=r"does not answer within 0\.05 seconds"):
        connecting.get()
    moment[0] += 1  # no time is left: these do not wait at all
    for _ in range(50):
        with pytest.raises(TelemetryUnavailable):
            connecting.get()
    assert tried == [1]
    answers.set()
    moment[0] -= 1 - 30
    made = found_soon(connecting)
    assert connecting.get() is made
    connecting.drop(Made())  # of an older connection: somebody has connected anew since
    assert connecting.get() is made
    connecting.drop(made)
    moment[0] += 1
    assert found_soon(connecting) is not made
    assert tried == [2]
    assert not made.closed


def found_soon(connecting: Connecting) -> Made:
    for _ in range(200):
        try:
            return connecting.get()
        except TelemetryUnavailable:
            time.sleep(0.01)
    return pytest.fail("it never connected")


def test_a_failure_is_that_of_all_who_wait_and_the_next_one_tries_again() -> None:
    tried: list[int] = []

    def connect() -> Made:
        tried.append(1)
        raise ValueError("refused")

    connecting = Connecting(connect, 30)
    for number in (1, 2):
        with pytest.raises(ValueError, match="refused"):
            connecting.get()
        assert len(tried) == number
    connecting.close()


def test_a_store_that_accepts_and_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        url = f"http://a:secret@127.0.0.1:{hangs.getsockname()[1]}"
        client = TelemetryClient(url, Place("sentinel"), wait=0.1)
        for _ in range(3):
            with pytest.raises(TelemetryUnavailable, match="does not answer"):
                client.rows("SELECT 1")
        client.close()
