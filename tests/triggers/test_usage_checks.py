"""Checks over the request log: what they say, what they do not, and whose requests they see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from sentinel import Context
from sentinel.api_usage.privacy import RequestPrivacy
from sentinel.api_usage.request_log import PostedRequest, request_rows
from sentinel.checks.reading import Reading
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.for_rules import TenantTelemetry
from sentinel.store.telemetry.requests import insert_requests
from sentinel.telemetry.asked import nanoseconds_of
from triggers.api_errors import api_errors
from triggers.api_key_network import api_key_network
from triggers.api_key_unused import api_key_unused
from triggers.api_latency import api_latency
from triggers.api_quota import api_quota
from triggers.api_unusual_use import api_unusual_use

NOW = datetime.now(UTC).replace(second=10, microsecond=0)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ctx(telemetry: TelemetryClient, clock: FakeClock) -> Context:
    clock.set(NOW)
    return Context(clock=clock, telemetry=TenantTelemetry(lambda: telemetry, "acme", "http://me"))


def send(client: TelemetryClient, *given: dict[str, Any], tenant: str = "acme") -> None:
    rows = [
        msgspec.convert(
            {"status": 200, **one, "timestamp": (NOW - one["timestamp"]).isoformat()}, PostedRequest
        )
        for one in given
    ]
    now = nanoseconds_of(NOW)
    batch = request_rows(rows, RequestPrivacy(), now=now, oldest=0)
    insert_requests(client, tenant, batch, f"{tenant} {len(given)} {given[0]!r}", now)


def seen(trigger: Any, ctx: Context, **given: Any) -> dict[str, Reading]:
    found: list[Reading] = list(trigger.check(ctx=ctx, **given).readings)
    return {"/".join(one.labels.values()): one for one in found}


def test_errors_and_latency_need_enough_requests(telemetry: TelemetryClient, ctx: Context) -> None:
    send(
        telemetry,
        *({"timestamp": MINUTE, "service": "shop", "method": "GET", "path": "/buy",
           "duration_ms": 40, "status": 503 if n < 6 else 200} for n in range(60)),
        *({"timestamp": MINUTE, "service": "mail", "status": 500} for _ in range(3)),
    )  # fmt: skip
    send(telemetry, {"timestamp": MINUTE, "service": "secret", "status": 500}, tenant="other")
    errors = seen(api_errors, ctx)
    assert {name: one.value for name, one in errors.items()} == {"shop": 10.0}
    assert "6 of 60 requests of service shop failed" in str(errors["shop"].summary)
    assert seen(api_errors, ctx, query="service:mail", minimum_requests=1)["mail"].value == 100
    (slow,) = seen(api_latency, ctx, query="service:shop").values()
    assert slow.labels == {"endpoint": "GET /buy"}
    assert slow.value == pytest.approx(40, rel=0.045)
    with pytest.raises(ConfigurationError, match="there is no field level"):
        seen(api_errors, ctx, query="level:error")


def test_a_quota_is_a_share_and_a_few_requests_are_none(
    telemetry: TelemetryClient, ctx: Context
) -> None:
    send(telemetry, *({"timestamp": timedelta(), "key": "k1"} for _ in range(40)),
         {"timestamp": timedelta(), "key": "k1", "status": 429, "refused_by": "free"},
         *({"timestamp": timedelta(), "key": "k2"} for _ in range(5)))  # fmt: skip
    found = seen(api_quota, ctx, limit="50 per month quota by key")
    assert {name: one.value for name, one in found.items()} == {"k1": 80.0, "k2": 0.0}
    assert "k1 has used 40 of 50" in str(found["k1"].summary)


def test_unusual_use_is_by_rank_and_needs_history(telemetry: TelemetryClient, ctx: Context) -> None:
    first = timedelta(hours=40)
    usual = [
        {"timestamp": first - MINUTE * 5 * at - MINUTE * n / 5, "consumer": who}
        for at in range(479)
        for n in range(8 + at % 3)
        for who in ("ann", "bob")
    ]
    wild = [{"timestamp": MINUTE * 6 + MINUTE * n / 400, "consumer": "ann"} for n in range(1_500)]
    new = [{"timestamp": MINUTE * 6, "consumer": "new"} for _ in range(900)]
    send(telemetry, *usual, *wild, *new)
    found = seen(api_unusual_use, ctx)
    assert set(found) == {"ann"}
    assert found["ann"].firing
    assert found["ann"].value is not None
    assert found["ann"].value >= 700
    assert seen(api_unusual_use, ctx, minimum_requests=10_000) == {}


def test_keys_from_new_networks_and_keys_that_are_silent(
    telemetry: TelemetryClient, ctx: Context
) -> None:
    old, lately = timedelta(days=2), MINUTE * 10

    def use(key: str, ago: timedelta, address: str, number: int, **more: Any) -> Any:
        return [
            {"timestamp": ago, "key": key, "consumer": "ann", "address": address, **more}
        ] * number

    send(
        telemetry, *use("k1", old, "192.0.2.1", 120), *use("k1", lately, "192.0.2.99", 9),
        *use("k1", lately, "203.0.113.7", 9), *use("k1", lately, "198.51.100.7", 2),
        *use("k1", lately, "198.51.99.7", 9, status=401), *use("k2", lately, "203.0.113.7", 9),
        *use("k3", old, "192.0.2.1", 150), *use("k1", lately, "198.51.98.7", 9, refused_by="free"),
    )  # fmt: skip
    found = seen(api_key_network, ctx)
    assert set(found) == {"k1/203.0.113.0/24"}
    assert "was not used in 14d before" in str(found["k1/203.0.113.0/24"].summary)
    silent = seen(api_key_unused, ctx, minimum_requests=100)
    assert set(silent) == {"k1", "k3"}
    assert silent["k3"].value == pytest.approx(48, abs=0.1)
    assert silent["k1"].value is not None
    assert silent["k1"].value < 1
    assert seen(api_key_unused, ctx, minimum_requests=10_000) == {}
