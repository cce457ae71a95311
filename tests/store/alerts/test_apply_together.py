"""The evaluations of a pack's rules in one transaction, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from sentinel import Reading, Rule, above
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.evaluation import evaluator
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.store import Store
from sentinel.store.alerts import apply_evaluation
from sentinel.store.alerts.apply_together import apply_together
from sentinel.store.rules.packs import begin_pack, retire_left

MINUTE = timedelta(seconds=60)
PACK = Rule(name="pack", every=MINUTE)


def _rule(name: str, **fields: Any) -> Rule:
    return Rule(name=name, every=MINUTE, when=above(90), group_wait=timedelta(0), **fields)


def _evaluation(
    store: Store, rule: Rule, value: float | None, error: Exception | None = None
) -> Evaluation:
    readings = [] if value is None else [Reading(labels={"host": "h"}, value=value)]
    return Evaluation(
        rule=rule, trigger="t", slot=store.now(), at=store.now(), pack="pack",
        observation=Observation(readings=readings, complete=error is None, error=error, state={}),
    )  # fmt: skip


def _all(store: Store, clock: FakeClock, **values: float | None) -> dict[str, Applied]:
    clock.forward(seconds=60)
    found = apply_together(
        store, [_evaluation(store, _rule(name), value) for name, value in values.items()]
    )
    return dict(zip(values, found, strict=True))


def test_each_rule_has_its_own_row_alerts_state_and_readings(store: Store, clock: FakeClock):
    _all(store, clock, a=95, b=20, c=None)
    applied = _all(store, clock, a=96, b=97, c=None)
    assert {name: one.outcome for name, one in applied.items()} == {
        "a": "firing", "b": "firing", "c": "ok",
    }  # fmt: skip
    rows = {row.name: row for row in store.rules.list()}
    assert {name: (one.outcome, one.evaluations, one.pack) for name, one in rows.items()} == {
        "a": ("firing", 2, "pack"), "b": ("firing", 2, "pack"), "c": ("ok", 2, "pack"),
    }  # fmt: skip
    now = clock.now()
    kept = store.metrics.reader().window("rule:b", [], now - 5 * MINUTE, now)
    assert kept.values.tolist() == [20, 97]
    _all(store, clock, a=10, b=98)
    assert store.rules.get("a").outcome == "ok"
    assert store.rules.get("c").evaluations == 2


def test_together_leaves_the_same_rows_as_one_by_one(store: Store, clock: FakeClock):
    values = [(95, 20), (96, 97), (20, 98), (95, 10)]
    for first, second in values:
        clock.forward(seconds=60)
        pairs = (("a", first), ("b", second))
        apply_together(store, [_evaluation(store, _rule(name), one) for name, one in pairs])
        for name, one in (("c", first), ("d", second)):
            store.apply(_evaluation(store, _rule(name), one))

    def left(name: str) -> Any:
        row = store.rules.get(name).model_dump()
        for own in ("name", "spec"):
            row.pop(own)
        with store.read() as connection:
            alerts = connection.exec_driver_sql(
                "SELECT status, value, severity, bad_count, version, replace(title, rule, '') "
                f"FROM alert WHERE rule = '{name}'"
            ).all()
        return row, [tuple(one) for one in alerts]

    assert left("a") == left("c")
    assert left("b") == left("d")


def test_a_check_that_failed_is_shown_on_its_own_row(store: Store, clock: FakeClock):
    clock.forward(seconds=60)
    bad, good = apply_together(
        store,
        [
            _evaluation(store, _rule("bad"), None, OSError("gone")),
            _evaluation(store, _rule("good"), 20),
        ],
    )
    assert (bad.outcome, bad.error, good.outcome) == ("error", "OSError: gone", "ok")
    assert store.rules.get("bad").failures == 1
    assert store.rules.get("good").failures == 0


def test_a_rule_whose_evaluation_cannot_be_applied_does_not_fail_the_others(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    def broken(evaluation: Evaluation, *more: Any) -> Any:
        if evaluation.rule.name == "b" and evaluation.observation.error is None:
            raise ValueError("its own state")
        return evaluator.evaluate(evaluation, *more)

    monkeypatch.setattr(apply_evaluation, "evaluate", broken)
    applied = _all(store, clock, a=95, b=95, c=20)
    assert {name: one.outcome for name, one in applied.items()} == {
        "a": "firing", "b": "error", "c": "ok",
    }  # fmt: skip
    assert "ValueError: its own state" in store.rules.get("b").error


def test_switch_slot_and_late_runs_are_each_rules_own(store: Store, clock: FakeClock):
    _all(store, clock, a=95, b=95, c=95)
    store.rules.disable("b", actor="ann")
    clock.forward(seconds=60)
    store.apply(_evaluation(store, _rule("c"), 95))
    rules = [_rule(name) for name in "abcd"]
    begun = begin_pack(store, PACK, rules, deployment_id=None, slot=clock.now(), now=clock.now())
    assert {name: gate.reason for name, gate in begun.gates.items()} == {
        "a": "ok", "b": "disabled", "c": "stale", "d": "ok",
    }  # fmt: skip
    applied = apply_together(store, [_evaluation(store, rule, 95) for rule in rules])
    assert [one.outcome for one in applied] == ["firing", "disabled", "stale", "firing"]


def test_a_pack_takes_its_rules_with_it_and_one_that_left_is_retired(
    store: Store, clock: FakeClock
):
    def live() -> set[str]:
        with store.read() as connection:
            rows = connection.exec_driver_sql("SELECT rule FROM alert WHERE status = 'open'")
            return {row.rule for row in rows}

    def again() -> None:
        clock.forward(seconds=60)
        own = Evaluation(
            rule=PACK, trigger="rule_pack", slot=store.now(), at=store.now(),
            observation=Observation(readings=[]), closed_world=True,
        )  # fmt: skip
        apply_together(store, [_evaluation(store, _rule(name), 95) for name in "ab"] + [own])

    again()
    store.apply(replace(_evaluation(store, _rule("other"), 95), pack=""))
    assert retire_left(store, "default", "pack", {"a"}) == ["b"]
    assert live() == {"a", "other"}
    again()
    assert store.rules.disable("pack", actor="ann") == 2
    assert live() == {"other"}
    store.rules.enable("pack", actor="ann")
    again()
    assert store.rules.retire("pack", actor="ann") == 2
    assert [row.name for row in store.rules.list()] == ["other"]


def test_a_rule_of_another_deployment_is_not_taken_over(store: Store, clock: FakeClock):
    clock.forward(seconds=60)
    single = _evaluation(store, _rule("a"), 95)
    store.apply(replace(single, pack="", source=replace(single.source, deployment_id="another")))
    begun = begin_pack(
        store, PACK, [_rule("a"), _rule("b"), _rule("c", renamed_from="a")],
        deployment_id="mine", slot=clock.now(), now=clock.now(),
    )  # fmt: skip
    assert set(begun.taken) == {"a"}
    assert "a deployment of its own has it already" in str(begun.taken["a"])
    assert set(begun.gates) == {"b", "c"}


def test_a_pack_costs_a_few_statements_however_many_rules_it_has(store: Store, clock: FakeClock):
    counted: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *args: counted.append(str(args[2])))

    def statements(rules: int) -> int:
        values = {f"r{number}": 20.0 for number in range(rules)}
        _all(store, clock, **values)
        counted.clear()
        _all(store, clock, **values)
        return len(counted)

    few = statements(3)
    assert statements(60) <= few
