"""What others send is noted by kind, once it is taken, and no more than twice a minute."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from sentinel.api.last_intake import BETWEEN, LastIntake, signal_of
from sentinel.api.own_limits import NEVER_LIMITED
from sentinel.clock import FakeClock
from sentinel.engine.intake_health import last_intakes
from sentinel.errors import DatabaseUnreachable
from sentinel.store import Store

PROBES = ("/health", "/ready", "/metrics")


def noted(store: Store) -> list[str]:
    return [one.name for one in last_intakes(store) if one.since is not None]


@pytest.mark.parametrize(
    ("path", "signal"),
    [
        ("/api/v1/alerts", "alerts"), ("/api/alerts/", "alerts"),
        ("/alertmanager/api/v2/alerts", "alerts"), ("/opsgenie/v2/alerts", "alerts"),
        ("/pagerduty/v2/enqueue", "alerts"), ("/nagios/nrdp/", "alerts"),
        ("/pagerduty/v2/change/enqueue", "events"),
        ("/api/v1/alerts/webhooks/grafana", "alerts"), ("/webhook/prometheus", "alerts"),
        ("/api/v1/intake/zabbix", "alerts"), ("/api/v1/events", "events"),
        ("/api/v1/alerts/process-event", "events"), ("/api/v1/alerts/metrics", "metrics"),
        ("/v1/metrics", "metrics"), ("/api/v1/alerts/heartbeats/nightly", "heartbeats"),
        ("/ping/nightly/k", "heartbeats"), ("/v1/logs", "logs"), ("/api/logs/ingest", "logs"),
        ("/v1/traces", "traces"), ("/api/tracing/spans", "traces"),
        ("/api/v1/requests", "requests"),
        ("/api/v1/alerts/rules", None), ("/api/v1/alerts/7/acknowledge", None),
        ("/opsgenie/v2/alerts/7/close", None), ("/alertmanager/api/v2/silences", None),
    ],
)  # fmt: skip
def test_a_path_says_what_a_request_brings(path: str, signal: str | None):
    assert signal_of("POST", path) == signal
    assert signal_of("DELETE", path) is None
    assert signal_of("GET", path) == (signal if path.startswith("/ping/") else None)


def test_whatever_is_never_limited_is_noted():
    single = [one for one in NEVER_LIMITED if not one.endswith("**") and one not in PROBES]
    assert [one for one in single if signal_of("POST", one) is None] == []


def test_what_was_taken_is_noted_and_what_was_refused_is_not(
    app: FastAPI, client: httpx.Client, store: Store
):
    last_intake: LastIntake = app.state.last_intake
    assert client.post("/api/v1/alerts/process-event", json=[1]).status_code >= 400
    assert client.get("/api/v1/alerts/metrics").status_code < 500
    assert client.post("/api/v1/alerts/heartbeats/nightly").status_code == 200
    last_intake.close()
    assert noted(store) == ["heartbeats"]


def test_a_storm_is_noted_twice_a_minute(store: Store, clock: FakeClock):
    now = 0.0
    last_intake = LastIntake(store, lambda: now)
    first = store.now()
    for _ in range(1_000):
        last_intake.note("alerts")
    last_intake.note("logs")
    last_intake.close()
    clock.forward(seconds=BETWEEN)
    again = LastIntake(store, lambda: now)
    again.note("alerts")
    now = BETWEEN - 1
    again.note("alerts")
    again.close()
    found = {one.name: one.since for one in last_intakes(store) if one.since is not None}
    assert found["logs"] == first
    assert found["alerts"] == store.now()


def test_where_it_cannot_be_written_the_next_one_is_noted_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    tried: list[str] = []

    def fails(_: Store, signal: str) -> None:
        tried.append(signal)
        raise DatabaseUnreachable("the database does not answer")

    monkeypatch.setattr("sentinel.api.last_intake.note_intake", fails)
    last_intake = LastIntake(store, lambda: 0.0)
    last_intake.note("logs")
    last_intake._thread.submit(lambda: None).result()  # pyright: ignore[reportPrivateUsage]
    last_intake.note("logs")
    last_intake.close()
    assert tried == ["logs", "logs"]
    assert "the last intake of logs was not written" in caplog.text
