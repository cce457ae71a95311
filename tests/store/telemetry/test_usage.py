"""Figures of usage: the same from rows and from counts by minute, and of one tenant."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from sentinel.api_usage.privacy import RequestPrivacy
from sentinel.api_usage.request_log import PostedRequest, request_rows
from sentinel.errors import ConfigurationError
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.requests import insert_requests
from sentinel.store.telemetry.usage import UsageReader, table_for
from sentinel.store.telemetry.usage_answers import UsageAnswers
from sentinel.telemetry.asked import Asked, moment_of
from sentinel.telemetry.query import REQUEST_FIELDS, parse_query

SECOND = 10**9
MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND
_HOUR_NOW = time.time_ns() // HOUR * HOUR
_MONTH_BEGAN = time.gmtime(_HOUR_NOW // SECOND)[2:4] < (1, 5)
NOW = _HOUR_NOW - (5 * HOUR if _MONTH_BEGAN else 0)
"""A quota per month needs a month that has lasted for some hours."""


def asked(query: str, since: int = NOW - HOUR, until: int = NOW) -> Asked:
    return Asked(query, False, parse_query(query, REQUEST_FIELDS).where, since, until)


def send(client: TelemetryClient, tenant: str, *given: dict[str, Any]) -> None:
    rows = [msgspec.convert({"status": 200, **one}, PostedRequest) for one in given]
    batch = request_rows(rows, RequestPrivacy(), now=NOW + HOUR, oldest=0)
    insert_requests(client, tenant, batch, f"{tenant} {time.time_ns()}", NOW)


@pytest.fixture
def filled(telemetry: TelemetryClient) -> TelemetryClient:
    """An hour of two consumers of `acme`: a request each ten seconds, 40 minutes apart in rate."""
    rows = [
        {"timestamp": NOW - at * 10 * SECOND - SECOND, "service": "shop",
         "consumer": "ann" if at % 3 else "bob", "key": f"k{at % 2}", "plan": "free",
         "method": "GET", "path": f"/orders/{at}" if at % 4 else "/health",
         "duration_ms": 10 if at % 10 else 500, "status": 500 if at % 20 == 0 else 200,
         "response_bytes": 100, "refused_by": "free" if at % 60 == 1 else ""}
        for at in range(360)
    ]  # fmt: skip
    send(telemetry, "acme", *rows[:200])
    send(telemetry, "acme", *rows[200:])
    send(telemetry, "other", {"timestamp": NOW - SECOND, "consumer": "secret"})
    return telemetry


def test_long_periods_are_read_from_counts_where_these_have_what_is_asked() -> None:
    long, short = Period(NOW - HOUR, NOW), Period(NOW - MINUTE, NOW)

    def table(query: str, *by: str, period: Period = long) -> str:
        return table_for(parse_query(query, REQUEST_FIELDS).where, by, period)

    assert table("") == table("status:5xx", "endpoint") == "usage_by_endpoint"
    assert table("consumer:ann OR -plan:free", "key") == "usage_by_consumer"
    assert table("consumer:ann", "endpoint") == "requests"
    assert table("word") == table("duration:>1s") == table("@x:1") == "requests"
    assert table("", period=short) == "requests"


def test_figures_are_the_same_from_rows_and_counts(filled: TelemetryClient) -> None:
    reader = UsageReader(filled, "acme")
    period = Period(NOW - HOUR, NOW)
    for query in ("", "consumer:ann", "status:5xx", "service:shop -endpoint:/health"):
        where = parse_query(query, REQUEST_FIELDS).where
        rows_too = parse_query(f"{query} -path:none", REQUEST_FIELDS).where
        assert table_for(rows_too, (), period) == "requests"
        counted = reader.total(where, period)
        assert counted == reader.total(rows_too, period), query
        assert counted.requests > 0
        assert reader.series(where, period, 5 * MINUTE) == reader.series(
            rows_too, period, 5 * MINUTE
        )
    whole = reader.total(parse_query("").where, period)
    assert (whole.requests, whole.errors, whole.refused) == (360, 18, 6)
    assert whole.response_bytes == 36_000
    assert whole.p50_ms == pytest.approx(10, rel=0.045)
    assert whole.p99_ms == pytest.approx(500, rel=0.045)


def test_usage_by_value_and_over_time_and_of_one_consumer(filled: TelemetryClient) -> None:
    answers = UsageAnswers(filled, "acme")
    found = answers.usage(asked(""), 60)
    assert (found.total.requests, found.part_seconds, len(found.parts)) == (360, 60.0, 60)
    assert found.total.per_second == pytest.approx(0.1)
    assert {one.requests for one in found.parts} == {6}
    top = answers.top(asked(""), "consumer", "requests", 10)
    assert [(one.value, one.requests) for one in top.groups] == [("ann", 240), ("bob", 120)]
    assert sum(one.share for one in top.groups) == pytest.approx(1)
    slow = answers.top(asked(""), "endpoint", "p95_ms", 10)
    assert {one.value for one in slow.groups} == {"GET /orders/{id}", "GET /health"}
    statuses = answers.top(asked("consumer:ann"), "status", "errors", 10)
    assert [one.value for one in statuses.groups] == ["500", "200"]
    ann = answers.consumer("ann", asked(""), 12)
    assert (ann.total.requests, len(ann.parts)) == (240, 12)
    assert {one.value for one in ann.endpoints} == {"GET /orders/{id}", "GET /health"}
    assert {one.value for one in ann.keys} == {"k0", "k1"}
    assert sum(one.requests for one in ann.statuses) == 240
    other = UsageAnswers(filled, "other")
    assert other.usage(asked(""), 1).total.requests == 1
    nothing = UsageAnswers(filled, "nobody")
    assert nothing.usage(asked(""), 1).total.p95_ms == 0
    assert nothing.top(asked(""), "consumer", "requests", 10).groups == []


def test_what_rises_what_is_new_and_what_a_quota_is_at(filled: TelemetryClient) -> None:
    send(filled, "acme", *(
        {"timestamp": NOW - 2 * HOUR + at * SECOND, "consumer": "ann", "path": "/old",
         "method": "GET", "key": "k0"} for at in range(40)
    ))  # fmt: skip
    answers = UsageAnswers(filled, "acme")
    rising = answers.rising(asked(""), "consumer", 50, 10)
    assert [(one.value, one.requests, one.before) for one in rising.rises] == [
        ("ann", 240, 40), ("bob", 120, 0),
    ]  # fmt: skip
    changed = answers.endpoints(asked(""), 24 * HOUR, (), 10)
    assert [(one.endpoint, one.state) for one in changed.changes] == [
        ("GET /orders/{id}", "new"), ("GET /health", "new"), ("GET /old", "dead"),
    ]  # fmt: skip
    assert changed.log_since is not None
    assert changed.log_since > changed.history_since
    quotas = answers.quotas("500 per month quota by key", NOW)
    assert [(one.value, one.used) for one in quotas.quotas] == [("k0", 220), ("k1", 174)]
    assert all("are needed" in one.why for one in quotas.quotas)
    for wrong in ("10/minute by key", "9 per day quota by address", "1/s; 2/s"):
        with pytest.raises(ConfigurationError):
            answers.quotas(wrong, NOW)


def test_a_quota_counts_from_its_midnight_also_at_half_past_an_hour(
    telemetry: TelemetryClient,
) -> None:
    midnight = NOW // (24 * HOUR) * 24 * HOUR - 24 * HOUR - 5 * HOUR - 30 * MINUTE  # of Kolkata
    send(telemetry, "acme", *(
        {"timestamp": midnight + at * MINUTE, "consumer": "ann"} for at in (-31, -1, 0, 29, 31, 90)
    ))  # fmt: skip
    answers = UsageAnswers(telemetry, "acme")
    found = answers.quotas("9 per day quota timezone Asia/Kolkata by user", midnight + 2 * HOUR)
    assert [(one.value, one.used) for one in found.quotas] == [("ann", 4)]
    assert found.start == moment_of(midnight)


def test_counts_by_consumer_from_before_the_map_of_latencies_count_on(
    filled: TelemetryClient,
) -> None:
    everything, period = parse_query("", REQUEST_FIELDS).where, Period(NOW - HOUR, NOW)
    reader = UsageReader(filled, "acme")
    asked_for = reader.groups(everything, period, "consumer")
    filled.command("TRUNCATE TABLE usage_by_consumer")
    filled.command(  # one row for each bucket, as rows were written before
        "INSERT INTO usage_by_consumer (Tenant, ServiceName, Timestamp, Consumer, KeyId, Plan, "
        "Status, Bucket, Requests, Refused, ResponseBytes) SELECT Tenant, ServiceName, "
        "toStartOfMinute(Timestamp), Consumer, KeyId, Plan, Status, "
        "toUInt16(round(8 * log2(greatest(1, Duration / 1000)))) AS Bucket, count(), "
        "countIf(RefusedBy != ''), sum(ResponseBytes) FROM requests "
        "GROUP BY Tenant, ServiceName, toStartOfMinute(Timestamp), Consumer, KeyId, Plan, Status, "
        "Bucket"
    )
    assert reader.groups(everything, period, "consumer") == asked_for
    send(filled, "acme", {"timestamp": NOW - SECOND, "consumer": "ann", "duration_ms": 10})
    filled.command("OPTIMIZE TABLE usage_by_consumer FINAL")
    (ann, figures), (bob, _) = reader.groups(everything, period, "consumer")
    assert (ann, figures.requests, bob) == ("ann", 241, "bob")
    assert figures.p50_ms == pytest.approx(10, rel=0.045)


def test_a_question_about_one_consumer_reads_in_the_order_of_consumers(
    filled: TelemetryClient,
) -> None:
    for table in ("requests", "usage_by_consumer"):
        plan = filled.rows(
            f"EXPLAIN projections = 1 SELECT Status, sum(RequestBytes) FROM {table} "
            "WHERE Tenant = 'acme' AND Consumer = 'ann' GROUP BY Status "
            "SETTINGS force_optimize_projection = 1"
        )
        assert any("of_consumer" in row["explain"] for row in plan), table
