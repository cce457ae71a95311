"""Figures of the request log over HTTP, at `/api/v1/usage`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import SEE_DOCS, Problem, responses
from sentinel.api.request_log import ExportFormat, exported, file_responses
from sentinel.api.scoped import WholeTenant
from sentinel.api.shown_rules import store_of
from sentinel.api.telemetry_asked import Since, Text, Until, asked_of, reader_of
from sentinel.api_usage.answers import (
    ConsumerFound,
    EndpointChangesFound,
    QuotasFound,
    RisesFound,
    UsageFound,
    UsageGroupsFound,
)
from sentinel.api_usage.exported import USAGE_FILE
from sentinel.duration import parse_duration
from sentinel.store.telemetry.request_export import MOST_PARTS, exported_usage
from sentinel.store.telemetry.usage import GroupBy, Order
from sentinel.store.telemetry.usage_answers import UsageAnswers
from sentinel.telemetry.asked import Asked, nanoseconds_of
from sentinel.telemetry.query import REQUEST_FIELDS

__all__ = ["router"]

router = APIRouter(prefix="/usage", tags=["API usage"])

_LONGEST = timedelta(days=90)
Parts = Annotated[int, Query(ge=1, le=500, description="Most parts of the period.")]
By = Annotated[GroupBy, Query(description="Field whose values are compared.")]
Most = Annotated[int, Query(ge=1, le=1_000, description="Most values.")]
Least = Annotated[
    int, Query(ge=1, le=10**9, description="Requests below which a value says nothing.")
]


def _asked(request: Request, query: str, since: str, until: str) -> Asked:
    return asked_of(request, query, REQUEST_FIELDS, since, until, ())


def _answers(request: Request, tenant: str) -> UsageAnswers:
    return UsageAnswers(reader_of(request), tenant)


@router.get("", summary="Usage over time", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def usage(
    request: Request, tenant: WholeTenant, query: Text = "", since: Since = "15m",
    until: Until = "", parts: Parts = 60,
) -> UsageFound:  # fmt: skip
    """Return requests a second, errors and percentiles: of the period, and of its parts.

    Periods over 15 minutes are counted by whole minutes: `since` and `until` of the answer say
    which.

    Returns:
        The figures.
    """
    asked = _asked(request, query, since, until)
    return _answers(request, tenant.name).usage(asked, parts)


@router.get("/top", summary="Usage by consumer, endpoint, status…", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def top(
    request: Request, tenant: WholeTenant, by: By = "consumer", query: Text = "",
    since: Since = "1h", until: Until = "",
    order: Annotated[Order, Query(description="Figure by which they are sorted.")] = "requests",
    limit: Most = 20,
) -> UsageGroupsFound:  # fmt: skip
    """Return the figures by the values of a field, those with most first."""
    asked = _asked(request, query, since, until)
    return _answers(request, tenant.name).top(asked, by, order, limit)


@router.get("/rising", summary="What rises", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def rising(
    request: Request, tenant: WholeTenant, by: By = "consumer", query: Text = "",
    since: Since = "1h", until: Until = "", least: Least = 50, limit: Most = 20,
) -> RisesFound:  # fmt: skip
    """Return values with more requests than in the period of the same length before.

    Of the 1,000 values with most requests, those whose rise is at least three standard deviations.

    Returns:
        The values, the surest rise first.
    """
    asked = _asked(request, query, since, until)
    return _answers(request, tenant.name).rising(asked, by, least, limit)


@router.get("/endpoints", summary="New and dead endpoints", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def endpoints(
    request: Request, tenant: WholeTenant, query: Text = "", since: Since = "1d",
    until: Until = "",
    history: Annotated[
        str, Query(max_length=20, description="How long before the period is looked at; up to 90d.")
    ] = "14d",
    known: Annotated[
        list[str] | None,
        Query(max_length=500, description="The routes that there are, such as `GET /orders/{id}`."),
    ] = None,
    least: Least = 10,
) -> EndpointChangesFound:  # fmt: skip
    """Return endpoints that are asked for now and were not before, and those that no more are.

    With `known`, new is what is not among these routes, and dead is a route that nobody asks for.

    Returns:
        The endpoints; `log_since` says from when on the log knows anything.
    """
    asked = _asked(request, query, since, until)
    length = int(_history(history).total_seconds()) * 10**9
    return _answers(request, tenant.name).endpoints(asked, length, known or (), least)


def _history(given: str) -> timedelta:
    try:
        found, why = parse_duration(given), "it is more than 90 days"
    except ValueError as error:
        found, why = timedelta.max, str(error)
    if found > _LONGEST:
        raise Problem(422, "invalid", f"history: {why}", hint=SEE_DOCS, field="history")
    return found


@router.get("/quotas", summary="When quotas end", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def quotas(
    request: Request, tenant: WholeTenant,
    limit: Annotated[
        str,
        Query(max_length=500, description="A quota by key or user, as limits are written."),
    ],
) -> QuotasFound:  # fmt: skip
    """Return what each key, or user, has used of a quota, and when it will be used up.

    The forecast says how sure it is, or why there is none. What is used is what the request log
    knows, at one unit a request: the limit itself may have counted otherwise.

    Returns:
        The quotas of the 200 keys or users with most requests in the last days.
    """
    now = nanoseconds_of(store_of(request).now())
    return _answers(request, tenant.name).quotas(limit, now)


@router.get("/consumer", summary="What a consumer does", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def consumer(
    request: Request, tenant: WholeTenant,
    name: Annotated[str, Query(min_length=1, max_length=200, description="The consumer.")],
    query: Text = "", since: Since = "1d", until: Until = "", parts: Parts = 60,
) -> ConsumerFound:  # fmt: skip
    """Return the usage of one consumer: over time, by endpoint, status, key and address."""
    asked = _asked(request, query, since, until)
    return _answers(request, tenant.name).consumer(name, asked, parts)


@router.get(
    "/export", summary="Usage as a file", response_class=StreamingResponse,
    responses=file_responses("One row for each value in each part of the period"),
)  # fmt: skip
@needs(Permission.READ, "usage", confined=True)
def export_usage(
    request: Request, tenant: WholeTenant, by: By = "consumer", query: Text = "",
    since: Since = "1d", until: Until = "",
    parts: Annotated[
        int, Query(ge=1, le=MOST_PARTS, description="Most parts of the period.")
    ] = 24,
    format: ExportFormat = "csv",  # noqa: A002 - as people write it
) -> StreamingResponse:  # fmt: skip
    """Return the figures of each value of a field in each part of a period.

    Of each part the 1,000 values with most requests; latencies are as of `GET /usage/top`.

    Returns:
        The file, sent as it is read.
    """
    asked = _asked(request, query, since, until)
    pages = exported_usage(reader_of(request), tenant.name, asked, by, parts)
    return exported(USAGE_FILE, format, pages, store_of(request).now())
