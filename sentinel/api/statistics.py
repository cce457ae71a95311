"""Statistics over HTTP."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Query, Request, Response

from sentinel.access import Permission
from sentinel.api.answers import answers_of, json_response
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import StatisticsView
from sentinel.store import Store
from sentinel.store.reports.statistics import Figures

__all__ = ["router"]

router = APIRouter(prefix="/statistics", tags=["statistics"])


@router.get(
    "", summary="Statistics of the last hours", responses=responses(), response_model=StatisticsView
)
@needs(Permission.READ, "statistics")
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
    store = cast("Store", request.app.state.store)
    rules, version = await asyncio.gather(answers.rules_version(), answers.version())
    found = await answers.of(("statistics", hours), version, partial(_figures, store, hours))
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
            "rule_evaluations": rules.evaluations,
        },
    }
    return json_response(msgspec.json.encode(fields))


def _figures(store: Store, hours: float) -> tuple[Figures, datetime | None]:
    counted = store.statistics.counted(hours)
    return counted.figures, counted.ends
