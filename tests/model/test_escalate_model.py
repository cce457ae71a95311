"""How a group escalates, as a model that spin checks whole, and the store that follows it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.alerts.apply_escalation import carry_out
from sentinel.store.escalations.claims import Claimed, claim_due, next_due_at
from sentinel.store.escalations.rows import ESCALATION
from tests.databases import both_databases
from tests.model.conftest import Model
from tests.model.recorded import HERE, SEEDS, Step, recorded
from tests.store.escalations.paged import Paged

MODEL = "escalate.pml"
CLAIM = 21
"""Seconds after which a claim is over."""
PAGED = ((1, "ann"), (2, "ben"), (3, "cem"), (3, ""))
"""Whom each step of the policy pages; the last one notifies a receiver too."""


def test_each_step_is_done_once_and_an_acknowledgement_stops_the_rest(model: Model):
    assert model.errors() == ""


@pytest.mark.parametrize(
    ("mutant", "finds"),
    [
        ("MUTANT_NO_EXPIRY", "holder==0"),
        ("MUTANT_KEEPS_CLAIM", "holder==0"),
        ("MUTANT_TRUSTS_CLAIM", "pages==level"),
    ],
)
def test_a_broken_protocol_is_found(model: Model, mutant: str, finds: str):
    assert finds in model.errors(mutant)


def test_the_recorded_runs_are_those_of_the_model(model: Model):
    assert (HERE / "escalate_runs.txt").read_text("utf-8") == model.runs()


class Replay:
    """The steps of a run on the store: what spin calls a transaction is one there."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.world = Paged(store, clock)
        self.world.fires("/")
        self.claims: dict[int, list[Claimed]] = {}

    def step(self, step: Step) -> None:
        getattr(self, f"do_{step.name}")(step.who)
        level, pages, acknowledged, claimable = step.state
        row = self.world.row()
        assert (row.level, row.state == "acknowledged") == (level, bool(acknowledged))
        paged = {(one.level, one.person) for one in self.world.pages() if one.kind == "page"}
        assert paged == {one for one in PAGED if one[0] <= pages}
        assert self.claimable() == claimable

    def claimable(self) -> int:
        """Return how many steps could be claimed now; nothing is claimed."""
        with self.store.read() as connection:
            query = select(ESCALATION.c.due_at, ESCALATION.c.claimed_until)
            found = connection.execute(query).all()
        now = self.clock.now()
        return sum(
            row.due_at is not None
            and row.due_at <= now
            and (row.claimed_until is None or row.claimed_until <= now)
            for row in found
        )

    def do_due_now(self, _: int) -> None:
        due = next_due_at(self.store)
        assert due is not None
        self.clock.forward(seconds=(due - self.clock.now()).total_seconds())

    def do_claim(self, who: int) -> None:
        self.claims[who] = claim_due(self.store, self.clock.now())
        assert len(self.claims[who]) == 1

    def do_carry(self, who: int) -> None:
        (done,) = carry_out(self.store, self.claims.pop(who))
        assert done.what == "paged"

    def do_lost(self, who: int) -> None:
        (done,) = carry_out(self.store, self.claims.pop(who))
        assert done.what == "lost"

    def do_crash(self, who: int) -> None:
        del self.claims[who]

    def do_lapse(self, _: int) -> None:
        self.clock.forward(seconds=CLAIM)

    def do_acknowledge(self, _: int) -> None:
        assert self.world.does(Acknowledge(actor="ann")).ok


@both_databases
@pytest.mark.parametrize("seed", SEEDS)
def test_the_store_does_what_the_model_does(store: Store, clock: FakeClock, seed: int):
    replay = Replay(store, clock)
    for step in recorded("escalate", seed):
        replay.step(step)
    row = replay.world.row()
    assert row.level == 3 or row.state == "acknowledged"
