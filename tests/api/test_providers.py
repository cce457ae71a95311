"""Providers over HTTP: their secrets stay in Prefect's blocks, and a receiver notifies them."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prefect.types import SecretDict
from pydantic import SecretStr

from blocks import VENDORS
from sentinel.api.provider_bodies import ID_PATTERN, id_of
from sentinel.errors import PrefectUnreachable
from sentinel.prefect_client.providers import MASK, Provider, Providers, masked
from sentinel.settings import settings
from tests.api.on_prefect import settings_of
from tests.api.seed_requests import REQUESTS, Asked
from tests.api.test_seed_requests import sent
from tests.prefect_server import PrefectServer, Receiver

pytestmark = pytest.mark.prefect
PROVIDERS = "/api/v1/alerts/providers"
TEST = "/api/v1/alerts/test-notification"
PAGERDUTY, SLACK = (one.body for one in REQUESTS if one.path == PROVIDERS and one.method == "POST")
SECRET = "a-signing-secret"


@pytest.fixture(autouse=True)
def reachable(desk: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Let channels reach receivers on this machine; providers are deleted afterwards."""
    monkeypatch.setenv("SENTINEL_ALLOWED_NETWORKS", "127.0.0.0/8")
    settings.cache_clear()
    yield
    for one in desk.get(PROVIDERS).json()["items"]:
        desk.delete(f"{PROVIDERS}/{one['id']}")
    settings.cache_clear()


def hook(url: str, **more: Any) -> dict[str, Any]:
    return {"name": "Ops hook", "provider_type": "webhook",
            "config": {"url": url, "secret": SECRET}, **more}  # fmt: skip


def test_a_provider_is_a_block_and_a_receiver_and_keeps_its_secrets(
    desk: httpx.Client, prefect_server: PrefectServer, tmp_path: Path
):
    made = desk.post(PROVIDERS, json=hook("https://hooks.example.org/x", id="webhook-001"))
    assert made.status_code == 201, made.text
    item = made.json()
    assert (item["id"], item["channel"]) == ("webhook-001", "sentinel-webhook/webhook-001")
    assert item["config"] == {"url": "********", "secret": "********"}
    assert item["receivers"] == ["webhook-001"]
    assert desk.get("/api/v1/alerts/receivers/webhook-001").json()["channels"] == [
        "sentinel-webhook/webhook-001"
    ]
    page = desk.get(PROVIDERS, params={"limit": 1, "cursor": "webhook-000"}).json()
    assert ([one["id"] for one in page["items"]], page["next_cursor"]) == (["webhook-001"], None)
    assert desk.get(PROVIDERS, params={"cursor": "webhook-001"}).json()["items"] == []
    for text in (made.text, desk.get(PROVIDERS).text, desk.get(f"{PROVIDERS}/webhook-001").text):
        assert SECRET not in text
        assert "hooks.example.org" not in text
    for file in tmp_path.iterdir():
        assert SECRET.encode() not in file.read_bytes()
    block = prefect_server.api.block("sentinel-webhook", "webhook-001")
    assert block is not None
    assert block["secret"] == SECRET


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("Ops Inc. Slack", "ops-inc-slack"), ("a__b..c", "a-b-c"), ("-Ops-", "ops"),
        ("x" * 59 + " y", "x" * 59), ("Ärger 7", "rger-7"),
    ],
)  # fmt: skip
def test_the_id_that_a_name_gives_is_one_that_the_routes_take(name: str, own: str):
    assert id_of(name) == own
    assert re.fullmatch(ID_PATTERN, own)


def test_a_provider_is_read_by_its_made_id_and_the_audit_names_its_block(
    desk: httpx.Client, on_prefect: FastAPI
):
    made = desk.post(PROVIDERS, json={**SLACK, "name": "Ops Inc. Slack"}).json()
    assert desk.get(f"{PROVIDERS}/{made['id']}").json()["name"] == "Ops Inc. Slack"
    assert desk.delete(f"{PROVIDERS}/{made['id']}").status_code == 204
    with on_prefect.state.store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT action, object_id FROM audit WHERE object_kind = 'channel' ORDER BY action"
        ).all()
    assert [tuple(row) for row in rows] == [
        ("channel.removed", made["channel"]), ("channel.saved", made["channel"]),
    ]  # fmt: skip


