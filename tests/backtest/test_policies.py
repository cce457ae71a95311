"""A backtest of event policies says what live matching did, from nothing but the events."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel.backtest import Came, EventPlan, difference, planned_events, replay_events
from sentinel.backtest.policies import read_event_file, stored_spec
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, NotFound
from sentinel.events.pack import Spec
from sentinel.store import Store
from sentinel.store.deliveries import Outcome
from tests.events.streets import Street, policy

TICK = timedelta(seconds=10)
BRUTE = policy(
    "brute force", by="actor.name", severity="high",
    window={"type": "frequency", "num_events": 3, "timeframe": "2m"},
)  # fmt: skip
ADMIN = {
    "name": "admin",
    "rules": [{"field": "actor.name", "operator": "eq", "value": "root"}],
    "throttle_minutes": 5,
    "max_alerts_per_hour": 3,
}
SILENT = {
    "name": "silent",
    "rules": [{"field": "action", "operator": "eq", "value": "beat"}],
    "window": {"type": "flatline", "threshold": 1, "timeframe": "3m"},
}
PACK = [BRUTE, ADMIN, SILENT]


def spec(*policies: dict[str, Any], **rule: Any) -> Spec:
    return Spec(rule={"name": "audit", **rule}, policies=list(policies))


def login(name: str, at: datetime) -> dict[str, Any]:
    return {"action": "login", "actor": {"name": name}, "timestamp": at.isoformat()}


def beat(at: datetime) -> dict[str, Any]:
    return {"action": "beat", "timestamp": at.isoformat()}


class Told(Street):
    """A street whose relay and sweep look every ten seconds."""

    messages: int = 0

    def tick(self, *events: dict[str, Any]) -> None:
        self.clock.set(self.clock.now() + TICK)
        if events:
            self.sent(*events)
        self.matched()
        self.store.sweep()
        while claimed := self.store.tellings.claim("relay"):
            self.messages += len(claimed)
            self.store.tellings.finish([Outcome(sent=one) for one in claimed])

    def spells(self) -> list[tuple[Any, ...]]:
        return [
            (
                one.rule, dict(one.labels), one.severity,
                [(e.kind, e.at) for e in self.store.alerts.timeline(one.id)
                 if e.kind in ("opened", "reopened", "resolved")],
            )
            for one in self.store.alerts.page(limit=500).items
        ]  # fmt: skip


def test_it_opens_and_resolves_what_live_did(store: Store, clock: FakeClock):
    dice = random.Random(6)
    street = Told(store, clock)
    street.deployed(*PACK, group_wait="0s", resolve_after="20m")
    since = clock.now()
    for turn in range(500):
        if turn in (150, 380):
            street.relay = Told(store, clock).relay  # the relay dies and another takes over
        if 200 <= turn < 230:
            clock.set(clock.now() + TICK)  # nobody matches for five minutes; events come
            store.events.add([login("root", clock.now()), beat(clock.now())])
            continue
        now = clock.now() + TICK
        events = [login(dice.choice(["eve", "root", "bob"]), now)] if dice.random() < 0.15 else []
        if not 300 <= turn < 360:
            events.append(beat(now))
        street.tick(*events)
    found = replay_events(
        *planned_events(store, stored_spec(store, "audit"), since, clock.now())
    )  # fmt: skip

    # Five minutes without a relay are seen late live; a backtest sees them in time.
    late = TICK * 31
    live = sorted(street.spells(), key=str)
    again = sorted(
        (
            (one.rule, dict(one.labels), one.severity,
             [e for s in one.spells for e in (("opened", s.opened), ("resolved", s.ended)) if e[1]])
            for one in found.alerts
        ),
        key=str,
    )  # fmt: skip
    assert [one[:3] for one in again] == [one[:3] for one in live]
    assert {one[0] for one in live} == {"brute-force", "admin", "silent"}
    for one, other in zip(live, again, strict=True):
        assert len(one[3]) == len(other[3])
        for (_, was), (_, is_) in zip(one[3], other[3], strict=True):
            assert abs(was - is_) <= late
    assert found.evaluations == store.events.count()
    assert len(found.messages) == street.messages
    assert found.of == "events"


def test_one_policy_of_a_pack_can_be_tried_alone(store: Store, clock: FakeClock):
    street = Told(store, clock)
    street.deployed(*PACK)
    street.tick(login("root", clock.now()), login("eve", clock.now()))
    chosen = stored_spec(store, "admin")
    assert [one["name"] for one in chosen.policies] == ["admin"]
    found = replay_events(*planned_events(store, chosen, clock.now() - TICK * 2, clock.now()))
    assert [one.title for one in found.alerts] == ["admin"]
    with pytest.raises(NotFound, match="no policies of 'nobody' were rolled out"):
        stored_spec(store, "nobody")


def test_tenants_are_tried_on_their_own_events(store: Store, clock: FakeClock):
    store.events.add([login("root", clock.now())], tenant="other")
    now = clock.now()
    with pytest.raises(ConfigurationError, match="no events of tenant 'default' are kept"):
        planned_events(store, spec(ADMIN), now - TICK, now)
    plan, came = planned_events(store, spec(ADMIN, tenant="other"), now - TICK, now)
    assert len(replay_events(plan, came).alerts) == 1


def plan(chosen: Spec, since: datetime, minutes: int) -> EventPlan:
    return EventPlan(spec=chosen, since=since, until=since + timedelta(minutes=minutes))


def test_silence_is_noticed_at_its_moment_though_nothing_comes(clock: FakeClock):
    at = clock.now()
    beats = [
        Came(at=at + timedelta(minutes=n), events=[{"action": "beat"}]) for n in (0, 1, 2)
    ]  # fmt: skip
    found = replay_events(plan(spec(SILENT), at, 30), beats)
    assert [one.spells[0].opened for one in found.alerts] == [at + timedelta(minutes=5)]


def test_a_difference_names_the_alerts_that_an_edit_would_add(clock: FakeClock):
    at = clock.now()
    logins = [
        Came(at=moment, events=[login("eve", moment)])
        for moment in (at + timedelta(seconds=50 * n) for n in range(6))
    ]
    edited = {**BRUTE, "window": {"type": "frequency", "num_events": 5, "timeframe": "5m"}}
    before = replay_events(plan(spec(BRUTE, group_wait="0s"), at, 10), logins)
    after = replay_events(plan(spec(edited, group_wait="0s"), at, 10), logins)
    shown = difference(before, after, ["policy brute force, window: 3 → 5"])
    assert "6 events." in shown
    assert "| matches of policies | 6 | 6 |" in shown
    assert "**Would have opened as well**" in shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is nothing in it"),
        ("not json", "it is not JSON"),
        ('{"action": "login"}\n[1]\n', "event 2"),
        ('[{"action": "login"}, 7]', "event 2: an event is a JSON object, not int"),
        ("[]", "has no events"),
    ],
)
def test_a_file_that_holds_no_events_is_named(
    tmp_path: Path, clock: FakeClock, text: str, says: str
):
    file = tmp_path / "events.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=says) as caught:
        read_event_file(file, clock.now())
    assert "events.json" in str(caught.value)


def test_events_of_a_file_come_in_the_order_of_their_times(tmp_path: Path, clock: FakeClock):
    file = tmp_path / "events.ndjson"
    now = clock.now()
    file.write_text(
        f'{{"n": 1, "timestamp": "{(now - TICK).isoformat()}"}}\n'
        '{"n": 2}\n'
        f'{{"n": 3, "timestamp": "{(now - TICK * 2).isoformat()}"}}\n'
    )
    came = read_event_file(file, now)
    assert [[event["n"] for event in one.events] for one in came] == [[3], [1, 2]]
