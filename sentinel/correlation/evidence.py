"""What links two alerts: shared labels by rarity, dependencies, learned co-occurrence. Pure.

A link is a relation of two alerts and of what was learned before, never of which other alerts there
are or in which order they came. So alerts may be added one by one, in any order, with the same
result (docs/adr/0039).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Literal

import msgspec

__all__ = [
    "CAP",
    "HALF_LIFE",
    "LONGEST_GAP",
    "THRESHOLD",
    "Affinity",
    "Basis",
    "CorrelatedAlert",
    "Evidence",
    "Kind",
    "Knowledge",
    "bases_of",
    "combined",
    "evidence_between",
    "label_keys",
    "linked",
    "proximity",
    "reach",
    "tokens_of",
]  # fmt: skip

THRESHOLD = 0.5
"""Strength from which on two alerts are linked."""
HALF_LIFE = 300.0
"""Seconds between two openings that halve the strength of what links them."""
LONGEST_GAP = 1_800.0
"""Seconds from which on nothing links two alerts."""
CAP = 0.9
"""The greatest strength of one piece of evidence."""
_WEAKEST = 0.25
_OTHERS = 30
_MOST_WEAK = 6
_LEFT_OUT = frozenset({"severity", "team", "tenant", "__name__", "alertname"})
"""Labels that say nothing about where a cause may be; the rule is evidence of its own."""
_SERVICE = frozenset({"service", "service_name", "service.name"})
"""Labels that the alert's service stands for."""

Kind = Literal["label", "rule", "service", "dependency", "together"]


class CorrelatedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An open alert as correlation sees it.

    Attributes:
        id: of the alert
        opened: seconds since 1970
        severity: 1 to 5, 5 is critical
        rule: its name
        service: of the catalog or by its label; empty for none
        labels: of the alert
    """

    id: str
    opened: float
    severity: int
    rule: str
    service: str = ""
    labels: Mapping[str, str] = {}


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Why two alerts are linked.

    Attributes:
        kind: label, rule or service where both have the same; dependency of their services;
            together where their rules opened together before
        reason: in words
        strength: without the time between them, 0 to 1
    """

    kind: Kind
    reason: str
    strength: float


class Basis(msgspec.Struct, frozen=True):
    """What an alert has that may link it: equal keys do, or keys that are `partners`."""

    key: str
    strength: float


class Affinity(msgspec.Struct, frozen=True):
    """That two keys belong together, and why."""

    strength: float
    kind: Kind
    reason: str


class Knowledge:
    """What was learned before: how rare labels are, who calls whom, what opens together.

    Args:
        alerts: how many alerts the frequencies were counted over
        frequencies: of `name=value` and of `rule:NAME`, how many of those alerts had it
        affinities: of pairs of keys (`service:NAME` or `rule:NAME`), in any order
    """

    def __init__(
        self,
        alerts: int = 0,
        frequencies: Mapping[str, int] | None = None,
        affinities: Mapping[tuple[str, str], Affinity] | None = None,
    ) -> None:
        self._alerts = alerts
        self._frequencies = dict(frequencies or {})
        self._partners: dict[str, dict[str, Affinity]] = {}
        for (one, other), affinity in sorted((affinities or {}).items()):
            for key, partner in {(one, other), (other, one)}:
                known = self._partners.setdefault(key, {})
                if partner not in known or known[partner].strength < affinity.strength:
                    known[partner] = affinity

    def rarity(self, key: str) -> float:
        """Return how rare a label is among the alerts of the past: 0 for all of them, 1 for none.

        Args:
            key: `name=value`, or `rule:NAME`

        Returns:
            The inverse document frequency over its greatest value, as if there had been thirty more
            alerts without it, so that a few alerts of a new installation do not decide.
        """
        seen, whole = min(self._frequencies.get(key, 0), self._alerts), self._alerts + _OTHERS + 1
        return math.log(whole / (seen + 1)) / math.log(whole)

    def share(self, key: str) -> str:
        """Return in words how many alerts of the past had a label; empty without a past."""
        if self._alerts == 0:
            return ""
        share = 100 * min(self._frequencies.get(key, 0), self._alerts) / self._alerts
        return f"in {share:.0f}%" if share >= 1 or share == 0 else "in under 1%"

    def partners(self, key: str) -> Mapping[str, Affinity]:
        """Return the keys that belong together with one, and why."""
        return self._partners.get(key, _NONE)


_NONE: Mapping[str, Affinity] = {}


