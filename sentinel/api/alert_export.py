"""Alerts as a CSV file over HTTP, as the page History exports them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import chain

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from sentinel.access import Permission
from sentinel.alerts.exported import ALERT_COLUMNS, alert_cells
from sentinel.alerts.view import AlertView
from sentinel.api.access import acting
from sentinel.api.alert_query import (
    Assignee,
    Category,
    OfTenant,
    RuleNamed,
    Search,
    Severities,
    Since,
    Statuses,
    Team,
    Until,
)
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.scoped import within
from sentinel.labels.csv_text import csv_head, csv_lines
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.search_syntax import searched

__all__ = ["router"]

router = APIRouter(tags=["alerts"])


@router.get(
    "/alerts.csv",
    summary="Alerts as a CSV file",
    responses={
        **responses(),
        200: {
            "content": {
                "text/csv": {"schema": {"type": "string"}, "example": ",".join(ALERT_COLUMNS)}
            },
            "description": "One line for each alert, in UTF-8; times are in ISO 8601, UTC",
        },
    },
    response_class=StreamingResponse,
)
@needs(Permission.READ, "alerts", confined=True)
def export(
    request: Request,
    status: Statuses = [],  # noqa: B006 - FastAPI copies it
    severity: Severities = [],  # noqa: B006 - FastAPI copies it
    rule: RuleNamed = "",
    category: Category = "",
    team: Team = "",
    assignee: Assignee = None,
    q: Search = "",
    since: Since = None,
    until: Until = None,
    tenant: OfTenant = "",
) -> StreamingResponse:
    """Return all alerts that match, newest first, as the page History exports them.

    However many they are, they are sent as they are read. A text that a spreadsheet would run as a
    formula has an apostrophe before it. If the answer ends before its end, it was cut off.

    Returns:
        The file.
    """
    chosen = AlertFilter(
        status=tuple(status), severity=tuple(severity), rule=rule, category=category, team=team,
        assignee=assignee, since=since, until=until, tenant=tenant,
    )  # fmt: skip
    if q:
        chosen = searched(chosen, q, me=acting(request).me)
    store = within(request)
    pages = store.scoped_alerts.every(chosen)
    first = next(pages)  # what is wrong with the question is answered before a file begins
    name = f"alerts-{store.now():%Y%m%d-%H%M}.csv"
    return StreamingResponse(
        _file(chain([first], pages)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _file(pages: Iterator[list[AlertView]]) -> Generator[str]:
    yield csv_head(ALERT_COLUMNS)
    for page in pages:
        if page:
            yield csv_lines(map(alert_cells, page))
