"""What searches of logs and traces answer: for the API, its client and the command line."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = [
    "AnomaliesFound",
    "DependencyView",
    "FacetFound",
    "FacetValueView",
    "HistogramFound",
    "LatencyFound",
    "LatencyView",
    "LogAnomalyView",
    "LogLineView",
    "LogPatternView",
    "LogStatisticsView",
    "LogsFound",
    "Part",
    "PatternRateFound",
    "PatternsFound",
    "RatePartView",
    "ServicesFound",
    "SlowTraces",
    "SpanEventView",
    "SpanView",
    "TraceLogs",
    "TraceStatisticsView",
    "TraceSummaryView",
    "TraceView",
    "TracesFound",
]

_QUERY = "The query that was run; of plain words, the one that they make."


class Searched(BaseModel):
    """What was looked for."""

    query: str = Field(description=_QUERY, examples=["level:>=error service:*database*"])
    from_words: bool = Field(description="Whether the query was made of plain words.")
    since: str = Field(examples=["2026-01-31T11:00:00.000000000Z"])
    until: str = Field(examples=["2026-01-31T12:00:00.000000000Z"])


class LogLineView(BaseModel):
    """A log line."""

    id: str = Field(description="32 hex digits, by which the line is found again.")
    timestamp: str = Field(examples=["2026-01-31T12:00:00.123456789Z"])
    service_name: str
    level: str = Field(
        description="trace, debug, info, warn, error or critical; unknown where it has none."
    )
    severity: str = Field(description="The level as its sender wrote it.")
    message: str = Field(description="At most 8,192 characters of the line.")
    trace_id: str
    span_id: str
    host: str
    environment: str
    logger: str
    event: str
    attributes: dict[str, str]
    resource: dict[str, str]


class LogsFound(Searched):
    """A page of log lines."""

    lines: list[LogLineView]
    next_cursor: str | None = Field(description="Of the next page; null on the last one.")


class TraceLogs(BaseModel):
    """The log lines of a trace, the oldest first."""

    trace_id: str
    lines: list[LogLineView]


class Part(BaseModel):
    """The lines of a part of the period, by level."""

    start: str
    counts: dict[str, int]


class HistogramFound(Searched):
    """Log lines over time; parts without lines are left out."""

    parts: list[Part]


class FacetValueView(BaseModel):
    """A value of a field, and how many lines have it."""

    value: str
    count: int


class FacetFound(Searched):
    """The most frequent values of a field."""

    field: str
    values: list[FacetValueView]


class LogStatisticsView(Searched):
    """Log lines of a period, by level, and by service and level."""

    total_logs: int
    error_rate: float = Field(description="Share of lines of level error or critical.")
    levels: dict[str, int]
    services: dict[str, dict[str, int]] = Field(description="The 100 with most lines.")


class LogPatternView(BaseModel):
    """A pattern of log lines: what one statement of a program writes."""

    id: str = Field(description="16 hex digits, of the service and the pattern as it was first.")
    service_name: str
    template: str = Field(
        description="`<*>` stands for what changes.", examples=["took <*> ms for <*>"]
    )
    sample: str = Field(description="One of its lines, at most 1,024 characters.")
    state: Literal["new", "vanished", "known"] = Field(
        description="`new` was first seen in the period; `vanished` was seen in a period of the "
        "same length before it, and not in it."
    )
    count: int = Field(description="Lines of the period.")
    count_before: int = Field(description="Lines of a period of the same length before it.")
    levels: dict[str, int] = Field(description="Lines of the period by level.")
    created: str = Field(description="When it was first seen.")
    first_seen: str = Field(description="Of its lines of both periods.")
    last_seen: str
    query: str = Field(
        description="The query that finds its lines.", examples=["pattern:9f86d081884c7d65"]
    )


class PatternsFound(BaseModel):
    """Patterns of log lines, those with most lines first."""

    since: str
    until: str
    patterns: list[LogPatternView]


class LogAnomalyView(BaseModel):
    """A pattern whose rate is unusual."""

    pattern: LogPatternView
    timestamp: str = Field(description="Beginning of the most unusual five minutes.")
    count: int = Field(description="Lines of these five minutes.")
    usual: float = Field(description="Lines of five minutes, in the mean of the time before.")
    low: float = Field(description="Within these bounds lines of these five minutes were expected.")
    high: float
    season_seconds: int = Field(description="Compared with so long before; 0 for no season.")
    rarity: float = Field(description="One in so many five minutes is as unusual.")


class AnomaliesFound(BaseModel):
    """Patterns whose rate is unusual: kept ones the newest first, else the most unusual first."""

    since: str
    until: str
    saved: bool = Field(description="Whether these were kept when they happened, or judged now.")
    anomalies: list[LogAnomalyView]


class RatePartView(BaseModel):
    """Lines of five minutes, and what was expected; null where too little is known before."""

    start: str
    count: int
    low: float | None
    high: float | None


class PatternRateFound(BaseModel):
    """The rate of a pattern by five minutes, the oldest first."""

    since: str
    until: str
    pattern: LogPatternView
    season_seconds: int = Field(description="Compared with so long before; 0 for no season.")
    parts: list[RatePartView]


class TraceSummaryView(BaseModel):
    """A trace of a list."""

    trace_id: str
    service_name: str = Field(description="Of its root; of its first span without one.")
    operation_name: str
    start_time: str
    duration_ms: float
    spans: int
    errors: int
    services: list[str]


class TracesFound(Searched):
    """A page of traces."""

    traces: list[TraceSummaryView]
    next_cursor: str | None = Field(description="Of the next page; null on the last one.")


class SlowTraces(Searched):
    """Traces, the slowest first."""

    traces: list[TraceSummaryView]


class SpanEventView(BaseModel):
    """What happened during a span."""

    timestamp: str
    name: str
    attributes: dict[str, str]


class SpanView(BaseModel):
    """A span, as a line of the waterfall."""

    span_id: str
    parent_span_id: str
    service_name: str
    operation_name: str
    kind: str
    status: str
    status_message: str
    start_time: str
    offset_ms: float = Field(description="From the start of the trace.")
    duration_ms: float
    own_ms: float = Field(description="Of the duration, what no child of the span covers.")
    depth: int = Field(description="0 for a root, or where the parent is not kept.")
    attributes: dict[str, str]
    resource: dict[str, str]
    events: list[SpanEventView]


class TraceView(BaseModel):
    """A trace; its spans are in the order of a waterfall."""

    trace_id: str
    start_time: str
    duration_ms: float
    errors: int
    services: list[str]
    cut: bool = Field(description="Whether it has more spans than the 10,000 shown.")
    spans: list[SpanView]


class LatencyView(BaseModel):
    """Rate, errors and percentiles of spans."""

    service_name: str
    operation_name: str
    spans: int
    errors: int
    per_second: float
    error_rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class LatencyFound(Searched):
    """Figures by service and operation, those with most spans first."""

    operations: list[LatencyView]


class TraceStatisticsView(Searched):
    """Figures of a period; `roots` are the first spans of traces."""

    total_traces: int
    all: LatencyView
    roots: LatencyView
    services: list[LatencyView]


class DependencyView(BaseModel):
    """Calls of one service by another."""

    caller: str
    callee: str
    observed: bool = Field(description="Whether the callee sends spans itself.")
    calls: int
    errors: int
    per_second: float
    error_rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class ServicesFound(BaseModel):
    """Who calls whom in a period."""

    since: str
    until: str
    dependencies: list[DependencyView]