def proximity(gap: float) -> float:
    """Return the factor of the seconds between two openings: 1 at once, 0 from half an hour on."""
    return 0.0 if gap > LONGEST_GAP else float(0.5 ** (gap / HALF_LIFE))


def reach(strength: float) -> float:
    """Return how many seconds may lie between two alerts that evidence of a strength links.

    Args:
        strength: of the evidence, 0 to 1

    Returns:
        Seconds; below 0 where it links none.
    """
    if strength < THRESHOLD:
        return -1.0
    return min(LONGEST_GAP, HALF_LIFE * math.log2(strength / THRESHOLD))


def combined(strengths: Iterable[float]) -> float:
    """Return the strength of several pieces of evidence, as if each could err by itself."""
    return 1.0 - math.prod(1.0 - one for one in strengths)


def label_keys(alert: CorrelatedAlert) -> list[str]:
    """Return the keys of an alert whose rarity counts: of its labels, its rule and its service."""
    out = _LEFT_OUT | _SERVICE if alert.service else _LEFT_OUT
    keys = [f"{name}={value}" for name, value in alert.labels.items() if name not in out]
    return [*keys, *tokens_of(alert)]


def label_strengths(alert: CorrelatedAlert, known: Knowledge) -> dict[str, float]:
    """Return the strength of each label, of the rule and of the service, of those that count."""
    found = {key: CAP * known.rarity(key) for key in label_keys(alert)}
    return {key: strength for key, strength in found.items() if strength >= _WEAKEST}


def bases_of(alert: CorrelatedAlert, known: Knowledge) -> list[Basis]:
    """Return what may link an alert to others with the same: single labels, and pairs of weak ones.

    Args:
        alert: whose
        known: what was learned before

    Returns:
        Keys with a strength of at least `THRESHOLD`. Of labels that do not suffice by themselves,
        the six strongest are paired.
    """
    strengths = label_strengths(alert, known)
    found = [Basis(key, one) for key, one in strengths.items() if one >= THRESHOLD]
    weak = sorted(
        (-one, key) for key, one in strengths.items() if one < THRESHOLD
    )[:_MOST_WEAK]  # fmt: skip
    for (one, key), (other, partner) in combinations(weak, 2):
        both = combined((-one, -other))
        if both >= THRESHOLD:
            found.append(Basis("\0".join(sorted((key, partner))), both))
    return found


def evidence_between(
    one: CorrelatedAlert, other: CorrelatedAlert, known: Knowledge
) -> list[Evidence]:
    """Return all that links two alerts, the strongest first, whether or not it suffices.

    Args:
        one: an alert
        other: another
        known: what was learned before

    Returns:
        The evidence, without the time between them.
    """
    mine, its = label_strengths(one, known), label_strengths(other, known)
    found = [
        Evidence(kind=_kind(key), reason=_said(key, known), strength=mine[key])
        for key in mine.keys() & its.keys()
    ]
    there = set(tokens_of(other))
    for key in tokens_of(one):
        for partner, affinity in known.partners(key).items():
            if partner in there and partner != key:
                found.append(
                    Evidence(
                        kind=affinity.kind, reason=affinity.reason, strength=affinity.strength
                    )
                )  # fmt: skip
    return sorted(found, key=lambda each: (-each.strength, each.reason))


def tokens_of(alert: CorrelatedAlert) -> list[str]:
    """Return the keys by which an alert may have partners."""
    return [f"rule:{alert.rule}", *([f"service:{alert.service}"] if alert.service else [])]


def linked(one: CorrelatedAlert, other: CorrelatedAlert, known: Knowledge) -> bool:
    """Return whether two alerts are linked: the relation that `Correlator` computes by indexes.

    Args:
        one: an alert
        other: another
        known: what was learned before

    Returns:
        Whether one basis that both have, or one pair of partners, suffices for the time between.
    """
    gap = abs(one.opened - other.opened)
    its = {basis.key for basis in bases_of(other, known)}
    if any(basis.key in its and gap <= reach(basis.strength) for basis in bases_of(one, known)):
        return True
    there = set(tokens_of(other))
    return any(
        partner in there and partner != key and gap <= reach(affinity.strength)
        for key in tokens_of(one)
        for partner, affinity in known.partners(key).items()
    )


def _kind(key: str) -> Kind:
    if key.startswith("rule:"):
        return "rule"
    return "service" if key.startswith("service:") else "label"


def _said(key: str, known: Knowledge) -> str:
    share = known.share(key)
    often = f", {share} of earlier alerts" if share else ""
    kind = _kind(key)
    name = key if kind == "label" else key.partition(":")[2]
    return f"same {kind} {name}{often}"
