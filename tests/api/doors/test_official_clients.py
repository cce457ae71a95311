"""The official Python clients of Opsgenie and PagerDuty, pointed at the API over a socket."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.api.served import served
from tests.blocks.smtp_server import certificate

# Imported untyped: neither has types for what is called here.
opsgenie: Any = import_module("opsgenie_sdk")
pagerduty: Any = import_module("pagerduty")


@pytest.fixture
def key(store: Store) -> str:
    """The key of the service `checkout`."""
    return Keys(store).create("checkout", Role.RESPONDER, actor="ada").secret.text


@pytest.fixture
def alert_api(url: str, key: str) -> Any:
    """Opsgenie's client, of which the address and the key were changed and nothing else."""
    configuration = opsgenie.configuration.Configuration()
    configuration.host = f"{url}/opsgenie"
    configuration.api_key["Authorization"] = key
    configuration.retry_enabled = False
    return opsgenie.AlertApi(opsgenie.ApiClient(configuration=configuration))


def test_opsgenies_client_works_through_the_life_of_an_alert(
    alert_api: Any, clock: FakeClock, client: httpx.Client
):
    def done(taken: Any) -> Any:
        clock.forward(seconds=5)
        assert taken.result == "Request will be processed"
        return alert_api.get_request_status(request_id=taken.request_id).data

    new = opsgenie.CreateAlertPayload(
        message="Disk full", alias="disk/db 1", description="97 percent", priority="P2",
        tags=["payments"], details={"region": "eu"}, entity="db-1",
        responders=[{"name": "NOC", "type": "team"}],
    )  # fmt: skip
    made = done(alert_api.create_alert(new))
    assert (made.is_success, made.action) == (True, "Create")
    found = alert_api.get_alert(identifier="disk/db 1", identifier_type="alias").data
    assert (found.id, found.message, found.priority) == (made.alert_id, "Disk full", "P2")
    assert (found.tags, found.details, found.entity) == (["payments"], {"region": "eu"}, "db-1")
    assert found.responders[0].type == "team"

    listed = alert_api.list_alerts(query="status: open AND tag: payments", sort="createdAt").data
    assert [one.tiny_id for one in listed] == [found.tiny_id]
    assert alert_api.count_alerts(query="priority: P2").data.count == 1

    where: dict[str, Any] = {"identifier": found.tiny_id, "identifier_type": "tiny"}
    steps: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (
            alert_api.acknowledge_alert,
            {"acknowledge_alert_payload": opsgenie.AcknowledgeAlertPayload(user="Ada")},
        ),
        (alert_api.un_acknowledge_alert, {}),
        (
            alert_api.snooze_alert,
            {"snooze_alert_payload": opsgenie.SnoozeAlertPayload(end_time="2100-01-01T00:00:00Z")},
        ),
        (
            alert_api.add_note,
            {"add_note_to_alert_payload": opsgenie.AddNoteToAlertPayload(note="on its way")},
        ),
        (alert_api.close_alert, {}),
    ]
    for call, more in steps:
        assert done(call(**where, **more)).is_success
    closed = alert_api.get_alert(identifier=found.id).data
    assert (closed.status, closed.report.closed_by) == ("closed", "checkout")
    kinds = client.get(f"/api/v1/alerts/alerts/{found.id}").json()["timeline"]
    assert {"acknowledged", "unacknowledged", "suppressed", "resolved"} <= {
        one["kind"] for one in kinds
    }


def test_opsgenies_client_reads_our_refusals(alert_api: Any):
    with pytest.raises(opsgenie.ApiException) as missing:
        alert_api.get_alert(identifier="0" * 32)
    assert missing.value.status == 404
    with pytest.raises(opsgenie.exceptions.ConfigurationException) as wrong:
        alert_api.list_alerts(query="colour: red")
    assert wrong.value.status == 422


@pytest.fixture
def events_api(app: FastAPI, tmp_path: Path) -> Generator[Callable[[str], Any]]:
    """Makes PagerDuty's client for a key. It refuses an address without TLS."""
    certificate(tmp_path)
    trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    with served(app, lifespan="off", tls=tmp_path) as url:
        yield lambda key: pagerduty.EventsApiV2Client(
            key, base_url=f"{url}/pagerduty", verify=trusted, trust_env=False
        )


def test_pagerdutys_client_triggers_acknowledges_resolves_and_reports_a_change(
    events_api: Callable[[str], Any], key: str, clock: FakeClock, client: httpx.Client
):
    def alert() -> dict[str, Any]:
        clock.forward(seconds=5)
        (one,) = client.get("/api/v1/alerts/alerts").json()["items"]
        return one

    with events_api(key) as events:
        dedup_key = events.trigger(
            "Disk full", "db-1", severity="error", custom_details={"percent": 97}
        )
        assert alert()["labels"] == {"service": "checkout", "dedup_key": dedup_key}
        assert events.acknowledge(dedup_key) == dedup_key
        assert alert()["status"] == "acknowledged"
        assert events.resolve(dedup_key) == dedup_key
        assert alert()["status"] == "resolved"
        events.submit("Deployed 1.4.2", source="ci", timestamp="2026-11-30T12:00:00+01:00")
    (change,) = client.get("/api/v1/events").json()["items"]
    assert change["event"]["summary"] == "Deployed 1.4.2"
    assert change["event"]["timestamp"] == "2026-11-30T11:00:00Z"

    with (
        events_api("wrong") as events,
        pytest.raises(pagerduty.HttpError) as refused,
    ):
        events.trigger("Disk full", "db-1")
    assert refused.value.response.status_code == 400
