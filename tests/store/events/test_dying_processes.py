"""Relays that are killed while they match events: every event still counts exactly once."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.clock import FakeClock
from sentinel.evaluation.model import Applied
from sentinel.store import Store
from sentinel.store.alerts.unit_of_work import UnitOfWork
from sentinel.store.events import batch, matching
from sentinel.store.events.matching import PackMatcher
from tests.event_policies.streets import Street, policy
from tests.processes import die, ended

NEVER = 10**9
LIVES = ((1, 4, 2), (3, 2, 5), (2, 3, 1), (6, 1, 4))


def match_until_killed(url: str, lives: int) -> None:
    """Match all there is, as a relay's process does; dies at this step of a transaction.

    A policy's rule that was evaluated is a step, and so is a batch that is written whole.

    Args:
        url: of the database
        lives: the transaction in which it dies is never committed
    """
    steps = 0
    collect, commit = batch.collect, UnitOfWork.commit

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == lives:
            die()

    def collected(*given: Any, **more: Any) -> Applied:
        done = collect(*given, **more)
        step()
        return done

    def committed(self: UnitOfWork) -> None:
        commit(self)
        step()

    # This process is nobody else's.
    batch.collect = collected
    UnitOfWork.commit = committed
    matching.AT_ONCE = 7
    store = Store(url, clock=FakeClock())
    while PackMatcher(store).step("default", "audit").behind:
        pass
    store.close()


@pytest.mark.parametrize("held", [0, 1], ids=["told", "held back"])
@pytest.mark.slow
def test_an_event_counts_once_however_many_processes_match_and_are_killed(
    store: Store, clock: FakeClock, held: int
):
    street = Street(store, clock)
    street.deployed(policy("one", by="n", throttle_minutes=held), policy("two", by="n"))
    for call in range(40):
        street.sent(*({"action": "login", "n": str((call + n) % 10)} for n in range(5)))
    url = store.engine.url.render_as_string(hide_password=False)
    survived = [
        one for lives in LIVES for one in ended(match_until_killed, *((url, n) for n in lives))
    ]
    assert survived.count(False) >= 6
    assert ended(match_until_killed, (url, NEVER), (url, NEVER)) == [True, True]
    for rule in ("one", "two"):
        counted = {alert.labels["n"]: alert.occurrences for alert in street.alerts(rule)}
        assert counted == {str(n): 20 for n in range(10)}
