"""Search of traces and figures of services: of one tenant alone."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from sentinel.errors import ConfigurationError, NotFound
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.rows import insert_batch
from sentinel.store.telemetry.services import ServiceFigures
from sentinel.store.telemetry.traces import TraceSearch
from sentinel.telemetry.otlp_spans import spans_of
from sentinel.telemetry.posted import posted_spans
from sentinel.telemetry.query import SPAN_FIELDS, Node, parse_query

SECOND, MILLI = 10**9, 10**6
NOW = time.time_ns() // SECOND * SECOND
HOUR = Period(NOW - 3_600 * SECOND, NOW + SECOND)


def trace_id(number: int) -> str:
    return f"{number + 1:032x}"


def where(text: str) -> Node:
    return parse_query(text, SPAN_FIELDS).where


@pytest.fixture
def figures(telemetry: TelemetryClient) -> ServiceFigures:
    """Ten traces of `acme` (shop calls pay calls a database), and one of another tenant."""
    spans: list[Mapping[str, object]] = []
    for n in range(10):
        start = NOW - n * SECOND
        common = {"trace_id": trace_id(n), "start_time": start}
        spans += [
            {**common, "span_id": f"{n + 1:016x}", "service": "shop", "operation": "GET /buy",
             "duration_ms": 100 * (n + 1), "kind": "server", "status_code": 500 if n < 2 else 200},
            {**common, "span_id": f"{n + 101:016x}", "parent_span_id": f"{n + 1:016x}",
             "service": "pay", "operation": "charge", "duration_ms": 50, "kind": "server",
             "status": "error" if n == 0 else "ok", "amount": n},
            {**common, "span_id": f"{n + 201:016x}", "parent_span_id": f"{n + 101:016x}",
             "service": "pay", "operation": "SELECT", "duration_ms": 5, "kind": "client",
             "db.system.name": "postgresql"},
        ]  # fmt: skip
    for tenant, sent in (("acme", spans), ("other", spans[:3])):
        posted = posted_spans(sent, root=False)
        assert not posted.errors
        batch = spans_of(posted.request, now=NOW, oldest=0)
        insert_batch(telemetry, tenant, batch, f"{tenant} {time.time_ns()}", NOW)
    return ServiceFigures(telemetry, "acme")


def test_traces_are_found_by_their_spans(
    telemetry: TelemetryClient, figures: ServiceFigures
) -> None:
    search = TraceSearch(telemetry, "acme")

    def found(query: str) -> list[int]:
        page = search.page(where(query), HOUR)
        assert page.next_cursor is None
        return [int(one.id, 16) - 1 for one in page.traces]

    every = list(range(10))
    for query, numbers in {
        "": every, "service:shop": every, "service:none": [], "status:error": [0, 1],
        "status:error service:pay": [0], "operation:GET*": every, "charge": every,
        "duration:>=900ms": [8, 9], "duration:>0.95s": [9], "@amount:>7": [8, 9], "@amount:3": [3],
        "http:500": [0, 1], "db:postgresql kind:client": every, "-status:ok duration:<=5": every,
        f"trace:{trace_id(4)}": [4], "\"' OR 1=1\"": [],
    }.items():  # fmt: skip
        assert found(query) == numbers, query
    first = search.page(where("service:shop"), HOUR).traces[1]
    assert (first.service, first.operation, first.spans, first.errors) == ("shop", "GET /buy", 3, 1)
    assert (first.ns, first.duration) == (NOW - SECOND, 200 * MILLI)
    assert first.services == ["pay", "shop"]

    shown: list[int] = []
    cursor = None
    for _ in range(4):
        page = search.page(where(""), HOUR, 3, cursor)
        shown += [int(one.id, 16) - 1 for one in page.traces]
        cursor = page.next_cursor
    assert (shown, cursor) == (every, None)
    cursor = search.page(where(""), HOUR, 3).next_cursor
    with pytest.raises(ConfigurationError, match="of another query"):
        search.page(where("x"), HOUR, 3, cursor)

    slow = search.slow(where("service:shop duration:>=300"), HOUR, 2)
    assert [one.duration for one in slow] == [1000 * MILLI, 900 * MILLI]


def test_a_trace_has_its_spans_and_is_of_its_tenant_alone(
    telemetry: TelemetryClient, figures: ServiceFigures
) -> None:
    search = TraceSearch(telemetry, "acme")
    trace = search.trace(trace_id(3).upper())
    assert [one.operation for one in trace.spans] == ["GET /buy", "charge", "SELECT"]
    assert trace.spans[1].attributes == {"amount": "3"}
    assert (trace.spans[1].status, trace.spans[1].duration, trace.cut) == ("Ok", 50 * MILLI, False)
    other = TraceSearch(telemetry, "other")
    assert len(other.trace(trace_id(0)).spans) == 3
    for reader, unknown in ((other, trace_id(3)), (search, "x"), (search, "")):
        with pytest.raises(NotFound):
            reader.trace(unknown)


def test_rates_errors_and_percentiles(figures: ServiceFigures) -> None:
    found = {(one.service, one.operation): one for one in figures.latency(where(""), HOUR)}
    assert found.keys() == {("shop", "GET /buy"), ("pay", "charge"), ("pay", "SELECT")}
    shop = found["shop", "GET /buy"]
    assert (shop.spans, shop.errors, shop.error_rate) == (10, 2, 0.2)
    assert shop.per_second == pytest.approx(10 / 3_601)
    assert 500 <= shop.p50_ms <= 600
    assert 900 <= shop.p95_ms <= shop.p99_ms <= 1_000
    assert [one.service for one in figures.latency(where(""), HOUR, by_operation=False)] == [
        "pay", "shop"
    ]  # fmt: skip
    counted = figures.statistics(where(""), HOUR)
    assert (counted.traces, counted.all.spans, counted.all.errors) == (10, 30, 3)
    assert (counted.roots.spans, counted.roots.errors) == (10, 2)
    nothing = figures.statistics(where("service:none"), HOUR)
    assert (nothing.traces, nothing.all.spans, nothing.services) == (0, 0, [])


def test_who_calls_whom(figures: ServiceFigures) -> None:
    found = {(one.caller, one.callee): one for one in figures.dependencies(HOUR)}
    assert found.keys() == {("shop", "pay"), ("pay", "postgresql")}
    inner, outer = found["shop", "pay"], found["pay", "postgresql"]
    assert (inner.observed, inner.calls, inner.errors, inner.p50_ms) == (True, 10, 1, 50)
    assert (outer.observed, outer.calls, outer.p99_ms) == (False, 10, 5)
    assert {one.callee for one in figures.dependencies(HOUR, "shop")} == {"pay"}
    assert figures.dependencies(HOUR, "' OR 1=1") == []
