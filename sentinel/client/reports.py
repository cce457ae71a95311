"""Requests about periods: reaction times, trends, and two periods side by side.

```python
from sentinel.client import Client, reports

with Client() as sentinel:
    for one in sentinel.do(reports.analytics(days=7)).rules:
        print(one.name, one.opened, one.acknowledge, one.resolve)
    for change in sentinel.do(reports.comparison()).rules:
        print(change.rule, change.first, change.second)
```
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = [
    "Analytics", "Comparison", "DayFigures", "Figures", "NoisyRule", "OpenedOf", "OwnTimes",
    "PeriodFigures", "PersonPages", "Quantiles", "RuleChange", "Span", "Trend", "TrendStep",
    "analytics", "comparison", "trend",
]  # fmt: skip

_PATH = f"{BASE}/analytics"


class Figures(BaseModel):
    """Figures of the alerts of one name; mean times in seconds, None where nothing was measured."""

    tenant: str
    name: str
    opened: int
    critical: int
    low: int
    acknowledged: int
    resolved: int
    ignored: int
    acknowledge: float | None
    resolve: float | None


class DayFigures(BaseModel):
    """Figures of the alerts that opened on the day, in UTC, that begins at `at`."""

    at: datetime
    figures: Figures


class Quantiles(BaseModel):
    """How long something took, in seconds; None where nothing was measured."""

    count: int
    median: float | None
    p95: float | None
    most: float | None


class OwnTimes(BaseModel):
    """The response times of Sentinel itself."""

    message: Quantiles
    evaluation: Quantiles
    lateness: Quantiles


class PersonPages(BaseModel):
    """The pages of one person; `above` are shifts with more than two, `most` the worst one."""

    person: str
    pages: int
    shifts: int
    above: int
    most: int


class Analytics(BaseModel):
    """A period; `definitions` say what the figures mean, `people` is None where out of reach."""

    since: datetime
    until: datetime
    definitions: dict[str, str]
    all: Figures
    rules: list[Figures]
    teams: list[Figures]
    severities: list[Figures]
    days: list[DayFigures]
    own: OwnTimes
    people: list[PersonPages] | None


class PeriodFigures(BaseModel):
    """Figures of one period; mean times in seconds, None where nothing was measured."""

    opened: int
    resolved: int
    unattended: int
    acknowledge: float | None
    resolve: float | None


class TrendStep(BaseModel):
    """How many alerts of one severity opened in the step that begins at `at`."""

    at: datetime
    severity: str
    opened: int


class OpenedOf(BaseModel):
    """How many alerts of one category or team opened."""

    name: str
    opened: int


class NoisyRule(BaseModel):
    """A rule by how many alerts it opened, and in the period before."""

    rule: str
    tenant: str
    opened: int
    before: int
    critical: int
    unattended: int
    acknowledge: float | None
    resolve: float | None


class Trend(BaseModel):
    """A period that ends now, beside the period of the same length before it."""

    since: datetime
    until: datetime
    step_seconds: float
    now: PeriodFigures
    before: PeriodFigures
    steps: list[TrendStep]
    by_category: list[OpenedOf]
    by_team: list[OpenedOf]
    noisy: list[NoisyRule]


class Span(BaseModel):
    """A period from `since`, up to but without `until`."""

    since: datetime
    until: datetime


class RuleChange(BaseModel):
    """How many alerts one rule opened in each period, and its mean times in seconds."""

    rule: str
    tenant: str
    first: int
    second: int
    first_resolve: float | None
    second_resolve: float | None


class Comparison(BaseModel):
    """Two periods; `first` is the one to compare with. `more` rules are left out."""

    first_span: Span
    second_span: Span
    first: PeriodFigures
    second: PeriodFigures
    rules: list[RuleChange]
    more: int


def analytics(*, days: int = 7) -> Call[Analytics]:
    """Return the request for reaction times and pages of the last days."""
    return Call(Analytics, "GET", _PATH, {"days": days})


def trend(period: Literal["24h", "7d", "30d"] = "24h") -> Call[Trend]:
    """Return the request for a period that ends now, beside the one before."""
    return Call(Trend, "GET", f"{_PATH}/trend", {"period": period})


def comparison(
    *, since: datetime | None = None, until: datetime | None = None,
    against_since: datetime | None = None, against_until: datetime | None = None, q: str = "",
    severity: Sequence[str] = (), rule: str = "", category: str = "", team: str = "",
    tenant: str = "",
) -> Call[Comparison]:  # fmt: skip
    """Return the request that compares two periods, by default the last two of 7 days.

    Args:
        since: where the period of interest begins; None for 7 days before `until`
        until: where it ends; None for now
        against_since: where the other one begins; None for one that is as long
        against_until: where it ends; None for `since`
        q: a search, as of alerts
        severity: only these; empty for all
        rule: only of this rule
        category: only of rules of this category
        team: only of rules of this team
        tenant: only of this tenant

    Returns:
        The request, for `do`.
    """
    moments = {"since": since, "until": until, "against_since": against_since,
               "against_until": against_until}  # fmt: skip
    asked = {name: None if one is None else one.isoformat() for name, one in moments.items()}
    words = {"q": q, "rule": rule, "category": category, "team": team, "tenant": tenant}
    given = {name: one or None for name, one in words.items()}
    return Call(Comparison, "GET", f"{_PATH}/comparison",
                {**asked, **given, "severity": list(severity) or None})  # fmt: skip
