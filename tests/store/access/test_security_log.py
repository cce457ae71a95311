"""Security events are stored cheaply: few blocks, counted, and kept while the database is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sentinel.access.security_events import AT_ONCE, SECURITY_TENANT, SecurityEvent
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.security_log import PAUSE, SecurityLog
from tests.databases import both_databases


class Later:
    """What is to be done later, and in how many seconds."""

    def __init__(self) -> None:
        self.waits: list[tuple[float, Callable[[], None]]] = []

    def __call__(self, seconds: float, do: Callable[[], None]) -> None:
        self.waits.append((seconds, do))

    def comes(self) -> float:
        """Do the next; gives how long it waited."""
        (seconds, do), *self.waits = self.waits
        do()
        return seconds


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def log(store: Store, clock: FakeClock, later: Later) -> SecurityLog:
    return SecurityLog(store, lambda: clock.now().timestamp(), later)


def refused(number: int = 0, **more: Any) -> SecurityEvent:
    return SecurityEvent(
        action="access.refused", door="api", address=f"2001:db8::{number:x}", reason="wrong_key",
        what="GET /rules", **more,
    )  # fmt: skip


def stored(store: Store) -> list[dict[str, Any]]:
    blocks = store.events.newest(10_000, SECURITY_TENANT)
    return [event for block in blocks for event in block.events]


@both_databases
def test_the_first_is_stored_at_once_and_a_flood_after_it_is_one_event(
    log: SecurityLog, store: Store, clock: FakeClock, later: Later
):
    log.note(refused())
    assert later.comes() == 0
    for _ in range(5000):
        log.note(refused())
    assert len(later.waits) == 1  # nothing waits for a request, and one thread for all of them
    clock.forward(seconds=PAUSE.total_seconds())
    assert later.comes() == PAUSE.total_seconds()
    assert [event["count"] for event in stored(store)] == [1, 5000]
    last = stored(store)[-1]
    assert last["first_at"] < last["timestamp"] or last["first_at"] == last["timestamp"]
    assert (last["source"], last["category"], last["subject"]) == (
        "sentinel", "security", "a wrong key",
    )  # fmt: skip
    clock.forward(minutes=1)
    log.note(refused())
    assert later.comes() == 0


def test_a_flood_from_everywhere_is_a_bounded_number_of_events(
    log: SecurityLog, store: Store, later: Later
):
    for number in range(5000):
        log.note(refused(number))
    later.comes()
    events = stored(store)
    assert len(events) == AT_ONCE + 1
    assert sum(event["count"] for event in events) == 5000
    (rest,) = [event for event in events if "address" not in event]
    assert (rest["count"], rest["reason"]) == (5000 - AT_ONCE, "wrong_key")
    assert store.events.count(SECURITY_TENANT) == len(events)


def test_of_several_failed_logins_the_highest_count_is_kept(
    log: SecurityLog, store: Store, later: Later
):
    for number in (1, 3, 2):
        log.note(SecurityEvent(action="login.failed", door="api", who="maria", failures=number))
    later.comes()
    (event,) = stored(store)
    assert (event["failures"], event["count"], event["subject"]) == (3, 3, "maria")


def test_what_the_database_did_not_take_is_stored_later_and_nobody_waits_for_it(
    log: SecurityLog, store: Store, clock: FakeClock, later: Later,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
):  # fmt: skip
    def fails(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(store.events, "add", fails)
        log.note(refused())
        later.comes()
        log.note(refused())
        clock.forward(seconds=PAUSE.total_seconds())
        assert later.comes() == PAUSE.total_seconds()
        assert caplog.text.count("security events cannot be stored") == 1
    assert len(later.waits) == 1
    later.comes()
    assert [event["count"] for event in stored(store)] == [2]
    assert later.waits == []


def test_the_end_of_the_process_stores_what_was_gathered(
    log: SecurityLog, store: Store, later: Later
):
    log.note(refused())
    log.close()
    later.comes()  # finds nothing any more
    assert len(stored(store)) == 1
