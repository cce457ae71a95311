"""Limit sets in both databases."""

from __future__ import annotations

import pytest

from sentinel.access import Reach, Scope
from sentinel.api_usage.matching import Caller
from sentinel.errors import ConfigurationError, NotFound, OutOfScope
from sentinel.store import Store
from sentinel.store.api_usage import limit_sets
from sentinel.store.api_usage.limit_sets import HELD_SECONDS, HeldLimitSets, LimitSets
from sentinel.store.api_usage.limit_states import LimitStates

ACME = Scope((Reach(tenants=frozenset({"acme"})),))


def test_each_tenant_has_its_own_sets(store: Store):
    sets, mine = LimitSets(store), LimitSets(store, ACME)
    for tenant in ("acme", "beta"):
        sets.save("shop", f"1/minute named {tenant}", tenant=tenant, actor="ann")
    assert [one.tenant for one in sets.list()] == ["acme", "beta"]
    assert [one.tenant for one in sets.list(after=("acme", "shop"))] == ["beta"]
    assert [one.text for one in mine.list()] == ["1/minute named acme"]
    with pytest.raises(NotFound):
        mine.get("beta", "shop")
    with pytest.raises(OutOfScope):
        mine.save("shop", "1/minute", tenant="beta", actor="eve")
    with pytest.raises(NotFound):
        mine.remove("beta", "shop", actor="eve")
    with pytest.raises(ConfigurationError, match="name"):
        sets.save("a/b", "1/minute", tenant="acme", actor="ann")


def test_the_newest_versions_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limit_sets, "MOST_VERSIONS", 3)
    sets = LimitSets(store)
    for amount in range(1, 6):
        sets.save("shop", f"{amount}/minute", tenant="acme", actor="ann")
    assert [one.version for one in sets.versions("acme", "shop")] == [5, 4, 3]


def test_there_is_a_most_of_sets(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limit_sets, "MOST_SETS", 1)
    sets = LimitSets(store)
    sets.save("shop", "1/minute", tenant="acme", actor="ann")
    sets.save("shop", "2/minute", tenant="acme", actor="ann")
    with pytest.raises(ConfigurationError, match="limit sets already"):
        sets.save("other", "1/minute", tenant="acme", actor="ann")


def test_a_process_sees_a_change_within_seconds(store: Store):
    sets, now = LimitSets(store), [0.0]
    held = HeldLimitSets(store, lambda: now[0])
    sets.save("shop", "1/minute", tenant="acme", actor="ann")
    before = held.get("acme", "shop")
    sets.save("shop", "2/minute", tenant="acme", actor="ann")
    assert held.get("acme", "shop") is before
    now[0] += HELD_SECONDS
    assert [one.amount for one in held.get("acme", "shop").limits] == [2]
    same = held.get("acme", "shop")
    now[0] += HELD_SECONDS
    assert held.get("acme", "shop") is same
    sets.remove("acme", "shop", actor="ann")
    now[0] += HELD_SECONDS
    with pytest.raises(NotFound):
        held.get("acme", "shop")


def test_sets_of_one_text_count_by_themselves(store: Store):
    sets, held, states = LimitSets(store), HeldLimitSets(store), LimitStates(store)
    for name in ("shop", "stock"):
        sets.save(name, "1/minute by user", tenant="acme", actor="ann")
    for name in ("shop", "stock"):
        asks = held.get("acme", name).asks(Caller(user="bob"))
        assert states.decide(asks).allowed
        assert not states.decide(asks).allowed
