"""What correlation learns of earlier alerts: rare labels, and what opens together. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations

import msgspec

from sentinel.correlation.evidence import (
    CAP,
    Affinity,
    CorrelatedAlert,
    Knowledge,
    label_keys,
)

__all__ = ["LEAST_LIFT", "LEAST_TOGETHER", "SLOT", "ServiceCall", "learned"]

SLOT = 300.0
"""Seconds; rules open together where both open in the same five minutes."""
LEAST_TOGETHER = 5
"""Times that two rules opened together, from which on that counts."""
LEAST_LIFT = 3.0
"""How many times more often than by chance."""
_MOST_OF_SLOT = 30
"""Rules of a slot; a storm of more says nothing about any two of them."""
_DECLARED, _SEEN = 0.85, 0.8


class ServiceCall(msgspec.Struct, frozen=True):
    """A service calls another; `sources` say how that is known."""

    caller: str
    callee: str
    sources: tuple[str, ...]


def learned(history: Iterable[CorrelatedAlert], calls: Iterable[ServiceCall] = ()) -> Knowledge:
    """Learn from earlier alerts.

    Args:
        history: of one tenant, open ones too
        calls: who calls whom

    Returns:
        What was learned. Two rules belong together where they opened in the same five minutes at
        least 5 times and at least 3 times as often as by chance; the strength is the share of the
        rarer one's openings that were so.
    """
    frequencies, alerts = Counter[str](), 0
    slots: dict[int, set[str]] = defaultdict(set)
    for one in history:
        alerts += 1
        frequencies.update(set(label_keys(one)))
        slots[int(one.opened // SLOT)].add(one.rule)
    affinities: dict[tuple[str, str], Affinity] = {}
    for one in calls:
        strength = _DECLARED if "declared" in one.sources else _SEEN
        reason = f"{one.caller} calls {one.callee} ({', '.join(one.sources)})"
        affinities[f"service:{one.caller}", f"service:{one.callee}"] = Affinity(
            strength, "dependency", reason
        )
    affinities |= _together(slots)
    return Knowledge(alerts, frequencies, affinities)


def _together(slots: dict[int, set[str]]) -> dict[tuple[str, str], Affinity]:
    single, both = Counter[str](), Counter[tuple[str, str]]()
    for rules in slots.values():
        single.update(rules)
        if len(rules) <= _MOST_OF_SLOT:
            both.update(combinations(sorted(rules), 2))
    if not slots:
        return {}
    # As if the past were one stretch without gaps between its first and its last slot.
    whole = max(slots) - min(slots) + 1
    found: dict[tuple[str, str], Affinity] = {}
    for (one, other), times in both.items():
        lift = times * whole / (single[one] * single[other])
        if times < LEAST_TOGETHER or lift < LEAST_LIFT:
            continue
        least = min(single[one], single[other])
        reason = (
            f"{one} and {other} opened together in {times} of {least} cases, "
            f"{lift:,.0f} times as often as by chance"
        )
        found[f"rule:{one}", f"rule:{other}"] = Affinity(CAP * times / least, "together", reason)
    return found
