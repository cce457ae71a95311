"""The request log: written once, counted by minute, searched by one tenant."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from sentinel.api_usage.privacy import RequestPrivacy, header_names
from sentinel.api_usage.request_log import PostedRequest, request_rows
from sentinel.errors import ConfigurationError
from sentinel.store.telemetry import past_requests as past
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.condition import condition
from sentinel.store.telemetry.erasing import erase_from_requests
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.requests import LoggedRequest, RequestSearch, insert_requests
from sentinel.telemetry.query import REQUEST_FIELDS, QueryFault, parse_query

SECOND = 10**9
NOW = time.time_ns() // (60 * SECOND) * 60 * SECOND
HOUR = Period(NOW - 3_600 * SECOND, NOW + SECOND)
PRIVACY = RequestPrivacy(headers=header_names("x-region"))


def send(client: TelemetryClient, tenant: str, token: str, *given: dict[str, Any]) -> None:
    rows = [
        msgspec.convert({"timestamp": NOW - index * SECOND, "status": 200, **one}, PostedRequest)
        for index, one in enumerate(given)
    ]
    batch = request_rows(rows, PRIVACY, now=NOW, oldest=0)
    insert_requests(client, tenant, batch, f"{tenant} {token} {NOW}", NOW)


@pytest.fixture
def search(telemetry: TelemetryClient) -> RequestSearch:
    """Six requests of `acme`, the newest first, and one of another tenant."""
    send(
        telemetry, "acme", "first",
        {"service": "shop", "consumer": "ann", "key": "k1", "method": "get", "path": "/orders/1",
         "duration_ms": 12.5, "trace_id": "5B8EFFF798038103D269B633813FC60C"},
        {"service": "shop", "consumer": "ann", "key": "k1", "method": "POST", "path": "/orders",
         "status": 503, "duration_ms": 900, "headers": {"X-Region": "eu", "Cookie": "no"}},
        {"service": "shop", "consumer": "bob", "plan": "free", "path": "/orders/2", "status": 404,
         "address": "203.0.113.7", "user_agent": "curl/8.5.0"},
        {"service": "shop", "consumer": "bob", "plan": "free", "path": "/orders/3", "status": 429,
         "refused_by": "100-per-minute"},
        {"service": "pay", "path": "/it's\\100%", "endpoint": "/pay"},
        {"service": "pay", "path": "/größe", "status": 0},
    )  # fmt: skip
    send(telemetry, "other", "first", {"service": "shop", "consumer": "ann", "path": "/orders/1"})
    return RequestSearch(telemetry, "acme")


FOUND: list[tuple[str, list[int]]] = [
    ("", [0, 1, 2, 3, 4, 5]),
    ("service:pay", [4, 5]),
    ("consumer:ann status:5xx", [1]),
    ("status:>=400 -status:429", [1, 2]),
    ("status:404,5xx", [1, 2]),
    ("status:0", [5]),
    ("endpoint:/orders/{id}", [0, 2, 3]),
    ("method:GET", [0]),
    ("duration:>500ms", [1]),
    ("plan:free refused:*", [3]),
    ("-refused:* consumer:*", [0, 1, 2]),
    ('refused:"100-per-minute"', [3]),
    ("address:203.0.113.*", [2]),
    ("agent:curl", [2]),
    ("trace:5b8efff798038103d269b633813fc60c", [0]),
    ("@x-region:eu", [1]),
    ("@X-Region:*", [1]),
    ("@cookie:*", []),
    ('"it\'s\\\\100%"', [4]),
    ("GRÖSSE OR größe", [5]),
    ("/orders/*", [0, 2, 3]),
    ("key:k1 OR consumer:bob", [0, 1, 2, 3]),
]


def test_requests_are_found_by_their_fields(search: RequestSearch) -> None:
    for query, wanted in FOUND:
        found = search.page(parse_query(query, REQUEST_FIELDS).where, HOUR).requests
        assert [(NOW - one.ns) // SECOND for one in found] == wanted, query
    first = search.page(parse_query("consumer:ann", REQUEST_FIELDS).where, HOUR).requests[0]
    assert first == LoggedRequest(
        ns=NOW, service="shop", consumer="ann", key="k1", key_prefix="", plan="", method="GET",
        endpoint="/orders/{id}", path="/orders/1", status=200, duration_ms=12.5, request_bytes=0,
        response_bytes=0, trace_id="5b8efff798038103d269b633813fc60c", address="", agent="",
        refused_by="", headers={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("status:bad", "no status of HTTP"),
        ("status:>4xx", "compares with one status"),
        ("@x-region:>5", "is a header"),
        ("level:error", "there is no field level"),
    ],
)
def test_what_no_request_has_is_said(query: str, message: str) -> None:
    with pytest.raises(QueryFault, match=message):
        parse_query(query, REQUEST_FIELDS)


def test_pages_go_on_through_requests_of_one_moment(telemetry: TelemetryClient) -> None:
    send(telemetry, "acme", "equal", *({"path": f"/{n % 3}", "timestamp": NOW} for n in range(25)))
    search, everything = RequestSearch(telemetry, "acme"), parse_query("", REQUEST_FIELDS).where
    seen: list[str] = []
    cursor = None
    for _ in range(4):
        page = search.page(everything, HOUR, 7, cursor)
        seen += [one.path for one in page.requests]
        cursor = page.next_cursor
    assert cursor is None
    assert sorted(seen) == sorted(f"/{n % 3}" for n in range(25))
    first = search.page(everything, HOUR, 7).next_cursor
    with pytest.raises(ConfigurationError, match="of another query"):
        search.page(parse_query("status:200", REQUEST_FIELDS).where, HOUR, 7, first)


def test_a_batch_that_comes_again_counts_once_and_an_equal_one_counts(
    telemetry: TelemetryClient,
) -> None:
    for token in ("a", "a", "b"):
        send(telemetry, "acme", token, {"path": "/x", "duration_ms": 8}, {"path": "/x"})
    for table in ("requests", "usage_by_endpoint", "usage_by_consumer"):
        count = "count()" if table == "requests" else "sum(Requests)"
        assert telemetry.value(f"SELECT {count} FROM {table}") == 4, table
    minutes = telemetry.rows("SELECT DISTINCT toSecond(Timestamp) AS s FROM usage_by_endpoint")
    assert minutes == [{"s": 0}]
    sizes = condition(telemetry, tenants=True).tenants
    assert [(one.tenant, one.signal, one.rows) for one in sizes] == [("acme", "requests", 4)]


def test_requests_are_read_in_the_order_of_time_for_a_simulation(
    search: RequestSearch, telemetry: TelemetryClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(past, "_AT_ONCE", 2)
    where = parse_query("service:shop", REQUEST_FIELDS).where
    found = list(past.past_requests(telemetry, "acme", where, HOUR))
    assert [one.caller.path for one in found] == ["/orders/3", "/orders/2", "/orders", "/orders/1"]
    assert found[0].at == (NOW - 3 * SECOND) // 1000
    assert (found[-1].caller.key, found[-1].caller.user) == ("k1", "ann")
    with pytest.raises(ConfigurationError, match="4 requests in that time"):
        list(past.past_requests(telemetry, "acme", where, HOUR, most=3))


def test_the_requests_of_an_erased_person_are_gone_and_so_are_the_counts_of_them(
    telemetry: TelemetryClient,
) -> None:
    for tenant in ("acme", "other"):
        send(
            telemetry, tenant, "erased", {"consumer": "o'lena\\", "path": "/a"},
            {"consumer": "o'lena\\ via bot", "path": "/b"}, {"consumer": "o'lena", "path": "/c"},
        )  # fmt: skip
    assert erase_from_requests(telemetry, "o'lena\\") == 4
    assert erase_from_requests(telemetry, "o'lena\\") == 0
    for table in ("requests", "usage_by_consumer"):
        left = telemetry.rows(f"SELECT DISTINCT Consumer AS name FROM {table}")
        assert left == [{"name": "o'lena"}], table
    assert telemetry.value("SELECT sum(Requests) FROM usage_by_endpoint") == 6
