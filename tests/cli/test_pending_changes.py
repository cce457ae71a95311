"""`sentinel rule pending|approve|reject|withdraw` and `sentinel access separation`."""

from __future__ import annotations

import json

import pytest

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.people import People
from tests.cli.shell import Run
from tests.world import World


@pytest.fixture(autouse=True)
def critical(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A critical rule `disk`, on the clock of this machine; bob is an editor, eve a viewer."""
    monkeypatch.setenv("SENTINEL_DATABASE_URL", migrated_url)
    store = Store(migrated_url)
    clock = FakeClock(store.now())
    World(store, clock, severity="critical").sees({"/": 99})
    for name, role in (("bob", Role.EDITOR), ("eve", Role.VIEWER)):
        People(store).create(name, role, password="seven green bicycles", actor="root")
    return store


def test_a_critical_rule_is_disabled_by_two_people(
    run: Run, critical: Store, monkeypatch: pytest.MonkeyPatch
):
    assert "on nowhere" in run("access", "separation")[1]
    out = run("access", "separation", "on", "--tenant", "default", "-m", "policy 7")[1]
    assert out == "Separation of duties is on in the tenant default.\n"
    assert run("access", "separation")[1].splitlines()[1].startswith("default")

    code, out, err = run("rule", "disable", "disk", "-m", "noisy")
    assert (code, out) == (6, "")
    assert "disabling the rule 'disk' waits for the approval of a second person" in err
    (waiting,) = json.loads(run("rule", "pending", "--json")[1])["items"]
    assert (waiting["asked_by"], waiting["status"], waiting["reason"]) == (
        "ada",
        "waiting",
        "noisy",
    )
    assert waiting["differences"] == [{"field": "enabled", "before": True, "after": False}]
    assert waiting["id"] in err
    assert "enabled: true → false" in run("rule", "pending")[1]
    assert "ada asked for disabling the rule 'disk'" in run("rule", "pending", waiting["id"])[1]
    assert critical.rules.get("disk").enabled

    for name, says in (("ada", "has no account"), ("eve", "eve may not edit this rule")):
        monkeypatch.setenv("SENTINEL_USER", name)
        code, _, err = run("rule", "approve", waiting["id"])
        assert (code, says in err) == (1, True), err
    monkeypatch.setenv("SENTINEL_USER", "bob")
    assert "only they withdraw" in run("rule", "withdraw", waiting["id"])[2]
    out = run("rule", "approve", waiting["id"], "-m", "yes")[1]
    assert out == "Approved and done: disabling the rule 'disk'.\n"
    assert not critical.rules.get("disk").enabled
    assert "was applied by bob" in run("rule", "reject", waiting["id"])[2]
    assert run("rule", "pending")[1] == "No change waits for a second person.\n"
    assert "applied" in run("rule", "pending", "--all")[1]

    assert run("rule", "enable", "disk")[0] == 6
    (again,) = json.loads(run("rule", "pending", "--json")[1])["items"]
    assert run("rule", "withdraw", again["id"])[1] == "Withdrew enabling the rule 'disk'.\n"
    assert run("access", "separation", "off", "--tenant", "default")[0] == 0
    assert run("rule", "enable", "disk")[0] == 0
