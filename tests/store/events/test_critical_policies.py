"""A deployment of policies is as critical as the worst of them, and only files rename one."""

from __future__ import annotations

import pytest

from sentinel.access.security_events import SECURITY_TENANT
from sentinel.alerts.run_source import RunSource
from sentinel.clock import FakeClock
from sentinel.errors import PolicyError
from sentinel.event_policies.pack import Spec
from sentinel.rules.approval import ChangeWaits
from sentinel.store import Store
from sentinel.store.approvals.separation import Separation
from sentinel.store.audit.chaining import chain
from sentinel.store.events.packs import roll_out
from tests.event_policies.streets import Street, policy


@pytest.fixture
def street(store: Store, clock: FakeClock) -> Street:
    return Street(store, clock)


@pytest.mark.parametrize("alone", [False, True])
def test_the_switch_of_critical_policies_needs_a_second_person(street: Street, alone: bool):
    store = street.store
    street.deployed(policy(severity="critical"), alone=alone, severity="medium")
    chain(store)
    Separation(store).switch(None, on=True, actor="root")
    with pytest.raises(ChangeWaits):
        store.rules.disable("audit", actor="maria")
    assert store.rules.get("audit").enabled
    Separation(store).switch(None, on=False, actor="root")
    store.rules.disable("audit", actor="maria")
    chain(store)
    found = [one for block in store.events.newest(9, SECURITY_TENANT) for one in block.events]
    event = found[-1]
    assert (event["change"], event["object"]) == ("rule.disabled", "audit")


def test_a_policy_that_becomes_critical_is_so_before_it_matches(street: Street):
    street.deployed(policy("One"), policy("Two"))
    street.deployed(policy("One", severity="critical"), policy("Two"))
    assert {row.name: row.severity for row in street.store.rules.list()}["one"] == 5
    Separation(street.store).switch(None, on=True, actor="root")
    with pytest.raises(ChangeWaits):
        street.store.rules.disable("one", actor="maria")
    street.store.rules.disable("two", actor="maria")


@pytest.mark.parametrize("owner", ["api", "ui"])
def test_only_a_file_takes_the_policies_of_another_rule_over(street: Street, owner: str):
    street.deployed(policy(severity="critical"))
    spec = Spec(
        rule={"name": "mine", "renamed_from": "audit"}, policies=[policy("other")],
        source=RunSource(owner=owner),
    )  # fmt: skip
    with pytest.raises(PolicyError, match="only files rename rules"):
        roll_out(street.store, spec)
    assert {row.name for row in street.store.rules.list()} == {"audit", "logins"}
