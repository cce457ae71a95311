"""Why receivers are and were notified of an alert, or not, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Request

from sentinel.access import Permission
from sentinel.api.alerts import AlertId
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.scoped import within
from sentinel.notifications.why import AlertWhy

__all__ = ["router"]

router = APIRouter(prefix="/alerts", tags=["alerts"])


@router.get(
    "/{alert_id}/why",
    summary="Why receivers are notified of an alert, or not",
    responses=responses(404),
)
@needs(Permission.READ, "alerts", confined=True)
def why(request: Request, alert_id: AlertId) -> AlertWhy:
    """Return the decisions of now for each receiver and channel, and the outcomes so far.

    Each has a reason code, the words for it, and the exact time of the next decision. Nothing is
    sent by asking.

    Returns:
        The decisions and outcomes, each also as a sentence.

    Raises:
        NotFound: there is no such alert
    """
    return within(request).why(alert_id)
