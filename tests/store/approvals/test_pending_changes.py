"""A critical rule is switched by two people: one asks, another approves, all of it is kept."""

from __future__ import annotations

import pytest

from sentinel.access import Role
from sentinel.access.scope import Reach, Scope
from sentinel.audit.origin import Origin, acting
from sentinel.clock import FakeClock
from sentinel.errors import Conflict, NotFound, OutOfScope
from sentinel.rules.approval import ChangeStatus, ChangeWaits
from sentinel.rules.rule import Rule
from sentinel.severity import Severity
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.access.people import People
from sentinel.store.alerts.changed_rules import keep_changed
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.approvals.pending_views import PendingView
from sentinel.store.approvals.separation import Separation
from sentinel.store.audit.chaining import chain, verify_chain
from sentinel.store.audit.people import erase
from sentinel.store.audit.queries import AuditFilter, page
from tests.world import World

PERSON = Origin("dashboard", "person")
PASSWORD = "seven green bicycles"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    """A critical rule `disk` with an open alert, and separation of duties in its tenant."""
    world = World(store, clock, severity="critical", team="db")
    world.sees({"/": 99})
    Separation(store).switch("default", on=True, actor="root")
    return world


def asks(store: Store, actor: str = "maria", reason: str = "noisy") -> PendingView:
    with pytest.raises(ChangeWaits, match="second person") as waits:
        store.rules.disable("disk", actor=actor, reason=reason)
    return PendingChanges(store).get(waits.value.change)


def codes(store: Store) -> list[tuple[str, str]]:
    return [(one.action, one.actor) for one in reversed(page(store).items)]


def test_a_second_person_approves_and_then_it_takes_effect(world: World, store: Store):
    asked = asks(store)
    assert store.rules.get("disk").enabled
    assert [str(one) for one in asked.differences] == ["enabled: true → false"]
    assert (asked.status, asked.asked_by, asked.team) == ("waiting", "maria", "db")
    assert asks(store).id == asked.id, "the same request is the one that waits"
    changes = PendingChanges(store)
    with acting(PERSON), pytest.raises(Conflict, match="somebody else"):
        changes.approve_switch(asked.id, actor="Maria")
    with acting(PERSON):
        done = changes.approve_switch(asked.id[:-4], actor="bob", comment="agreed")
    assert (done.status, done.decided_by, done.comment) == ("applied", "bob", "agreed")
    row = store.rules.get("disk")
    assert (row.enabled, row.switched_by, row.switch_reason) == (False, "maria", "noisy")
    assert world.rows("SELECT status FROM alert") == [("resolved",)]
    assert codes(store)[-3:] == [
        ("rule.change_requested", "maria"), ("rule.change_approved", "bob"),
        ("rule.disabled", "maria"),
    ]  # fmt: skip
    (disabled,) = page(store, AuditFilter(actions=("rule.disabled",))).items
    assert disabled.after == {"enabled": False, "approved_by": "bob"}
    with acting(PERSON), pytest.raises(Conflict, match="was applied by bob"):
        changes.reject(asked.id, actor="ada")
    with pytest.raises(ChangeWaits):
        store.rules.enable("disk", actor="maria")
    assert store.rules.disable("disk", actor="maria") == 0, "what changes nothing waits for nobody"


def test_what_is_rejected_withdrawn_or_expired_is_kept_and_does_nothing(
    world: World, store: Store, clock: FakeClock
):
    changes = PendingChanges(store)
    with acting(PERSON):
        rejected = changes.reject(asks(store).id, actor="bob", comment="needed tonight")
        withdrawn = changes.withdraw(asks(store).id, actor="maria")
        late = asks(store)
        assert [one.id for one in changes.list()] == [late.id]
        clock.forward(days=7)
        with pytest.raises(Conflict, match="expired at"):
            changes.approve_switch(late.id, actor="bob")
    assert changes.list() == []
    kept = {one.id: one.status for one in changes.list(waiting=False, rule="disk")}
    assert kept == {
        rejected.id: ChangeStatus.REJECTED, withdrawn.id: ChangeStatus.WITHDRAWN,
        late.id: ChangeStatus.EXPIRED,
    }  # fmt: skip
    assert store.rules.get("disk").enabled


def test_a_rule_that_changed_meanwhile_is_named_field_by_field(world: World, store: Store):
    asked = asks(store)
    with store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE rule SET spec = "
            """'{"name": "disk", "severity": "critical", "team": "web"}' WHERE name = 'disk'"""
        )
    with acting(PERSON), pytest.raises(Conflict, match=r'changed after .*rule.team: "db" → "web"'):
        PendingChanges(store).approve_switch(asked.id, actor="bob")
    assert store.rules.get("disk").enabled
    assert PendingChanges(store).get(asked.id).status == "waiting"


def test_what_a_deployment_became_counts_before_it_is_evaluated(
    world: World, store: Store, clock: FakeClock
):
    low = World(store, clock, name="low", severity="medium")
    low.sees({"/": 1})
    store.rules.disable("low", actor="maria")
    grown = Rule.model_validate({"name": "low", "severity": "critical", "description": "new"})
    keep_changed(store, grown, Severity.CRITICAL)
    assert store.rules.get("low").texts_since == clock.now(), "its alerts show the new texts"
    with pytest.raises(ChangeWaits) as waits:
        store.rules.enable("low", actor="maria")
    keep_changed(store, grown, Severity.CRITICAL, given={"threshold": 99})
    with acting(PERSON), pytest.raises(Conflict, match="threshold: not set → 99"):
        PendingChanges(store).approve_switch(waits.value.change, actor="bob")
    packed = grown.model_copy(update={"severity": "medium"})
    keep_changed(store, packed, Severity.CRITICAL)
    with pytest.raises(ChangeWaits):
        store.rules.enable("low", actor="maria")
    keep_changed(store, packed, Severity.MEDIUM)
    assert store.rules.enable("low", actor="maria")


