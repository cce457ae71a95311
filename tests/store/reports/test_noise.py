"""Noise of stored alerts: scores of rules, teams and people, and the advice for a rule."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from sqlalchemy import select

from sentinel.access import EVERYTHING, Reach, Scope
from sentinel.alerts.actions import Acknowledge, MarkNoise, Resolve
from sentinel.checks.event_port import PACK_TRIGGER, POLICY_TRIGGER
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, NotFound
from sentinel.noise.advice import Advice
from sentinel.noise.history import episodes_of
from sentinel.noise.replay import Window
from sentinel.rollout.noise_change import apply_advice
from sentinel.schema.columns import new_id
from sentinel.severity import Severity
from sentinel.store import Store
from sentinel.store.alerts.changed_rules import keep_changed
from sentinel.store.database.tables import ALERT, GROUP
from sentinel.store.escalations.rows import ESCALATION, PAGE
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.reports.kept_alerts import COLUMNS, alert_of, timelines_of
from sentinel.store.reports.noise import noise_report
from sentinel.store.reports.rule_noise import rule_noise
from tests.databases import both_databases, sqlite_alone
from tests.store.days import keep
from tests.world import World

DAY = timedelta(days=1)


def blips(world: World, clock: FakeClock, times: int, mounts: tuple[str, ...] = ("/",)) -> None:
    """Fire for three minutes, then be OK for an hour."""
    for _ in range(times):
        world.sees(dict.fromkeys(mounts, 95.0))
        clock.forward(minutes=3)
        world.sees(dict.fromkeys(mounts, 10.0))
        clock.forward(minutes=60)


@sqlite_alone
@both_databases
def test_noisy_rules_and_teams_are_scored_and_a_longer_for_is_advised(
    store: Store, clock: FakeClock
):
    disk = World(store, clock, team="ops", severity="low", every="60s")
    calm = World(store, clock, name="calm", team="web", every="60s")
    blips(disk, clock, 8, ("/", "/a"))
    calm.sees({"/": 95})
    store.act(calm.ids()[-1:], Acknowledge(actor="ann"))
    store.act(disk.ids()[:3], MarkNoise(actor="ann", comment="too low"))
    before = noise_report(store)
    clock.forward(hours=60)  # days are summed up by then
    keep(store)
    after = noise_report(store, timedelta(days=7))
    for found in (before, after):
        (noisy, quiet) = found.rules
        assert (noisy.name, quiet.name, quiet.fatigue.score) == ("disk", "calm", None)
        counts = noisy.counts
        assert (counts.opened, counts.ended, counts.ignored, counts.low) == (16, 16, 16, 16)
        assert (counts.noise, counts.seen, counts.flapping, counts.duplicates) == (3, 16, 0, 8)
        points = {part.name: round(part.points, 1) for part in noisy.fatigue.parts}
        assert points == {"ignored": 30.0, "low": 10.0, "duplicates": 5.0, "noise": 2.8,
                          "volume": 3.4, "flapping": 0.0}  # fmt: skip
        assert noisy.fatigue.score == pytest.approx(51.2, abs=0.1)
        assert [one.name for one in found.teams] == ["ops", "web"]
        assert found.teams[0].counts.duplicates == 8
        assert found.people == []
    found = rule_noise(store, "default", "disk")
    assert (found.episodes, found.owner, found.team) == (16, "file", "ops")
    held = next(one for one in found.advice if one.kind == "raise_for")
    assert (held.fields, held.after, held.lost) == ({"for": "5m"}, 0, 0)


def test_an_alert_that_reopens_fires_more_than_once_and_flaps(store: Store, clock: FakeClock):
    world = World(store, clock, every="60s")
    for _ in range(12):
        world.sees({"/": 95})
        clock.forward(minutes=2)
        world.sees({"/": 10})
        clock.forward(minutes=2)
    (alert,) = world.ids()
    found = rule_noise(store, "default", "disk")
    assert found.episodes == 12
    assert found.scored.counts.flapping > 6
    assert [one.kind for one in found.advice[:2]] == ["raise_for", "add_hysteresis"]
    assert (found.advice[1].before, found.advice[1].after) == (12, 2)
    world.sees({"/": 95})
    store.act([alert], Acknowledge(actor="ann"))
    clock.forward(minutes=1)
    store.act([alert], Resolve(actor="ann"))
    again = rule_noise(store, "default", "disk")
    assert all(one.needed == 1 and one.lost == 0 for one in again.advice)
    assert "raise_for" not in {one.kind for one in again.advice}


def test_nobody_sees_the_noise_of_others(store: Store, clock: FakeClock):
    World(store, clock, name="ours", team="db", every="60s").sees({"/": 95})
    World(store, clock, name="theirs", team="web", every="60s").sees({"/": 95})
    mine = Scope((Reach(None, frozenset({"db"})),))
    found = noise_report(store, DAY, mine)
    assert ([one.name for one in found.rules], [one.name for one in found.teams]) == (
        ["ours"], ["db"],
    )  # fmt: skip
    assert rule_noise(store, "default", "ours", scope=mine).episodes == 1
    for rule, tenant in (("theirs", "default"), ("ours", "other")):
        with pytest.raises(NotFound):
            rule_noise(store, tenant, rule, scope=mine)
    with pytest.raises(ConfigurationError, match="60 days"):
        noise_report(store, 61 * DAY)


@both_databases
def test_rules_of_one_name_are_scored_for_each_tenant_by_its_own_period(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    quick = World(store, clock, tenant="a", team="ops", every="10s")
    slow = World(store, clock, tenant="b", team="ops", every="18m")
    for _ in range(12):
        for one in (quick, slow):
            one.sees({"/": 95.0})
        clock.forward(minutes=16)
        for one in (quick, slow):
            one.sees({"/": 10.0})
        clock.forward(minutes=16)
    slow.sees({"/": 95.0})
    store.act([slow.ids()[0]], MarkNoise(actor="ann", comment="too low"))
    found = {one.tenant: one for one in noise_report(store).rules}
    assert {name: (one.name, one.counts.opened) for name, one in found.items()} == {
        "a": ("disk", 12), "b": ("disk", 13),
    }  # fmt: skip
    # A change every 18 minutes is flapping for a period as long, and none for one of 10 s.
    assert (found["a"].counts.flapping, found["b"].counts.flapping > 6) == (0, True)
    assert (found["a"].counts.noise, found["b"].counts.noise) == (1, 0)
    assert (found["a"].counts.duplicates, found["b"].counts.duplicates) == (0, 0)
    (ours,) = noise_report(store, scope=Scope((Reach(frozenset({"a"})),))).rules
    assert (ours.tenant, ours.counts) == ("a", found["a"].counts)
    (team,) = noise_report(store).teams
    assert (team.name, team.tenant, team.counts.duplicates) == ("ops", "", 0)
    monkeypatch.setattr("sentinel.store.reports.noise._MOST_RULES", 1)
    (most,) = noise_report(store).rules
    assert (most.tenant, most.counts) == ("b", found["b"].counts), "tenants are counted too"


@both_databases
def test_people_are_scored_by_what_paged_them(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    world = World(store, clock, every="60s")
    world.raises(*(f"/{number}" for number in range(6)))
    with store.read() as connection:
        (group,) = connection.execute(select(GROUP.c.id)).scalars().all()
    escalation, now = new_id(), clock.now()
    row: dict[str, Any] = {
        "id": escalation, "group_id": group, "tenant": "default", "policy": "p", "snapshot": {},
        "opened_at": now, "updated_at": now, "state": "ended", "drill": False,
    }  # fmt: skip
    pages = [
        {"id": new_id(), "escalation_id": escalation, "group_id": group, "level": 1,
         "person": "ann", "receiver": "r", "planned_at": now, "at": now, "attempted_at": now,
         "state": "sent"}
        for _ in range(28)
    ]  # fmt: skip
    with store.write() as connection:
        connection.execute(ESCALATION.insert(), [row])
        connection.execute(PAGE.insert(), pages)
    clock.forward(minutes=1)
    (ann,) = noise_report(store).people
    assert (ann.name, ann.counts.opened, ann.counts.pages, ann.counts.duplicates) == (
        "ann", 6, 28, 5,
    )  # fmt: skip
    volume = next(part for part in ann.fatigue.parts if part.name == "volume")
    assert (volume.count, volume.share, volume.points) == (4.0, 1.0, 15.0)  # four a day, in a week
    confined = Scope((Reach(frozenset({"default"})),))
    assert noise_report(store, scope=confined).people == []
    monkeypatch.setattr("sentinel.store.reports.noise._MOST_PAGED", 2)  # then the newest are read
    older = sorted(world.ids())[:-2]
    with store.write() as connection:
        connection.execute(
            ALERT.update().where(ALERT.c.id.in_(older)).values(severity=Severity.LOW)
        )
    (ann,) = noise_report(store).people
    assert (ann.counts.opened, ann.counts.low, ann.counts.pages) == (2, 0, 2)


@sqlite_alone
@both_databases
def test_advice_counts_what_fired_since_the_rule_was_changed(store: Store, clock: FakeClock):
    world = World(store, clock, every="60s")
    blips(world, clock, 8)
    assert {one.kind for one in rule_noise(store, "default", "disk").advice} == {"raise_for"}
    world.rule = world.rule.model_copy(update={"for_": timedelta(minutes=5)})
    world.sees({"/": 10})
    found = rule_noise(store, "default", "disk")
    assert (found.advice, found.advised_since, found.episodes) == ([], clock.now(), 8)
    clock.forward(minutes=5)
    world.rule = world.rule.model_copy(update={"description": "Another text."})
    world.sees({"/": 10})
    assert rule_noise(store, "default", "disk").advised_since == found.advised_since
    # A change is kept before the next evaluation has it.
    clock.forward(minutes=5)
    keep_changed(store, world.rule.model_copy(update={"every": DAY}), world.rule.rank)
    assert rule_noise(store, "default", "disk").advised_since == clock.now()


def test_a_disabled_rule_has_no_advice_and_one_that_is_enabled_begins_anew(
    store: Store, clock: FakeClock
):
    world = World(store, clock, every="60s")
    blips(world, clock, 8)
    store.rules.disable("disk", actor="ann")
    found = rule_noise(store, "default", "disk")
    assert (found.advice, "disabled" in found.note) == ([], True)
    assert found.scored.fatigue.score is not None
    store.rules.enable("disk", actor="ann")
    again = rule_noise(store, "default", "disk")
    assert (again.advice, again.note, again.advised_since) == ([], "", clock.now())


@sqlite_alone
def test_a_window_that_is_silenced_is_not_advised_again(store: Store, clock: FakeClock):
    world = World(store, clock, every="60s", severity="low", team="ops")
    clock.forward(seconds=(clock.now().replace(hour=2, minute=10) - clock.now()).seconds)
    for _ in range(6):
        world.sees(dict.fromkeys(("/a", "/b"), 95.0))
        clock.forward(minutes=30)
        world.sees(dict.fromkeys(("/a", "/b"), 10.0))
        clock.forward(hours=23, minutes=28)

    def windows() -> list[Advice]:
        found = rule_noise(store, "default", "disk")
        return [one for one in found.advice if one.kind == "silence_window"]

    silences = MatcherSilences(store)
    until = clock.now() + 30 * DAY
    night: dict[str, Any] = {
        "weekly": {"timezone": "UTC", "windows": [
            {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "02:00",
             "end": "03:00"}]}
    }  # fmt: skip
    weekends = {"weekly": {**night["weekly"], "windows": [
        {"days": ["sat", "sun"], "start": "02:00", "end": "03:00"}]}}  # fmt: skip
    for matchers, recurrence in (
        (['rule="disk", mount="/a"'], night), (['rule="another"'], night),
        (['rule="disk"'], weekends),
    ):  # fmt: skip
        silences.create(matchers, until, actor="ann", recurrence=recurrence)
        assert len(windows()) == 1
    made, _ = silences.create(['rule="disk", team="ops"'], until, actor="ann", recurrence=night)
    assert windows() == []
    silences.expire(made.id, actor="ann")
    assert len(windows()) == 1


def test_a_timeline_that_is_cut_leaves_out_what_began_before(store: Store, clock: FakeClock):
    world = World(store, clock, every="60s")
    for _ in range(6):
        world.sees({"/": 95})
        clock.forward(minutes=2)
        world.sees({"/": 10})
    with store.read() as connection:
        whole, cut = (timelines_of(connection, world.ids(), most) for most in (100, 4))
        alerts = [alert_of(row) for row in connection.execute(select(*COLUMNS))]
    assert (whole[1], len(episodes_of(alerts, *whole))) == (None, 6)
    left = episodes_of(alerts, *cut)
    assert left == episodes_of(alerts, *whole)[-len(left) :]
    assert len(left) == 1


def kinds(store: Store, rule: str, scope: Scope = EVERYTHING) -> set[str]:
    return {one.kind for one in rule_noise(store, "default", rule, scope=scope).advice}


@sqlite_alone
def test_rules_that_nobody_deploys_are_scored_and_not_advised(store: Store, clock: FakeClock):
    triggers = {"api": "posted_alert", "sentinel-channels": "relay", "policy": POLICY_TRIGGER,
                "pack": PACK_TRIGGER, "late": "worker", "sentinel-else": "disk_space",
                "own": "disk_space"}  # fmt: skip
    for name, trigger in triggers.items():
        world = World(store, clock, name=name)
        for _ in range(8):
            for value, minutes in ((95.0, 3), (10.0, 60)):
                seen = world.evaluation({"/": value})
                store.apply(msgspec.structs.replace(seen, trigger=trigger))
                clock.forward(minutes=minutes)
        found = rule_noise(store, "default", name)
        assert found.scored.fatigue.score is not None
        advised = {one.kind for one in found.advice}
        assert advised == ({"raise_for"} if name == "own" else set()), name
        assert bool(found.note) == (name not in ("own", "policy", "pack"))


@sqlite_alone
def test_a_change_that_loses_what_others_needed_is_not_offered(store: Store, clock: FakeClock):
    world = World(store, clock, team="web", every="60s")
    world.sees({"/": 95})
    clock.forward(minutes=3)
    store.act(world.ids(), Resolve(actor="ann"))
    world.rule = world.rule.model_copy(update={"team": "db"})
    world.sees({"/": 10})
    blips(world, clock, 8)
    mine = Scope((Reach(None, frozenset({"db"})),))
    assert kinds(store, "disk") == set()
    found = rule_noise(store, "default", "disk", scope=mine)
    assert (found.episodes, found.advice) == (7, [])


def test_the_offered_silence_is_one_that_the_team_may_make(store: Store, clock: FakeClock):
    world = World(store, clock, team='d"b', severity="low")
    world.sees({"/": 10})
    mine = Scope((Reach(None, frozenset({'d"b'})),))
    window = Window(start=time(2), end=time(3), zone=ZoneInfo("UTC"))
    advice = Advice(kind="silence_window", text="", fields={}, before=9, after=0, removed=9,
                    needed=0, lost=0, later=timedelta(0), window=window)  # fmt: skip
    found = rule_noise(store, "default", "disk", scope=mine)
    done = apply_advice(store, pytest.fail, found, advice, actor="ann", scope=mine)
    assert done.done is True
    assert [one.team for one in store.silences.page(10)] == ['d"b']


def test_an_interval_that_a_route_says_is_not_advised(store: Store, clock: FakeClock):
    world = World(store, clock, every="60s", group_interval="0s")
    for _ in range(8):
        world.sees({"/": 95.0})
        clock.forward(minutes=6)
        world.sees({"/": 10.0})
        clock.forward(minutes=200)
    assert "group" in kinds(store, "disk")
    with store.write() as connection:
        connection.execute(GROUP.update().values(route="{} (the default)"))
    assert "group" not in kinds(store, "disk")
