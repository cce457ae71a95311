"""Answers about periods: how many alerts, how fast people reacted, and what changed."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AnalyticsView", "ComparisonView", "TrendView"]

_SECONDS = "In seconds; null where nothing was measured."


class MeasuredView(BaseModel):
    """Figures of the alerts of one name that opened in the period."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "tenant": "default", "name": "disk-space", "opened": 12, "critical": 2,
                    "low": 0, "acknowledged": 9, "resolved": 11, "ignored": 1,
                    "acknowledge": 210.5, "resolve": 1840.0,
                }
            ]
        }
    )  # fmt: skip

    tenant: str = Field(description="Of the rule; empty for all but rules.")
    name: str = Field(description="Of the rule or team, or the severity; empty for no team.")
    opened: int
    critical: int
    low: int = Field(description="Those of severity low or info.")
    acknowledged: int
    resolved: int
    ignored: int = Field(description="Resolved, and nobody acknowledged or resolved them by hand.")
    acknowledge: float | None = Field(description=f"MTTA. {_SECONDS}")
    resolve: float | None = Field(description=f"MTTR. {_SECONDS}")


class MeasuredDayView(BaseModel):
    """Figures of the alerts that opened on one day."""

    at: datetime = Field(description="Where the day begins, in UTC.")
    figures: MeasuredView


class PersonPages(BaseModel):
    """The pages of one person."""

    person: str
    pages: int
    shifts: int = Field(description="Shifts of 12 hours with a page.")
    above: int = Field(description="Those of them with more than two pages.")
    most: int = Field(description="Pages of the worst shift.")


class QuantilesView(BaseModel):
    """How long something took."""

    count: int
    median: float | None = Field(description=_SECONDS)
    p95: float | None = Field(description=_SECONDS)
    most: float | None = Field(description=_SECONDS)


class OwnTimesView(BaseModel):
    """The response times of Sentinel itself."""

    message: QuantilesView = Field(description="From the opening of a group to its first message.")
    evaluation: QuantilesView = Field(description="The checks of the rules' last evaluations.")
    lateness: QuantilesView = Field(description="Of the last evaluations of scheduled rules.")


class AnalyticsView(BaseModel):
    """A period that ends now; the most alerts first, days in time."""

    since: datetime
    until: datetime
    definitions: dict[str, str] = Field(
        description="What the figures mean.",
        examples=[{"MTTA": "Mean time to acknowledge: from when an alert opened to …"}],
    )
    all: MeasuredView
    rules: list[MeasuredView] = Field(description="At most 50.")
    teams: list[MeasuredView] = Field(description="At most 50.")
    severities: list[MeasuredView]
    days: list[MeasuredDayView]
    own: OwnTimesView
    people: list[PersonPages] | None = Field(
        description="Who was paged, the most first; null for whoever may not see on-call."
    )


class PeriodView(BaseModel):
    """Figures of one period."""

    opened: int
    resolved: int
    unattended: int = Field(description="Opened in the period and never acknowledged.")
    acknowledge: float | None = Field(description=f"Mean time to acknowledge. {_SECONDS}")
    resolve: float | None = Field(description=f"Mean time to resolve. {_SECONDS}")


class TrendStep(BaseModel):
    """How many alerts of one severity opened in one step."""

    at: datetime = Field(description="Where the step begins.")
    severity: str
    opened: int


class OpenedOf(BaseModel):
    """How many alerts of one category or team opened."""

    name: str
    opened: int


class NoisyRule(BaseModel):
    """A rule by how many alerts it opened."""

    rule: str
    tenant: str
    opened: int
    before: int = Field(description="In the period before.")
    critical: int
    unattended: int
    acknowledge: float | None = Field(description=_SECONDS)
    resolve: float | None = Field(description=_SECONDS)


class TrendView(BaseModel):
    """A period that ends now, beside the period of the same length before it."""

    since: datetime
    until: datetime
    step_seconds: float = Field(description="Width of a step.")
    now: PeriodView
    before: PeriodView
    steps: list[TrendStep] = Field(description="Steps and severities without alerts are left out.")
    by_category: list[OpenedOf] = Field(description="The most first.")
    by_team: list[OpenedOf] = Field(description="The most first.")
    noisy: list[NoisyRule] = Field(description="The most alerts first.")


class SpanView(BaseModel):
    """A period from `since`, up to but without `until`."""

    since: datetime
    until: datetime


class RuleChange(BaseModel):
    """How many alerts one rule opened in each period."""

    rule: str
    tenant: str
    first: int
    second: int
    first_resolve: float | None = Field(description=f"Mean time to resolve. {_SECONDS}")
    second_resolve: float | None = Field(description=f"Mean time to resolve. {_SECONDS}")


class ComparisonView(BaseModel):
    """Two periods; `first` is the one to compare with, `second` the one of interest."""

    first_span: SpanView
    second_span: SpanView
    first: PeriodView
    second: PeriodView
    rules: list[RuleChange] = Field(
        description="Those whose counts differ most come first, at most 50.",
        examples=[
            [
                {
                    "rule": "disk-space", "tenant": "default", "first": 3, "second": 12,
                    "first_resolve": 900.0, "second_resolve": 1840.0,
                }
            ]
        ],
    )  # fmt: skip
    more: int = Field(description="How many rules are left out.")
