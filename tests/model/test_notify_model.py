"""How receivers are notified, as a model that spin checks whole, and the store that follows it."""

from __future__ import annotations

import pytest

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.notifications.deliveries import Outcome, ToSend
from tests.databases import both_databases
from tests.model.conftest import Model
from tests.model.recorded import HERE, SEEDS, Step, recorded
from tests.world import World

MODEL = "notify.pml"
CLAIM = 21
"""Seconds after which a claim is over."""


def test_nobody_is_left_untold_and_every_wait_ends(model: Model):
    assert model.errors() == ""


@pytest.mark.parametrize(
    ("mutant", "finds"),
    [
        ("MUTANT_NO_EXPIRY", "heard==2"),
        ("MUTANT_FORGETS_NEWS", "heard==2"),
        ("MUTANT_CLAIMS_TWICE", "holder==0"),
        ("MUTANT_ONLY_WAKES", "heard==2"),
    ],
)
def test_a_broken_protocol_is_found(model: Model, mutant: str, finds: str):
    assert finds in model.errors(mutant)


def test_the_recorded_runs_are_those_of_the_model(model: Model):
    assert (HERE / "notify_runs.txt").read_text("utf-8") == model.runs()


class Replay:
    """The steps of a run on the store: what spin calls a transaction is one there."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.world = World(store, clock, group_interval="0s")
        self.opened: dict[str, float] = {}
        self.claims: dict[int, ToSend] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.heard: set[str] = set()
        self.sent = 0

    def step(self, step: Step) -> None:
        getattr(self, f"do_{step.name}")(step.who)
        opened, _notified, heard, claimable, sent = step.state
        assert len(self.world.ids()) == opened
        assert (len(self.heard), self.sent) == (heard, sent)
        assert self.store.notification_log.overdue(self.clock.now()) == claimable

    def do_open(self, _: int) -> None:
        self.clock.forward(seconds=1)
        self.opened[f"/{len(self.opened)}"] = 95
        self.store.apply(self.world.evaluation(self.opened))

    def do_claim(self, who: int) -> None:
        (self.claims[who],) = self.store.notification_log.claim(f"sender {who}")

    def do_nothing(self, who: int) -> None:
        assert self.store.notification_log.claim(f"sender {who}") == []

    def do_send(self, who: int) -> None:
        sent = self.claims[who]
        self.sent += 1
        self.heard |= {alert.title for alert in sent.message.alerts}
        self.outcomes[who] = Outcome(sent=sent)

    def do_fail(self, who: int) -> None:
        self.outcomes[who] = Outcome(sent=self.claims[who], error="connection refused")

    def do_finished(self, who: int) -> None:
        self.store.notification_log.finish([self.outcomes.pop(who)])
        del self.claims[who]

    def do_crash(self, who: int) -> None:
        del self.claims[who]
        self.outcomes.pop(who, None)

    def do_lapse(self, _: int) -> None:
        self.clock.forward(seconds=CLAIM)

    def do_retry(self, _: int) -> None:
        due = self.store.notification_log.next_due()
        assert due is not None
        self.clock.forward(seconds=(due - self.clock.now()).total_seconds())


@both_databases
@pytest.mark.parametrize("seed", SEEDS)
def test_the_store_does_what_the_model_does(store: Store, clock: FakeClock, seed: int):
    replay = Replay(store, clock)
    for step in recorded("notify", seed):
        replay.step(step)
    assert len(replay.heard) == 2
