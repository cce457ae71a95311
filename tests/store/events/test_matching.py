"""Event policies as rules, on both databases: events become alerts, each counted once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from sentinel import Rule
from sentinel.clock import FakeClock
from sentinel.errors import PolicyError
from sentinel.evaluation.model import Applied
from sentinel.relay.matching import LEASE, EventMatching
from sentinel.store import Store
from sentinel.store.alerts.unit_of_work import UnitOfWork
from sentinel.store.events import batch, matching
from sentinel.store.events.matching import PackMatcher
from tests.event_policies.streets import Street, policy
from tests.waiting import eventually

BRUTE_FORCE: dict[str, Any] = {
    "name": "Brute force",
    "description": "Somebody tries passwords.",
    "enabled": True,
    "rules": [
        {"field": "action", "operator": "eq", "value": "LOGIN", "case_sensitive": False},
        {"field": "actor.failures", "operator": "gte", "value": 5, "case_sensitive": True},
    ],
    "match_all": True,
    "severity": "critical",
    "message_template": "{actor.name} failed {actor.failures} times from {actor.ip}.",
    "summary_template": "Brute force against {actor.name}",
    "throttle_minutes": 15,
    "max_alerts_per_hour": 10,
    "providers": ["pagerduty-001", "slack"],
}


@pytest.fixture
def street(store: Store, clock: FakeClock) -> Street:
    return Street(store, clock)


def login(who: str = "ada", **more: Any) -> dict[str, Any]:
    return {"action": "login", "actor": {"name": who, "failures": 7, "ip": "192.0.2.7"}, **more}


def test_a_policy_over_audit_log_events_works_as_a_rule(street: Street):
    assert street.deployed(BRUTE_FORCE, alone=True, name="brute-force").outcome == "ok"
    street.comes({"action": "logout"}, login())
    (alert,) = street.alerts()
    assert (alert.rule, alert.title, alert.severity) == (
        "brute-force", "Brute force against ada", "critical",
    )  # fmt: skip
    assert alert.description == "ada failed 7 times from 192.0.2.7."
    assert alert.details["event"]["actor"]["ip"] == "192.0.2.7"
    assert (alert.status, alert.category, alert.deployment_id) == ("open", "events", "d-1")
    row = street.store.rules.get("brute-force")
    assert row.spec["receivers"] == ["pagerduty-001", "slack"]


def test_events_from_before_a_policy_was_there_do_not_count(street: Street):
    street.sent(login())
    street.deployed(policy())
    street.matched()
    assert street.alerts() == []


def test_each_policy_of_a_pack_is_a_rule_with_a_switch_of_its_own(street: Street):
    street.deployed(policy("One!"), policy("Two"), policy("off", enabled=False))
    rows = {row.name: (row.trigger, row.outcome) for row in street.store.rules.list()}
    assert rows == {
        "audit": ("event_pack", "ok"),
        "one": ("event_policy", "ok"),
        "two": ("event_policy", "ok"),
        "off": ("event_policy", "ok"),
    }
    street.store.rules.disable("two", actor="ada")
    street.comes(login())
    assert [alert.rule for alert in street.alerts()] == ["one"]
    street.store.rules.enable("two", actor="ada")
    street.comes(login())
    assert {alert.rule: alert.occurrences for alert in street.alerts()} == {"one": 2, "two": 1}


def test_events_received_while_a_pack_is_disabled_are_never_matched(street: Street):
    street.deployed(policy())
    street.store.rules.disable("audit", actor="ada")
    street.comes(login())
    street.store.rules.enable("audit", actor="ada")
    street.comes({"action": "other"})
    assert street.alerts() == []


def test_repeats_are_occurrences_of_one_alert_which_ends_by_itself(street: Street):
    street.deployed(policy(), resolve_after="10m")
    street.comes(login(), login())
    street.comes(login())
    (alert,) = street.alerts()
    assert (alert.status, alert.occurrences) == ("open", 3)
    street.clock.forward(minutes=9)
    street.comes(login())
    street.clock.forward(minutes=9)
    street.store.sweep()
    assert [alert.status for alert in street.alerts()] == ["open"]
    street.clock.forward(minutes=2)
    street.store.sweep()
    (alert,) = street.alerts()
    assert (alert.status, alert.resolution, alert.occurrences) == ("resolved", "expired", 4)
    assert street.deployed(policy(), resolve_after="10m").outcome == "ok"
    assert street.store.rules.get("logins").outcome == "ok"


def test_one_users_throttle_never_hides_another(street: Street):
    noisy = policy(by="actor.name", throttle_minutes=60, summary_template="{actor.name} is in")
    street.deployed(noisy, resolve_after="5m")
    street.comes(login("ada"), login("ada"), login("bob"))
    assert [(a.title, a.labels["actor.name"], a.occurrences) for a in street.alerts()] == [
        ("ada is in", "ada", 2),
        ("bob is in", "bob", 1),
    ]
    street.clock.forward(minutes=20)
    street.store.sweep()
    street.comes(login("ada"), login("ada"), login("eve"))  # ada's are held back: no alert is open
    assert [(a.labels["actor.name"], a.status) for a in street.alerts()] == [
        ("ada", "resolved"), ("bob", "resolved"), ("eve", "open"),
    ]  # fmt: skip
    street.clock.forward(minutes=41)
    street.comes(login("ada"))
    ada = [a for a in street.alerts() if a.labels["actor.name"] == "ada" and a.status == "open"]
    assert len(ada) == 1
    assert "Held back before this: 3." in ada[0].description


def test_a_maximum_per_hour_holds_for_each_key(street: Street):
    street.deployed(policy(by=["actor.name"], max_alerts_per_hour=1), resolve_after="1m")
    for minute in range(3):
        street.comes(login("ada"), *([login("bob")] if minute == 2 else []))
        street.clock.forward(minutes=20)
        street.store.sweep()
    assert sorted(alert.labels["actor.name"] for alert in street.alerts()) == ["ada", "bob"]


def test_hours_go_by_the_events_own_time_and_suppressed_events_pass(street: Street):
    street.deployed(
        policy(
            active_hours={"windows": [{"start": "09:00", "end": "17:00"}]},
            suppress=[{"field": "actor.name", "operator": "startswith", "value": "test-"}],
            by="id",
        )
    )
    day = (street.clock.now() - timedelta(days=1)).date().isoformat()
    street.comes(
        login(id="early", timestamp=f"{day}T08:59:59Z"),
        login(id="within", timestamp=f"{day}T09:00:00Z"),
        login("test-1", id="suppressed", timestamp=f"{day}T10:00:00Z"),
        login(id="late", timestamp=f"{day}T17:00:00Z"),
    )
    assert {alert.labels["id"] for alert in street.alerts()} == {"within"}


def test_tenants_never_see_each_others_events_alerts_or_rules(street: Street):
    for tenant in ("acme", "globex"):
        street.deployed(policy(), tenant=tenant)
    street.comes(login(), tenant="acme")
    assert len(street.alerts(tenant="acme")) == 1
    assert street.alerts(tenant="globex") == []
    assert {row.name for row in street.store.rules.list("acme")} == {"audit", "logins"}
    with pytest.raises(PolicyError, match="is of tenant 'globex'"):
        street.deployed(policy(tenant="globex"), tenant="acme", name="other")


def test_a_run_of_the_deployment_matches_events_that_no_relay_matched(street: Street):
    street.deployed(policy())
    street.sent(login(), login())
    street.deployed(policy())
    assert [alert.occurrences for alert in street.alerts()] == [2]
    street.matched()
    street.deployed(policy())
    assert [alert.occurrences for alert in street.alerts()] == [2]
    assert street.store.rules.get("logins").outcome == "firing"


def test_matching_between_two_runs_does_not_make_the_next_one_stale(street: Street):
    street.deployed(policy(), alone=True, every="60s")
    street.clock.forward(seconds=59)
    street.comes(login())
    street.clock.forward(minutes=-1)
    edited = policy(summary_template="edited")
    assert street.deployed(edited, alone=True, every="60s").outcome == "firing"
    street.comes(login())
    assert [alert.title for alert in street.alerts()] == ["edited"]


def test_an_edited_pack_applies_at_once_and_removed_policies_are_retired(street: Street):
    street.deployed(policy("one"), policy("two"))
    street.comes(login())
    street.deployed(policy("two", summary_template="two, edited"), policy("three"))
    street.comes(login())
    assert {row.name for row in street.store.rules.list()} == {"audit", "two", "three"}
    assert {(alert.rule, alert.title, alert.status) for alert in street.alerts()} == {
        ("one", "one", "resolved"), ("two", "two, edited", "open"), ("three", "three", "open"),
    }  # fmt: skip


def test_a_pack_is_deleted_when_its_deployment_is_gone(street: Street):
    street.deployed(policy("one"), policy("two"))
    street.comes(login())
    street.store.rules.retire("audit", actor="rollout")
    street.comes(login())
    assert street.store.rules.list() == []
    assert {alert.status for alert in street.alerts()} == {"resolved"}
    street.deployed(policy("one"))
    street.comes(login())
    assert [a.rule for a in street.alerts() if a.status == "open"] == ["one"]


@pytest.mark.slow
def test_an_event_counts_once_however_many_match_and_die(
    street: Street, monkeypatch: pytest.MonkeyPatch
):
    """Four processes' worth of matching, each of which dies now and then before its commit."""
    street.deployed(policy("one", by="n"), policy("two", throttle_minutes=1, by="n"))
    collect, commit, turns = batch.collect, UnitOfWork.commit, iter(range(10**6))

    class Died(BaseException):
        pass

    def collecting(*given: Any, **more: Any) -> Applied:
        done = collect(*given, **more)
        if next(turns) % 5 == 1:
            raise Died
        return done

    def committing(unit: UnitOfWork) -> None:
        commit(unit)
        if next(turns) % 5 == 1:
            raise Died

    monkeypatch.setattr(batch, "collect", collecting)
    monkeypatch.setattr(UnitOfWork, "commit", committing)
    monkeypatch.setattr(matching, "AT_ONCE", 7)
    for n in range(40):
        street.sent(*(login(n=str((n + m) % 10)) for m in range(5)))

    def work() -> None:
        for _ in range(400):
            matching = PackMatcher(street.store)  # as a new process would
            try:
                if not matching.step("default", "audit").behind:
                    return
            except Died:
                continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    monkeypatch.setattr(batch, "collect", collect)
    monkeypatch.setattr(UnitOfWork, "commit", commit)
    street.matched()
    for rule in ("one", "two"):
        counted = {a.labels["n"]: a.occurrences for a in street.alerts(rule)}
        assert counted == {str(n): 20 for n in range(10)}


