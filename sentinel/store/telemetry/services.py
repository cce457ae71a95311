"""Figures of one tenant's services: latency, rates and errors, and who calls whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sentinel.store.telemetry.conditions import condition_of
from sentinel.store.telemetry.reading import MOST_ROWS, Parameters, Period, TenantReader
from sentinel.telemetry.query import Node

__all__ = ["Dependency", "Latency", "ServiceFigures", "TraceStatistics"]

_FIGURES = (
    "count() AS spans, countIf({status} = 'Error') AS errors, "
    "arrayMap(x -> x / 1e6, quantilesTDigest(0.5, 0.95, 0.99)({duration})) AS quantiles"
)


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the spans of a service, or of one operation of it.

    Attributes:
        service, operation: whose; empty where the figures are of all
        spans, errors: how many
        per_second: spans, over the period
        error_rate: share of spans with the status Error, from 0 to 1
        p50_ms, p95_ms, p99_ms: estimates of the durations' percentiles
    """

    service: str
    operation: str
    spans: int
    errors: int
    per_second: float
    error_rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one service by another.

    Attributes:
        caller, callee: their names
        observed: whether the callee sends spans itself; else the caller's spans name it, such as
            a database
        calls, errors, per_second, error_rate, p50_ms, p95_ms, p99_ms: as of `Latency`
    """

    caller: str
    callee: str
    observed: bool
    calls: int
    errors: int
    per_second: float
    error_rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class TraceStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a period.

    Attributes:
        traces: an estimate of how many there are
        all: of all spans
        roots: of the first spans of traces, so of traces as their users see them
        services: of each, those with most spans first, at most 1,000
    """

    traces: int
    all: Latency
    roots: Latency
    services: list[Latency]


class ServiceFigures(TenantReader):
    """Reads the figures of one tenant's services."""

    def latency(
        self, where: Node, period: Period, *, by_operation: bool = True, limit: int = MOST_ROWS
    ) -> list[Latency]:
        """Return rates, errors and percentiles by service.

        Args:
            where: the query, of spans
            period: of the spans
            by_operation: whether by operation too
            limit: most rows, up to 1,000

        Returns:
            Those with most spans first.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        operation = "toString(SpanName)" if by_operation else "''"
        return self._latencies(
            where, period, f"toString(ServiceName) AS service, {operation} AS operation", limit
        )

    def statistics(self, where: Node, period: Period) -> TraceStatistics:
        """Return the figures of a period.

        Args:
            where: the query, of spans
            period: of the spans

        Returns:
            The figures.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        parameters = Parameters()
        condition = condition_of(where, "spans", parameters)
        counted = self.rows(
            self.scoped("spans", "uniqIf(TraceId, TraceId != '') AS traces", condition),
            period, parameters.values,
        )  # fmt: skip
        whole = "'' AS service, '' AS operation"
        roots = self._latencies(where, period, whole, 1, "ParentSpanId = ''")
        return TraceStatistics(
            traces=counted[0]["traces"],
            all=next(iter(self._latencies(where, period, whole, 1)), _NOTHING),
            roots=next(iter(roots), _NOTHING),
            services=self.latency(where, period, by_operation=False),
        )

    def _latencies(
        self, where: Node, period: Period, keys: str, limit: int, also: str = "1"
    ) -> list[Latency]:
        parameters = Parameters()
        condition = f"({condition_of(where, 'spans', parameters)}) AND {also}"
        wanted = parameters.bind(max(1, min(limit, MOST_ROWS)), "UInt64")
        figures = _FIGURES.format(status="StatusCode", duration="Duration")
        rows = self.rows(
            self.scoped("spans", f"{keys}, {figures}", condition)
            + f" GROUP BY service, operation HAVING spans > 0 "
            f"ORDER BY spans DESC, service, operation LIMIT {wanted}",
            period, parameters.values,
        )  # fmt: skip
        return [
            Latency(
                service=row["service"], operation=row["operation"], spans=row["spans"],
                **_rates(row, period),
            )
            for row in rows
        ]  # fmt: skip

    def dependencies(self, period: Period, service: str = "") -> list[Dependency]:
        """Return who calls whom.

        Args:
            period: of the spans
            service: whose callers and callees; empty for all

        Returns:
            Those with most calls first, at most 1,000.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        parameters = Parameters()
        only = "1"
        if service:
            bound = parameters.bind(service)
            only = f"(caller = {bound} OR callee = {bound})"
        parents = self.scoped("spans", "TraceId, SpanId, ServiceName AS caller", "SpanId != ''")
        children = self.scoped(
            "spans", "TraceId, ParentSpanId, ServiceName AS callee, StatusCode, Duration",
            "ParentSpanId != ''",
        )  # fmt: skip
        figures = _FIGURES.format(status="StatusCode", duration="Duration")
        called = (
            f"SELECT toString(caller) AS caller, toString(callee) AS callee, true AS observed, "  # noqa: S608 - of parts written here
            f"{figures} FROM ({children}) AS child INNER JOIN ({parents}) AS parent "
            "ON child.TraceId = parent.TraceId AND child.ParentSpanId = parent.SpanId "
            f"WHERE caller != callee AND {only} GROUP BY caller, callee"
        )
        # What sends no spans is known by its callers' alone.
        peer = "toString(if(PeerService != '', PeerService, DatabaseSystem))"
        named = self.scoped(
            "spans", f"toString(ServiceName) AS caller, {peer} AS callee, StatusCode, Duration",
            f"SpanKind IN ('Client', 'Producer') AND {peer} != ''",
        )  # fmt: skip
        senders = self.scoped("spans", "DISTINCT toString(ServiceName)")
        outside = (
            f"SELECT caller, callee, false AS observed, {figures} FROM ({named}) "  # noqa: S608 - of parts written here
            f"WHERE callee NOT IN ({senders}) AND {only} GROUP BY caller, callee"
        )
        rows = self.rows(
            f"SELECT * FROM ({called} UNION ALL {outside}) "  # noqa: S608 - of parts written here
            f"ORDER BY spans DESC, caller, callee LIMIT {MOST_ROWS}",
            period, parameters.values,
        )  # fmt: skip
        return [
            Dependency(
                caller=row["caller"], callee=row["callee"], observed=bool(row["observed"]),
                calls=row["spans"], **_rates(row, period),
            )
            for row in rows
        ]  # fmt: skip


def _rates(row: Mapping[str, Any], period: Period) -> dict[str, Any]:
    seconds = max((period.until - period.since) / 1e9, 1e-9)
    p50, p95, p99 = row["quantiles"]
    return {
        "errors": row["errors"], "per_second": row["spans"] / seconds,
        "error_rate": row["errors"] / row["spans"] if row["spans"] else 0.0,
        "p50_ms": p50, "p95_ms": p95, "p99_ms": p99,
    }  # fmt: skip


_NOTHING = Latency(
    service="", operation="", spans=0, errors=0, per_second=0.0, error_rate=0.0, p50_ms=0.0,
    p95_ms=0.0, p99_ms=0.0,
)  # fmt: skip
