"""Run what somebody asks for, and say what was found: one way for the API and the command line."""

from __future__ import annotations

from typing import Any

from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.log_counts import LogCounts
from sentinel.store.telemetry.logs import LogLine, LogSearch
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.services import Latency, ServiceFigures
from sentinel.store.telemetry.traces import Trace, TraceSearch, TraceSummary
from sentinel.telemetry import answers
from sentinel.telemetry.asked import Asked, moment_of
from sentinel.telemetry.waterfall import Bar, waterfall

__all__ = ["LogAnswers", "TraceAnswers"]

_MILLI = 1e6
_BAD = ("error", "critical")


class LogAnswers:
    """Answers about the log lines of one tenant.

    Every method may raise `TelemetryError` where the store refuses, and `TelemetryUnavailable`
    where it does not answer in time.

    Args:
        client: that reads
        tenant: whose lines
    """

    def __init__(self, client: TelemetryClient, tenant: str) -> None:
        self._search = LogSearch(client, tenant)
        self._counts = LogCounts(client, tenant)

    def found(self, asked: Asked, limit: int, cursor: str | None) -> answers.LogsFound:
        """Return a page of lines, the newest first."""
        page = self._search.page(asked.where, _period(asked), limit, cursor)
        return answers.LogsFound(
            **_searched(asked), lines=[_line(one) for one in page.lines],
            next_cursor=page.next_cursor,
        )  # fmt: skip

    def tail(self, asked: Asked, limit: int, cursor: str | None) -> answers.LogsFound:
        """Return the lines after a cursor, the oldest first."""
        page = self._search.tail(asked.where, _period(asked), limit, cursor)
        return answers.LogsFound(
            **_searched(asked), lines=[_line(one) for one in page.lines],
            next_cursor=page.next_cursor,
        )  # fmt: skip

    def line(self, line_id: str) -> answers.LogLineView:
        """Return one line."""
        return _line(self._search.line(line_id))

    def of_trace(self, trace_id: str, now: int, limit: int) -> answers.TraceLogs:
        """Return the lines of a trace."""
        lines = self._search.of_trace(trace_id, now, limit)
        return answers.TraceLogs(trace_id=trace_id, lines=[_line(one) for one in lines])

    def histogram(self, asked: Asked, buckets: int) -> answers.HistogramFound:
        """Return lines over time."""
        found = self._counts.histogram(asked.where, _period(asked), buckets)
        parts = [answers.Part(start=moment_of(one.ns), counts=one.counts) for one in found]
        return answers.HistogramFound(**_searched(asked), parts=parts)

    def facet(self, asked: Asked, field: str, limit: int) -> answers.FacetFound:
        """Return the most frequent values of a field."""
        found = self._counts.facet(asked.where, _period(asked), field, limit)
        values = [answers.FacetValueView(value=one.value, count=one.count) for one in found]
        return answers.FacetFound(**_searched(asked), field=field, values=values)

    def statistics(self, asked: Asked) -> answers.LogStatisticsView:
        """Return counts by level and service."""
        found = self._counts.statistics(asked.where, _period(asked))
        bad = sum(found.levels.get(level, 0) for level in _BAD)
        return answers.LogStatisticsView(
            **_searched(asked), total_logs=found.total, levels=found.levels,
            error_rate=bad / found.total if found.total else 0.0, services=found.services,
        )  # fmt: skip