@pytest.mark.parametrize("alone", [True, False])
def test_a_renamed_deployment_keeps_its_alerts_and_its_place(street: Street, alone: bool):
    chosen = policy("logins", throttle_minutes=5)
    street.deployed(chosen, alone=alone, name="before")
    street.comes(login())
    street.sent(login())
    renamed: dict[str, Any] = {"name": "after", "renamed_from": "before", "alone": alone}
    street.deployed(chosen, **renamed)
    street.deployed(chosen, **renamed)
    street.matched()
    (alert,) = street.alerts()
    assert (alert.rule, alert.status) == ("after" if alone else "logins", "open")
    assert alert.occurrences == 2
    names = {row.name for row in street.store.rules.list()}
    assert names == ({"after"} if alone else {"after", "logins"})


def test_a_rehearsal_says_what_would_be_found_and_stores_nothing(street: Street):
    street.sent(login(), login("bob"))
    rule = Rule.model_validate({"name": "audit"})
    chosen = policy(by="actor.name", severity="high", summary_template="{actor.name}")
    seen = street.observe(rule, chosen, alone=False, rehearsal=True)
    assert [(r.summary, r.severity, r.occurrences) for r in seen.readings] == [
        ("ada", "high", 1), ("bob", "high", 1),
    ]  # fmt: skip
    assert (street.alerts(), street.store.rules.list()) == ([], [])


