"""A draft of the routes runs beside the active ones, and only its report says so."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sentinel import Reading, Rule
from sentinel.alerts.actions import Resolve
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.notifications import route_shadow
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.notifications.route_shadow import follow_shadow, start_shadow, stop_shadow
from sentinel.store.notifications.route_shadow_report import ShadowReceiver, shadow_report
from sentinel.store.notifications.routes import Routes
from tests.world import World

ACTIVE = """
route:
  receiver: default
  routes:
    - {matchers: [team="db"], receiver: db}
"""
DRAFT = """
route:
  receiver: default
  group_wait: 10s
  routes:
    - {matchers: [team="db", severity="critical"], receiver: pager, continue: true}
    - {matchers: [team="db"], receiver: db, mute_time_intervals: [noon]}
    - {matchers: [team="web"], receiver: web}
time_intervals:
  - {name: noon, time_intervals: [{times: [{start_time: "12:00", end_time: "13:00"}]}]}
inhibit_rules:
  - {source_matchers: [team="net"], target_matchers: [team="web"]}
"""
NOON = datetime.fromisoformat("2026-01-01T12:00:00+00:00")


class Desk(World):
    """A world with some receivers, of whose alerts the team and severity vary."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        super().__init__(store, clock)
        clock.set(NOON)
        for name in ("db", "pager", "web"):
            store.receivers.set(name, [f"sentinel-webhook/{name}"])
        Routes(store).apply(ACTIVE, actor="ann")

    def fires(self, name: str, value: float = 95, **rule: object) -> None:
        """A second later, an evaluation of the rule of that name."""
        self.clock.forward(seconds=1)
        given = Rule.model_validate({**self.rule.dump(), "name": name, **rule})
        now = self.clock.now()
        seen = Observation(readings=[Reading(labels={"host": "a"}, value=value)], state={})
        self.store.apply(
            Evaluation(rule=given, trigger="disk_space", slot=now, at=now, observation=seen)
        )

    def sweeps(self, **later: float) -> int:
        self.clock.forward(**later)
        return follow_shadow(self.store)

    def receivers(self) -> dict[str, ShadowReceiver]:
        return {one.receiver: one for one in shadow_report(self.store).receivers}


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Desk:
    return Desk(store, clock)


def test_a_draft_is_compared_with_what_the_active_routes_did(desk: Desk):
    desk.fires("before", team="db")
    start_shadow(desk.store, DRAFT, actor="ann", note="a pager")
    desk.fires("one", team="db", severity="critical")
    desk.fires("two", team="db", severity="low")
    desk.fires("three", team="other")
    assert desk.tells().sent  # what is real goes its own way
    told = len(desk.recorder.messages)
    assert desk.sweeps(seconds=30) == 0  # it is not looked before a transaction has surely ended
    assert desk.sweeps(seconds=90) > 0
    found = desk.receivers()
    assert sorted(found) == ["db", "default", "pager"]
    pager, db, default = found["pager"], found["db"], found["default"]
    assert (pager.notified, pager.groups, pager.only_draft, pager.active) == (1, 1, 1, 0)
    assert [(one.kind, one.title) for one in pager.examples] == [("draft", "one: a 95")]
    # Its noon interval holds back what the active routes sent.
    assert (db.notified, db.held, db.active, db.active_notified) == (0, 2, 2, 2)
    assert db.reasons == {"mute_time": 2}
    assert {one.kind for one in db.examples} == {"held"}
    assert (default.notified, default.only_draft, default.only_active) == (1, 0, 0)
    report = shadow_report(desk.store)
    assert (report.alerts, report.running, report.note) == (3, True, "a pager")
    assert desk.sweeps(hours=1) == 2  # the interval is over
    assert desk.receivers()["db"].notified == 2
    assert desk.sweeps(minutes=1) == 0
    assert shadow_report(desk.store, since=desk.clock.now() - timedelta(minutes=1)).alerts == 0
    # Without any effect: no message, no group and no outcome of the draft.
    assert len(desk.recorder.messages) == told
    groups = {str(row[0]) for row in desk.rows("SELECT receivers FROM alert_group")}
    assert not any("pager" in one for one in groups)
    assert not desk.rows("SELECT 1 FROM notification_log WHERE receiver = 'pager'")


def test_what_would_not_have_been_sent_has_its_reason(desk: Desk):
    start_shadow(desk.store, DRAFT, actor="ann")
    desk.fires("brief", team="web")
    desk.store.act(desk.ids(), Resolve(actor="ann"))  # before its group_wait of 10 s ends
    MatcherSilences(desk.store).create(
        ['rule="quiet"'], desk.clock.now() + timedelta(hours=1), actor="ann"
    )
    desk.fires("quiet", team="web")
    desk.fires("net", team="net")
    desk.fires("behind", team="web")
    desk.sweeps(minutes=2)
    web = desk.receivers()["web"]
    assert (web.notified, web.held) == (0, 3)
    assert web.reasons == {"inhibited": 1, "resolved_before_notified": 1, "silenced": 1}
    desk.fires("net", 10, team="net")
    desk.sweeps(minutes=6)
    assert desk.receivers()["web"].notified == 1  # what inhibited it is over
    desk.sweeps(hours=1)
    assert desk.receivers()["web"].notified == 2


def test_only_active_receivers_are_named_and_pieces_are_read_to_the_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(route_shadow, "_PIECE", 2)
    start_shadow(desk.store, "route: {receiver: default}", actor="ann")
    for place in range(5):
        desk.fires(f"db-{place}", team="db")
    desk.sweeps(minutes=2)
    found = desk.receivers()
    assert (found["db"].only_active, found["default"].only_draft) == (5, 5)
    assert [one.kind for one in found["db"].examples] == ["active"] * 3


def test_one_draft_runs_at_a_time_and_both_ends_are_audited(desk: Desk):
    with pytest.raises(NotFound, match="no draft of the routes has run"):
        shadow_report(desk.store)
    with pytest.raises(NotFound, match="no draft runs"):
        stop_shadow(desk.store, actor="ann")
    with pytest.raises(ConfigurationError, match="test 'wrong'"):
        start_shadow(desk.store, DRAFT + "tests: [{name: wrong, labels: {}, receivers: db}]",
                     actor="ann")  # fmt: skip
    with pytest.raises(ConfigurationError, match="empty"):
        start_shadow(desk.store, " ", actor="ann")
    start_shadow(desk.store, DRAFT, actor="ann")
    with pytest.raises(Conflict, match="started by ann"):
        start_shadow(desk.store, DRAFT, actor="bob")
    desk.fires("one", team="db")
    desk.sweeps(minutes=2)
    assert stop_shadow(desk.store, actor="bob").stopped_by == "bob"
    assert desk.sweeps(hours=2) == 0
    report = shadow_report(desk.store)
    assert (report.running, report.receivers[0].receiver) == (False, "db")
    rows = page(desk.store, AuditFilter(object_kinds=("routes",))).items
    assert [(one.action, one.actor) for one in rows][:2] == [
        ("routes.shadow_stopped", "bob"), ("routes.shadow_started", "ann"),
    ]  # fmt: skip
    desk.clock.forward(days=40)
    desk.store.retain(timedelta(days=30))
    assert not desk.rows("SELECT 1 FROM route_shadow_outcome")
    assert not desk.rows("SELECT 1 FROM route_shadow")
