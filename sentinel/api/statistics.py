"""Statistics over HTTP."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request

from sentinel.api.problems import responses
from sentinel.api.schemas import StatisticsView, SystemStats
from sentinel.store import Store

__all__ = ["router"]

router = APIRouter(prefix="/statistics", tags=["statistics"])


@router.get("", summary="Statistics of the last hours", responses=responses())
def statistics(
    request: Request,
    hours: Annotated[
        float, Query(gt=0, le=24 * 366, description="Length of the period, in hours.")
    ] = 24,
) -> StatisticsView:
    """Count the alerts and notifications of the last hours, and the alerts that are live now."""
    found = cast("Store", request.app.state.store).statistics.figures(hours)
    return StatisticsView(
        hours=found.hours,
        total_active_alerts=found.active,
        critical_alerts=found.critical,
        unacknowledged_alerts=found.unacknowledged,
        system_stats=SystemStats(
            alerts_generated=found.generated,
            alerts_resolved=found.resolved,
            notifications_sent=found.notifications_sent,
            notification_failures=found.notification_failures,
            rule_evaluations=found.rule_evaluations,
        ),
    )