def test_a_key_counts_as_whoever_made_it(world: World, store: Store):
    people, keys = People(store), Keys(store)
    for name, role in (("maria", Role.EDITOR), ("bob", Role.EDITOR), ("eve", Role.VIEWER)):
        people.create(name, role, password=PASSWORD, actor="root")
    own = keys.create("bot", Role.ADMIN, actor="maria").key
    second = keys.create("bot of bot", Role.ADMIN, actor="someone via bot").key
    others = keys.create("his", Role.EDITOR, actor="bob").key
    of_eve = keys.create("hers", Role.EDITOR, actor="eve").key
    of_nobody = keys.create("cron", Role.EDITOR, actor="root").key
    with acting(Origin("api", "key", own.id)):
        asked = asks(store, "cron via bot")
    assert (asked.asked_by, asked.asked_as) == ("maria", "cron via bot")
    changes = PendingChanges(store)
    for key, error, says in (
        (second, Conflict, "maria asked"), (of_eve, OutOfScope, "eve may not edit"),
        (of_nobody, OutOfScope, "'root' has no account"),
    ):  # fmt: skip
        with acting(Origin("api", "key", key.id)), pytest.raises(error, match=says):
            changes.approve_switch(asked.id, actor=key.name)
    with acting(Origin("api", "token")), pytest.raises(OutOfScope, match="no person"):
        changes.approve_switch(asked.id, actor="bob")
    keys.create("bob", Role.EDITOR, actor="maria")
    with acting(Origin("api", "key", others.id)), pytest.raises(Conflict, match="not clear whose"):
        changes.approve_switch(asked.id, actor="his")
    keys.revoke("bob", actor="root")
    people.disable("bob", actor="root")
    with acting(Origin("cli", "local")), pytest.raises(OutOfScope, match="'bob' has no account"):
        changes.approve_switch(asked.id, actor="bob")
    people.enable("bob", actor="root")
    with acting(Origin("cli", "local")):
        assert changes.approve_switch(asked.id, actor="bob").status == "applied"


def test_nobody_decides_on_what_was_asked_in_their_name_with_the_key_of_another(
    world: World, store: Store
):
    for name in ("maria", "bob", "ada"):
        People(store).create(name, Role.EDITOR, password=PASSWORD, actor="root")
    of_bob = Origin("api", "key", Keys(store).create("his", Role.EDITOR, actor="bob").key.id)
    changes = PendingChanges(store)
    with acting(of_bob):
        asked = asks(store, "Maria via his")
    assert asked.asked_by == "bob"
    for name in ("maria", "bob"):
        with acting(PERSON), pytest.raises(Conflict, match="somebody else"):
            changes.approve_switch(asked.id, actor=name)
    with acting(PERSON):
        assert changes.reject(asked.id, actor="ada").status == "rejected"
        own = asks(store)
    for decide in (changes.approve_switch, changes.reject):
        with acting(of_bob), pytest.raises(Conflict, match="somebody else than maria"):
            decide(own.id, actor="maria via his")
    with acting(Origin("api", "token")):
        named = asks(store, "ada via bot")
    with acting(PERSON), pytest.raises(Conflict, match="somebody else than ada"):
        changes.approve_switch(named.id, actor="ada")
    with acting(of_bob):
        assert changes.approve_switch(own.id, actor="ada via his").decided_by == "bob"


def test_it_is_switched_per_tenant_and_what_is_not_critical_needs_nobody(
    world: World, store: Store, clock: FakeClock
):
    Separation(store).switch("default", on=False, actor="root", reason="emergency")
    assert Separation(store).list() == []
    store.rules.disable("disk", actor="maria")
    assert Separation(store).switch(None, on=True, actor="root")
    assert not Separation(store).switch(None, on=True, actor="root")
    assert [one.tenant for one in Separation(store).list()] == [None]
    with pytest.raises(ChangeWaits):
        store.rules.enable("disk", actor="maria")
    low = World(store, clock, name="low", severity="high")
    low.sees({"/": 1})
    store.rules.disable("low", actor="maria")
    switched = page(store, AuditFilter(actions=("separation.switched",))).items
    assert [(one.tenant, one.note) for one in switched] == [
        ("", ""), ("default", "emergency"), ("default", ""),
    ]  # fmt: skip


def test_only_what_is_in_scope_is_seen_and_a_name_is_erased_everywhere(world: World, store: Store):
    asked, changes = asks(store), PendingChanges(store)
    for scope in (Scope((Reach(frozenset({"red"})),)), Scope((Reach(None, frozenset({"web"})),))):
        assert changes.list(scope=scope) == []
        with pytest.raises(NotFound):
            changes.get(asked.id, scope)
        with acting(PERSON), pytest.raises(NotFound):
            changes.approve_switch(asked.id, actor="bob", scope=scope)
    assert changes.list(scope=Scope((Reach(frozenset({"default"}), frozenset({"db"})),)))
    with acting(PERSON):
        changes.reject(asked.id, actor="bob")
    for name in ("maria", "bob"):
        erase(store, name, actor="root")
    told = changes.get(asked.id)
    assert {told.asked_by, told.asked_as, told.decided_by}.isdisjoint({"maria", "bob"})
    chain(store)
    assert verify_chain(store).problems == []
