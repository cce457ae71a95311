"""Statistics over HTTP."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from sentinel.access import Permission
from sentinel.api.answers import answers_of, json_response
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import StatisticsView
from sentinel.api.scoped import within
from sentinel.store.access.within import Within
from sentinel.store.reports.statistics import Figures

__all__ = ["router"]

router = APIRouter(prefix="/statistics", tags=["statistics"])


@router.get(
    "", summary="Statistics of the last hours", responses=responses(), response_model=StatisticsView
)
@needs(Permission.READ, "statistics", confined=True)
async def statistics(
    request: Request,
    hours: Annotated[
        float, Query(gt=0, le=24 * 366, description="Length of the period, in hours.")
    ] = 24,
    time_range_hours: Annotated[
        float | None,
        Query(gt=0, le=24 * 366, description="Another name of `hours`, which it goes before."),
    ] = None,
) -> Response:
    """Count the alerts and notifications of the last hours, and the alerts that are live now."""
    hours = hours if time_range_hours is None else time_range_hours
    answers = answers_of(request)
    store = within(request)
    rules, version = await asyncio.gather(answers.rules_version(), answers.version())
    asked = ("statistics", store.scope, hours)
    found = await answers.of(asked, version, partial(_figures, store, hours))
    evaluations = rules.evaluations
    if not store.scope.is_everything:
        mine = ("evaluations", store.scope)
        evaluations = await answers.of(mine, version, partial(_evaluations, store), more=rules)
    # In the order of the fields of StatisticsView.
    fields = {
        "hours": float(hours),
        "total_active_alerts": found.active,
        "critical_alerts": found.critical,
        "unacknowledged_alerts": found.unacknowledged,
        "system_stats": {
            "alerts_generated": found.generated,
            "alerts_resolved": found.resolved,
            "notifications_sent": found.notifications_sent,
            "notification_failures": found.notification_failures,
            # Every evaluation raises it, so it is not of the figures that are kept.
            "rule_evaluations": evaluations,
        },
    }
    return json_response(msgspec.json.encode(fields))


def _evaluations(store: Within) -> tuple[int, None]:
    return store.evaluations(), None


def _figures(store: Within, hours: float) -> tuple[Figures, datetime | None]:
    counted = store.figures(hours)
    return counted.figures, counted.ends
