"""Groups that alerts of several rules share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.notifications.groups import GroupChanges
from tests.engine.test_dispatcher import FIRST
from tests.world import World


def test_a_group_that_another_rule_resolves_at_this_moment_is_looked_for_again(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    world = World(store, clock)
    real = GroupChanges._find_live  # pyright: ignore[reportPrivateUsage] - the moment is inside
    times = 0

    def resolved_meanwhile(self: GroupChanges, keys: Iterable[str]) -> dict[str, Any]:
        nonlocal times
        times += 1
        return {} if times == 3 else real(self, keys)

    monkeypatch.setattr(GroupChanges, "_find_live", resolved_meanwhile)
    world.sees({"/": 95})
    assert times > 3
    assert world.said() == [FIRST]
