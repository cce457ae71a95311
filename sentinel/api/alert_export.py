"""Alerts as a file over HTTP, CSV or Excel, as the page History exports them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from itertools import chain
from tempfile import TemporaryFile
from typing import IO, Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from sentinel.access import Permission
from sentinel.alerts.exported import ALERT_COLUMNS, ALERT_MOMENTS, ALERT_WIDTHS, alert_cells
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
from sentinel.api.problems import Problem, responses
from sentinel.api.scoped import within
from sentinel.labels.csv_text import csv_head, csv_lines
from sentinel.labels.workbook import Sheet, write_workbook
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.search_syntax import searched

__all__ = ["MOST_IN_WORKBOOK", "router"]

router = APIRouter(tags=["alerts"])

MOST_IN_WORKBOOK = 50_000
"""Alerts of a workbook, which is written whole before it is sent: some ten seconds of a processor.
CSV has no bound."""
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PART = 65_536
_writing = threading.Lock()
"""Workbooks are written one at a time, so that the others who ask wait for no processor."""
_SHEET = Sheet(
    name="alerts", columns=ALERT_COLUMNS, cells=alert_cells, moments=ALERT_MOMENTS,
    widths=ALERT_WIDTHS,
)  # fmt: skip


class _Chosen(msgspec.Struct, frozen=True):
    """Pages of the alerts that match, and the name of a file with them, without its ending."""

    pages: Iterator[list[AlertView]]
    name: str


def _chosen(
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
) -> _Chosen:
    chosen = AlertFilter(
        status=tuple(status), severity=tuple(severity), rule=rule, category=category, team=team,
        assignee=assignee, since=since, until=until, tenant=tenant,
    )  # fmt: skip
    if q:
        chosen = searched(chosen, q, me=acting(request).me)
    store = within(request)
    pages = store.scoped_alerts.every(chosen)
    first = next(pages)  # what is wrong with the question is answered before a file begins
    return _Chosen(chain([first], pages), f"alerts-{store.now():%Y%m%d-%H%M}")


Chosen = Annotated[_Chosen, Depends(_chosen)]


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
def export(found: Chosen) -> StreamingResponse:
    """Return all alerts that match, newest first, as the page History exports them.

    However many they are, they are sent as they are read. A text that a spreadsheet would run as a
    formula has an apostrophe before it. If the answer ends before its end, it was cut off.

    Returns:
        The file.
    """
    return StreamingResponse(
        _lines(found.pages),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{found.name}.csv"'},
    )


@router.get(
    "/alerts.xlsx",
    summary="Alerts as an Excel workbook",
    responses={
        **responses(),
        200: {
            "content": {_EXCEL: {"schema": {"type": "string", "format": "binary"}}},
            "description": "One row for each alert; times are in UTC",
        },
    },
    response_class=StreamingResponse,
)
@needs(Permission.READ, "alerts", confined=True)
def export_workbook(found: Chosen) -> StreamingResponse:
    """Return the alerts that match, newest first, as a workbook; at most 50,000.

    Texts are text cells, which no spreadsheet runs as a formula. The API writes one workbook at a
    time and answers 503 to others meanwhile.

    Returns:
        The file.

    Raises:
        Problem: 422 for more alerts than a workbook takes here, 503 while another one is written
    """
    if not _writing.acquire(blocking=False):
        raise Problem(
            503, "busy", "another workbook is being written",
            hint="Try again in some seconds, or export CSV.",
        )  # fmt: skip
    # It has no name on the disk: whatever becomes of the answer, it ends with it.
    file = TemporaryFile()  # noqa: SIM115 - it is closed once it is sent
    try:
        write_workbook(file, _SHEET, _bounded(found.pages))
    except BaseException:
        file.close()
        raise
    finally:
        _writing.release()
    size = file.tell()
    file.seek(0)
    return StreamingResponse(
        _parts(file),
        media_type=_EXCEL,
        headers={
            "Content-Disposition": f'attachment; filename="{found.name}.xlsx"',
            "Content-Length": str(size),
        },
    )


def _lines(pages: Iterator[list[AlertView]]) -> Generator[str]:
    yield csv_head(ALERT_COLUMNS)
    for page in pages:
        if page:
            yield csv_lines(map(alert_cells, page))


def _bounded(pages: Iterator[list[AlertView]]) -> Generator[list[AlertView]]:
    """Bound what a workbook takes.

    Yields:
        Each page.

    Raises:
        Problem: 422, once there are more alerts than a workbook takes
    """
    count = 0
    for page in pages:
        count += len(page)
        if count > MOST_IN_WORKBOOK:
            raise Problem(
                422, "invalid", f"a workbook takes {MOST_IN_WORKBOOK:,} alerts, and more match",
                hint="Narrow the filter, or export CSV, which has no bound.",
            )  # fmt: skip
        yield page


def _parts(file: IO[bytes]) -> Generator[bytes]:
    with file:
        while part := file.read(_PART):
            yield part