def test_a_provider_is_tested_through_its_name_its_kind_and_its_channel(
    desk: httpx.Client, receiver: Receiver
):
    desk.post(PROVIDERS, json=hook(receiver.url, id="webhook-001"))
    for word in ("webhook", "webhook-001", "sentinel-webhook/webhook-001"):
        answer = desk.post(TEST, json=word).json()
        assert (answer["success"], [one["ok"] for one in answer["results"]]) == (True, [True])
    assert len(receiver.requests) == 3
    assert "Test message" in json.loads(receiver.requests[0].body)["title"]
    receiver.answers.append(410)
    failed = desk.post(TEST, json="webhook").json()
    assert (failed["success"], "410" in failed["results"][0]["error"]) == (False, True)
    missing = desk.post(TEST, json="pigeon")
    assert (missing.status_code, "webhook-001" in missing.json()["error"]["hint"]) == (404, True)


def test_a_change_gives_only_some_fields_and_a_masked_secret_stays(
    desk: httpx.Client, prefect_server: PrefectServer
):
    desk.post(PROVIDERS, json=hook("https://one.example.org", id="webhook-001"))
    place = f"{PROVIDERS}/webhook-001"
    shown = desk.get(place).json()["config"]
    changed = desk.put(place, json={"config": {**shown, "url": "https://two.example.org"}})
    assert changed.status_code == 200, changed.text
    block = prefect_server.api.block("sentinel-webhook", "webhook-001")
    assert block is not None
    assert (block["url"], block["secret"]) == ("https://two.example.org", SECRET)
    wrong = desk.put(place, json={"config": {"colour": "red"}})
    assert (wrong.status_code, "config.colour" in wrong.text) == (422, True)


def test_deleting_a_provider_deletes_its_blocks_and_its_receiver(
    desk: httpx.Client, prefect_server: PrefectServer
):
    desk.post(PROVIDERS, json=hook("https://one.example.org", id="webhook-001"))
    desk.put("/api/v1/alerts/receivers/ops", json={"channels": ["sentinel-webhook/webhook-001"]})
    used = desk.delete(f"{PROVIDERS}/webhook-001")
    assert (used.status_code, "ops" in used.text) == (409, True)
    desk.delete("/api/v1/alerts/receivers/ops")
    assert desk.delete(f"{PROVIDERS}/webhook-001").status_code == 204
    assert prefect_server.api.block("sentinel-webhook", "webhook-001") is None
    assert desk.get("/api/v1/alerts/receivers/webhook-001").status_code == 404
    assert desk.get(f"{PROVIDERS}/webhook-001").status_code == 404


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**SLACK, "provider_type": "pigeon"}, "provider_type"),
        ({**SLACK, "config": {}}, "config.webhook_url"),
        ({**SLACK, "config": {"webhook_url": "not an address"}}, "webhook"),
        ({**hook("https://x.example.org"), "config": {"url": "x", "secret": "short"}}, "secret"),
        ({**SLACK, "colour": "red"}, "colour"),
    ],
)
def test_a_provider_that_cannot_be_used_is_refused_and_leaves_nothing(
    desk: httpx.Client, body: dict[str, Any], says: str
):
    answer = desk.post(PROVIDERS, json=body)
    assert (answer.status_code, says in answer.text) == (422, True), answer.text
    assert desk.get(PROVIDERS).json()["items"] == []
    assert len(desk.get("/api/v1/alerts/receivers").json()["items"]) == 1


def test_while_prefect_is_down_no_provider_is_half_made(desk: httpx.Client, on_prefect: FastAPI):
    up = on_prefect.state.settings
    on_prefect.state.settings = settings_of(on_prefect, prefect_api_url="http://127.0.0.1:9/api")
    try:
        assert desk.post(PROVIDERS, json=SLACK).status_code == 503
    finally:
        on_prefect.state.settings = up
    assert desk.get(PROVIDERS).json()["items"] == []
    assert desk.post(PROVIDERS, json=SLACK).status_code == 201


