"""Whether a service is ready to be operated: checks with weights, and a score of them. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from sentinel.services.definition import ServiceDefinition

__all__ = ["CheckCode", "OperationFacts", "Readiness", "ReadinessCheck", "readiness_of"]

CheckCode = Literal["owner", "runbook", "alert_rule", "on_call", "slo", "dashboard"]


class OperationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What there is about a service outside of the catalog.

    Attributes:
        slos: names of SLOs about it
        rules: names of rules whose alerts name it
        schedules: on-call schedules and escalation policies of its owner
        dashboards: names of custom dashboards that name it
    """

    slos: list[str] = []
    rules: list[str] = []
    schedules: list[str] = []
    dashboards: list[str] = []


class ReadinessCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One check.

    Attributes:
        code: which
        label: in words
        passed: whether it holds
        weight: its share of the score, out of 100
        evidence: what was found, or what to do
    """

    code: CheckCode
    label: str
    passed: bool
    weight: int
    evidence: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of a service; `score` is the sum of the weights of those that hold, 0 to 100."""

    service: str
    score: int
    checks: list[ReadinessCheck]


def readiness_of(definition: ServiceDefinition, facts: OperationFacts) -> Readiness:
    """Judge a service.

    Args:
        definition: of the service
        facts: what there is about it

    Returns:
        The score with the checks that it is made of, the heaviest first.
    """
    dashboards = [one.title for one in definition.links if one.kind == "dashboard"]
    checks = [
        _check(
            "owner", "Has an owner", 20, [definition.owner] if definition.owner else [],
            "Name the team in owner.",
        ),
        _check(
            "runbook", "Has a runbook", 20, [definition.runbook] if definition.runbook else [],
            "Write what to do when it fails, and put its address in runbook.",
        ),
        _check(
            "alert_rule", "Is watched by a rule", 20, facts.rules,
            f"Give a rule the label service: {definition.name}, or define an SLO for it.",
        ),
        _check(
            "on_call", "Somebody is on call", 20, facts.schedules,
            "Give its owner a schedule or an escalation policy in the on-call document, under "
            "teams.",
        ),
        _check(
            "slo", "Has an SLO", 10, facts.slos,
            f"Define one with service: {definition.name}.",
        ),
        _check(
            "dashboard", "Has a dashboard", 10, [*dashboards, *facts.dashboards],
            "Add a link of kind dashboard.",
        ),
    ]  # fmt: skip
    score = sum(one.weight for one in checks if one.passed)
    return Readiness(service=definition.name, score=score, checks=checks)


def _check(
    code: CheckCode, label: str, weight: int, found: list[str], missing: str
) -> ReadinessCheck:
    shown = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
    return ReadinessCheck(
        code=code, label=label, passed=bool(found), weight=weight, evidence=shown or missing
    )
