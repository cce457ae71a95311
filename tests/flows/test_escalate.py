"""A run of `escalate` works until every request is served, and reads from rows what is due."""

from __future__ import annotations

from flows.escalate import escalate_until_served, page_counts
from sentinel.clock import FakeClock
from sentinel.engine.paging import PageCount
from sentinel.store import Store
from sentinel.store.escalations.waking import wake_for_due
from tests.databases import both_databases
from tests.world import World


@both_databases
def test_a_run_serves_every_request_and_a_false_wake_does_nothing(store: Store, clock: FakeClock):
    world = World(store, clock, receivers=[], escalation_rules={"channels": ["default"]})
    world.sees({"/": 95})
    assert wake_for_due(store, clock.now())
    done = escalate_until_served(store, by="run")
    assert done == PageCount(steps=1, sent=1, failed=0)
    assert page_counts(done)[:2] == [
        (1, "escalation step", "escalation steps"),
        (1, "page sent", "pages sent"),
    ]
    (message,) = store.inbox.page()
    assert message.body["reason_text"] == (
        "level 1 of the rule's own escalation pages receiver default; no further level follows"
    )
    assert escalate_until_served(store, by="another") == PageCount()
    assert not wake_for_due(store, clock.now())
