"""What happened before that is like an alert."""

from __future__ import annotations

from sentinel.alerts.actions import Acknowledge, Comment, Resolve
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.alerts.similar import similar
from tests.world import World


def test_the_same_fingerprint_comes_first_with_how_it_was_resolved(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/a": 95.0, "/b": 95.0})
    ids = {one.labels["mount"]: one.id for one in store.alerts.page(order="live").items}
    a, b = ids["/a"], ids["/b"]
    store.act([a], Acknowledge(actor="lena", comment="looking"))
    store.act([a], Comment(actor="lena", comment="log rotation was off"))
    clock.forward(minutes=10)
    store.act([a], Resolve(actor="lena"))
    clock.forward(minutes=1)
    store.act([b], Resolve(actor="omar"))
    clock.forward(hours=2)
    world.sees({"/a": 95.0})
    again = next(one for one in store.alerts.page(order="live").items)
    found = similar(store, again)
    assert [(one.same, one.id) for one in found] == [(True, a), (False, b)]
    assert (found[0].resolution, found[0].resolved_by) == ("resolved_manually", "lena")
    assert found[0].comment == "log rotation was off"
    assert found[0].seconds == 600


def test_what_was_never_open_is_not_like_anything(store: Store, clock: FakeClock):
    world = World(store, clock)
    world.sees({"/a": 95.0})
    assert similar(store, store.alerts.get(world.ids()[0])) == []
