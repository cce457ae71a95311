"""The thread that copies Prefect's logs and runs: who copies, and what a failure costs."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest

from sentinel.api.prefect_feed import LEASE, PrefectFeed
from sentinel.clock import FakeClock
from sentinel.errors import PrefectUnreachable
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.events.log_policies import LogPolicies
from sentinel.telemetry.posted import posted_logs, posted_spans


class History:
    """What a feed copies by."""

    def __init__(self) -> None:
        self.turns: list[datetime] = []
        self.answers: list[Any] = []

    def turn(self, now: datetime) -> bool:
        self.turns.append(now)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)


def test_one_process_copies_and_goes_on_after_a_failure(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, history = list[Settings](), History()

    def making(_: PrefectFeed, settings: Settings) -> History:
        made.append(settings)
        return history

    monkeypatch.setattr(PrefectFeed, "_made", making)
    settings = Settings(prefect_telemetry="default")
    feed = PrefectFeed(store, LogPolicies(store))
    history.answers = [True, False, PrefectUnreachable("away"), PrefectUnreachable("away"), False]
    pauses = [feed.turn(settings) for _ in range(5)]
    assert pauses == [0.0, 5.0, 10.0, 20.0, 5.0]
    other = PrefectFeed(store, LogPolicies(store))
    assert (other.turn(settings), len(history.turns), len(made)) == (5.0, 5, 1)
    store.leases.release(LEASE, feed._holder)  # pyright: ignore[reportPrivateUsage] - it ends
    history.answers = [False]
    assert (other.turn(settings), len(made)) == (5.0, 2)


def test_nobody_else_begins_while_a_long_turn_copies(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, history = Settings(prefect_telemetry="default"), History()
    first, other = (PrefectFeed(store, LogPolicies(store)) for _ in range(2))

    def turn(_: datetime) -> bool:
        clock.forward(minutes=3)
        other.turn(settings)
        return False

    def made(*_: object) -> History:
        return history

    monkeypatch.setattr(history, "turn", turn)
    monkeypatch.setattr(PrefectFeed, "_made", made)
    assert first.turn(settings) == 5.0
    assert (first._history, other._history) == (history, None)  # pyright: ignore[reportPrivateUsage]


def test_nothing_is_copied_unless_the_settings_ask_for_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def begins(thread: threading.Thread) -> None:
        begun.append(thread.name)

    def joins(_: threading.Thread, seconds: float) -> None:
        assert seconds > 0

    monkeypatch.setattr(threading.Thread, "start", begins)
    monkeypatch.setattr(threading.Thread, "join", joins)
    PrefectFeed(store, LogPolicies(store)).start(Settings())
    assert begun == []
    feed = PrefectFeed(store, LogPolicies(store))
    feed.start(Settings(prefect_telemetry="acme"))
    assert begun == ["prefect history"]
    feed.close()


def test_lines_that_are_copied_are_looked_at_for_patterns_and_spans_for_dependencies(
    store: Store, clock: FakeClock, telemetry_settings: Settings
) -> None:
    woken, spans = list[Settings](), list[tuple[Settings, str]]()

    def spans_arrived(settings: Settings, tenant: str) -> None:
        spans.append((settings, tenant))

    feed = PrefectFeed(store, LogPolicies(store), woken.append, spans_arrived)
    made = feed._made(telemetry_settings)  # pyright: ignore[reportPrivateUsage] - it has no other parts
    request = posted_logs([{"message": "copied", "timestamp": clock.now().isoformat()}]).request
    made._intake.take("default", "logs", request, "t")  # pyright: ignore[reportPrivateUsage]
    assert (woken, spans) == ([telemetry_settings], [])
    at = clock.now().isoformat()
    span = {"service_name": "etl", "operation_name": "load", "start_time": at, "end_time": at}
    made._intake.take("default", "traces", posted_spans([span], root=True).request, "s")  # pyright: ignore[reportPrivateUsage]
    assert (woken, spans) == ([telemetry_settings], [(telemetry_settings, "default")])