def test_the_pagerduty_of_the_seeds_is_a_channel_that_events_api_v2_takes(
    desk: httpx.Client, prefect_server: PrefectServer
):
    made = desk.post(PROVIDERS, json=PAGERDUTY).json()
    assert (made["id"], made["channel"]) == (
        "production-pagerduty", "sentinel-pagerduty/production-pagerduty",
    )  # fmt: skip
    assert made["config"] == {
        "api_key": "********", "service_id": "your-service-id", "urgency": "high",
    }  # fmt: skip
    assert made["notes"] == ["service_id has no effect: an integration key is of one service"]
    place = f"{PROVIDERS}/{made['id']}"
    desk.put(place, json={"config": {"api_key": "********", "urgency": "low"}})
    block = prefect_server.api.block("sentinel-pagerduty", "production-pagerduty")
    assert block is not None
    assert (block["routing_key"], block["urgency"]) == ("your-pagerduty-api-key", "low")
    receiver = desk.get("/api/v1/alerts/receivers/production-pagerduty").json()
    assert receiver["channels"] == [made["channel"]]


def test_a_provider_that_was_kept_before_anything_sent_to_it_gets_its_channel(
    desk: httpx.Client, on_prefect: FastAPI
):
    old = Provider(
        id="old", name="Old", provider_type="pagerduty", config={"api_key": "0123456789"}
    )
    with Providers.of(on_prefect.state.settings) as kept:
        kept.keep(old)
    assert "it gets a channel" in desk.get(f"{PROVIDERS}/old").json()["notes"][0]
    changed = desk.put(f"{PROVIDERS}/old", json={"config": {"api_key": "9876543210"}}).json()
    assert (changed["channel"], changed["receivers"]) == ("sentinel-pagerduty/old", ["old"])
    assert changed["notes"] == []


def test_a_provider_of_any_type_takes_the_fields_of_its_block(
    desk: httpx.Client, receiver: Receiver
):
    config = {"api_key": "G3N13K3Y", "url": receiver.url}
    body = {"name": "Genie", "provider_type": "opsgenie", "config": config}
    made = desk.post(PROVIDERS, json=body)
    assert made.status_code == 201, made.text
    assert made.json()["config"] == {"api_key": "********", "url": "********"}
    assert desk.post(TEST, json="opsgenie").json()["success"]
    assert receiver.requests[0].path == "/v2/alerts"
    for wrong, says in (
        ({"colour": "red"}, "config.colour"), ({"api_key": ""}, "config.api_key"),
        ({"url": "nowhere"}, "config.url"),
    ):  # fmt: skip
        answer = desk.put(f"{PROVIDERS}/genie", json={"config": wrong})
        assert (answer.status_code, says in answer.text) == (422, True), answer.text
    assert "G3N13K3Y" not in answer.text


def test_every_secret_of_every_type_is_masked():
    for word, kind in VENDORS.items():
        for name, field in kind.model_fields.items():
            kind_of: Any = field.annotation
            if kind_of in (SecretStr, SecretDict):
                assert masked({name: "s3cret"}) == {name: MASK}, word


OF_PROVIDERS = [one for one in REQUESTS if one.path.startswith(PROVIDERS)]
TESTS = [one for one in REQUESTS if one.path == TEST]


def test_every_literal_request_about_providers_and_tests_is_answered(desk: httpx.Client):
    made = ""
    for asked in OF_PROVIDERS:
        answer = sent(desk, Asked(*asked), provider_id=made)
        assert answer.status_code == asked.status, (asked.name, answer.text)
        if asked.status == 201:
            made = answer.json()["id"]
    mail = {"smtp_host": "127.0.0.1", "smtp_port": 9, "from_email": "a@example.org",
            "to": ["b@example.org"], "smtp_security": "insecure"}  # fmt: skip
    body = {"name": "Mail", "provider_type": "email", "config": mail}
    assert desk.post(PROVIDERS, json=body).status_code == 201
    for asked in TESTS:
        answer = sent(desk, Asked(*asked))
        assert answer.status_code == asked.status, (asked.name, answer.text)
        assert answer.json()["results"][0]["channel"] == "sentinel-email/mail"


def test_what_is_left_of_a_provider_that_was_not_made_is_logged(
    desk: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def away(*_: object, **__: object) -> None:
        raise PrefectUnreachable("Prefect went away")

    with monkeypatch.context() as broken:
        broken.setattr(Providers, "keep", away)
        broken.setattr(Providers, "drop", away)
        answer = desk.post(PROVIDERS, json=hook("https://hooks.example.org/x", id="left"))
    assert answer.status_code == 503
    (said,) = [line for one in caplog.records if "left was not made" in (line := one.getMessage())]
    assert "DELETE /api/v1/alerts/providers/left" in said
    assert SECRET not in caplog.text
