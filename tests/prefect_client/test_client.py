"""The small client, against a real Prefect server and against ones that misbehave."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sentinel.errors import NotFound, PrefectUnreachable
from sentinel.prefect_client.client import EVENTS_A_SECOND, PrefectApi
from sentinel.prefect_client.port import OutEvent
from sentinel.settings import Settings
from tests.flows.conftest import Gauges
from tests.prefect_server import PrefectServer, Receiver, free_port
from tests.waiting import eventually

pytestmark = pytest.mark.prefect


def event(**changed: Any) -> OutEvent:
    fields: dict[str, Any] = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC),
        "event": "sentinel.test.happened",
        "resource": {"prefect.resource.id": f"sentinel.test.{uuid4().hex}"},
    }
    return OutEvent(**(fields | changed))


def arrived(server: PrefectServer, one: OutEvent) -> list[dict[str, Any]]:
    body = {"filter": {"id": {"id": [one.id]}}, "limit": 10}
    response = httpx.post(f"{server.url}/events/filter", json=body)
    return response.raise_for_status().json()["events"]


def test_events_arrive_with_what_they_are_about(prefect_server: PrefectServer):
    run = {
        "prefect.resource.id": f"prefect.flow-run.{uuid4()}",
        "prefect.resource.role": "flow-run",
    }
    sent = event(related=[run], payload={"value": 97})
    prefect_server.api.publish([sent])
    (found,) = eventually(lambda: arrived(prefect_server, sent), "the event arrives")
    assert found["event"] == "sentinel.test.happened"
    assert found["related"] == [run]
    assert found["payload"] == {"value": 97}


def test_one_event_that_is_never_taken_does_not_hold_up_the_others(
    prefect_server: PrefectServer, caplog: pytest.LogCaptureFixture
):
    bad = event(resource={"prefect.resource.name": "no id"})
    sent = [event(), bad, event()]
    prefect_server.api.publish(sent)
    eventually(lambda: arrived(prefect_server, sent[0]), "the first arrives")
    eventually(lambda: arrived(prefect_server, sent[2]), "the last arrives")
    assert f"refused event {bad.id}" in caplog.text


def test_no_more_events_a_second_than_prefect_keeps(receiver: Receiver):
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        api._sent.clear()  # pyright: ignore[reportPrivateUsage] - a second has passed

    api = PrefectApi(receiver.url, pause=pause)
    api.publish([event() for _ in range(EVENTS_A_SECOND)])
    assert waited == []
    api.publish([event()])
    assert len(waited) == 1
    api.close()


def test_nobody_listening_is_said_with_what_to_do():
    api = PrefectApi(f"http://127.0.0.1:{free_port()}/api")
    assert not api.healthy()
    with pytest.raises(PrefectUnreachable, match=r"does not answer.*PREFECT_API_URL"):
        api.publish([event()])
    api.close()


@pytest.mark.parametrize(
    ("code", "said"), [(401, "Set PREFECT_API_KEY"), (503, "answered 503 to POST /events")]
)
def test_an_api_that_refuses_leaves_the_events_to_be_sent_again(
    receiver: Receiver, code: int, said: str
):
    receiver.answers = [code] * 4
    with (
        PrefectApi(receiver.url, pause=lambda _: None) as api,
        pytest.raises(PrefectUnreachable, match=said),
    ):
        api.publish([event()])


def test_a_busy_server_is_asked_again_after_a_while(receiver: Receiver):
    receiver.answers = [503, 429, 503, 200]
    waited: list[float] = []
    with PrefectApi(receiver.url, pause=waited.append) as api:
        api.publish([event()])
    assert len(receiver.requests) == 4
    assert waited == [0.1, 0.3, 0.9]


@pytest.mark.parametrize("code", [401, 502, 504])
def test_what_was_refused_or_may_have_been_done_is_asked_once(receiver: Receiver, code: int):
    receiver.answers = [code]
    with PrefectApi(receiver.url) as api, pytest.raises(PrefectUnreachable):
        api.publish([event()])
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("environ", "header"),
    [
        ({"PREFECT_API_KEY": "pnu_1"}, "Bearer pnu_1"),
        ({"PREFECT_API_AUTH_STRING": "admin:pass"}, "Basic YWRtaW46cGFzcw=="),
        # As Prefect's own client does, which takes the first that a server may ask for.
        ({"PREFECT_API_KEY": "pnu_1", "PREFECT_API_AUTH_STRING": "a:b"}, "Basic YTpi"),
        ({}, None),
    ],
)
def test_it_says_who_we_are(receiver: Receiver, environ: dict[str, str], header: str | None):
    api = PrefectApi.of(Settings(prefect_api_url=receiver.url), environ)
    api.publish([event()])
    assert receiver.requests[0].headers.get("Authorization") == header
    api.close()


def test_a_run_started_twice_with_one_key_is_one_run(gauges: Gauges):
    api = gauges.server.api
    deployment = gauges.rule("started")
    first = api.run_deployment(deployment, idempotency_key="once", name="by hand")
    assert api.run_deployment(deployment, idempotency_key="once")["id"] == first["id"]
    assert api.flow_run(first["id"])["name"] == "by hand"
    assert set(api.flow_runs([first["id"], str(uuid4())])) == {first["id"]}
    assert api.run_url(first["id"]).endswith(f"/runs/flow-run/{first['id']}")


def test_what_is_not_there_is_not_found(gauges: Gauges):
    api = gauges.server.api
    with pytest.raises(NotFound):
        api.flow_run(str(uuid4()))
    with pytest.raises(NotFound):
        api.deployment_named("gauge", "nobody")
    with pytest.raises(NotFound):
        api.run_deployment(str(uuid4()))
    with pytest.raises(NotFound):
        api.switch_automation(str(uuid4()), on=True)
