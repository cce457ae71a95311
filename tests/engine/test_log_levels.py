"""A process follows the log levels in the database."""

from __future__ import annotations

import logging
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.log_levels import LogLevelWatch
from sentinel.errors import DatabaseUnreachable
from sentinel.settings.log_levels import apply_levels
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.log_levels import LogLevels

RELAY = logging.getLogger("sentinel.relay.loop")


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    yield
    apply_levels({})


@pytest.mark.both_databases
def test_a_level_is_set_followed_and_goes_back_at_its_end(store: Store, clock: FakeClock):
    told: list[Any] = []
    watch, levels = LogLevelWatch(store, told.append), LogLevels(store)
    before = RELAY.getEffectiveLevel()
    watch.turn()
    assert told == [], "nothing is set"
    made = levels.set("relay", "debug", actor="ada", length=timedelta(minutes=5))
    watch.turn()
    watch.turn()
    assert RELAY.isEnabledFor(logging.DEBUG)
    assert told == [{"sentinel.relay": "DEBUG"}], "told once"
    assert levels.held() == [made]
    clock.forward(minutes=5)
    watch.turn()
    assert RELAY.getEffectiveLevel() == before
    assert levels.held() == []
    assert told[1:] == [{}]
    # A row that is over is replaced and not in the way.
    again = levels.set("relay", "ERROR", actor="ada")
    levels.set("all", "INFO", actor="ada")
    assert [one.component for one in levels.held()] == ["all", "relay"]
    assert levels.reset("relay", actor="eve") == [again]
    assert [one.component for one in levels.reset(actor="eve")] == ["all"]
    assert levels.reset(actor="eve") == []
    rows = page(store, AuditFilter(object_kinds=("settings",))).items
    said = [(one.actor, one.object_name, one.before, one.after) for one in reversed(rows)]
    assert [(actor, name, bool(was), bool(now)) for actor, name, was, now in said] == [
        ("ada", "relay", False, True), ("ada", "relay", False, True), ("ada", "all", False, True),
        ("eve", "relay", True, False), ("eve", "all", True, False),
    ]  # fmt: skip
    assert said[0][3] == {"level": "DEBUG", "until": made.until.isoformat()}


def test_without_the_database_a_level_holds_until_its_end(
    store: Store,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    def fails(_levels: LogLevels) -> Any:
        raise lost

    lost = DatabaseUnreachable("it is away")
    watch = LogLevelWatch(store)
    LogLevels(store).set("relay", "DEBUG", actor="ada", length=timedelta(minutes=5))
    watch.turn()
    monkeypatch.setattr(LogLevels, "held", fails)
    for _ in range(3):
        watch.turn()
    assert RELAY.isEnabledFor(logging.DEBUG)
    assert caplog.text.count("log levels cannot be read") == 1, "once, and not every three seconds"
    clock.forward(minutes=5)
    watch.turn()
    assert not RELAY.isEnabledFor(logging.DEBUG)
