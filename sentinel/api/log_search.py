"""Search of log lines over HTTP, at `/api/logs` and `/api/v1/logs`."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.scoped import WholeTenant
from sentinel.api.telemetry_asked import Cursor, Limit, Since, Text, Until, asked_of, reader_of
from sentinel.store import Store
from sentinel.store.telemetry.answering import LogAnswers
from sentinel.telemetry.answers import (
    FacetFound,
    HistogramFound,
    LogLineView,
    LogsFound,
    LogStatisticsView,
    TraceLogs,
)
from sentinel.telemetry.asked import Asked, Language, nanoseconds_of
from sentinel.telemetry.query import LOG_FIELDS

__all__ = ["router"]

router = APIRouter(prefix="/logs", tags=["telemetry"])

Service = Annotated[str, Query(max_length=200, description="Name of the service.")]
Level = Annotated[str, Query(max_length=20, description="Such as `ERROR`: exactly this level.")]
Read = Annotated[
    Language,
    Query(
        description="`words` for plain words, as *show me errors from database*; `auto` takes a "
        "text for plain words if it begins with a verb such as `show` or `find`."
    ),
]


def _asked(
    request: Request, query: str, service: str, level: str, since: str, until: str,
    language: Language,
) -> Asked:  # fmt: skip
    also = (("service", service), ("level", level))
    return asked_of(request, query, LOG_FIELDS, since, until, also, language)


@router.get("/search", summary="Search log lines", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def search(
    request: Request, tenant: WholeTenant, query: Text = "", service_name: Service = "",
    level: Level = "", since: Since = "1h", until: Until = "", language: Read = "auto",
    limit: Limit = 100, cursor: Cursor = None,
) -> LogsFound:  # fmt: skip
    """Return the newest lines that match, a page at a time; `query` says what was looked for."""
    asked = _asked(request, query, service_name, level, since, until, language)
    return LogAnswers(reader_of(request), tenant.name).found(asked, limit, cursor)


@router.get("/errors", summary="List errors", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def errors(
    request: Request, tenant: WholeTenant, service_name: Service = "", since: Since = "24h",
    until: Until = "", limit: Limit = 100, cursor: Cursor = None,
) -> LogsFound:  # fmt: skip
    """Return the newest lines of level error or critical."""
    asked = _asked(request, "level:>=error", service_name, "", since, until, "query")
    return LogAnswers(reader_of(request), tenant.name).found(asked, limit, cursor)


@router.get("/tail", summary="Follow log lines", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def tail(
    request: Request, tenant: WholeTenant, query: Text = "", service_name: Service = "",
    level: Level = "", since: Since = "15m", until: Until = "", language: Read = "auto",
    limit: Limit = 100, cursor: Cursor = None,
) -> LogsFound:  # fmt: skip
    """Return the lines after a cursor, the oldest first; without one, the newest lines.

    Ask again with `next_cursor`. A line that arrives after later ones were shown is not shown.

    Returns:
        The lines, and always a cursor.
    """
    asked = _asked(request, query, service_name, level, since, until, language)
    return LogAnswers(reader_of(request), tenant.name).tail(asked, limit, cursor)


@router.get("/histogram", summary="Count log lines over time", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def histogram(
    request: Request, tenant: WholeTenant, query: Text = "", service_name: Service = "",
    level: Level = "", since: Since = "1h", until: Until = "", language: Read = "auto",
    buckets: Annotated[int, Query(ge=1, le=500, description="Most parts of the period.")] = 60,
) -> HistogramFound:  # fmt: skip
    """Count the lines of each part of the period, by level."""
    asked = _asked(request, query, service_name, level, since, until, language)
    return LogAnswers(reader_of(request), tenant.name).histogram(asked, buckets)


@router.get("/facets", summary="Count the values of a field", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def facets(
    request: Request, tenant: WholeTenant,
    field: Annotated[
        str,
        Query(max_length=200, description="service, level, host, env, logger, event, @attribute."),
    ] = "service",
    query: Text = "", service_name: Service = "", level: Level = "", since: Since = "1h",
    until: Until = "", language: Read = "auto",
    limit: Annotated[int, Query(ge=1, le=100, description="Most values.")] = 20,
) -> FacetFound:  # fmt: skip
    """Return the most frequent values of a field among the lines that match."""
    asked = _asked(request, query, service_name, level, since, until, language)
    return LogAnswers(reader_of(request), tenant.name).facet(asked, field, limit)


@router.get("/statistics", summary="Statistics of log lines", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def statistics(
    request: Request, tenant: WholeTenant, query: Text = "", service_name: Service = "",
    since: Since = "24h", until: Until = "", language: Read = "auto",
) -> LogStatisticsView:  # fmt: skip
    """Count lines by level and service."""
    asked = _asked(request, query, service_name, "", since, until, language)
    return LogAnswers(reader_of(request), tenant.name).statistics(asked)


@router.get("/trace/{trace_id}", summary="Log lines of a trace", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def of_trace(
    request: Request, tenant: WholeTenant, trace_id: str, limit: Limit = 1_000
) -> TraceLogs:
    """Return the lines of a trace, the oldest first."""
    now = nanoseconds_of(cast("Store", request.app.state.store).now())
    return LogAnswers(reader_of(request), tenant.name).of_trace(trace_id, now, limit)


@router.get("/lines/{line_id}", summary="Show a log line", responses=responses(404))
@needs(Permission.READ, "telemetry", confined=True)
def line(request: Request, tenant: WholeTenant, line_id: str) -> LogLineView:
    """Return one line by its id; its `trace_id` names its trace."""
    return LogAnswers(reader_of(request), tenant.name).line(line_id)
