"""Pages of people by shift, and the response times of Sentinel itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sentinel.access import Reach, Scope
from sentinel.checks.event_port import PACK_TRIGGER
from sentinel.clock import FakeClock
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.schema.columns import new_id
from sentinel.store import Store
from sentinel.store.database.tables import ALERT, RULE
from sentinel.store.escalations.rows import ESCALATION, PAGE
from sentinel.store.reports.own_times import own_times, paging_load
from tests.databases import both_databases
from tests.world import World

DAY = timedelta(days=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def escalation(store: Store, *, drill: bool) -> str:
    row: dict[str, Any] = {
        "id": new_id(), "group_id": new_id(), "tenant": "default", "policy": "p", "snapshot": {},
        "opened_at": NOON, "updated_at": NOON, "drill": drill, "state": "ended",
    }  # fmt: skip
    with store.write() as connection:
        connection.execute(ESCALATION.insert(), [row])
    return str(row["id"])


def page(store: Store, of: str, person: str, at: datetime, state: str = "sent") -> None:
    with store.write() as connection:
        connection.execute(
            PAGE.insert(),
            [{"id": new_id(), "escalation_id": of, "group_id": "g", "level": 1, "person": person,
              "receiver": "r", "planned_at": at, "at": at, "attempted_at": at, "state": state}],
        )  # fmt: skip


@both_databases
def test_pages_are_counted_by_person_and_shift_against_two(store: Store, clock: FakeClock):
    real, drill = escalation(store, drill=False), escalation(store, drill=True)
    for hours in (0, 1, 11.9):  # three pages of one shift
        page(store, real, "ann", NOON + timedelta(hours=hours))
    page(store, real, "ann", NOON + timedelta(hours=12))  # the next one begins at midnight
    page(store, real, "ben", NOON)
    page(store, real, "ben", NOON, state="failed")  # reached nobody
    page(store, drill, "ben", NOON)
    page(store, real, "ann", NOON - DAY)  # before the period
    ann, ben = paging_load(store, NOON - timedelta(hours=1), NOON + DAY)
    assert (ann.person, ann.pages, ann.shifts, ann.above, ann.most) == ("ann", 4, 2, 1, 3)
    assert (ben.person, ben.pages, ben.shifts, ben.above) == ("ben", 1, 1, 0)


@both_databases
def test_sentinel_measures_its_own_messages_and_evaluations(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", every="60s", team="db")
    since = clock.now() - DAY
    assert own_times(store, since, clock.now()).message.median is None
    world.sees({"/": 95})
    clock.forward(seconds=31)
    world.tells()
    clock.forward(seconds=1)
    found = own_times(store, since, clock.now())
    assert (found.message.count, found.message.median, found.message.most) == (1, 31.0, 31.0)
    assert (found.lateness.count, found.lateness.p95) == (1, 0.0)
    # Events evaluate a policy whenever one matches: no schedule says when it was due.
    World(store, clock, name="policy", team="db").sees({"/": 1})
    matched = {"trigger": PACK_TRIGGER, "evaluated_at": clock.now() + timedelta(minutes=9)}
    with store.write() as connection:
        connection.execute(RULE.update().where(RULE.c.name == "policy").values(matched))
    assert own_times(store, since, clock.now()).lateness == found.lateness
    other = Scope((Reach(None, frozenset({"web"})),))
    hidden = own_times(store, since, clock.now(), other)
    assert (hidden.message.count, hidden.lateness.count) == (0, 0)


@both_databases
def test_messages_of_drills_are_no_response_times(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", every="60s")
    world.sees({"/": 95})
    clock.forward(seconds=31)
    world.tells()
    clock.forward(seconds=1)
    assert own_times(store, clock.now() - DAY, clock.now()).message.count == 1
    with store.write() as connection:
        connection.execute(ALERT.update().values(rule=DRILL_RULE))
    assert own_times(store, clock.now() - DAY, clock.now()).message.count == 0
