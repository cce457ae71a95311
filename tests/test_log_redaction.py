"""Addresses that hold a token are in no log, also in none that a library writes."""

from __future__ import annotations

import logging
import threading

import httpx
import pytest

from sentinel.log_redaction import unlogged
from tests.prefect_server import Receiver


def test_only_what_is_asked_within_is_not_logged(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        with unlogged():
            httpx.post(f"{receiver.url}/t0ken")
        httpx.post(f"{receiver.url}/plain")
    assert "t0ken" not in caplog.text
    assert "/plain" in caplog.text


def test_other_threads_log_as_ever(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), unlogged():
        other = threading.Thread(target=httpx.post, args=(f"{receiver.url}/other",))
        other.start()
        other.join(60)
    assert "/other" in caplog.text


def test_nested_blocks_stay_silent_to_the_end(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), unlogged():
        with unlogged():
            pass
        httpx.post(f"{receiver.url}/t0ken")
    assert "t0ken" not in caplog.text
