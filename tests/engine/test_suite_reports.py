"""Reports to a suite's hub and Ninja: what they are sent, and what happens while they are away."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from blocks.suite import suite_post
from sentinel.clock import FakeClock
from sentinel.engine.component import Component
from sentinel.engine.component_health import SUITE, SWEEP, components
from sentinel.engine.suite_bodies import error_body, health_body, pause_after
from sentinel.engine.suite_reports import SuiteReports
from sentinel.errors import DeliveryError
from sentinel.relay import Relay
from sentinel.settings import Settings, settings
from sentinel.store import Store
from sentinel.store.database.component_reports import report
from tests.prefect_server import Receiver
from tests.relay.test_relay import Channels, Server

pytestmark = pytest.mark.sqlite_alone


@pytest.fixture(autouse=True)
def loopback_allowed(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    monkeypatch.setenv("SENTINEL_ALLOWED_NETWORKS", "127.0.0.0/8")
    settings.cache_clear()
    yield
    settings.cache_clear()


def reports_to(store: Store, *, enterprise_hub_url: str = "", ninja_url: str = "") -> SuiteReports:
    chosen = Settings(
        host="sentinel.example.org", api_port=8400,
        enterprise_hub_url=SecretStr(enterprise_hub_url), ninja_url=SecretStr(ninja_url),
    )  # fmt: skip
    reports = SuiteReports.of(store, chosen, suite_post)
    assert reports is not None
    return reports


def asked(receiver: Receiver) -> list[tuple[str, dict[str, Any]]]:
    return [(one.path, json.loads(one.body)) for one in receiver.requests]


def suite_component(store: Store) -> Component | None:
    chosen = Settings(ninja_url=SecretStr("http://n.example.org"))
    return next((one for one in components(store, chosen) if one.name == SUITE), None)


def test_nothing_is_sent_or_shown_unless_an_address_is_set(store: Store):
    assert SuiteReports.of(store, Settings(), suite_post) is None
    assert SUITE not in {one.name for one in components(store, Settings())}


def test_the_variables_of_a_suite_name_the_systems(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ENTERPRISE_HUB_URL", "http://hub.example.org")
    monkeypatch.setenv("NINJA_URL", "http://ninja.example.org")
    assert Settings().enterprise_hub_url.get_secret_value() == "http://hub.example.org"
    assert Settings().ninja_url.get_secret_value() == "http://ninja.example.org"
    monkeypatch.setenv("SENTINEL_NINJA_URL", "")
    assert Settings().ninja_url.get_secret_value() == ""


def test_the_hub_is_sent_a_registration_and_then_health(
    store: Store, clock: FakeClock, receiver: Receiver
):
    reports = reports_to(store, enterprise_hub_url=receiver.url + "/")
    report(store, SWEEP, "wrong", "failed at db.internal with password hunter2")
    reports.evaluate(clock.now())
    (first, registration), (second, health) = asked(receiver)
    assert (first, second) == ("/api/integration/register", "/api/integration/health")
    version = registration.pop("version")
    assert version
    assert registration == {
        "service_name": "sentinel", "service_type": "observability",
        "host": "sentinel.example.org", "port": 8400, "health_endpoint": "/health",
        "capabilities": [
            "alerting", "incident_management", "log_aggregation", "distributed_tracing",
            "slo_tracking",
        ],
        "metadata": {"description": "Alert and event management: checks, alerts, on-call, "
                     "incidents, logs and traces."},
    }  # fmt: skip
    checks = health.pop("checks")
    assert health == {
        "service_name": "sentinel", "status": "degraded",
        "timestamp": f"{clock.now():%Y-%m-%dT%H:%M:%S}.{clock.now().microsecond // 1000:03}Z",
    }  # fmt: skip
    assert (checks["database"], checks[SWEEP]) == ("healthy", "unhealthy")
    assert b"hunter2" not in b"".join(one.body for one in receiver.requests)
    found = suite_component(store)
    assert found is not None
    assert (found.state, found.says) == ("ok", "the Enterprise Hub: reports are taken")
    clock.forward(seconds=30)
    reports.evaluate(clock.now())
    assert [path for path, _ in asked(receiver)[2:]] == ["/api/integration/health"]
    clock.forward(hours=1)
    reports.evaluate(clock.now())
    assert asked(receiver)[3][0] == "/api/integration/register"


def test_ninja_is_sent_one_error_for_each_time_that_a_component_goes_wrong(
    store: Store, clock: FakeClock, receiver: Receiver
):
    reports = reports_to(store, ninja_url=receiver.url)
    store.leases.take("relay", "host:1", timedelta(days=1))
    reports.evaluate(clock.now())
    assert [path for path, _ in asked(receiver)] == ["/api/suite-control/register"]
    clock.forward(minutes=1)
    began = clock.now()
    report(store, SWEEP, "wrong", "failed at db.internal with password hunter2")
    for _ in range(2):
        reports.evaluate(clock.now())
    (_, (path, error)) = asked(receiver)
    assert path == "/api/suite-control/error"
    assert error == {
        "service_name": "sentinel", "error_type": "component.sweep", "severity": "high",
        "error_message": "The component sweep is wrong; GET /health and the page Health say why.",
        "timestamp": error["timestamp"],
        "context": {"component": "sweep", "since": f"{began:%Y-%m-%dT%H:%M:%S}."
                    f"{began.microsecond // 1000:03}Z"},
    }  # fmt: skip
    assert b"hunter2" not in b"".join(one.body for one in receiver.requests)
    report(store, SWEEP, "ok", "runs")
    reports.evaluate(clock.now())
    report(store, SWEEP, "wrong", "failed")
    reports.evaluate(clock.now())
    assert [path for path, _ in asked(receiver)[2:]] == ["/api/suite-control/error"]


def test_an_error_that_was_not_taken_is_sent_again(
    store: Store, clock: FakeClock, receiver: Receiver
):
    reports = reports_to(store, ninja_url=receiver.url)
    store.leases.take("relay", "host:1", timedelta(days=1))
    report(store, SWEEP, "wrong", "failed")
    receiver.answers = [200, 500]
    reports.evaluate(clock.now())
    clock.forward(seconds=30)
    report(store, SWEEP, "wrong", "failed")
    reports.evaluate(clock.now())
    assert [path.rpartition("/")[2] for path, _ in asked(receiver)] == [
        "register", "error", "register", "error"
    ]  # fmt: skip


def test_a_system_that_is_away_is_asked_less_and_less_and_keeps_nobody_else(
    store: Store, clock: FakeClock, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    with Receiver().serving() as away:
        away.hangs_up = 3
        secret = away.url.replace("http://", "http://me:hunter2@")
        reports = reports_to(store, enterprise_hub_url=secret, ninja_url=receiver.url)
        store.leases.take("relay", "host:1", timedelta(days=1))
        caplog.set_level(logging.INFO)
        tries: list[datetime] = []
        states: list[str] = []
        began = clock.now()
        for _ in range(10):
            before = len(away.requests)
            reports.evaluate(clock.now())
            tries += [clock.now()] * (len(away.requests) > before)
            shown = suite_component(store)
            assert shown is not None
            states.append(f"{shown.state} {shown.says.rpartition('(')[2]}")
            clock.forward(seconds=30)
        assert [(one - began).total_seconds() for one in tries[:4]] == [0, 30, 90, 210]
        assert states[:7] == [
            "warning once)", *["warning 2 times in a row)"] * 2,
            *["warning 3 times in a row)"] * 4,
        ]  # fmt: skip
        assert states[7] == "ok the Enterprise Hub and Ninja: reports are taken"
        assert receiver.requests[0].path == "/api/suite-control/register"
        assert away.requests[0].headers["Authorization"].startswith("Basic ")
    said = [one.message for one in caplog.records if one.name == "sentinel.relay"]
    assert len(said) == 2, said
    assert said[0].startswith("the relay cannot report to the Enterprise Hub: ")
    assert said[1] == "the Enterprise Hub takes reports again, after 3 failures"
    assert "hunter2" not in caplog.text


def test_a_hub_that_is_away_leaves_the_dead_mans_switch_alone(store: Store, clock: FakeClock):
    def away(url: str, path: str, body: object, name: str) -> None:
        raise DeliveryError(f"{name} did not answer")

    reports = SuiteReports.of(store, Settings(ninja_url=SecretStr("http://n.example.org")), away)
    assert reports is not None
    pings: list[None] = []
    relay = Relay(
        store, Server(), Channels().channel_of, holder="one", ping=lambda: pings.append(None),
        report_to_suite=reports.evaluate,
    )  # fmt: skip
    for _ in range(5):
        relay.turn()
        clock.forward(seconds=61)
    assert len(pings) == 5
    found = suite_component(store)
    assert found is not None
    assert found.says == "Ninja did not answer (4 times in a row)"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hub.example.org/?token=a", "an address that cannot be asked"),
        ("hub.example.org", "an address that cannot be asked"),
        ("http://10.0.0.7", "SENTINEL_ALLOWED_NETWORKS"),
    ],
)
def test_an_address_that_cannot_or_may_not_be_asked_is_refused(url: str, why: str):
    with pytest.raises(DeliveryError) as caught:
        suite_post(url, "/api/integration/health", {}, "the Enterprise Hub")
    assert why in f"{caught.value.message} {caught.value.hint}"


@given(st.integers(1, 10_000), st.floats(0, 3600))
def test_a_pause_grows_from_half_a_minute_to_half_an_hour(failures: int, asked_for: float):
    pause = pause_after(failures, asked_for)
    assert timedelta(seconds=30) <= pause <= timedelta(hours=1)
    assert pause >= timedelta(seconds=asked_for)
    assert pause_after(failures) <= pause_after(failures + 1) <= timedelta(minutes=30)


@given(st.text(), st.text())
def test_no_body_has_what_a_component_says(says: str, hint: str):
    now = FakeClock().now()
    plain, told = (
        Component(name="sweep", state="wrong", says=one, hint=other)
        for one, other in (("", ""), (says, hint))
    )
    assert health_body([told], now) == health_body([plain], now)
    assert error_body(told, now) == error_body(plain, now)
