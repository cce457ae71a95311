"""Alerts that were resolved long ago, and a folder as the archive."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from sentinel.alerts.actions import Acknowledge, Comment
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.world import World

KEEP = timedelta(days=90)


@pytest.fixture
def world(store: Store, clock: FakeClock, tmp_path: Path) -> World:
    """Two alerts that lena worked on, resolved 100 days ago; the archive is a folder."""
    store.options = msgspec.structs.replace(store.options, archive_url=str(tmp_path / "archive"))
    world = World(store, clock)
    world.sees({"/": 95, "/data": 97})
    world.tells()
    for one in world.ids():
        store.act([one], Acknowledge(actor="lena"))
        store.act([one], Comment(actor="lena", comment="the array lost a DISK again"))
    for _ in range(2):
        world.sees({"/": 20, "/data": 20})
    world.tells()
    world.wait(days=100)
    return world
