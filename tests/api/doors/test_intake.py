"""Webhooks of vendors by mappings: from the request to the alert, keys, signatures, SNS."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from sentinel.access import Role
from sentinel.api import sns
from sentinel.clock import FakeClock
from sentinel.ingest.mappings.catalog import Catalog
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.api.served import called
from tests.api.test_bounces import SUBSCRIBE, Topic
from tests.databases import both_databases
from tests.ingest.mappings.test_shipped import changed, sample

PLACE = "/api/v1/intake"


@pytest.fixture
def key(store: Store) -> str:
    """A key of the tenant `shop`, as a vendor gets it."""
    made = Keys(store).create(
        "vendor", Role.RESPONDER, actor="ada", tenants=["shop"], scopes=["webhooks"]
    )
    return made.secret.text


@pytest.fixture
def vendor(app: FastAPI) -> Generator[httpx.Client]:
    """A vendor, which has its key in the address or in a header of its own."""
    with called(app) as client:
        yield client


def alerts(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/alerts/alerts").json()["items"]
    return found


def posted(
    vendor: httpx.Client, name: str, key: str, headers: dict[str, str] | None = None, **changes: Any
) -> httpx.Response:
    given = sample(name)
    body = changed(given["body"], {path.replace("__", "."): one for path, one in changes.items()})
    return vendor.post(
        f"{PLACE}/{name}", params={"key": key}, json=body,
        headers={**given["headers"], **(headers or {})},
    )  # fmt: skip


@both_databases
def test_a_message_opens_an_alert_that_a_later_one_resolves(
    vendor: httpx.Client, client: httpx.Client, key: str, clock: FakeClock
):
    began = clock.now().isoformat()
    for _ in range(2):  # a vendor posts again what it holds for lost
        answer = posted(vendor, "healthchecks", key, at=began)
        assert answer.status_code == 200, answer.text
        clock.forward(minutes=1)
    (alert,) = alerts(client)
    assert (alert["rule"], alert["tenant"]) == ("intake-healthchecks", "shop")
    assert (alert["status"], alert["severity"]) == ("open", "high")
    assert alert["title"] == "Check nightly backup is down"
    assert alert["details"]["payload"]["tags"] == "prod db"
    clock.forward(days=2)  # nobody repeats it
    done = posted(vendor, "healthchecks", key, status="up", at=clock.now().isoformat()).json()
    assert (done["alerts"], done["changed"]) == (1, 1)
    assert alerts(client)[0]["status"] == "resolved"


def test_the_key_may_be_wherever_a_vendor_can_put_it(
    vendor: httpx.Client, client: httpx.Client, key: str
):
    body = sample("gitlab")["body"]
    right: list[dict[str, Any]] = [
        {"headers": {"Authorization": f"Bearer {key}"}}, {"headers": {"X-Gitlab-Token": key}},
        {"auth": ("sentinel", key)}, {"params": {"key": key}},
    ]  # fmt: skip
    for given in right:
        answer = vendor.post(f"{PLACE}/gitlab", json=body, **given)
        assert answer.status_code == 200, answer.text
    wrong: list[dict[str, Any]] = [
        {}, {"params": {"key": "snt_wrong"}}, {"headers": {"X-Gitlab-Token": "x"}},
        {"headers": {"X-Other-Token": key}}, {"auth": ("sentinel", "")},
    ]  # fmt: skip
    for given in wrong:
        assert vendor.post(f"{PLACE}/gitlab", json=body, **given).status_code == 401
    assert alerts(client) == []  # the documented pipeline succeeded


def test_another_tenant_and_a_key_that_only_reads_are_refused(
    vendor: httpx.Client, store: Store, key: str
):
    body = sample("healthchecks")["body"]
    place = f"{PLACE}/healthchecks"
    assert vendor.post(place, json=body, params={"key": key, "tenant": "mail"}).status_code == 403
    reader = Keys(store).create("reader", Role.VIEWER, actor="ada").secret.text
    assert vendor.post(place, json=body, params={"key": reader}).status_code == 403


def test_a_signature_is_required_where_its_secret_is_set(
    vendor: httpx.Client, app: FastAPI, key: str, monkeypatch: pytest.MonkeyPatch
):
    secrets = SecretStr("github=It's a secret to everybody, sentry=other")
    settings = app.state.settings.model_copy(update={"intake_secrets": secrets})
    monkeypatch.setattr(app.state, "settings", settings)
    body = json.dumps(sample("github")["body"]).encode()

    def status(signature: str | None) -> int:
        head = {"X-GitHub-Event": "workflow_run"}
        if signature is not None:
            head["X-Hub-Signature-256"] = signature
        answer = vendor.post(f"{PLACE}/github", content=body, params={"key": key}, headers=head)
        return answer.status_code

    right = hmac.new(b"It's a secret to everybody", body, hashlib.sha256).hexdigest()
    assert status(f"sha256={right}") == 200
    assert [status(one) for one in (None, right, "sha256=" + "0" * 64)] == [403] * 3
    assert posted(vendor, "healthchecks", key).status_code == 200


def test_the_signature_is_the_one_that_github_documents():
    # The example of https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    signature = Catalog().get("github").document.authentication.signature
    assert signature is not None
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secret = "It's a Secret to Everybody"
    assert signature.signed(secret, b"Hello, World!", f"sha256={digest}")
    assert not signature.signed(secret, b"Hello, World", f"sha256={digest}")


def test_sns_is_confirmed_and_its_signature_is_checked(
    vendor: httpx.Client, client: httpx.Client, key: str, monkeypatch: pytest.MonkeyPatch
):
    topic, asked = Topic(), list[str]()

    def fetched(url: str) -> bytes:
        asked.append(url)
        return topic.certificate

    monkeypatch.setattr(sns, "fetched", fetched)

    def send(message: Any) -> httpx.Response:
        kind = {"content-type": "text/plain; charset=UTF-8"}
        content = json.dumps(message)
        return vendor.post(f"{PLACE}/aws-sns", content=content, params={"key": key}, headers=kind)

    assert send(topic.asks_to_confirm()).json()["note"] == "the subscription was confirmed"
    assert asked[-1] == SUBSCRIBE
    alarm = topic.notifies(sample("aws-sns")["body"]["Message"])
    assert send(alarm).json()["changed"] == 1
    assert alerts(client)[0]["labels"]["alertname"] == "EXAMPLE"
    elsewhere = {**topic.asks_to_confirm(), "SubscribeURL": "https://sns.evil.example/?a"}
    forgeries: list[Any] = [{**alarm, "Message": "{}"}, elsewhere, {}, []]
    for forged in forgeries:
        assert send(forged).status_code == 403
    assert "evil" not in " ".join(asked)


@both_databases
def test_cloud_events_are_kept_as_events_each_once_in_every_mode(
    vendor: httpx.Client, client: httpx.Client, key: str
):
    given = sample("cloudevents")["body"]
    attributes = {
        f"ce-{name}": str(value)
        for name, value in given.items()
        if name not in ("data", "datacontenttype")
    }
    place, params = f"{PLACE}/cloudevents", {"key": key}
    kind = "application/cloudevents"
    answers = [
        vendor.post(place, content=json.dumps(given), params=params,
                    headers={"content-type": f"{kind}+json"}),
        vendor.post(place, content=json.dumps([given, {**given, "id": "2"}]), params=params,
                    headers={"content-type": f"{kind}-batch+json"}),
        vendor.post(place, json=given["data"], params=params, headers=attributes),
    ]  # fmt: skip
    assert [one.json()["note"][:8] for one in answers] == ["1 event ", "1 event ", "0 events"]
    rows = client.get("/api/v1/events", params={"tenant": "shop"}).json()["items"]
    assert [one["event"]["data"]["appinfoA"] for one in rows] == ["abc", "abc"]


def test_a_mapping_of_ones_own_is_used_and_an_item_that_cannot_be_mapped_is_named(
    vendor: httpx.Client, client: httpx.Client, app: FastAPI, key: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    (tmp_path / "mine.yaml").write_text(
        "name: mine\neach: body\nlabels: {check: item.name}\nrepeat_interval: 1h\n"
    )
    monkeypatch.setattr(app.state, "mappings", Catalog(tmp_path))
    answer = vendor.post(f"{PLACE}/mine", json=[{"name": "disk"}, {}], params={"key": key})
    error = answer.json()["error"]
    assert answer.status_code == 422
    assert [(one["index"], one["field"]) for one in error["errors"]] == [(1, "labels")]
    assert [one["labels"] for one in alerts(client)] == [{"check": "disk"}]
    missing = vendor.post(f"{PLACE}/nothing", json={}, params={"key": key})
    assert missing.status_code == 404
    assert "mine" in missing.json()["error"]["hint"]


def test_an_alert_whose_sender_repeats_it_is_over_when_it_does_not(
    vendor: httpx.Client, client: httpx.Client, app: FastAPI, key: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock, store: Store,
):  # fmt: skip
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nlabels: {check: body.name}\nrepeat_interval: 1h\n"
    )
    monkeypatch.setattr(app.state, "mappings", Catalog(tmp_path))
    vendor.post(f"{PLACE}/mine", json={"name": "disk"}, params={"key": key})
    posted(vendor, "healthchecks", key)
    clock.forward(hours=3)
    store.sweep()
    found = {one["rule"]: one["status"] for one in alerts(client)}
    assert found == {"intake-mine": "resolved", "intake-healthchecks": "open"}
