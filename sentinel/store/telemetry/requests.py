"""The request log of one tenant: rows written, and pages of them read."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import msgspec

from sentinel.api_usage.request_log import RequestRows
from sentinel.store.telemetry.client import ArrowTable, TelemetryClient
from sentinel.store.telemetry.pages import PagedReader
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.rows import insert_refused
from sentinel.telemetry.query import Node

__all__ = ["LoggedRequest", "RequestPage", "RequestSearch", "insert_requests", "request_of"]

_NUMBERS = {
    "Status": "uint16", "Duration": "uint64", "RequestBytes": "uint64", "ResponseBytes": "uint64",
}  # fmt: skip
_TEXTS = frozenset({"Path", "TraceId"})
_HASH = (
    "cityHash64(ServiceName, Consumer, KeyId, Method, Endpoint, Path, Status, Duration, "
    "RequestBytes, ResponseBytes, TraceId, Address, Agent, RefusedBy, Headers)"
)
_ROW = (
    f"toUnixTimestamp64Nano(Timestamp) AS ns, {_HASH} AS hash, ServiceName AS service, "
    "Consumer AS consumer, KeyId AS key, KeyPrefix AS key_prefix, Plan AS plan, "
    "Method AS method, Endpoint AS endpoint, Path AS path, Status AS status, "
    "Duration / 1000000 AS duration_ms, RequestBytes AS request_bytes, "
    "ResponseBytes AS response_bytes, TraceId AS trace_id, Address AS address, Agent AS agent, "
    "RefusedBy AS refused_by, Headers AS headers"
)


class LoggedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request of the log; `ns` is when it came, in nanoseconds since 1970."""

    ns: int
    service: str
    consumer: str
    key: str
    key_prefix: str
    plan: str
    method: str
    endpoint: str
    path: str
    status: int
    duration_ms: float
    request_bytes: int
    response_bytes: int
    trace_id: str
    address: str
    agent: str
    refused_by: str
    headers: dict[str, str]


class RequestPage(msgspec.Struct, frozen=True):
    """Requests, and the cursor of the page after them; None for the last page."""

    requests: list[LoggedRequest]
    next_cursor: str | None


class RequestSearch(PagedReader):
    """Searches the requests of one tenant."""

    table, columns, hash = "requests", _ROW, _HASH

    def page(
        self, where: Node, period: Period, limit: int = 100, cursor: str | None = None
    ) -> RequestPage:
        """Return the newest requests that match, a page at a time.

        Args:
            where: the query
            period: of the requests; a cursor keeps that of its first page
            limit: most requests, up to 1,000
            cursor: of the page before

        Returns:
            The page.

        Raises:
            ConfigurationError: the cursor is of another list
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        rows, following = self.page_of(where, period, limit, cursor)
        return RequestPage([request_of(row) for row in rows], following)


def insert_requests(
    client: TelemetryClient, tenant: str, rows: RequestRows, token: str, now: int
) -> None:
    """Insert the rows of a batch, and count the requests that were refused.

    Args:
        client: that writes
        tenant: whose requests they are
        rows: of the batch
        token: of the batch; one that comes again is not written again
        now: nanoseconds since 1970

    Raises:
        TelemetryError: the store refuses them
        TelemetryUnavailable: it does not answer; the batch may be sent again
    """
    if rows.number:
        client.insert("requests", _arrow_of(tenant, rows), token)
    if rows.refused:
        insert_refused(client, tenant, "requests", rows.refused, token, now)


def _arrow_of(tenant: str, rows: RequestRows) -> ArrowTable:
    pa: Any = import_module("pyarrow")
    texts, number = pa.string(), rows.number
    columns: dict[str, Any] = {
        "Tenant": pa.DictionaryArray.from_arrays(pa.array([0] * number, pa.int32()), [tenant]),
    }
    for name, values in rows.columns.items():
        if name == "Timestamp":
            made = pa.array(values, pa.timestamp("ns", "UTC"))
        elif name == "Headers":
            made = pa.array(values, pa.map_(texts, texts))
        elif name in _NUMBERS:
            made = pa.array(values, getattr(pa, _NUMBERS[name])())
        else:
            made = pa.array(values, texts)
            made = made if name in _TEXTS else made.dictionary_encode()
        columns[name] = made
    return pa.table(columns)


def request_of(row: Mapping[str, Any]) -> LoggedRequest:
    """Return the request of a row of `RequestSearch.columns`."""
    return LoggedRequest(**{name: row[name] for name in LoggedRequest.__struct_fields__})
