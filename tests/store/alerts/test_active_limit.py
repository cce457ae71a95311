"""At the limit of active alerts a storm is one alert, and every other rule goes on as before."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from sentinel import Reading
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.engine.limit_health import limit_state
from sentinel.evaluation.active_limit import ALWAYS
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.store.alerts.search_syntax import read_search
from tests.world import World

LIMIT = 30


@dataclass
class Storm:
    """A rule that finds many series bad, and another one."""

    store: Store
    storm: World
    quiet: World

    def open_of(self, rule: str) -> int:
        query = "SELECT count(*) FROM alert WHERE rule = :rule AND status <> 'resolved'"
        return int(self.storm.rows(query, rule=rule)[0][0])

    def folded(self) -> list[tuple[str, str, float | None, int]]:
        """Severity, status, value and occurrences of the alert that counts the rest."""
        query = (
            "SELECT severity_word, status, value, occurrences FROM alert "
            "WHERE title LIKE '%its limit%' ORDER BY id"
        )
        return [tuple(row) for row in self.storm.rows(query)]


@pytest.fixture
def street(store: Store, clock: FakeClock) -> Storm:
    store.options = msgspec.structs.replace(store.options, most_active_alerts=LIMIT)
    return Storm(store, World(store, clock), World(store, clock, name="quiet"))


def mounts(number: int) -> dict[str, float]:
    return {f"/{place:03}": 999 - place for place in range(number)}


def test_a_storm_folds_into_one_alert_and_opens_once_there_is_room(street: Storm):
    street.storm.sees(mounts(50))
    assert street.open_of("disk") == LIMIT + 1
    assert street.folded() == [("medium", "open", 20.0, 1)]
    street.storm.sees(mounts(40))
    assert street.open_of("disk") == LIMIT + 1
    assert [one[2] for one in street.folded()] == [10.0]
    good = dict.fromkeys(mounts(15), 20.0)
    street.storm.sees({**mounts(40), **good})
    street.storm.sees({**mounts(40), **good})
    assert [one[1] for one in street.folded()] == ["resolved"]
    assert street.open_of("disk") == 15 + 10  # the 10 that had waited are open now


def test_other_rules_open_as_ever_up_to_a_number_that_no_storm_takes(street: Storm):
    street.storm.sees(mounts(50))
    street.quiet.sees(mounts(ALWAYS))
    assert street.open_of("quiet") == ALWAYS
    street.quiet.sees(mounts(ALWAYS + 5))
    assert street.open_of("quiet") == ALWAYS + 1
    assert len(street.folded()) == 2


def test_critical_ones_open_beyond_any_limit(store: Store, clock: FakeClock, street: Storm):
    street.storm.sees(mounts(50))
    World(store, clock, name="outage", severity="critical").sees(mounts(60))
    assert street.open_of("outage") == 60
    assert len(street.folded()) == 1


def test_health_warns_before_the_limit_and_says_what_happens_at_it(street: Storm):
    def state() -> tuple[str, str]:
        found = limit_state(street.store)
        return found.state, found.says

    assert state() == ("ok", "0 of at most 30")
    street.storm.sees(mounts(24))
    assert state() == ("warning", "24 of at most 30")
    street.storm.sees(mounts(50))
    wrong, says = state()
    assert (wrong, "30 or more, the limit" in says) == ("wrong", True)
    query = read_search('sentinel_check:"over the limit"')
    assert [one.rule for one in street.store.alerts.page(query).items] == ["disk"]


def test_people_are_notified_of_what_did_not_open(street: Storm):
    street.store.receivers.set("default", ["inbox/ops"])
    street.storm.sees(mounts(50))
    street.storm.tells()
    told = [str(message) for _, message in street.storm.recorder.messages]
    assert any("20 more are bad and have no alert of their own" in one for one in told)


def test_alerts_that_others_post_are_counted_until_there_is_room(street: Storm, clock: FakeClock):
    street.storm.sees(mounts(50))

    def post(*names: str, firing: bool = True) -> None:
        clock.forward(seconds=60)
        seen = [Reading(labels={"alertname": one}, firing=firing) for one in names]
        street.store.apply(
            Evaluation(
                rule=street.quiet.rule,
                trigger="posted",
                slot=clock.now(),
                at=clock.now(),
                partial=True,
                observation=Observation(readings=seen),
            )
        )

    names = [f"n{number:02}" for number in range(ALWAYS)]
    post(*names)
    assert street.open_of("quiet") == ALWAYS
    post("late", "later")
    post("latest")
    assert [one[3] for one in street.folded() if one[2] is None] == [3]
    post(*names[:5], firing=False)
    assert [one[1] for one in street.folded() if one[2] is None] == ["open"]
    post("late")
    assert street.open_of("quiet") == ALWAYS - 5 + 1
    assert [one[1] for one in street.folded() if one[2] is None] == ["resolved"]


def test_one_that_messages_opened_expires_as_what_they_named_would(
    store: Store, clock: FakeClock, street: Storm
):
    street.storm.sees(mounts(LIMIT))
    posted = World(store, clock, name="posted", resolve_after="10m")
    store.apply(msgspec.structs.replace(posted.evaluation(mounts(ALWAYS + 3)), partial=True))
    assert [one[3] for one in street.folded()] == [3]
    clock.forward(minutes=12)
    store.sweep()
    assert street.open_of("posted") == 0
    assert [one[1] for one in street.folded()] == ["resolved"]
