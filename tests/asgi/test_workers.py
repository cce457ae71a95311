"""A slow database and a busy process are told apart; leases come back without any request."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from sentinel.api_usage.matching import Caller, LimitSet
from sentinel.api_usage.text import parse_limits
from sentinel.asgi import workers
from sentinel.asgi.guarding import Guard
from sentinel.asgi.workers import Busy, Late, Workers
from sentinel.store import Store
from tests.asgi.test_middleware import asked, guarded


def _not_stuck(*_: object) -> bool:
    return False


def test_work_is_done_and_its_errors_are_raised():
    found = Workers("w")

    def wrong(_: Any) -> None:
        raise KeyError("x")

    assert asyncio.run(found.do(str, 7, 5)) == "7"
    with pytest.raises(KeyError):
        asyncio.run(found.do(wrong, None, 5))
    found.close()


def test_work_that_does_not_end_is_late():
    found, hold = Workers("w"), threading.Event()
    with pytest.raises(Late):
        asyncio.run(found.do(hold.wait, 20, 0.02))
    hold.set()
    found.close()


def test_work_that_gets_no_thread_is_late_only_if_every_thread_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "THREADS", 1)
    found, hold = Workers("w"), threading.Event()

    async def behind(patience: float) -> None:
        first = asyncio.ensure_future(found.do(hold.wait, 20, 30))
        await asyncio.sleep(0.05)
        try:
            await found.do(str, 1, patience)
        finally:
            hold.set()
            await first

    # The thread began before, but not by so much that it is late itself.
    with pytest.raises(Late):
        asyncio.run(behind(0.01))
    hold.clear()
    with monkeypatch.context() as patched:
        patched.setattr(Workers, "_stuck", _not_stuck)
        with pytest.raises(Busy):
            asyncio.run(behind(0.01))
    hold.clear()
    monkeypatch.setattr(workers, "MOST_WAITING", 0)
    with pytest.raises(Busy):
        asyncio.run(behind(5))
    found.close()


def test_a_thread_that_work_in_the_background_holds_is_late_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "THREADS", 1)
    found, hold, began = Workers("w"), threading.Event(), threading.Event()

    def held() -> None:
        began.set()
        hold.wait(20)

    found.in_background(held)
    began.wait(20)
    with pytest.raises(Late):
        asyncio.run(found.do(str, 1, 0.01))
    hold.set()
    found.close()


def test_a_request_is_refused_and_not_let_through_where_too_many_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    app = guarded(store, limits="9/minute", patience=60)
    monkeypatch.setattr(workers, "THREADS", 0)
    monkeypatch.setattr(workers, "MOST_WAITING", 0)
    monkeypatch.setattr(Workers, "_stuck", _not_stuck)
    (refused,) = asked(app, "/orders")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert "wait for a decision" in refused.json()["detail"]


def test_leases_come_back_while_no_request_does(store: Store):
    guard = Guard(store, patience=60, give_back_every=0.01)
    limits = LimitSet(parse_limits("100/day quota by key lease 40"))
    asks = limits.asks(Caller(key="k"))
    for _ in range(7):
        asyncio.run(guard.decide(asks))
    timer = guard._timer  # pyright: ignore[reportPrivateUsage]
    assert timer is not None
    monotonic = guard.leases.monotonic
    guard.leases.monotonic = lambda: monotonic() + 20_000_000_000
    timer.join(20)
    assert not timer.is_alive()
    assert guard.leases.held == 0
    (left,) = Guard(store).leases.decide_in_store(asks).verdicts
    assert left.available == 92
