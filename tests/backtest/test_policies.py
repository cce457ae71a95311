"""A backtest of event policies says what live matching did, from nothing but the events."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from sentinel.backtest import Came, EventPlan, difference, planned_events, replay_events
from sentinel.backtest.policies import read_event_file, stored_spec
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, NotFound
from sentinel.event_policies.pack import Spec
from sentinel.store import Store
from sentinel.store.alerts.unit_of_work import UnitOfWork
from sentinel.store.database.tables import DELIVERY
from sentinel.store.notifications.deliveries import Outcome
from tests.databases import both_databases
from tests.event_policies.streets import Street, policy
from tests.processes import die, ended

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


EDITED = [
    BRUTE,
    {**ADMIN, "throttle_minutes": 1, "severity": "critical"},
    {**SILENT, "window": {"type": "flatline", "threshold": 2, "timeframe": "4m"}},
]
RULE: dict[str, Any] = {"group_wait": "0s", "resolve_after": "20m"}
TURNS, EDITED_AT, KILLED_AT = 500, 250, (150, 380)


class Told(Street):
    """A street whose relay and sweep look every ten seconds."""

    def tick(self, *events: dict[str, Any]) -> None:
        self.clock.set(self.clock.now() + TICK)
        if events:
            self.sent(*events)
        self.tell()

    def tell(self) -> None:
        self.matched()
        self.store.sweep()
        while claimed := self.store.notification_log.claim("relay"):
            self.store.notification_log.finish([Outcome(sent=one) for one in claimed])

    def told(self) -> int:
        query = select(func.count()).select_from(DELIVERY)
        with self.store.read() as connection:
            return connection.execute(query).scalar_one()

    def spells(self) -> list[tuple[Any, ...]]:
        return [
            (
                one.rule, dict(one.labels), one.severity,
                [(e.kind, e.at) for e in self.store.alerts.timeline(one.id)
                 if e.kind in ("opened", "reopened", "resolved")],
            )
            for one in self.store.alerts.page(limit=500).items
        ]  # fmt: skip


def moment(turn: int, since: datetime) -> datetime:
    """When a turn is over; the rollout of the edit took a minute."""
    return since + TICK * (turn + 1) + timedelta(minutes=turn >= EDITED_AT)


def came_in(turn: int, now: datetime) -> list[dict[str, Any]]:
    """What comes in a turn: a heartbeat that is silent for a while, and people who log in."""
    dice = random.Random(turn)
    root = turn + 1 in KILLED_AT
    some = root or dice.random() < 0.15
    events = [login("root" if root else dice.choice(["eve", "root", "bob"]), now)] if some else []
    return events if 300 <= turn < 360 else [*events, beat(now)]


def relay_until_killed(url: str, since: datetime, first: int, last: int) -> None:
    """Turns of a relay in a process of its own, which dies while it matches in the last one."""
    clock = FakeClock(moment(first - 1, since))
    street = Told(Store(url, clock=clock), clock)
    commit = UnitOfWork.commit

    def killed(self: UnitOfWork) -> None:
        commit(self)  # written, and never committed by the database
        die()

    for turn in range(first, last):
        if turn == EDITED_AT:
            street.deployed(*EDITED, **RULE)
        if turn == last - 1 and last < TURNS:
            UnitOfWork.commit = killed  # this process is nobody else's
        now = moment(turn, since)
        if 200 <= turn < 230:  # nobody matches for five minutes; events come
            clock.set(now)
            street.store.events.add([login("root", now), beat(now)])
            continue
        street.tick(*came_in(turn, now))
    street.store.close()


@pytest.mark.slow
def test_it_opens_and_resolves_what_live_did(store: Store, clock: FakeClock):
    """Hours of relays that are killed, a gap and an edit; only the events are replayed."""
    street = Told(store, clock)
    street.deployed(*PACK, **RULE)
    before, since = stored_spec(store, "audit"), clock.now()
    url = store.engine.url.render_as_string(hide_password=False)
    for first, last in pairwise((0, *KILLED_AT, TURNS)):
        (survived,) = ended(relay_until_killed, (url, since, first, last))
        assert survived is (last == TURNS)
    until = clock.set(moment(TURNS - 1, since))
    plan, came = planned_events(store, before, since, until)
    edits = [(moment(EDITED_AT - 1, since) + timedelta(minutes=1), stored_spec(store, "audit"))]
    found = replay_events(msgspec.structs.replace(plan, edits=edits), came)

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
    assert {one[2] for one in live if one[0] == "admin"} == {"critical"}  # it was edited
    for one, other in zip(live, again, strict=True):
        assert len(one[3]) == len(other[3])
        for (_, was), (_, is_) in zip(one[3], other[3], strict=True):
            assert abs(was - is_) <= late
    assert found.evaluations == store.events.count() >= 500
    assert len(found.messages) == street.told()
    assert found.of == "events"


@both_databases
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


def test_a_flatline_fires_on_time_though_no_event_comes(clock: FakeClock):
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
