"""Stored log lines as events, oldest first, for backtests of event policies over log lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sentinel.errors import ConfigurationError
from sentinel.event_policies.log_lines import MOST_TEXT, level_of
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.reading import Parameters, Period, TenantReader
from sentinel.telemetry.asked import nanoseconds_of

__all__ = ["MOST_LINES", "replayed_lines"]

MOST_LINES = 2_000_000
"""Log lines of a backtest; each costs some microseconds."""
_AT_ONCE = 5_000
_NS = "toUnixTimestamp64Nano(Timestamp)"
_COLUMNS = (
    f"{_NS} AS ns, ServiceName AS service, SeverityNumber AS number, SeverityText AS severity, "
    f"leftUTF8(Body, {MOST_TEXT}) AS message, ScopeName AS logger, EventName AS event_name, "
    "TraceId AS trace_id, SpanId AS span_id, LogAttributes AS attributes, "
    "ResourceAttributes AS resource"
)


def replayed_lines(
    client: TelemetryClient, tenant: str, since: datetime, until: datetime
) -> Iterator[tuple[datetime, list[dict[str, Any]]]]:
    """Read the lines of a period as the events that they were when they came.

    Args:
        client: that reads
        tenant: whose lines
        since: exclusive
        until: inclusive

    Yields:
        Moments and the lines of each, oldest first.

    Raises:
        ConfigurationError: there are too many
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    reader = TenantReader(client, tenant)
    period = Period(nanoseconds_of(since) + 1, nanoseconds_of(until) + 1)
    number = reader.rows(reader.scoped("logs", "count() AS n"), period)[0]["n"]
    if number > MOST_LINES:
        raise ConfigurationError(
            f"there are {number:,} log lines in that time; a backtest reads at most {MOST_LINES:,}",
            hint="Choose a shorter time with --since.",
        )
    while period.since < period.until:
        parameters = Parameters()
        limit = parameters.bind(_AT_ONCE, "UInt64")
        # Lines of one moment are never parted, so that the next page begins after them.
        rows = reader.rows(
            reader.scoped("logs", _COLUMNS) + f" ORDER BY Timestamp LIMIT {limit} WITH TIES",
            period, parameters.values,
        )  # fmt: skip
        if not rows:
            return
        for place, row in enumerate(rows):
            at = datetime.fromtimestamp(row["ns"] // 1_000_000_000, UTC).replace(
                microsecond=row["ns"] // 1_000 % 1_000_000
            )
            yield at, [_event(row, place, at)]
        period = Period(rows[-1]["ns"] + 1, period.until)


def _event(row: dict[str, Any], place: int, at: datetime) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": f"log-{row['ns']}-{place}",
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z",
        "level": level_of(row["number"], row["severity"]),
    }
    for name in ("service", "severity", "message", "logger", "event_name", "trace_id", "span_id"):
        made[name] = row[name]
    for name in ("attributes", "resource"):
        made[name] = {key: text[:MOST_TEXT] for key, text in row[name].items()}
    return {name: value for name, value in made.items() if value}
