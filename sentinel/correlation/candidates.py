"""What may have caused alerts: changes shortly before them, ranked with their reasons. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

__all__ = ["LOOKED_BACK", "AffectedAlert", "Candidate", "ChangeKind", "ObservedChange", "ranked"]

LOOKED_BACK = 6 * 3600.0
"""Seconds before the first alert in which changes count."""
_AFTER = 60.0
_HALF_LIFE = 1_800.0
ChangeKind = Literal["deployment", "rule", "configuration", "log_pattern", "slow_dependency"]
_USUAL: Mapping[str, float] = {
    "deployment": 0.9, "slow_dependency": 0.8, "log_pattern": 0.7, "rule": 0.6,
    "configuration": 0.4,
}  # fmt: skip
"""How often a change of a kind is the cause where all else is equal: a ranking, no probability."""


class ObservedChange(msgspec.Struct, frozen=True, kw_only=True):
    """Something that changed.

    Attributes:
        at: seconds since 1970
        kind: of the change
        title: in words
        service: that changed; empty where that is not known
        rule: that changed; empty for another change
        by: who made it; empty where it was nobody
        reference: where it is found: an id of the audit trail, of an event, a pattern
        weight: how unusual it is, 0 to 1
    """

    at: float
    kind: ChangeKind
    title: str
    service: str = ""
    rule: str = ""
    by: str = ""
    reference: str = ""
    weight: float = 1.0


class AffectedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert whose cause is sought; `opened` in seconds since 1970."""

    opened: float
    rule: str
    service: str = ""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A change that may be the cause.

    Attributes:
        change: what changed
        score: 0 to 1; it ranks, and is no probability
        seconds: from the change to the first alert
        reasons: in words, what the score is made of
    """

    change: ObservedChange
    score: float
    seconds: float
    reasons: list[str]


def ranked(
    alerts: Iterable[AffectedAlert],
    changes: Iterable[ObservedChange],
    downstream: Mapping[str, int],
    limit: int = 10,
) -> list[Candidate]:
    """Rank changes as causes of alerts.

    Args:
        alerts: of one incident, or one alone
        changes: of the tenant, in any order
        downstream: services that the alerts' services depend on, each with its distance from 1
        limit: at most so many

    Returns:
        The most likely first; none where there are no alerts. The score is that of the kind,
        halved with each half hour before the first alert, and by how the change is related: the
        same service or rule counts in full, a dependency less with its distance, anything else
        little.
    """
    given = list(alerts)
    if not given:
        return []
    first = min(one.opened for one in given)
    rules, services = {one.rule for one in given}, {one.service for one in given} - {""}
    found = list[Candidate]()
    for change in changes:
        before = first - change.at
        if not -_AFTER <= before <= LOOKED_BACK:
            continue
        factor, reason = _relation(change, rules, services, downstream)
        near = 0.5 ** (max(before, 0.0) / _HALF_LIFE)
        score = _USUAL[change.kind] * factor * near * change.weight
        found.append(
            Candidate(
                change=change, score=round(score, 4), seconds=before,
                reasons=[reason, _when(before)],
            )
        )  # fmt: skip
    found.sort(key=lambda one: (-one.score, abs(one.seconds), one.change.reference))
    return found[:limit]


def _relation(
    change: ObservedChange, rules: set[str], services: set[str], downstream: Mapping[str, int]
) -> tuple[float, str]:
    if change.rule and change.rule in rules:
        return 1.0, f"it changed the rule {change.rule}, which alerts"
    if change.service and change.service in services:
        return 1.0, f"it is about {change.service}, which alerts"
    if change.service and (distance := downstream.get(change.service)):
        far = "which it calls" if distance == 1 else f"{distance} calls away"
        return 0.9**distance, f"it is about {change.service}, {far}"
    if change.service or change.rule:
        return 0.1, f"it is about {change.service or f'the rule {change.rule}'}, with no known tie"
    return 0.2, "it names no service"


def _when(before: float) -> str:
    if before < 0:
        return f"{-before:.0f} s after the first alert"
    if before < 120:
        return f"{before:.0f} s before the first alert"
    if before < 7_200:
        return f"{before / 60:.0f} min before the first alert"
    return f"{before / 3600:.1f} h before the first alert"
