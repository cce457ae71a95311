"""Search of traces over HTTP, at `/api/tracing` and `/api/v1/tracing`."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.scoped import WholeTenant
from sentinel.api.telemetry_asked import Cursor, Limit, Since, Text, Until, asked_of, reader_of
from sentinel.store.telemetry.answering import TraceAnswers
from sentinel.telemetry.answers import (
    LatencyFound,
    ServicesFound,
    SlowTraces,
    TracesFound,
    TraceStatisticsView,
    TraceView,
)
from sentinel.telemetry.asked import Asked
from sentinel.telemetry.query import SPAN_FIELDS

__all__ = ["router"]

router = APIRouter(prefix="/tracing", tags=["telemetry"])

Service = Annotated[str, Query(max_length=200, description="Name of the service.")]
Operation = Annotated[str, Query(max_length=500, description="Name of the operation.")]
Status = Annotated[
    Literal["", "ok", "error", "unset"], Query(description="Of the span: ok, error or unset.")
]
Milliseconds = Annotated[float, Query(ge=0, le=1e11, description="Milliseconds.")]


def _asked(
    request: Request, query: str, since: str, until: str, service: str, operation: str = "",
    status: str = "", least_ms: float | None = None, most_ms: float | None = None,
) -> Asked:  # fmt: skip
    also = (
        ("service", service), ("operation", operation), ("status", status),
        ("duration", "" if least_ms is None else f">={least_ms:.6f}ms"),
        ("duration", "" if most_ms is None else f"<={most_ms:.6f}ms"),
    )  # fmt: skip
    return asked_of(request, query, SPAN_FIELDS, since, until, also)


@router.get("/traces", summary="Search traces", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def search(
    request: Request, tenant: WholeTenant, query: Text = "", service_name: Service = "",
    operation_name: Operation = "", status: Status = "",
    min_duration_ms: Milliseconds | None = None, max_duration_ms: Milliseconds | None = None,
    since: Since = "1h", until: Until = "", limit: Limit = 50, cursor: Cursor = None,
) -> TracesFound:  # fmt: skip
    """Return the traces with a span that matches all of it, the newest first."""
    asked = _asked(
        request, query, since, until, service_name, operation_name, status, min_duration_ms,
        max_duration_ms,
    )  # fmt: skip
    return TraceAnswers(reader_of(request), tenant.name).found(asked, limit, cursor)


@router.get("/traces/{trace_id}", summary="Show a trace", responses=responses(404))
@needs(Permission.READ, "telemetry", confined=True)
def trace(request: Request, tenant: WholeTenant, trace_id: str) -> TraceView:
    """Return a trace with its spans in the order of a waterfall."""
    return TraceAnswers(reader_of(request), tenant.name).trace(trace_id)


@router.get("/slow-traces", summary="List the slowest traces", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def slow(
    request: Request, tenant: WholeTenant, query: Text = "", service_name: Service = "",
    threshold_ms: Milliseconds | None = None, since: Since = "1h", until: Until = "",
    limit: Limit = 50,
) -> SlowTraces:  # fmt: skip
    """Return the traces whose roots took longest, those of `threshold_ms` or more if it is given.

    Query and service are those of the root.

    Returns:
        The traces, the slowest first.
    """
    asked = _asked(request, query, since, until, service_name, least_ms=threshold_ms)
    return TraceAnswers(reader_of(request), tenant.name).slow(asked, limit)


@router.get("/latency", summary="Latency by service and operation", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def latency(
    request: Request, tenant: WholeTenant, query: Text = "", service_name: Service = "",
    operation_name: Operation = "", since: Since = "1h", until: Until = "", limit: Limit = 100,
) -> LatencyFound:  # fmt: skip
    """Return rates, errors, P50, P95 and P99 by service and operation, most spans first."""
    asked = _asked(request, query, since, until, service_name, operation_name)
    return TraceAnswers(reader_of(request), tenant.name).latency(asked, limit)


@router.get("/statistics", summary="Statistics of traces", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def statistics(
    request: Request, tenant: WholeTenant, query: Text = "", service_name: Service = "",
    since: Since = "1h", until: Until = "",
) -> TraceStatisticsView:  # fmt: skip
    """Return figures of all spans, of the first spans of traces, and of each service."""
    asked = _asked(request, query, since, until, service_name)
    return TraceAnswers(reader_of(request), tenant.name).statistics(asked)


@router.get("/dependencies", summary="Map of services", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def service_map(
    request: Request, tenant: WholeTenant, since: Since = "1h", until: Until = ""
) -> ServicesFound:
    """Return who calls whom, with rates, errors and latency."""
    asked = _asked(request, "", since, until, "")
    return TraceAnswers(reader_of(request), tenant.name).dependencies(asked, "")


@router.get(
    "/services/{service_name}/dependencies", summary="Dependencies of a service",
    responses=responses(),
)  # fmt: skip
@needs(Permission.READ, "telemetry", confined=True)
def dependencies(
    request: Request, tenant: WholeTenant, service_name: str, since: Since = "1h",
    until: Until = "",
) -> ServicesFound:  # fmt: skip
    """Return the callers of a service, and whom it calls."""
    asked = _asked(request, "", since, until, "")
    return TraceAnswers(reader_of(request), tenant.name).dependencies(asked, service_name)
