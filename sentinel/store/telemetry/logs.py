"""Search of one tenant's log lines: pages, tail, histogram, facets, lines of a trace."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from sentinel.errors import NotFound
from sentinel.store.telemetry.conditions import LEVEL, condition_of
from sentinel.store.telemetry.pages import Cursor, PagedReader
from sentinel.store.telemetry.reading import MOST_ROWS, Parameters, Period, write_cursor
from sentinel.store.telemetry.tenant_condition import tenant_condition
from sentinel.telemetry.query import Field, Node

__all__ = ["LogLine", "LogPage", "LogSearch"]

_HASH = (
    "cityHash64(ServiceName, Body, TraceId, SpanId, SeverityNumber, SeverityText, LogAttributes, "
    "ResourceAttributes)"
)
_NS = "toUnixTimestamp64Nano(Timestamp)"
_LINE = (
    f"{_NS} AS ns, {_HASH} AS hash, ServiceName AS service, {LEVEL} AS level, "
    "SeverityText AS severity, leftUTF8(Body, 8192) AS message, TraceId AS trace_id, "
    "SpanId AS span_id, HostName AS host, Environment AS environment, ScopeName AS logger, "
    "EventName AS event, LogAttributes AS attributes, ResourceAttributes AS resource"
)
_OLDEST = f"ORDER BY Timestamp, {_HASH}"
_HOUR, _DAY = 3_600 * 10**9, 86_400 * 10**9


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line.

    Attributes:
        id: 32 hex digits, by which it is found again
        ns: when it happened, in nanoseconds since 1970
        level: one of trace, debug, info, warn, error, critical, or unknown
        severity: the level as its sender wrote it
        message: at most 8,192 characters
        attributes, resource: of the line, and of what sent it
    """

    id: str
    ns: int
    service: str
    level: str
    severity: str
    message: str
    trace_id: str
    span_id: str
    host: str
    environment: str
    logger: str
    event: str
    attributes: dict[str, str]
    resource: dict[str, str]


class LogPage(msgspec.Struct, frozen=True):
    """Lines, and the cursor of the page after them; None for the last page."""

    lines: list[LogLine]
    next_cursor: str | None


class LogSearch(PagedReader):
    """Searches the log lines of one tenant."""

    table, columns, hash = "logs", _LINE, _HASH

    def page(
        self, where: Node, period: Period, limit: int = 100, cursor: str | None = None
    ) -> LogPage:
        """Return the newest lines that match, a page at a time.

        Args:
            where: the query
            period: of the lines; a cursor keeps that of its first page
            limit: most lines, up to 1,000
            cursor: of the page before

        Returns:
            The page.

        Raises:
            ConfigurationError: the cursor is of another list
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        rows, following = self.page_of(where, period, limit, cursor)
        return LogPage([_line(row) for row in rows], following)

    def tail(
        self, where: Node, period: Period, limit: int = 100, cursor: str | None = None
    ) -> LogPage:
        """Return the lines after a cursor, the oldest first; without one, the newest lines.

        A line that arrives after later ones were shown is not shown.

        Args:
            where: the query
            period: of the lines; with a cursor, its end alone matters
            limit: most lines, up to 1,000
            cursor: of the call before

        Returns:
            The lines, and always the cursor of the next call.

        Raises:
            ConfigurationError: the cursor is of another list
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        limit = max(1, min(limit, MOST_ROWS))
        known = zlib.crc32(repr(where).encode())
        if not cursor:
            lines = self.page(where, period, limit).lines[::-1]
            end = (lines[-1].ns, _hash_of(lines[-1])) if lines else (period.until, 0)
            equal = sum((one.ns, _hash_of(one)) == end for one in lines)
            return LogPage(lines, write_cursor(Cursor(known, 0, 0, *end, 0, equal)))
        after = self.cursor(cursor, known)
        parameters = Parameters()
        condition = tenant_condition(self, where, "logs", parameters)
        at, last = parameters.bind(after.ns, "Int64"), parameters.bind(after.hash, "UInt64")
        condition = f"({condition}) AND ({_NS} > {at} OR {_HASH} >= {last})"
        wanted = parameters.bind(limit, "UInt64")
        offset = parameters.bind(after.of_both, "UInt64")
        rows = self.rows(
            self.scoped("logs", _LINE, condition) + f" {_OLDEST} LIMIT {wanted} OFFSET {offset}",
            Period(after.ns, max(period.until, after.ns + 1)), parameters.values,
        )  # fmt: skip
        if not rows:
            return LogPage([], cursor)
        end = (rows[-1]["ns"], rows[-1]["hash"])
        equal = sum((row["ns"], row["hash"]) == end for row in rows)
        equal += after.of_both if (after.ns, after.hash) == end else 0
        following = Cursor(known, 0, 0, *end, 0, equal)
        return LogPage([_line(row) for row in rows], write_cursor(following))

    def line(self, line_id: str) -> LogLine:
        """Return one line.

        Args:
            line_id: its `id`

        Returns:
            The line, whose `trace_id` names its trace.

        Raises:
            NotFound: there is none
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        try:
            ns, hash_ = int(line_id[:16], 16), int(line_id[16:], 16)
        except ValueError:
            ns = hash_ = -1
        if len(line_id) == 32 and 0 <= ns < 2**63 - 1:
            parameters = Parameters()
            condition = f"{_HASH} = {parameters.bind(hash_, 'UInt64')}"
            statement = self.scoped("logs", _LINE, condition) + " LIMIT 1"
            for row in self.rows(statement, Period(ns, ns + 1), parameters.values):
                return _line(row)
        raise NotFound(f"there is no log line {line_id[:40]!r}")

    def of_trace(self, trace_id: str, now: int, limit: int = MOST_ROWS) -> list[LogLine]:
        """Return the lines of a trace, the oldest first.

        Args:
            trace_id: in hex
            now: nanoseconds since 1970
            limit: most lines, up to 1,000

        Returns:
            The lines; those of a trace without spans too.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        trace_id = trace_id.replace("-", "").lower()
        times = self.times_of([trace_id])
        whole = Period(0, now + _DAY)
        near = Period(times.since - _HOUR, times.until + _HOUR) if times else whole
        parameters = Parameters()
        condition = condition_of(Field("trace", "=", (trace_id,)), "logs", parameters)
        wanted = parameters.bind(max(1, min(limit, MOST_ROWS)), "UInt64")
        statement = self.scoped("logs", _LINE, condition) + f" {_OLDEST} LIMIT {wanted}"
        return [_line(row) for row in self.rows(statement, near, parameters.values)]


def _line(row: Mapping[str, Any]) -> LogLine:
    fields = {name: row[name] for name in LogLine.__struct_fields__ if name != "id"}
    return LogLine(id=f"{row['ns']:016x}{row['hash']:016x}", **fields)


def _hash_of(line: LogLine) -> int:
    return int(line.id[16:], 16)
