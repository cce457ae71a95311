"""The bodies of the routes about SLOs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sentinel.api.bodies import SentMoment
from sentinel.slo.budget import Health, Status
from sentinel.slo.burn_alerts import Burn
from sentinel.slo.definition import SloDefinition
from sentinel.slo.history import Violation
from sentinel.slo.prediction import Prediction
from sentinel.store.slo.slos import MOST_MEASUREMENTS, StoredSlo

__all__ = [
    "BurnItem",
    "BurnRates",
    "ErrorBudgets",
    "HistoryItem",
    "HistoryPoint",
    "Measured",
    "MeasuredBody",
    "MeasurementBody",
    "OutOfReachItem",
    "PredictionItem",
    "Predictions",
    "SloHistory",
    "SloItem",
    "SloList",
    "SloStatus",
    "SloViolations",
    "StatusItem",
    "ViolationItem",
    "burn_item",
    "item_of",
    "prediction_item",
    "status_item",
]  # fmt: skip


class SloItem(BaseModel):
    """An SLO."""

    definition: SloDefinition
    version: int
    saved_at: datetime
    saved_by: str
    rule: str = Field(description="Name of its rule, which alerts on its burn rate.")


class StatusItem(BaseModel):
    """How one objective stands."""

    objective: str
    target: float
    health: Health
    window_start: datetime
    window_end: datetime
    good: float
    total: float
    compliance: float | None = Field(description="Percent of good events.")
    budget_events: float = Field(description="How many events may be bad, by the events so far.")
    bad_events: float
    budget_left: float | None = Field(description="Share of the budget; below 0: overspent.")
    burn_rate: float | None = Field(description="Of the window so far; 1 uses up the budget.")


class OutOfReachItem(BaseModel):
    """An alert that cannot fire: its long window never has enough events."""

    objective: str
    kind: str = Field(description="page or ticket.")
    long_seconds: float
    most_events: float = Field(description="In such a window, in the last 28 days.")
    needs_events: float = Field(description="minimum_events of the SLO.")


class SloStatus(BaseModel):
    """How an SLO stands."""

    name: str
    health: Health = Field(description="The worst of its objectives.")
    counted_until: datetime | None = Field(description="Null: by its measurements, or not yet.")
    objectives: list[StatusItem]
    out_of_reach: list[OutOfReachItem] = Field(
        description="Alerts that cannot fire for want of events; empty in the first three days."
    )


class SloListItem(SloItem):
    """An SLO and how it stands."""

    status: SloStatus


class SloList(BaseModel):
    """SLOs by name."""

    items: list[SloListItem]
    next_cursor: str | None = Field(description="For the next page; null on the last.")


class ErrorBudgets(BaseModel):
    """The error budgets of an SLO, one for each objective."""

    name: str
    budgets: list[StatusItem]


class PairItem(BaseModel):
    """Burn rates over a long and a short window; null where there are too few events."""

    long_seconds: float
    short_seconds: float
    fires_above: float
    long: float | None
    short: float | None
    fires: bool | None


class BurnItem(BaseModel):
    """How fast an objective's budget burns, as its page or ticket sees it."""

    objective: str
    kind: str = Field(description="page or ticket.")
    fires: bool | None = Field(description="Null where too few events say so.")
    pairs: list[PairItem]


class BurnRates(BaseModel):
    """The burn rates of an SLO."""

    name: str
    burns: list[BurnItem]


class HistoryPoint(BaseModel):
    """How an objective stood at a moment."""

    at: datetime
    health: Health
    compliance: float | None
    budget_left: float | None
    burn_rate: float | None


class HistoryItem(BaseModel):
    """The history of one objective, oldest first."""

    objective: str
    points: list[HistoryPoint]


class SloHistory(BaseModel):
    """The history of an SLO."""

    name: str
    objectives: list[HistoryItem]


class ViolationItem(BaseModel):
    """A time during which an objective was violated."""

    name: str
    objective: str
    start: datetime
    end: datetime | None = Field(description="Null where it still is.")
    worst_budget_left: float


class SloViolations(BaseModel):
    """Violations, the newest first, of some of the SLOs."""

    items: list[ViolationItem]
    next_cursor: str | None = Field(description="For those of further SLOs; null on the last.")


class PredictionItem(BaseModel):
    """When an objective is violated, if the days to come are like those that were."""

    objective: str
    horizon: datetime
    probability: float = Field(description="That it is violated before the horizon.")
    soonest: datetime | None = Field(description="10% of what may come is violated by then.")
    likely: datetime | None = Field(description="Half of it; null: not before the horizon.")
    latest: datetime | None = Field(description="90% of it.")
    days: int = Field(description="Of the past from which it is drawn.")


class Predictions(BaseModel):
    """Predictions for the objectives of an SLO that have enough data."""

    name: str
    predictions: list[PredictionItem]


class MeasurementBody(BaseModel):
    """Good and all events at a moment."""

    model_config = ConfigDict(extra="forbid")

    good: float = Field(ge=0, le=1e15, allow_inf_nan=False)
    total: float = Field(ge=0, le=1e15, allow_inf_nan=False, description="The good ones too.")
    at: SentMoment | None = Field(default=None, description="Left out: now.")


class MeasuredBody(BaseModel):
    """Measurements to add."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"measurements": [{"good": 998, "total": 1000}]}]},
    )

    measurements: Annotated[
        list[MeasurementBody], Field(min_length=1, max_length=MOST_MEASUREMENTS)
    ]


class Measured(BaseModel):
    """How many measurements were added."""

    added: int


def item_of(one: StoredSlo) -> SloItem:
    """Return an SLO as the API shows it."""
    return SloItem(
        definition=one.definition, version=one.version, saved_at=one.saved_at,
        saved_by=one.saved_by, rule=one.rule,
    )  # fmt: skip


def status_item(one: Status) -> StatusItem:
    """Return how an objective stands as the API shows it."""
    return StatusItem(
        objective=one.objective, target=one.target, health=one.health,
        window_start=one.span.start, window_end=one.span.end, good=one.counted.good,
        total=one.counted.total, compliance=one.compliance, budget_events=one.budget_events,
        bad_events=one.counted.bad, budget_left=one.budget_left, burn_rate=one.burn_rate,
    )  # fmt: skip


def burn_item(one: Burn) -> BurnItem:
    """Return burn rates as the API shows them."""
    pairs = [
        PairItem(
            long_seconds=pair.pair.long.total_seconds(),
            short_seconds=pair.pair.short.total_seconds(), fires_above=pair.factor,
            long=pair.long, short=pair.short, fires=pair.fires,
        )
        for pair in one.pairs
    ]  # fmt: skip
    return BurnItem(objective=one.objective, kind=one.kind, fires=one.fires, pairs=pairs)


def prediction_item(objective: str, one: Prediction) -> PredictionItem:
    """Return a prediction as the API shows it."""
    return PredictionItem(
        objective=objective, horizon=one.horizon, probability=one.probability,
        soonest=one.soonest, likely=one.likely, latest=one.latest, days=one.days,
    )  # fmt: skip


def violation_item(name: str, one: Violation) -> ViolationItem:
    """Return a violation as the API shows it."""
    return ViolationItem(
        name=name, objective=one.objective, start=one.start, end=one.end,
        worst_budget_left=one.worst_budget_left,
    )  # fmt: skip
