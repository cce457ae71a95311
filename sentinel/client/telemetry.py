"""Requests about logs and traces: search, histogram, facets, tail, one trace, latency, services.

```python
from sentinel.client import Client, telemetry

with Client() as sentinel:
    found = sentinel.do(telemetry.logs("show me errors from database"))
    print(found.query)
    for line in found.lines:
        print(line.timestamp, line.message)
```
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sentinel.client.calls import Call
from sentinel.telemetry.answers import (
    AnomaliesFound,
    FacetFound,
    HistogramFound,
    LatencyFound,
    LogLineView,
    LogsFound,
    LogStatisticsView,
    PatternRateFound,
    PatternsFound,
    ServicesFound,
    SlowTraces,
    TraceLogs,
    TracesFound,
    TraceStatisticsView,
    TraceView,
)

__all__ = [
    "anomalies",
    "dependencies",
    "errors",
    "facet",
    "histogram",
    "latency",
    "log_statistics",
    "logs",
    "logs_of_trace",
    "one_line",
    "pattern_rate",
    "patterns",
    "service_map",
    "slow_traces",
    "tail",
    "trace",
    "trace_statistics",
    "traces",
]

_LOGS, _TRACING = "/api/logs", "/api/tracing"


def logs(query: str = "", **more: Any) -> Call[LogsFound]:
    """Return the request for log lines, the newest first.

    Args:
        query: or plain words
        more: service_name, level, since, until, language, limit, cursor, tenant

    Returns:
        The request.
    """
    return Call(LogsFound, "GET", f"{_LOGS}/search", {"query": query, **more})


def errors(**more: Any) -> Call[LogsFound]:
    """Return the request for lines of level error or critical; see `logs`."""
    return Call(LogsFound, "GET", f"{_LOGS}/errors", more)


def tail(query: str = "", **more: Any) -> Call[LogsFound]:
    """Return the request for the lines after a cursor; see `logs`."""
    return Call(LogsFound, "GET", f"{_LOGS}/tail", {"query": query, **more})


def histogram(query: str = "", **more: Any) -> Call[HistogramFound]:
    """Return the request for counts over time; `buckets` beside what `logs` takes."""
    return Call(HistogramFound, "GET", f"{_LOGS}/histogram", {"query": query, **more})


def facet(field: str, query: str = "", **more: Any) -> Call[FacetFound]:
    """Return the request for the most frequent values of a field; see `logs`."""
    return Call(FacetFound, "GET", f"{_LOGS}/facets", {"field": field, "query": query, **more})


def log_statistics(query: str = "", **more: Any) -> Call[LogStatisticsView]:
    """Return the request for counts by level and service; see `logs`."""
    return Call(LogStatisticsView, "GET", f"{_LOGS}/statistics", {"query": query, **more})


def patterns(**more: Any) -> Call[PatternsFound]:
    """Return the request for patterns of log lines.

    Args:
        more: service_name, level, state, since, until, limit, tenant

    Returns:
        The request.
    """
    return Call(PatternsFound, "GET", f"{_LOGS}/patterns", more)


def anomalies(**more: Any) -> Call[AnomaliesFound]:
    """Return the request for unusual patterns of log lines.

    Args:
        more: service_name, since, until, limit, tenant; history or season to judge rates now

    Returns:
        The request.
    """
    return Call(AnomaliesFound, "GET", f"{_LOGS}/anomalies", more)


def pattern_rate(pattern_id: str, **more: Any) -> Call[PatternRateFound]:
    """Return the request for the rate of a pattern of log lines; since, until, tenant are taken."""
    place = f"{_LOGS}/patterns/{quote(pattern_id, safe='')}/rate"
    return Call(PatternRateFound, "GET", place, more)


def logs_of_trace(trace_id: str, **more: Any) -> Call[TraceLogs]:
    """Return the request for the lines of a trace; `limit` and `tenant` are taken."""
    return Call(TraceLogs, "GET", f"{_LOGS}/trace/{quote(trace_id, safe='')}", more)


def one_line(line_id: str, **more: Any) -> Call[LogLineView]:
    """Return the request for one line; `tenant` is taken."""
    return Call(LogLineView, "GET", f"{_LOGS}/lines/{quote(line_id, safe='')}", more)


def traces(query: str = "", **more: Any) -> Call[TracesFound]:
    """Return the request for traces, the newest first.

    Args:
        query: of their spans
        more: service_name, operation_name, status, min_duration_ms, max_duration_ms, since, until,
            limit, cursor, tenant

    Returns:
        The request.
    """
    return Call(TracesFound, "GET", f"{_TRACING}/traces", {"query": query, **more})


def trace(trace_id: str, **more: Any) -> Call[TraceView]:
    """Return the request for one trace; `tenant` is taken."""
    return Call(TraceView, "GET", f"{_TRACING}/traces/{quote(trace_id, safe='')}", more)


def slow_traces(**more: Any) -> Call[SlowTraces]:
    """Return the request for the slowest traces; `threshold_ms` beside what `traces` takes."""
    return Call(SlowTraces, "GET", f"{_TRACING}/slow-traces", more)


def latency(**more: Any) -> Call[LatencyFound]:
    """Return the request for percentiles by service and operation; see `traces`."""
    return Call(LatencyFound, "GET", f"{_TRACING}/latency", more)


def trace_statistics(**more: Any) -> Call[TraceStatisticsView]:
    """Return the request for the figures of a period; see `traces`."""
    return Call(TraceStatisticsView, "GET", f"{_TRACING}/statistics", more)


def service_map(**more: Any) -> Call[ServicesFound]:
    """Return the request for who calls whom; `since`, `until` and `tenant` are taken."""
    return Call(ServicesFound, "GET", f"{_TRACING}/dependencies", more)


def dependencies(service: str, **more: Any) -> Call[ServicesFound]:
    """Return the request for the callers of a service and whom it calls; see `service_map`."""
    place = f"{_TRACING}/services/{quote(service, safe='')}/dependencies"
    return Call(ServicesFound, "GET", place, more)
