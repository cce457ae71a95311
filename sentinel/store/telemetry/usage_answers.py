"""Ask the request log, and say what was found: one way for the API and the command line."""

from __future__ import annotations

from typing import Any

import msgspec

from sentinel.api_usage.answers import RequestsFound, RequestView
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.requests import RequestSearch
from sentinel.telemetry.asked import Asked, moment_of

__all__ = ["requests_found"]


def requests_found(
    client: TelemetryClient, tenant: str, asked: Asked, limit: int, cursor: str | None
) -> RequestsFound:
    """Return a page of requests, the newest first.

    Args:
        client: that reads
        tenant: whose requests
        asked: what is looked for
        limit: most requests
        cursor: of the page before

    Returns:
        The page.

    Raises:
        ConfigurationError: the cursor is of another list
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    page = RequestSearch(client, tenant).page(
        asked.where, Period(asked.since, asked.until), limit, cursor
    )
    shown = [
        RequestView(timestamp=moment_of(one.ns), **_without_ns(msgspec.structs.asdict(one)))
        for one in page.requests
    ]
    return RequestsFound(
        query=asked.query, since=moment_of(asked.since), until=moment_of(asked.until),
        requests=shown, next_cursor=page.next_cursor,
    )  # fmt: skip


def _without_ns(fields: dict[str, Any]) -> dict[str, Any]:
    del fields["ns"]
    return fields
