"""One rule of the list of rules: its row, its health, and when it is evaluated."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from sentinel.rules.health import RuleHealth, explain, health_of, lateness_of, next_evaluation
from sentinel.schema.silences import Silence
from sentinel.store.rules.health import FACTS, AlertCounts, facts_of
from sentinel.store.rules.listed import ListedRule
from sentinel.timing.schedule import next_time

__all__ = ["RuleLine", "rule_line"]


class RuleLine(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as the page shows it.

    Attributes:
        row: of the rule
        live: how many of its alerts are open or acknowledged
        state: its health
        why: its health is what it is
        silence: that holds now; None where the rule is not silenced
        next_at, late: when the next evaluation is due, and how late it or the last one is
    """

    row: ListedRule
    live: int
    state: RuleHealth
    why: str
    silence: Silence | None = None
    next_at: datetime | None
    late: timedelta | None


def rule_line(
    row: ListedRule, counts: AlertCounts, now: datetime, silence: Silence | None
) -> RuleLine:
    """Return a rule as the page shows it.

    Args:
        row: of the rule
        counts: of its alerts
        now: the present moment
        silence: that holds now

    Returns:
        The line.
    """
    facts = facts_of({name: getattr(row, name) for name in FACTS}, counts)
    first = None if facts.every is None else next_time(row.pack or row.name, facts.every, now)
    return RuleLine(
        row=row,
        live=counts.live,
        state=health_of(facts, now),
        why=explain(facts, now),
        silence=silence,
        next_at=next_evaluation(facts, first),
        late=lateness_of(facts, row.evaluated_at, now),
    )
