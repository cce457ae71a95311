"""What is said of each kind of intake by when something of it last came."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.intake_health import SIGNALS, Signal, last_intakes, note_intake
from sentinel.store import Store

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("signal", "minutes", "state"),
    [
        ("metrics", 59, "ok"), ("metrics", 60, "warning"), ("heartbeats", 60, "warning"),
        ("logs", 60, "warning"), ("traces", 60, "warning"), ("requests", 60, "warning"),
        ("alerts", 60, "ok"), ("alerts", 24 * 60 - 1, "ok"), ("alerts", 24 * 60, "note"),
        ("events", 24 * 60, "note"),
    ],
)  # fmt: skip
def test_what_is_sent_all_the_time_is_missed_sooner_than_what_happens(
    store: Store, clock: FakeClock, signal: Signal, minutes: int, state: str
):
    note_intake(store, signal)
    came = store.now()
    clock.forward(minutes=minutes)
    found = {one.name: one for one in last_intakes(store)}
    assert (found[signal].state, found[signal].since) == (state, came)
    assert bool(found[signal].hint) == (state != "ok")
    note_intake(store, signal)
    assert {one.name: one.state for one in last_intakes(store)}[signal] == "ok"


def test_of_what_never_came_it_is_said_how_the_first_one_comes(store: Store):
    found = last_intakes(store)
    assert [one.name for one in found] == list(SIGNALS)
    assert {one.state for one in found} == {"note"}
    named = [word for one in found for word in one.hint.split() if word.startswith("docs/")]
    assert named
    assert [word for word in named if not (ROOT / word).is_file()] == []