class TraceAnswers:
    """Answers about the traces of one tenant; see `LogAnswers`."""

    def __init__(self, client: TelemetryClient, tenant: str) -> None:
        self._search = TraceSearch(client, tenant)
        self._figures = ServiceFigures(client, tenant)

    def found(self, asked: Asked, limit: int, cursor: str | None) -> answers.TracesFound:
        """Return a page of traces, the newest first."""
        page = self._search.page(asked.where, _period(asked), limit, cursor)
        return answers.TracesFound(
            **_searched(asked), traces=[_summary(one) for one in page.traces],
            next_cursor=page.next_cursor,
        )  # fmt: skip

    def slow(self, asked: Asked, limit: int) -> answers.SlowTraces:
        """Return the slowest traces."""
        found = self._search.slow(asked.where, _period(asked), limit)
        return answers.SlowTraces(**_searched(asked), traces=[_summary(one) for one in found])

    def trace(self, trace_id: str) -> answers.TraceView:
        """Return one trace as a waterfall."""
        return _waterfall(self._search.trace(trace_id))

    def latency(self, asked: Asked, limit: int) -> answers.LatencyFound:
        """Return figures by service and operation."""
        found = self._figures.latency(asked.where, _period(asked), limit=limit)
        return answers.LatencyFound(**_searched(asked), operations=[_latency(one) for one in found])

    def statistics(self, asked: Asked) -> answers.TraceStatisticsView:
        """Return the figures of a period."""
        found = self._figures.statistics(asked.where, _period(asked))
        return answers.TraceStatisticsView(
            **_searched(asked), total_traces=found.traces, all=_latency(found.all),
            roots=_latency(found.roots), services=[_latency(one) for one in found.services],
        )  # fmt: skip

    def dependencies(self, asked: Asked, service: str) -> answers.ServicesFound:
        """Return who calls whom."""
        found = self._figures.dependencies(_period(asked), service)
        return answers.ServicesFound(
            since=moment_of(asked.since), until=moment_of(asked.until),
            dependencies=[
                answers.DependencyView(
                    **{name: getattr(one, name) for name in answers.DependencyView.model_fields}
                )
                for one in found
            ],
        )  # fmt: skip


def _period(asked: Asked) -> Period:
    return Period(asked.since, asked.until)


def _searched(asked: Asked) -> dict[str, Any]:
    return {
        "query": asked.query, "from_words": asked.from_words,
        "since": moment_of(asked.since), "until": moment_of(asked.until),
    }  # fmt: skip


def _line(line: LogLine) -> answers.LogLineView:
    return answers.LogLineView(
        id=line.id, timestamp=moment_of(line.ns), service_name=line.service, level=line.level,
        severity=line.severity, message=line.message, trace_id=line.trace_id,
        span_id=line.span_id, host=line.host, environment=line.environment, logger=line.logger,
        event=line.event, attributes=line.attributes, resource=line.resource,
    )  # fmt: skip


def _summary(trace: TraceSummary) -> answers.TraceSummaryView:
    return answers.TraceSummaryView(
        trace_id=trace.id, service_name=trace.service, operation_name=trace.operation,
        start_time=moment_of(trace.ns), duration_ms=trace.duration / _MILLI, spans=trace.spans,
        errors=trace.errors, services=trace.services,
    )  # fmt: skip


def _latency(found: Latency) -> answers.LatencyView:
    return answers.LatencyView(
        service_name=found.service, operation_name=found.operation, spans=found.spans,
        errors=found.errors, per_second=found.per_second, error_rate=found.error_rate,
        p50_ms=found.p50_ms, p95_ms=found.p95_ms, p99_ms=found.p99_ms,
    )  # fmt: skip


def _waterfall(trace: Trace) -> answers.TraceView:
    shape = waterfall(
        [
            Bar(span_id=one.span_id, parent_id=one.parent_id, start=one.ns, duration=one.duration)
            for one in trace.spans
        ]
    )
    spans = [
        answers.SpanView(
            span_id=one.span_id, parent_span_id=one.parent_id, service_name=one.service,
            operation_name=one.operation, kind=one.kind, status=one.status,
            status_message=one.status_message, start_time=moment_of(one.ns),
            offset_ms=(one.ns - shape.start) / _MILLI, duration_ms=one.duration / _MILLI,
            own_ms=own / _MILLI, depth=depth, attributes=one.attributes, resource=one.resource,
            events=[
                answers.SpanEventView(
                    timestamp=moment_of(event.ns), name=event.name, attributes=event.attributes
                )
                for event in one.events
            ],
        )
        for one, depth, own in zip(
            (trace.spans[index] for index in shape.order), shape.depth, shape.own, strict=True
        )
    ]  # fmt: skip
    return answers.TraceView(
        trace_id=trace.id, start_time=moment_of(shape.start),
        duration_ms=shape.duration / _MILLI,
        errors=sum(one.status == "Error" for one in trace.spans),
        services=sorted({one.service for one in trace.spans}), cut=trace.cut, spans=spans,
    )  # fmt: skip
