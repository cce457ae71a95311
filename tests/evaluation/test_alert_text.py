"""How an alert about a failing check is worded."""

from __future__ import annotations

from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.world import World


def test_a_failing_check_is_not_worded_as_what_the_rule_watches(store: Store, clock: FakeClock):
    said = {"summary": "{mount} is {value} full", "runbook": "https://r/disk", "look": "at {mount}"}
    world = World(store, clock, annotations=said, errors={"after": 1})
    world.sees(error=OSError("no route"))
    world.sees(error=OSError("no way"))
    (alert,) = store.alerts.page().items
    assert alert.title == "disk cannot be checked: OSError: no way"
    assert alert.description == "OSError: no way"
    assert alert.annotations == {"runbook": "https://r/disk"}
