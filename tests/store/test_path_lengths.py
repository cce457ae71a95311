"""How many files and Python calls lie between a door of the store and its commit.

The bounds of calls are what one reading, one acknowledgement and one event took before there was a
unit of work (docs/adr/0021), eight more for incidents and five for packs. Holds, episodes, good
readings, the counting of a group's members, silences of rules and by matchers (two files more),
what mutes and the locks of it (three files), storms (one file), the audit row of an acknowledgement
(four files), the routes of what opens (two files, one statement) and locking many rules in pieces
(one file) and escalations (what became of a group, its escalation and the on-call document where
one opens: five files, one statement) and the groups that alerts fire into, which are locked before
one is reopened (one file), the steps that wait for each acknowledgement (two files) and what a
request keeps beside its change (one file, one call) and incidents that gather what opens or reopens
(two files, two statements) and reading what is known of a rule as for the many of a pack (two
files) and the numbers of changes (one file, four calls) and, of an event, the limit of active
alerts (two files, one statement; two calls where a reading opens one) came later, in files of their
own; the bounds of files are what that takes. An acknowledgement took 129 calls then; its audit row,
whose pseudonyms are made in one order, and being done together with actions of others (two files)
take the rest, with the reading of JSON cells, a call each. SQLite only: what is counted is Python,
not SQL.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import sentinel
from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.event_policies.streets import Street, policy
from tests.world import World

ROOT = str(Path(sentinel.__file__).parent)


def counted(work: Callable[[], Any]) -> tuple[int, int]:
    """Files and calls of `sentinel/` while `work` runs."""
    files: list[str] = []

    def profile(frame: FrameType, happened: str, _: Any) -> None:
        if happened == "call" and frame.f_code.co_filename.startswith(ROOT):
            files.append(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return len(set(files)), len(files)


@pytest.fixture
def lone_store(migrated_sqlite: Path, tmp_path: Path, clock: FakeClock) -> Any:
    path = tmp_path / "sentinel.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    store = Store(f"sqlite:///{path}", clock=clock)
    yield store
    store.close()


def test_a_reading_takes_no_longer_way_than_before(lone_store: Store, clock: FakeClock):
    world = World(lone_store, clock)
    for value in (95, 96, 10):
        world.sees({"/warm": value})
    opens = counted(lambda: world.sees({"/": 95}))
    still = counted(lambda: world.sees({"/": 96}))
    resolves = counted(lambda: world.sees({"/": 10}))
    assert world.alerts()[-1][1] == "resolved"
    for took, most in ((opens, (61, 406)), (still, (39, 197)), (resolves, (53, 302))):
        assert took[0] <= most[0]
        assert took[1] < most[1]


def test_an_acknowledgement_takes_no_longer_way_than_before(lone_store: Store, clock: FakeClock):
    world = World(lone_store, clock)
    world.sees({"/warm": 95, "/": 95, "/other": 95})
    first, second, _ = world.ids()
    lone_store.act([first], Acknowledge(actor="ada"))
    files, calls = counted(lambda: lone_store.act([second], Acknowledge(actor="ada")))
    assert files <= 34
    assert calls < 234


def test_an_event_takes_no_longer_way_than_before(lone_store: Store, clock: FakeClock):
    street = Street(lone_store, clock)
    street.deployed(policy("logins", by="n"))
    for name in ("warm", "also"):
        street.sent({"action": "login", "n": name})
        street.relay.step("default", "audit")
    street.sent({"action": "login", "n": "new"})
    files, calls = counted(lambda: street.relay.step("default", "audit"))
    assert len(street.alerts()) == 3
    assert files <= 65
    assert calls < 453