def test_the_relay_matches_events_as_they_arrive_and_releases_its_lease(street: Street):
    street.deployed(policy(by="n"))
    stop = threading.Event()
    relays = [EventMatching(street.store, f"relay-{n}") for n in range(2)]
    threads = [threading.Thread(target=relay.run, args=(stop,)) for relay in relays]
    for thread in threads:
        thread.start()
    try:
        for n in range(5):
            street.sent(login(n=str(n)))
        eventually(lambda: len(street.alerts()) == 5, "five alerts")
        assert street.store.leases.holder(LEASE) in ("relay-0", "relay-1")
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert street.store.leases.holder(LEASE) is None
    assert [alert.occurrences for alert in street.alerts()] == [1] * 5


def test_a_pack_that_cannot_be_matched_is_logged_once_and_delays_no_other(
    street: Street, monkeypatch: pytest.MonkeyPatch
):
    street.deployed(policy("one"), name="broken")
    street.deployed(policy("two"), name="working")
    step = PackMatcher.step

    def failing(self: PackMatcher, tenant: str, name: str) -> Any:
        if name == "broken":
            raise PolicyError("its policies cannot be read")
        return step(self, tenant, name)

    monkeypatch.setattr(PackMatcher, "step", failing)
    relay = EventMatching(street.store, "relay")
    street.sent(login())
    for _ in range(3):
        relay.turn()
    assert [alert.rule for alert in street.alerts()] == ["two"]
    said = [one for one in street.store.log.page() if one.what == "events.not_matched"]
    assert len(said) == 1
    assert "its policies cannot be read" in said[0].message


def test_an_event_that_cannot_be_evaluated_delays_no_other_pack(
    street: Street, monkeypatch: pytest.MonkeyPatch
):
    street.deployed(policy("one"), name="broken")
    street.deployed(policy("two"), name="working")
    step = PackMatcher.step

    def failing(self: PackMatcher, tenant: str, name: str) -> Any:
        if name == "broken":
            raise OverflowError("date value out of range")
        return step(self, tenant, name)

    monkeypatch.setattr(PackMatcher, "step", failing)
    relay = EventMatching(street.store, "relay")
    street.sent(login())
    for _ in range(3):
        relay.turn()
    assert [alert.rule for alert in street.alerts()] == ["two"]
    (told,) = [one for one in street.store.log.page() if one.what == "events.not_matched"]
    assert "OverflowError: date value out of range" in told.message


@pytest.mark.parametrize("zero", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", 0, -62135596800])
def test_an_event_with_a_zero_time_counts_from_when_it_was_received(street: Street, zero: Any):
    hours = {"timezone": "America/New_York", "windows": [{"start": "00:00", "end": "24:00"}]}
    window = {"type": "frequency", "num_events": 2, "timeframe": "5m"}
    street.deployed(policy("open", active_hours=hours), policy("twice", window=window))
    street.comes(login(timestamp=zero), login())
    assert {alert.rule for alert in street.alerts()} == {"open", "twice"}
