"""What the alerts of each rule were like in a week, and what became of those of the next. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from sentinel.noise.episode import BRIEF
from sentinel.noise.history import Happened, Kept, duplicates, episodes_of, flapping
from sentinel.noise.score import LEAST, PARTS, Counts, fatigue_of
from sentinel.severity import Severity

__all__ = ["FEATURES", "WEEK", "RuleWeek", "Week", "rule_weeks"]

WEEK = timedelta(days=7)
FEATURES = (*PARTS, "brief")
"""The shares that are learned from: those of the fatigue score, and of the alerts that ended by
themselves within five minutes."""


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """What the alerts of a rule were like in a week.

    Attributes:
        shares: from 0 to 1, in the order of `FEATURES`
        score: the fatigue score, 0 to 100
    """

    shares: tuple[float, ...]
    score: float


class RuleWeek(msgspec.Struct, frozen=True, kw_only=True):
    """A week of a rule, and what became of the alerts of the week after it.

    Attributes:
        rule: tenant and name
        age: of the week after, in weeks: 0 for the last seven days
        before: what the alerts were like in the week before that
        unacted: alerts that ended without anybody acting on them, or that a person marked as noise
        acted: the others that ended: a person acknowledged them or resolved them by hand
    """

    rule: tuple[str, str]
    age: int
    before: Week
    unacted: int
    acted: int


def rule_weeks(
    alerts: Iterable[Kept], timelines: Mapping[str, Sequence[Happened]],
    periods: Mapping[tuple[str, str], timedelta], now: datetime, weeks: int,
    whole_since: datetime | None = None,
) -> tuple[list[RuleWeek], dict[tuple[str, str], Week]]:  # fmt: skip
    """Return the weeks of rules with what followed, and the last week of each rule.

    Weeks are counted back from `now`. A week with fewer than five alerts of a rule says nothing of
    it, as for the fatigue score. Alerts that still fire have no outcome yet.

    Args:
        alerts: of any rules, in any order
        timelines: by id of the alert, as for `episodes_of`
        periods: of the rules; one that is not named is evaluated every minute
        now: the end of the last week
        weeks: older alerts than so many weeks are left out
        whole_since: as for `episodes_of`

    Returns:
        The examples, the oldest first, and what is known of the last seven days by tenant and rule.
    """
    kept: dict[tuple[str, str], dict[int, list[Kept]]] = defaultdict(lambda: defaultdict(list))
    for one in alerts:
        age = (now - one.opened_at) // WEEK
        if 0 <= age < weeks:
            kept[one.tenant, one.rule][age].append(one)
    examples: list[RuleWeek] = []
    latest: dict[tuple[str, str], Week] = {}
    for rule, by_age in sorted(kept.items()):
        period = periods.get(rule, timedelta(minutes=1))
        for age, some in by_age.items():
            following = by_age.get(age - 1, ())
            ended = [one for one in following if one.resolved_at is not None]
            if len(some) < LEAST or (age and not ended):
                continue
            flapped = flapping(episodes_of(some, timelines, whole_since), period)
            week = _week(some, flapped)
            if not age:
                latest[rule] = week
                continue
            acted = sum((one.acknowledged or one.by_hand) and not one.noise for one in ended)
            examples.append(
                RuleWeek(
                    rule=rule, age=age - 1, before=week, acted=acted, unacted=len(ended) - acted
                )
            )  # fmt: skip
    return sorted(examples, key=lambda one: (-one.age, one.rule)), latest


def _week(alerts: Sequence[Kept], flapped: int) -> Week:
    many = len(alerts)
    ended = [one for one in alerts if one.resolved_at is not None]
    fatigue = fatigue_of(
        Counts(
            opened=many, ended=len(ended),
            ignored=sum(not (one.acknowledged or one.by_hand) for one in ended),
            low=sum(one.severity <= Severity.LOW for one in alerts),
            noise=sum(one.noise for one in alerts), seen=many, flapping=min(flapped, many),
            duplicates=duplicates(alerts), seconds=WEEK.total_seconds(),
        )
    )  # fmt: skip
    shares = {part.name: part.share for part in fatigue.parts}
    brief = sum(
        one.resolved_at is not None and not one.by_hand and one.resolved_at - one.opened_at < BRIEF
        for one in alerts
    )
    return Week(
        shares=tuple(brief / many if name == "brief" else shares[name] for name in FEATURES),
        score=fatigue.score or 0.0,
    )
