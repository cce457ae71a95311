"""Search of one tenant's traces: pages, one trace, the slowest, and statistics of spans."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from sentinel.errors import ConfigurationError, NotFound
from sentinel.store.telemetry.conditions import condition_of
from sentinel.store.telemetry.reading import (
    MOST_ROWS,
    Parameters,
    Period,
    TenantReader,
    read_cursor,
    write_cursor,
)
from sentinel.telemetry.query import Field, Node

__all__ = [
    "MOST_SPANS",
    "Span",
    "SpanEvent",
    "Trace",
    "TracePage",
    "TraceSearch",
    "TraceSummary",
]

MOST_SPANS = 10_000
"""Spans of a trace that are shown."""
_NS = "toUnixTimestamp64Nano(Timestamp)"
_SPAN = (
    f"{_NS} AS ns, Duration AS duration, TraceId AS trace_id, SpanId AS span_id, "
    "ParentSpanId AS parent_id, ServiceName AS service, SpanName AS operation, SpanKind AS kind, "
    "StatusCode AS status, StatusMessage AS status_message, SpanAttributes AS attributes, "
    "ResourceAttributes AS resource, "
    "arrayMap(x -> toUnixTimestamp64Nano(x), `Events.Timestamp`) AS event_times, "
    "`Events.Name` AS event_names, `Events.Attributes` AS event_attributes"
)


class SpanEvent(msgspec.Struct, frozen=True):
    """What happened during a span, such as an exception; `ns` since 1970."""

    ns: int
    name: str
    attributes: dict[str, str]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One span.

    Attributes:
        ns: when it began, in nanoseconds since 1970
        duration: nanoseconds
        parent_id: empty for a root
        kind: Internal, Server, Client, Producer, Consumer or Unspecified
        status: Ok, Error or Unset
    """

    ns: int
    duration: int
    trace_id: str
    span_id: str
    parent_id: str
    service: str
    operation: str
    kind: str
    status: str
    status_message: str
    attributes: dict[str, str]
    resource: dict[str, str]
    events: list[SpanEvent]


class Trace(msgspec.Struct, frozen=True):
    """The spans of a trace, the earliest first; `cut` where it has more than are shown."""

    id: str
    spans: list[Span]
    cut: bool


class TraceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One trace of a list.

    Attributes:
        id: in hex
        service, operation: of its root; of its first span where the root is not kept
        ns: when it began, in nanoseconds since 1970
        duration: nanoseconds to the end of its last span
        spans, errors: how many it has
        services: that took part
    """

    id: str
    service: str
    operation: str
    ns: int
    duration: int
    spans: int
    errors: int
    services: list[str]


class TracePage(msgspec.Struct, frozen=True):
    """Traces, and the cursor of the page after them; None for the last page."""

    traces: list[TraceSummary]
    next_cursor: str | None


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last trace shown, by its newest matching span."""

    query: int
    since: int
    until: int
    ns: int
    trace_id: str


