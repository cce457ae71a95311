"""All requests of a period, and its usage part by part, for files: read page by page."""

from __future__ import annotations

from collections.abc import Generator

from sentinel.api_usage.answers import RequestView, UsageGroup
from sentinel.api_usage.exported import UsageRow
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.conditions import condition_of
from sentinel.store.telemetry.reading import Parameters, Period, TenantReader
from sentinel.store.telemetry.requests import RequestSearch, request_of
from sentinel.store.telemetry.usage import GroupBy, UsageReader
from sentinel.store.telemetry.usage_answers import figures_of, request_view
from sentinel.telemetry.asked import Asked, moment_of

__all__ = ["MOST_PARTS", "MOST_VALUES", "exported_requests", "exported_usage"]

_AT_ONCE = 10_000
_MINUTE = 60 * 10**9
MOST_PARTS, MOST_VALUES = 500, 1_000
"""Parts of a period, and values in each: those with most requests."""


def exported_requests(
    client: TelemetryClient, tenant: str, asked: Asked
) -> Generator[list[RequestView]]:
    """Read all requests that match, the oldest first.

    Args:
        client: that reads
        tenant: whose requests
        asked: what is looked for

    Yields:
        Pages of them; of one moment all are in one page, so that the next begins after it.

    Raises:
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    reader, parameters = TenantReader(client, tenant), Parameters()
    condition = condition_of(asked.where, "requests", parameters)
    limit = parameters.bind(_AT_ONCE, "UInt64")
    select = reader.scoped("requests", RequestSearch.columns, condition)
    select += f" ORDER BY Timestamp LIMIT {limit} WITH TIES"
    period = Period(asked.since, asked.until)
    while period.since < period.until:
        rows = reader.rows(select, period, parameters.values)
        if not rows:
            return
        yield [request_view(request_of(row)) for row in rows]
        if len(rows) < _AT_ONCE:
            return
        period = Period(rows[-1]["ns"] + 1, period.until)


def exported_usage(
    client: TelemetryClient, tenant: str, asked: Asked, by: GroupBy, parts: int
) -> Generator[list[UsageRow]]:
    """Read the figures of each value in each part of a period, the oldest part first.

    Args:
        client: that reads
        tenant: whose requests
        asked: what is looked for
        by: the field
        parts: of the period, at most so many: each is of whole minutes where it is over one

    Yields:
        For each part with requests, the `MOST_VALUES` values with most of them.

    Raises:
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    reader = UsageReader(client, tenant)
    since, until = asked.since, asked.until
    width = max(1, -(-(until - since) // max(1, min(parts, MOST_PARTS))))
    if width > _MINUTE:
        since = since // _MINUTE * _MINUTE
        width = -(-(until - since) // (max(1, min(parts, MOST_PARTS)) * _MINUTE)) * _MINUTE
    for at in range(since, until, width):
        period = Period(at, min(at + width, until))
        # Counts by minute answer for whole minutes: the last part is all of its last minute.
        about = reader.period_for(asked.where, (by,), period)
        seconds = (about.until - about.since) / 1e9
        groups = reader.groups(asked.where, period, by, limit=MOST_VALUES)
        total = reader.total(asked.where, period).requests if groups else 0
        yield [
            UsageRow(
                moment_of(about.since), seconds,
                UsageGroup(
                    value=value, share=one.requests / total if total else 0.0,
                    **figures_of(one, about),
                ),
            )
            for value, one in groups
        ]  # fmt: skip
