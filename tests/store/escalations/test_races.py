"""No step is paged twice, and what stops an escalation wins over what was claimed before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import Connection, text

from sentinel.alerts.actions import Acknowledge, Escalate, Resolve
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.alerts.apply_action import act_all
from sentinel.store.alerts.apply_escalation import CarriedOut, carry_out, carry_out_in
from sentinel.store.alerts.apply_evaluation import apply
from sentinel.store.alerts.asked import Asked
from sentinel.store.escalations.claims import claim_due
from sentinel.store.escalations.pages import page_attempted, pages_due
from tests.store.escalations.paged import Paged
from tests.waiting import eventually

GROUPS = 60
T = TypeVar("T")


@pytest.fixture
def paged(store: Store, clock: FakeClock) -> Paged:
    if store.dialect == "sqlite":
        pytest.skip("SQLite lets writing transactions follow each other")
    return Paged(store, clock)


def waits(connection: Connection, what: str) -> None:
    """Another transaction waits for a lock."""
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    eventually(lambda: connection.execute(query).scalar_one(), what)


def test_two_that_claim_at_once_page_no_step_twice(paged: Paged):
    paged.rule = paged.rule.model_copy(update={"group_by": ["mount"]})
    paged.fires(*(f"/{number}" for number in range(GROUPS)))
    now = paged.clock.now()

    def works(_: int) -> list[CarriedOut]:
        found: list[CarriedOut] = []
        while claimed := claim_due(paged.store, now, limit=7):
            found += carry_out(paged.store, claimed)
        return found

    def sends(_: int) -> list[str]:
        due = pages_due(paged.store, now)
        return [one.id for one in due if page_attempted(paged.store, one.id, now)]

    with ThreadPoolExecutor(4) as pool:
        done = [one for some in pool.map(works, range(4)) for one in some]
        sent = [one for some in pool.map(sends, range(4)) for one in some]
    assert sorted(one.what for one in done) == ["paged"] * GROUPS
    assert len({one.escalation_id for one in done}) == GROUPS
    assert len(sent) == len(set(sent)) == GROUPS  # the second receiver of ann is two minutes later
    assert len(paged.rows("SELECT id FROM escalation_page")) == 2 * GROUPS


@pytest.mark.parametrize("action", ["acknowledge", "resolve", "recover"])
def test_what_stops_it_wins_over_a_claim_that_waits_for_its_locks(paged: Paged, action: str):
    ids = paged.fires("/")
    paged.goes_on()
    paged.clock.forward(minutes=10)
    claimed = claim_due(paged.store, paged.clock.now())

    def stops(connection: Connection) -> None:
        if action == "recover":
            apply(paged.store, connection, paged.evaluation({"/": 10.0}))
            return
        done = Acknowledge(actor="ann") if action == "acknowledge" else Resolve(actor="ann")
        act_all(paged.store, connection, [Asked(ids=ids, action=done)])

    (one,) = races(paged.store, stops, lambda: carry_out(paged.store, claimed))
    assert one.what == "lost"
    assert [page.level for page in paged.pages() if page.kind == "page"] == [1, 1]
    assert paged.row().state == ("acknowledged" if action == "acknowledge" else "ended")


@pytest.mark.parametrize("action", [Acknowledge(actor="ann"), Escalate(actor="ann")], ids=type)
def test_what_comes_while_a_step_is_carried_out_sees_what_it_did(
    paged: Paged, action: Acknowledge | Escalate
):
    ids = paged.fires("/")
    paged.goes_on()
    paged.clock.forward(minutes=10)
    claimed = claim_due(paged.store, paged.clock.now())
    (done,) = races(
        paged.store,
        lambda connection: carry_out_in(paged.store, connection, claimed, paged.clock.now()),
        lambda: paged.store.act(ids, action),
    )
    assert done.ok
    row = paged.row()
    assert (row.level, row.state) == (
        (2, "acknowledged") if isinstance(action, Acknowledge) else (2, "waiting")
    )
    ben = [page.state for page in paged.pages() if page.person == "ben"]
    assert ben == ["dropped" if isinstance(action, Acknowledge) else "pending"]
    assert paged.shown() == [
        ("acknowledged", 2) if isinstance(action, Acknowledge) else ("escalated", 3)
    ]


def races(store: Store, first: Callable[[Connection], object], second: Callable[[], T]) -> T:
    """What the second gives that begins while the first has written and not committed."""
    with ThreadPoolExecutor(1) as pool:
        with store.write() as connection:
            first(connection)
            waiting = pool.submit(second)
            waits(connection, "the other one waits")
        return waiting.result(30)
