"""A list of rules has what their rows have, without what only the next evaluation needs."""

from __future__ import annotations

import msgspec

from sentinel import Reading, Rule
from sentinel.access import EVERYTHING
from sentinel.access.scope import Reach, Scope
from sentinel.checks.observation import Observation
from sentinel.evaluation.model import Evaluation
from sentinel.store import Store
from sentinel.store.access.within import Within
from sentinel.store.rules.listed import listed_rules


def test_listed_rules_say_what_their_rows_say(store: Store):
    at = store.now()
    for name, tenant in (("b", "red"), ("a", "red"), ("c", "blue")):
        rule = Rule.model_validate({"name": name, "tenant": tenant, "when": {"above": 1}})
        store.apply(
            Evaluation(
                rule=rule, trigger="t", slot=at, at=at, seconds=0.25,
                observation=Observation(readings=[Reading(value=2.0)], state={"cursor": 1}),
            )
        )  # fmt: skip
    found = listed_rules(store, EVERYTHING)
    assert [(one.tenant, one.name) for one in found] == [("blue", "c"), ("red", "a"), ("red", "b")]
    assert {one.check_seconds for one in found} == {0.25}
    for one in found:
        row = store.rules.get(one.name, one.tenant)
        assert msgspec.structs.asdict(one) == {
            name: getattr(row, name) for name in one.__struct_fields__
        }
    red = Within(store, Scope((Reach(tenants=frozenset({"red"})),))).scoped_rules
    assert [one.name for one in red.listed()] == ["a", "b"]