class TraceSearch(TenantReader):
    """Searches the traces of one tenant."""

    def page(
        self, where: Node, period: Period, limit: int = 50, cursor: str | None = None
    ) -> TracePage:
        """Return the traces that have a matching span, the newest first.

        Args:
            where: the query, of spans
            period: of the spans; a cursor keeps that of its first page
            limit: most traces, up to 1,000
            cursor: of the page before

        Returns:
            The page.

        Raises:
            ConfigurationError: the cursor is of another list
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        limit = max(1, min(limit, MOST_ROWS))
        known = zlib.crc32(repr(where).encode())
        parameters = Parameters()
        condition = condition_of(where, "spans", parameters)
        having = "trace_id != ''"
        if cursor:
            after = read_cursor(cursor, _Cursor)
            if after.query != known:
                raise ConfigurationError(
                    "the cursor is of another query", hint="Begin again without a cursor."
                )
            period = Period(after.since, after.until)
            at, last = parameters.bind(after.ns, "Int64"), parameters.bind(after.trace_id)
            having += f" AND (newest, trace_id) < ({at}, {last})"
        wanted = parameters.bind(limit + 1, "UInt64")
        found = self.rows(
            self.scoped("spans", f"TraceId AS trace_id, max({_NS}) AS newest", condition)
            + f" GROUP BY trace_id HAVING {having} "
            f"ORDER BY newest DESC, trace_id DESC LIMIT {wanted}",
            period, parameters.values,
        )  # fmt: skip
        shown = found[:limit]
        following = None
        if len(found) > limit:
            end = shown[-1]
            following = write_cursor(
                _Cursor(known, period.since, period.until, end["newest"], end["trace_id"])
            )
        return TracePage(self._summaries([row["trace_id"] for row in shown]), following)

    def slow(self, where: Node, period: Period, limit: int = 50) -> list[TraceSummary]:
        """Return the slowest traces, by the duration of their roots.

        Args:
            where: the query, which the root satisfies
            period: in which it began
            limit: most traces, up to 1,000

        Returns:
            The traces, the slowest first.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        parameters = Parameters()
        condition = f"ParentSpanId = '' AND ({condition_of(where, 'spans', parameters)})"
        wanted = parameters.bind(max(1, min(limit, MOST_ROWS)), "UInt64")
        rows = self.rows(
            self.scoped("spans", "TraceId AS trace_id, max(Duration) AS longest", condition)
            + f" GROUP BY trace_id ORDER BY longest DESC, trace_id LIMIT {wanted}",
            period, parameters.values,
        )  # fmt: skip
        return self._summaries([row["trace_id"] for row in rows])

    def _summaries(self, trace_ids: list[str]) -> list[TraceSummary]:
        times = self.times_of(trace_ids) if trace_ids else None
        if times is None:
            return []
        parameters = Parameters()
        condition = f"TraceId IN {parameters.bind(trace_ids, 'Array(String)')}"
        first = "ParentSpanId != '', Timestamp, SpanId"
        rows = self.rows(
            self.scoped(
                "spans",
                f"TraceId AS id, argMin(ServiceName, ({first})) AS service, "
                f"argMin(SpanName, ({first})) AS operation, min({_NS}) AS ns, "
                f"toInt64(max({_NS} + Duration)) - ns AS duration, count() AS spans, "
                "countIf(StatusCode = 'Error') AS errors, "
                "arraySort(groupUniqArray(100)(ServiceName)) AS services",
                condition,
            )
            + " GROUP BY id",
            times, parameters.values,
        )  # fmt: skip
        by_id = {row["id"]: TraceSummary(**row) for row in rows}
        return [by_id[one] for one in trace_ids if one in by_id]

    def trace(self, trace_id: str) -> Trace:
        """Return one trace.

        Args:
            trace_id: in hex, or a UUID

        Returns:
            The trace, of at most 10,000 spans.

        Raises:
            NotFound: there is none
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        found = trace_id.replace("-", "").lower()
        times = self.times_of([found]) if found else None
        spans: list[Span] = []
        if times is not None:
            parameters = Parameters()
            condition = condition_of(Field("trace", "=", (found,)), "spans", parameters)
            wanted = parameters.bind(MOST_SPANS + 1, "UInt64")
            statement = self.scoped("spans", _SPAN, condition) + (
                f" ORDER BY Timestamp, SpanId LIMIT {wanted}"
            )
            spans = [_span(row) for row in self.rows(statement, times, parameters.values)]
        if not spans:
            raise NotFound(f"there is no trace {trace_id[:40]!r}")
        return Trace(found, spans[:MOST_SPANS], len(spans) > MOST_SPANS)


def _span(row: Mapping[str, Any]) -> Span:
    events = [
        SpanEvent(*one)
        for one in zip(row["event_times"], row["event_names"], row["event_attributes"], strict=True)
    ]
    names = [name for name in Span.__struct_fields__ if name != "events"]
    return Span(**{name: row[name] for name in names}, events=events)
