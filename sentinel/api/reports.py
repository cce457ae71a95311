"""Figures of periods over HTTP, as the pages Overview, Analytics and Compare show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request

from sentinel.access import Permission
from sentinel.api.access import acting
from sentinel.api.alert_query import (
    Category,
    OfTenant,
    RuleNamed,
    Search,
    Severities,
    Team,
)
from sentinel.api.bodies import Moment
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.report_bodies import (
    AnalyticsView,
    ComparisonView,
    NoisyRule,
    OpenedOf,
    PeriodView,
    TrendStep,
    TrendView,
)
from sentinel.api.scoped import within
from sentinel.severity import Severity
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.search_syntax import searched
from sentinel.store.reports import measured, own_times
from sentinel.store.reports.period_comparison import Span

__all__ = ["router"]

router = APIRouter(prefix="/analytics", tags=["statistics"])

LONGEST = timedelta(days=366)
"""The longest period that is compared."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_PERIODS = {
    "24h": (timedelta(hours=24), timedelta(hours=1)),
    "7d": (timedelta(days=7), timedelta(hours=6)),
    "30d": (timedelta(days=30), timedelta(days=1)),
}
"""Lengths of a trend, with the width of a step."""


@router.get("", summary="Reaction times and pages", responses=responses())
@needs(Permission.READ, "statistics", confined=True)
def analytics(
    request: Request,
    days: Annotated[
        int, Query(ge=1, le=60, description="Length of the period that ends now.", examples=[7])
    ] = 7,
) -> AnalyticsView:
    """Measure how many alerts opened and how soon people reacted: by rule, team, severity and day.

    `people` says how often each was paged. `/fatigue` has how noisy the rules are, and
    `/oncall/escalations/statistics` how far escalations went.

    Returns:
        The figures.
    """
    here = within(request)
    until = here.now()
    since = until - timedelta(days=days)
    found = measured.measured(here.store, since, until, here.scope)
    own = own_times.own_times(here.store, since, until, here.scope)
    # Who is on call belongs to all tenants.
    everything = here.scope.is_everything
    people = own_times.paging_load(here.store, since, until) if everything else None
    return AnalyticsView.model_validate(
        {
            **msgspec.to_builtins(found, builtin_types=(datetime,)),
            "definitions": {**measured.DEFINITIONS, **own_times.DEFINITIONS},
            "own": msgspec.to_builtins(own),
            "people": msgspec.to_builtins(people),
        }
    )


@router.get("/trend", summary="A period beside the one before", responses=responses())
@needs(Permission.READ, "statistics", confined=True)
def trend(
    request: Request,
    period: Annotated[
        Literal["24h", "7d", "30d"], Query(description="Its length; it ends now.")
    ] = "24h",
) -> TrendView:
    """Count the alerts that opened over time, and compare them with the period before.

    Returns:
        The figures, and the twelve rules with the most alerts.
    """
    found = within(request).scoped_alerts.trend(*_PERIODS[period])
    return TrendView(
        since=found.since, until=found.until, step_seconds=found.step.total_seconds(),
        now=PeriodView(**msgspec.structs.asdict(found.now)),
        before=PeriodView(**msgspec.structs.asdict(found.before)),
        steps=[
            TrendStep(at=one.at, severity=Severity(one.severity).word, opened=one.opened)
            for one in found.buckets
        ],
        by_category=[OpenedOf(name=name, opened=count) for name, count in found.by_category],
        by_team=[OpenedOf(name=name, opened=count) for name, count in found.by_team],
        noisy=[NoisyRule(**msgspec.structs.asdict(one)) for one in found.noisy],
    )  # fmt: skip


@router.get("/comparison", summary="Compare two periods", responses=responses())
@needs(Permission.READ, "statistics", confined=True)
def comparison(
    request: Request,
    since: Annotated[
        Moment | None,
        Query(description="Where the period of interest begins; by default 7 days before `until`."),
    ] = None,
    until: Annotated[Moment | None, Query(description="Where it ends; by default now.")] = None,
    against_since: Annotated[
        Moment | None,
        Query(description="Where the other period begins; by default it is as long."),
    ] = None,
    against_until: Annotated[
        Moment | None, Query(description="Where it ends; by default at `since`.")
    ] = None,
    q: Search = "",
    severity: Severities = [],  # noqa: B006 - FastAPI copies it
    rule: RuleNamed = "",
    category: Category = "",
    team: Team = "",
    tenant: OfTenant = "",
) -> ComparisonView:
    """Compare the alerts of two periods of at most 366 days, without those of fire drills.

    Returns:
        The figures of both, and the rules that changed most.

    Raises:
        Problem: 422 if a period ends before it begins, or is too long
    """
    here = within(request)
    second = _span("since", since, "until", until or here.now(), timedelta(days=7))
    length = second.until - second.since
    first = _span("against_since", against_since, "against_until", against_until or second.since,
                  length)  # fmt: skip
    narrow = AlertFilter(
        severity=tuple(severity), rule=rule, category=category, team=team, tenant=tenant
    )
    chosen = searched(narrow, q, me=acting(request).me) if q else narrow
    found = here.scoped_alerts.compare(chosen, first, second)
    return ComparisonView.model_validate(
        {
            **msgspec.to_builtins(found),
            "first_span": msgspec.structs.asdict(first),
            "second_span": msgspec.structs.asdict(second),
        }
    )


def _span(
    began: str, since: datetime | None, ended: str, until: datetime, length: timedelta
) -> Span:
    """Return the period between two moments.

    Args:
        began: name of the parameter that says where it begins
        since: its value; None for `length` before `until`
        ended: name of the parameter that says where it ends
        until: its value
        length: of the period where it has no beginning

    Returns:
        The period.

    Raises:
        Problem: 422
    """
    if until - EARLIEST < length:
        problem = _refused(ended, "must lie after 1970")
        raise problem
    found = Span(since=until - length if since is None else since, until=until)
    problem = None
    if found.since < EARLIEST:
        problem = _refused(began, "must lie after 1970")
    elif found.since >= found.until:
        problem = _refused(began, f"must lie before `{ended}`, {found.until.isoformat()}")
    elif found.until - found.since > LONGEST:
        problem = _refused(began, f"a period may have {LONGEST.days} days at most")
    if problem is not None:
        raise problem
    return found


def _refused(name: str, says: str) -> Problem:
    return Problem(422, "invalid", f"{name}: {says}", field=name)
