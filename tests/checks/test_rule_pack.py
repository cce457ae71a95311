"""The checks of a pack's rules: each has its own time and its own failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sentinel import Context, Reading, Rule, trigger
from sentinel.checks import rule_pack
from sentinel.checks.rule_pack import PackedRule, Seen, observe_each, packed_rules
from sentinel.errors import CheckTimeout, RuleError, TriggerError

BASE = Rule.model_validate({"name": "pack", "when": {"above": 1}})
_never = threading.Event()


@trigger(category="test")
def number(ctx: Context, value: int, mode: str = "") -> Iterator[Reading]:
    """A number."""
    if mode == "raises":
        raise OSError("no such thing")
    if mode == "exits":
        raise SystemExit(3)
    if mode == "hangs":
        _never.wait(30)
    yield Reading(labels={"n": str(value)}, value=value)


def _number(_: str) -> Any:
    return number


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_pack, "find", _number)


def _run(*members: dict[str, Any], each: float = 5, within: float = 60) -> list[Seen]:
    given = {
        "trigger": "number",
        "members": [{"name": f"r{n}", "parameters": one} for n, one in enumerate(members)],
    }
    found, rules = packed_rules(BASE, given)
    jobs = [(Context(), one) for one in rules]
    return observe_each(found, jobs, each=timedelta(seconds=each), within=timedelta(seconds=within))


def _said(seen: list[Seen]) -> list[str]:
    return [
        f"{one.observation.readings[0].value:g}"
        if one.observation.error is None
        else type(one.observation.error).__name__
        for one in seen
    ]


def test_a_check_that_fails_is_one_rules_failure_and_the_others_are_run():
    seen = _run(
        {"value": 1}, {"value": 2, "mode": "raises"}, {"value": "many"},
        {"value": 3, "mode": "exits"}, {"value": 4},
    )  # fmt: skip
    assert _said(seen) == ["1", "OSError", "RuleError", "ReadingError", "4"]
    refused = str(seen[2].observation.error)
    assert refused.startswith("rule 'r2': parameters.value: must be a whole number")


def test_a_check_that_hangs_costs_its_own_time_and_the_others_are_run():
    seen = _run({"value": 1}, {"value": 2, "mode": "hangs"}, {"value": 3}, each=0.05)
    assert _said(seen) == ["1", "CheckTimeout", "3"]
    assert not seen[1].observation.complete
    assert "did not answer within" in str(seen[1].observation.error)


def test_what_has_not_begun_when_the_packs_time_is_over_counts_as_failed():
    seen = _run({"value": 1}, {"value": 2, "mode": "hangs"}, {"value": 3}, within=0.1)
    assert _said(seen) == ["1", "CheckTimeout", "CheckTimeout"]
    assert isinstance(seen[2].observation.error, CheckTimeout)
    assert "make two packs" in str(seen[2].observation.error)


def test_every_rule_has_the_defaults_of_the_form():
    _, (one,) = packed_rules(
        BASE, {"trigger": "number", "shared": {"value": "7"}, "members": [{"name": "a"}]}
    )
    assert one == PackedRule(
        rule=BASE.model_copy(update={"name": "a"}), parameters={"value": 7, "mode": ""}
    )


@pytest.mark.parametrize("name", ["event_pack", "event_policy", "rule_pack"])
def test_packs_hold_neither_event_policies_nor_packs(name: str):
    with pytest.raises(TriggerError, match="cannot be the trigger of a rule pack"):
        packed_rules(BASE, {"trigger": name, "members": [{"name": "a"}]})
    with pytest.raises(RuleError, match="has no `trigger`"):
        packed_rules(BASE, {"members": [{"name": "a"}]})
