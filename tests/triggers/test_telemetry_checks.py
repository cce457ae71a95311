"""Checks over logs and traces: what they count, what they cannot say, and whose lines they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from sentinel import Context
from sentinel.api_usage.privacy import RequestPrivacy
from sentinel.api_usage.request_log import PostedRequest, request_rows
from sentinel.checks.reading import Reading
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, TelemetryError, TelemetryUnavailable
from sentinel.slo.definition import definition_of
from sentinel.slo.telemetry_counts import counts_of_telemetry
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.for_rules import TenantTelemetry
from sentinel.store.telemetry.pattern_mining import PatternMining
from sentinel.store.telemetry.requests import insert_requests
from sentinel.store.telemetry.rows import insert_batch
from sentinel.telemetry.asked import nanoseconds_of
from sentinel.telemetry.otlp_logs import logs_of
from sentinel.telemetry.otlp_spans import spans_of
from sentinel.telemetry.posted import posted_logs, posted_spans
from triggers.log_pattern import log_pattern
from triggers.log_query import log_query
from triggers.telemetry_store import telemetry_store
from triggers.trace_errors import trace_errors
from triggers.trace_latency import trace_latency

NOW = datetime.now(UTC).replace(second=10, microsecond=0)
Sent = Mapping[str, Any]


def send(client: TelemetryClient, *rows: tuple[timedelta, Sent], tenant: str = "acme") -> None:
    """Lines where they have a message, and spans."""
    now = nanoseconds_of(NOW)
    lines = [{"timestamp": (NOW - ago).isoformat(), **row} for ago, row in rows if "message" in row]
    spans = [{"start_time": (NOW - ago).isoformat(), **row} for ago, row in rows
             if "message" not in row]  # fmt: skip
    batches = [logs_of(posted_logs(lines).request, now=now, oldest=0)] if lines else []
    batches += (
        [spans_of(posted_spans(spans, root=True).request, now=now, oldest=0)] if spans else []
    )
    for batch in batches:
        insert_batch(client, tenant, batch, f"{tenant} {rows!r}", now)


@pytest.fixture
def ctx(telemetry: TelemetryClient, clock: FakeClock) -> Context:
    clock.set(NOW)
    return Context(clock=clock, telemetry=TenantTelemetry(lambda: telemetry, "acme", "http://me"))


def seen(trigger: Any, ctx: Context, **given: Any) -> list[Reading]:
    return list(trigger.check(ctx=ctx, **given).readings)


MINUTE = timedelta(minutes=1)


def test_lines_that_match_are_counted_with_samples_and_a_link(
    telemetry: TelemetryClient, ctx: Context
) -> None:
    refused = {"message": "refused by db", "service": "shop", "level": "ERROR"}
    send(telemetry, *((MINUTE * n, refused) for n in (1, 2, 9)))
    send(telemetry, (MINUTE, {"message": "refused", "service": "mail", "level": "ERROR"}))
    send(telemetry, (MINUTE, refused), tenant="other")
    (all_,) = seen(log_query, ctx, query="refused service:shop")
    assert (all_.value, all_.labels) == (2, {})
    assert all_.details is not None
    assert [one["message"] for one in all_.details["lines"]] == ["refused by db"] * 2
    assert all_.details["search"].startswith("http://me/logs?q=refused+service%3Ashop&time=custom")
    by = seen(log_query, ctx, query="level:error", by="service")
    assert [(one.labels["service"], one.value) for one in by] == [("mail", 1), ("shop", 2)]
    assert [one["service"] for one in (by[0].details or {})["lines"]] == ["mail"]


def test_indicators_of_slos_count_spans_and_lines_of_their_tenant_by_the_minute(
    telemetry: TelemetryClient, ctx: Context
) -> None:
    def span(ago: timedelta, ms: float, **more: Any) -> tuple[timedelta, Sent]:
        return ago, {"operation_name": "buy", "service_name": "shop", "duration_ms": ms, **more}

    spans = [
        span(MINUTE * 2, 100), span(MINUTE * 2, 300), span(MINUTE * 2, 301),
        span(MINUTE, 5, status="error"), span(MINUTE, 5, operation_name="look"),
        span(MINUTE, 5, service_name="mail"),
    ]  # fmt: skip
    line = {"service": "shop", "level": "INFO", "message": "served"}
    lines = [
        (MINUTE, line),
        (MINUTE, {**line, "level": "ERROR"}),
        (MINUTE, {**line, "service": "b"}),
    ]
    send(telemetry, *spans, *lines)
    send(telemetry, *spans, *lines, tenant="other")
    at = nanoseconds_of(NOW - MINUTE) / 1e9
    asked = [PostedRequest(timestamp=at, status=one, service="api") for one in (200, 200, 503)]
    rows = request_rows(asked, RequestPrivacy(), now=nanoseconds_of(NOW), oldest=0)
    for tenant in ("acme", "other"):
        insert_requests(telemetry, tenant, rows, f"{tenant} {NOW}", nanoseconds_of(NOW))

    def counted(**indicator: Any) -> list[tuple[float, float]]:
        given = {"name": "x", "objectives": [{"target": 99}], "indicator": indicator}
        found: Any = definition_of(given).indicator
        counts = counts_of_telemetry(found, ctx.telemetry, NOW - MINUTE * 5, NOW)
        assert not (counts.times % 60_000_000).any()
        return list(zip(counts.good.tolist(), counts.total.tolist(), strict=True))

    assert counted(kind="traces", service="shop") == [(3, 3), (1, 2)]
    assert counted(kind="traces", service="shop", operation="buy", below_ms=300) == [(2, 3), (0, 1)]
    assert counted(kind="traces", service="shop", where="operation:look") == [(1, 1)]
    assert counted(kind="logs", total="service:shop", bad="level:>=error") == [(1, 2)]
    assert counted(kind="logs", total="served", good="service:b") == [(1, 3)]
    assert counted(kind="requests", bad="status:>=500") == [(2, 3)]
    assert counted(kind="requests", total="service:none", good="status:200") == []


def test_a_group_without_lines_counts_none_for_a_day(
    ctx: Context, clock: FakeClock, telemetry: TelemetryClient
) -> None:
    send(telemetry, (MINUTE, {"message": "x", "service": "shop"}))
    assert [one.value for one in seen(log_query, ctx, query="", by="service")] == [1]
    clock.forward(hours=1)
    assert [one.value for one in seen(log_query, ctx, query="", by="service")] == [0]
    clock.forward(days=1)
    assert seen(log_query, ctx, query="", by="service") == []


def test_a_query_that_cannot_be_read_and_a_store_that_is_away_are_errors(ctx: Context) -> None:
    with pytest.raises(ConfigurationError, match="did you mean service"):
        log_query.check(ctx=ctx, query="servic:x")

    def away() -> TelemetryClient:
        raise TelemetryUnavailable("away")

    gone = Context(telemetry=TenantTelemetry(away, "acme", ""))
    checks: Sequence[Any] = (log_query, log_pattern, trace_latency, trace_errors)
    for check in checks:
        with pytest.raises(TelemetryUnavailable):
            check.check(ctx=gone)
        with pytest.raises(ConfigurationError, match="no telemetry store"):
            check.check(ctx=Context())


def test_patterns_that_are_new_and_that_come_no_more(
    telemetry: TelemetryClient, ctx: Context
) -> None:
    send(telemetry, *((MINUTE * n, {"message": f"beat {n}", "service": "shop"})
                      for n in range(40, 60)))  # fmt: skip
    send(telemetry, (MINUTE * 3, {"message": "cannot open door 7", "service": "shop",
                                  "level": "ERROR"}))  # fmt: skip
    with pytest.raises(TelemetryError, match="not found yet"):
        log_pattern.check(ctx=ctx, mode="silence")
    PatternMining(telemetry).turn(nanoseconds_of(NOW))
    (new,) = seen(log_pattern, ctx, mode="new")
    assert (new.firing, new.value) == (True, 1)
    assert new.summary == "New log pattern of shop, 1 line: cannot open door <*>"
    query = f"pattern:{new.labels['pattern']}"  # which log_query takes, too
    assert f"/logs?{urlencode({'q': query})}&" in (new.details or {})["search"]
    assert [one.value for one in seen(log_query, ctx, query=query)] == [1]
    with pytest.raises(ConfigurationError, match="there is no pattern 0000000000000000"):
        log_query.check(ctx=ctx, query=f"pattern:{0:016}")
    assert seen(log_pattern, ctx, mode="new", level="info") == []
    (silent,) = seen(log_pattern, ctx, mode="silence", minimum=20)
    assert (silent.details or {})["template"] == "beat <*>"
    assert seen(log_pattern, ctx, mode="silence", minimum=21) == []
    assert seen(log_pattern, ctx, mode="spike") == []


def test_latency_and_errors_by_operation_where_there_are_enough_spans(
    telemetry: TelemetryClient, ctx: Context
) -> None:
    def span(number: int, **more: Any) -> tuple[timedelta, Sent]:
        return MINUTE, {"service_name": "shop", "operation_name": "GET /buy",
                        "duration_ms": 10 * number, **more}  # fmt: skip

    send(telemetry, *(span(n, status="error" if n <= 5 else "ok") for n in range(1, 21)),
         span(1, operation_name="rare"))  # fmt: skip
    (slow,) = seen(trace_latency, ctx, service="sh*")
    assert slow.labels == {"service": "shop", "operation": "GET /buy"}
    assert slow.value == pytest.approx(190, abs=8)
    assert ctx.not_seen == [{"service": "shop", "operation": "rare"}]
    (bad,) = seen(trace_errors, ctx, operation="GET /buy")
    assert (bad.labels, bad.value) == ({"service": "shop"}, 25)
    assert seen(trace_errors, ctx, service="mail") == []


def test_the_store_itself_is_watched_by_its_limits(
    telemetry: TelemetryClient, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()
    original = TelemetryClient.rows

    def rows(self: TelemetryClient, query: str, *given: Any) -> Any:
        asked.append(query)
        return original(self, query, *given)

    monkeypatch.setattr(TelemetryClient, "rows", rows)
    port = TenantTelemetry(lambda: telemetry, "acme", "http://me")
    found = seen(telemetry_store, Context(clock=clock, telemetry=port))
    assert {one.labels["limit"] for one in found} == {"parts", "merge", "memory", "disk"}
    for one in found:
        assert one.value is not None
        assert 0 <= one.value <= 100
    # Every minute: no table of lines or spans is read for it.
    assert asked
    assert not [query for query in asked if "FROM logs" in query or "FROM spans" in query]
