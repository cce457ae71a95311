"""What an import of rules says before and after."""

from __future__ import annotations

from dashboard.rollout_commands import RolledOut, RuleStep
from dashboard.rule_files import TO_DO, outcome_of


def test_a_plan_does_not_say_that_it_was_carried_out():
    kinds = ("created", "created", "refused", "unchanged")
    steps = [
        RuleStep(name=f"rule {n}", change=kind, differences=[], reasons=["why"] * (n == 2))
        for n, kind in enumerate(kinds)
    ]
    plan = RolledOut(steps=steps, version="1")
    assert outcome_of(plan) == "2 created, 1 refused, 1 unchanged (rule 2: why)"
    assert outcome_of(plan, TO_DO) == (
        "2 would be created, 1 would be refused, 1 unchanged (rule 2: why)"
    )
