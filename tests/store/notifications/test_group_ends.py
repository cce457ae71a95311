"""Each group says why its own alerts ended, whatever else ended in the same transaction."""

from __future__ import annotations

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.databases import both_databases
from tests.world import World


@both_databases
def test_groups_that_end_together_end_for_their_own_reasons(store: Store, clock: FakeClock):
    world = World(store, clock)
    closes = {"after": "10m", "then": "resolve"}
    world.raises("/a", name="expires", severity="low", resolve_after="10m")
    world.raises("/b", name="closes", severity="low", not_repeated=closes)
    clock.forward(minutes=30)
    assert store.sweep() == 2
    found = world.rows(
        "SELECT g.title, g.resolution FROM alert_group g WHERE g.status = 'resolved' ORDER BY g.id"
    )
    assert [row.resolution for row in found] == ["expired", "not_repeated"]
