"""How an SLO stands over HTTP: status, error budgets, burn rates, history and prediction."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from sentinel.access import Permission, Principal
from sentinel.api.access import Acting
from sentinel.api.bodies import Moment, Tenant
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.shown_rules import store_of
from sentinel.api.slo_bodies import (
    BurnRates,
    ErrorBudgets,
    HistoryItem,
    HistoryPoint,
    OutOfReachItem,
    Predictions,
    SloHistory,
    SloStatus,
    burn_item,
    prediction_item,
    status_item,
)
from sentinel.slo.budget import statuses_of, worst_of
from sentinel.slo.burn_alerts import burns_of
from sentinel.slo.counts import Counts
from sentinel.slo.definition import NAME_PATTERN, objective_name
from sentinel.slo.history import history_of
from sentinel.slo.prediction import predicted
from sentinel.slo.reach import LOOKED_BACK, out_of_reach
from sentinel.store.slo.slos import Slos, StoredSlo

__all__ = ["SloId", "router", "slos_of", "status_now"]

router = APIRouter(prefix="/slo", tags=["SLOs"])

SloId = Annotated[
    str,
    Path(pattern=f"^({NAME_PATTERN})$", description="Name of the SLO.", examples=["checkout"]),
]


@router.get("/{slo_id}/status", summary="How an SLO stands", responses=responses(404))
@needs(Permission.READ, "slo", confined=True)
def status(request: Request, slo_id: SloId, who: Acting, tenant: Tenant = "default") -> SloStatus:
    """Return how each objective of an SLO stands now."""
    slos = slos_of(request, who)
    return status_now(request, slos, slos.get(slo_id, tenant=tenant))


@router.get("/{slo_id}/error-budget", summary="Error budgets of an SLO", responses=responses(404))
@needs(Permission.READ, "slo", confined=True)
def error_budget(
    request: Request, slo_id: SloId, who: Acting, tenant: Tenant = "default"
) -> ErrorBudgets:
    """Return the error budget of each objective, and how much of it is left."""
    slos = slos_of(request, who)
    found = status_now(request, slos, slos.get(slo_id, tenant=tenant))
    return ErrorBudgets(name=slo_id, budgets=found.objectives)


@router.get("/{slo_id}/burn-rate", summary="Burn rates of an SLO", responses=responses(404))
@needs(Permission.READ, "slo", confined=True)
def burn_rate(
    request: Request, slo_id: SloId, who: Acting, tenant: Tenant = "default"
) -> BurnRates:
    """Return how fast the budgets burn, over the windows by which its rule alerts."""
    one, counts = _counted(request, who, slo_id, tenant)
    now, least = store_of(request).now(), one.definition.minimum_events
    burns = [
        burn_item(each)
        for objective in one.definition.objectives
        for each in burns_of(objective, counts, now, least)
    ]
    return BurnRates(name=slo_id, burns=burns)


@router.get("/{slo_id}/history", summary="History of an SLO", responses=responses(400, 404))
@needs(Permission.READ, "slo", confined=True)
def history(
    request: Request,
    slo_id: SloId,
    who: Acting,
    tenant: Tenant = "default",
    since: Annotated[Moment | None, Query(description="Left out: 30 days ago.")] = None,
    until: Annotated[Moment | None, Query(description="Left out: now.")] = None,
) -> SloHistory:
    """Return how each objective stood over time, in steps of an hour or longer ones.

    It is computed from the events as they are now, so that late measurements correct it.

    Returns:
        At most 1,000 points an objective.

    Raises:
        Problem: 400 where it would end before it begins
    """
    one, counts = _counted(request, who, slo_id, tenant)
    end = min(until or store_of(request).now(), store_of(request).now())
    start = since or end - timedelta(days=30)
    if start > end:
        raise Problem(400, "bad_request", "since: lies after until, or ahead", field="since")
    least = one.definition.minimum_events
    items = [
        HistoryItem(
            objective=objective_name(objective),
            points=[
                HistoryPoint(at=at, health=each.health, compliance=each.compliance,
                             budget_left=each.budget_left, burn_rate=each.burn_rate)
                for at, each in history_of(objective, counts, start, end, timedelta(hours=1), least)
            ],
        )
        for objective in one.definition.objectives
    ]  # fmt: skip
    return SloHistory(name=slo_id, objectives=items)


@router.get("/{slo_id}/predict", summary="Predict a violation", responses=responses(404))
@needs(Permission.READ, "slo", confined=True)
def predict(
    request: Request, slo_id: SloId, who: Acting, tenant: Tenant = "default"
) -> Predictions:
    """Return when each objective is violated, if the days to come are like those that were.

    Objectives with less than three days of events have no prediction.

    Returns:
        A moment, its 80% interval, and the probability of a violation before the horizon.
    """
    one, counts = _counted(request, who, slo_id, tenant)
    now, least = store_of(request).now(), one.definition.minimum_events
    found = [(each, predicted(each, counts, now, minimum=least))
             for each in one.definition.objectives]  # fmt: skip
    items = [prediction_item(objective_name(each), one) for each, one in found if one is not None]
    return Predictions(name=slo_id, predictions=items)


def slos_of(request: Request, who: Principal, permission: Permission = Permission.READ) -> Slos:
    """Return the SLOs of whoever asks, within the scope of a permission."""
    return Slos(store_of(request), who.scope(permission))


def status_now(request: Request, slos: Slos, one: StoredSlo) -> SloStatus:
    """Return how an SLO stands now, by all of its objectives."""
    now, definition = store_of(request).now(), one.definition
    starts = [each.window.span(now).start for each in definition.objectives]
    first = min([*starts, now - LOOKED_BACK])
    counts = slos.counts(one.name, first, tenant=definition.tenant, coarse=True)
    found = statuses_of(definition, counts, now)
    return SloStatus(
        name=one.name, health=worst_of(found),
        counted_until=one.counted_until, objectives=[status_item(each) for each in found],
        out_of_reach=[
            OutOfReachItem(
                objective=objective_name(objective), kind=each.pair.kind,
                long_seconds=each.pair.long.total_seconds(), most_events=each.most,
                needs_events=each.needs,
            )
            for objective in definition.objectives
            for each in out_of_reach(objective, counts, now, definition.minimum_events)
        ],
    )  # fmt: skip


def _counted(request: Request, who: Principal, name: str, tenant: str) -> tuple[StoredSlo, Counts]:
    slos = slos_of(request, who)
    return slos.get(name, tenant=tenant), slos.counts(name, tenant=tenant)
