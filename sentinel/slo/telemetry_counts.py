"""From stored logs, requests and traces to good and total events by the minute. Pure."""

from __future__ import annotations

from datetime import datetime

from sentinel.slo.counts import Counts
from sentinel.slo.definition import LogsIndicator, RequestsIndicator, TracesIndicator
from sentinel.telemetry.port import TelemetryPort

__all__ = ["counts_of_telemetry"]


def counts_of_telemetry(
    indicator: LogsIndicator | RequestsIndicator | TracesIndicator, telemetry: TelemetryPort,
    start: datetime, end: datetime,
) -> Counts:  # fmt: skip
    """Return the events of a span.

    Args:
        indicator: over lines, requests or spans
        telemetry: of the SLO's tenant
        start: of a minute
        end: of the last minute, which is not part of it; at most a day later

    Returns:
        Events by the minute.
    """
    if isinstance(indicator, TracesIndicator):
        found = telemetry.good_spans(
            indicator.service, indicator.operation, indicator.where, indicator.below_ms, start, end
        )
        return Counts.of((one.at, one.good, one.total) for one in found)
    chosen = indicator.good or indicator.bad or ""
    found = telemetry.matching(indicator.kind, indicator.total, chosen, start, end)
    if indicator.bad is not None:
        return Counts.of((one.at, one.total - one.good, one.total) for one in found)
    return Counts.of((one.at, one.good, one.total) for one in found)
