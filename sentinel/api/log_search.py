"""Search of log lines over HTTP, at `/api/logs` and `/api/v1/logs`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Query, Request

from sentinel.access import Permission
from sentinel.api.log_mining import LogMining
from sentinel.api.needs import needs
from sentinel.api.problems import SEE_DOCS, Problem, responses
from sentinel.api.scoped import WholeTenant
from sentinel.api.telemetry_asked import Cursor, Limit, Since, Text, Until, asked_of, reader_of
from sentinel.store import Store
from sentinel.store.telemetry.answering import LogAnswers
from sentinel.store.telemetry.log_anomalies import SavedAnomalies, anomalies_saved
from sentinel.store.telemetry.log_patterns import LogPatterns, patterns_found
from sentinel.store.telemetry.pattern_rates import PatternRates, anomalies_found, rate_found
from sentinel.store.telemetry.reading import Period
from sentinel.telemetry.answers import (
    AnomaliesFound,
    FacetFound,
    HistogramFound,
    LogLineView,
    LogsFound,
    LogStatisticsView,
    PatternRateFound,
    PatternsFound,
    TraceLogs,
)
from sentinel.telemetry.asked import (
    Asked,
    BadParameter,
    Language,
    compared_lengths,
    nanoseconds_of,
)
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


Shown = Annotated[
    Literal["all", "new", "vanished"],
    Query(
        description="`new` were first seen in the period; `vanished` were seen in a period of the "
        "same length before it, and not in it."
    ),
]


"""History and season together: each day takes a second of a core for 100 patterns."""
_HISTORY = (
    "Judge the rates now, by a length of time before the end that says what is usual, such as "
    "`2d`, the default with `season`; with `season` at most 7 days."
)
_SEASON = (
    "Judge the rates now, and compare with so long before, such as `1d`; `0s`, the default with "
    "`history`, for no season."
)


@router.get("/patterns", summary="List patterns of log lines", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def patterns(
    request: Request, tenant: WholeTenant, service_name: Service = "", level: Level = "",
    state: Shown = "all", since: Since = "24h", until: Until = "", limit: Limit = 100,
) -> PatternsFound:  # fmt: skip
    """Return what the lines are by the statement that writes them, those with most lines first.

    Lines are counted by whole minutes, some seconds after a minute has ended.

    Returns:
        The patterns.
    """
    asked = asked_of(request, "", LOG_FIELDS, since, until, ())
    _wake(request)
    reader = LogPatterns(reader_of(request), tenant.name)
    period = Period(asked.since, asked.until)
    return patterns_found(
        reader, period, service=service_name, level=level.strip().lower(), state=state, limit=limit
    )


@router.get("/anomalies", summary="List unusual patterns of log lines", responses=responses())
@needs(Permission.READ, "telemetry", confined=True)
def anomalies(
    request: Request, tenant: WholeTenant, service_name: Service = "", since: Since = "24h",
    until: Until = "",
    history: Annotated[str, Query(max_length=20, description=_HISTORY)] = "",
    season: Annotated[str, Query(max_length=20, description=_SEASON)] = "",
    limit: Limit = 100,
) -> AnomaliesFound:  # fmt: skip
    """Return patterns whose rate was unusual, of the 100 with most lines.

    Rates are judged every five minutes, against the day before once a pattern is 33 hours old, and
    what is unusual is kept as long as log lines are: that is returned, the newest first. With
    `history` or `season`, rates are judged now, and the most unusual pattern comes first.

    A pattern needs 110 times five minutes of history before it is judged.

    Returns:
        The patterns.
    """
    asked = asked_of(request, "", LOG_FIELDS, since, until, ())
    _wake(request)
    period = Period(asked.since, asked.until)
    if not history and not season:
        saved = SavedAnomalies(reader_of(request), tenant.name)
        return anomalies_saved(saved, period, service=service_name, limit=limit)
    before, season_length = _lengths(history or "2d", season or "0s")
    found = anomalies_found(
        PatternRates(reader_of(request), tenant.name), period, service=service_name,
        history=before, season=season_length,
    )  # fmt: skip
    return found.model_copy(update={"anomalies": found.anomalies[:limit]})


@router.get(
    "/patterns/{pattern_id}/rate", summary="Show the rate of a pattern", responses=responses(404)
)
@needs(Permission.READ, "telemetry", confined=True)
def rate(
    request: Request, tenant: WholeTenant, pattern_id: str, since: Since = "24h", until: Until = ""
) -> PatternRateFound:
    """Return how many lines a pattern had in each five minutes, and how many were expected.

    Of a longer period, the last seven days are returned.

    Returns:
        The rate, the oldest part first.
    """
    asked = asked_of(request, "", LOG_FIELDS, since, until, ())
    _wake(request)
    reader = PatternRates(reader_of(request), tenant.name)
    return rate_found(reader, pattern_id, Period(asked.since, asked.until))


def _lengths(history: str, season: str) -> tuple[timedelta, timedelta]:
    try:
        return compared_lengths(history, season)
    except BadParameter as error:
        raise Problem(
            422, "invalid", f"{error.field}: {error}", hint=SEE_DOCS, field=error.field
        ) from None


def _wake(request: Request) -> None:
    cast("LogMining", request.app.state.log_mining).wake(request.app.state.settings)


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
