"""What programs post once and resolve once passes orchestration, and what they do is audited."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from sentinel.alerts.actions import Resolve
from sentinel.clock import FakeClock
from sentinel.evaluation.model import Applied
from sentinel.ingest import held_alerts
from sentinel.ingest.alertmanager_intake import apply_waiting
from sentinel.ingest.alertmanager_posts import packed, posts_of
from sentinel.ingest.arrivals import Message
from sentinel.ingest.held_alerts import release_held
from sentinel.ingest.posted_alert import Posted, post_alert
from sentinel.ingest.posted_before import end_post, newest_posted
from sentinel.store import Store
from sentinel.store.alerts.posted_batches import add_batches
from sentinel.store.orchestration import trials
from sentinel.store.orchestration.documents import Orchestrations

ONE = "rules: [{name: one, remove: [dedup_key]}]"
HELD = "rules: [{name: wait, hold: 10m}]"


class Program:
    """Posts events as to PagerDuty."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock

    def apply(self, text: str) -> None:
        Orchestrations(self.store, "default").apply(text, actor="ann")

    def labels(self, key: str) -> dict[str, str]:
        return {"service": "shop", "dedup_key": key}

    def triggers(self, key: str) -> Posted:
        self.clock.forward(seconds=1)
        labels = self.labels(key)
        return post_alert(
            self.store, actor="bot", labels=labels, title=key, severity="high", rule="pagerduty"
        )

    def resolves(self, key: str) -> None:
        """Do what the door does."""
        self.clock.forward(seconds=1)
        known = self.store, "default", "pagerduty", self.labels(key)
        if not end_post(*known, actor="bot"):
            alert = newest_posted(*known)
            assert alert is not None
            self.store.act([alert.id], Resolve(actor="bot"))

    def statuses(self) -> list[str]:
        return [one.status for one in self.store.alerts.page().items]

    def audited(self) -> list[str]:
        query = "SELECT action FROM audit WHERE object_kind = 'orchestration' ORDER BY id"
        with self.store.read() as connection:
            rows = connection.exec_driver_sql(query).scalars().all()
        return [row for row in rows if row != "orchestration.applied"]


@pytest.fixture
def program(store: Store, clock: FakeClock) -> Program:
    return Program(store, clock)


def test_one_alert_of_several_posts_is_resolved_with_the_last_of_them(program: Program):
    program.apply(ONE)
    program.triggers("a")
    program.triggers("b")
    program.resolves("a")
    assert program.statuses() == ["open"]
    program.resolves("b")
    assert program.statuses() == ["resolved"]


def test_what_a_person_resolved_keeps_no_later_episode_open(program: Program):
    program.apply(ONE)
    first = program.triggers("a")
    program.triggers("b")
    program.store.act([first.alert_id], Resolve(actor="ann"))
    program.clock.forward(hours=1)
    program.triggers("a")
    program.resolves("a")
    assert program.statuses() == ["resolved", "resolved"]


def test_what_a_program_posts_or_ends_is_audited_where_no_alert_opens(program: Program):
    program.apply(HELD)
    assert program.triggers("a").kept == "held"
    program.triggers("a")  # once more, which is not recorded
    program.resolves("a")
    program.clock.forward(hours=1)
    assert release_held(program.store, program.clock.now()) == 0
    program.apply("rules: [{name: noise, drop: true}]")
    assert program.triggers("a").kept == "dropped"
    assert program.audited() == [
        "orchestration.held", "orchestration.ended", "orchestration.dropped",
    ]  # fmt: skip


def test_what_ends_and_comes_again_in_one_transaction_is_decided_again(program: Program):
    """Batches as to an Alertmanager that waited together."""
    ends = timedelta(hours=1)

    def posted(lasts: timedelta) -> str:
        at = program.clock.now()
        alert = {"labels": {"alertname": "Down"}, "startsAt": at.isoformat(),
                 "endsAt": (at + lasts).isoformat()}  # fmt: skip
        posts, wrong = posts_of(json.dumps([alert]).encode(), at)
        assert not wrong
        return packed(posts)

    add_batches(program.store, [("default", posted(ends))])
    apply_waiting(program.store)
    program.apply("rules: [{name: noise, drop: true}]")
    assert program.statuses() == ["open"]
    for lasts in (timedelta(), ends):
        program.clock.forward(minutes=1)
        add_batches(program.store, [("default", posted(lasts))])
    apply_waiting(program.store)
    assert program.statuses() == ["resolved"]


def test_held_alerts_of_one_sender_hold_up_no_other(
    program: Program, monkeypatch: pytest.MonkeyPatch
):
    program.apply(HELD)
    program.triggers("a")
    post_alert(program.store, actor="bot", labels={"a": "b"}, title="x", severity="high")
    apply_all = held_alerts.apply_all

    def failing(store: Store, messages: list[Message]) -> list[Applied]:
        if messages[0].sender == "api":
            raise ValueError("an alert that cannot be applied")
        return apply_all(store, messages)

    monkeypatch.setattr(held_alerts, "apply_all", failing)
    program.clock.forward(hours=1)
    with pytest.raises(ValueError, match="cannot be applied"):
        release_held(program.store, program.clock.now())
    assert program.statuses() == ["open"]


def test_a_replay_is_cut_where_rules_times_alerts_are_too_many(
    program: Program, monkeypatch: pytest.MonkeyPatch
):
    program.apply("rules: [{name: a, set: {owner: x}}, {name: b, drop: true}]")
    for key in "abc":
        program.triggers(key)
    monkeypatch.setattr(trials, "MOST_DECISIONS", 8)
    since = program.clock.now() - timedelta(days=1)
    found = trials.replayed(
        program.store, "default", "rules: [{name: c, drop: true}, {name: d}]", since=since
    )
    assert (found.alerts, found.cut) == (2, True)
