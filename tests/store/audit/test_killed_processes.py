"""A process that is killed between a change and its audit row leaves neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.audit.chaining import chain, verify_chain
from sentinel.store.audit.record import Audit
from tests.processes import die, ended
from tests.world import World

CHANGES: dict[str, Callable[[Store, str], object]] = {
    "acknowledge": lambda store, alert: store.act([alert], Acknowledge(actor="ada")),
    "disable": lambda store, _: store.rules.disable("disk", actor="ada"),
    "receiver": lambda store, _: store.receivers.set("ops", ["sentinel-webhook/a"], actor="ada"),
    "view": lambda store, _: store.views.save("ada", "live", "mine", "q=1"),
}
LOOKS = {
    "acknowledge": "SELECT status FROM alert",
    "disable": "SELECT enabled FROM rule",
    "receiver": "SELECT name FROM receiver",
    "view": "SELECT name FROM saved_view",
}


def change_until_killed(url: str, change: str, alert: str, after_the_row: bool) -> None:
    """Make a change, and die right before or right after its audit row is written.

    Args:
        url: of the database
        change: which
        alert: that is acknowledged
        after_the_row: whether the row is written before it dies; nothing is committed by then
    """
    add = Audit.add

    def added(self: Audit, *given: Any, **more: Any) -> None:
        if after_the_row:
            add(self, *given, **more)
        die()

    Audit.add = added  # this process is nobody else's
    CHANGES[change](Store(url, clock=FakeClock()), alert)


@pytest.mark.parametrize("after_the_row", [False, True], ids=["before the row", "after the row"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_killed_process_leaves_neither_a_change_nor_a_row(
    store: Store, clock: FakeClock, change: str, after_the_row: bool
):
    world = World(store, clock)
    world.sees({"/": 95})
    (alert,) = world.ids()
    url = store.engine.url.render_as_string(hide_password=False)
    before = world.rows(LOOKS[change])
    assert ended(change_until_killed, (url, change, alert, after_the_row)) == [False]
    assert world.rows(LOOKS[change]) == before
    assert world.rows("SELECT id FROM audit") == []
    CHANGES[change](store, alert)  # and nothing keeps the next one from both
    assert world.rows(LOOKS[change]) != before
    assert len(world.rows("SELECT id FROM audit")) == 1


def chain_until_killed(url: str) -> None:
    """Chain, and die before it is committed."""
    from sentinel.store.audit import chaining

    work = chaining._chain  # pyright: ignore[reportPrivateUsage] - this process is nobody else's

    def chained(*given: Any) -> int:
        work(*given)
        die()
        return 0

    chaining._chain = chained  # pyright: ignore[reportPrivateUsage]
    chain(Store(url, clock=FakeClock()))


def test_a_process_that_is_killed_while_it_chains_leaves_the_chain_as_it_was(store: Store):
    store.receivers.set("ops", ["inbox"], actor="ada")
    url = store.engine.url.render_as_string(hide_password=False)
    assert ended(chain_until_killed, (url,)) == [False]
    found = verify_chain(store)
    assert (found.rows, found.waiting, found.problems) == (0, 1, [])
    assert chain(store) == 1
    assert verify_chain(store).problems == []
