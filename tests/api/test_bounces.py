"""Bounces that vendors post: who may, whose signature counts, and which mails are Sentinel's."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from sentinel.access import Role
from sentinel.api import sns
from sentinel.clock import FakeClock
from sentinel.notifications.bounces import BounceReport
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.notifications import posted_bounces
from sentinel.store.notifications.posted_bounces import read_reports
from tests.access.sns import ARN, SUBSCRIBE, Topic
from tests.api.served import called
from tests.ingest.test_mail_bounces import of_mailgun, of_postmark, of_sendgrid, of_ses
from tests.world import World

BOUNCES = "/api/v1/alerts/bounces"


@pytest.fixture
def group(store: Store, clock: FakeClock) -> str:
    """A group about which a message was sent."""
    world = World(store, clock)
    world.sees({"/data": 97})
    world.tells()
    ((group,),) = world.rows("SELECT id FROM alert_group")
    return str(group)


def waiting(store: Store) -> list[BounceReport]:
    """What the relay reads, which is then forgotten."""
    found: list[BounceReport] = []
    read_reports(store, lambda reports: [not found.append(one) for one in reports])
    return found


def set_up(app: FastAPI, monkeypatch: pytest.MonkeyPatch, **changed: object) -> None:
    settings: Settings = app.state.settings
    monkeypatch.setattr(app.state, "settings", settings.model_copy(update=changed))


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'sentinel:{secret}'.encode()).decode()}"}


def test_a_bounce_counts_where_a_message_about_its_group_was_sent(
    client: httpx.Client, store: Store, group: str
):
    of_ours = {"sentinel-group": group}
    for _ in range(2):
        answer = client.post(f"{BOUNCES}/postmark", json=of_postmark(Metadata=of_ours))
        assert (answer.status_code, answer.json()) == (200, {"reports": 1, "ours": 1})
    ours = [*of_sendgrid(**{"smtp-id": f"<m9.{group}@example.org>"}), *of_sendgrid()]
    assert client.post(f"{BOUNCES}/sendgrid", json=ours).json() == {"reports": 2, "ours": 1}
    assert client.post(f"{BOUNCES}/mailgun", json=of_mailgun()).json() == {"reports": 1, "ours": 0}
    (report,) = waiting(store)
    assert (report.group_id, report.bounces[0].address) == (group, "ops@example.org")
    assert waiting(store) == []


def test_a_vendor_gives_a_key_as_password_which_may_do_nothing_else(
    app: FastAPI, store: Store, group: str
):
    made = Keys(store).create("postmark", Role.RESPONDER, actor="ada", scopes=["bounces"])
    body = of_postmark(Metadata={"sentinel-group": group})
    with called(app) as stranger:
        answer = stranger.post(f"{BOUNCES}/postmark", json=body)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")
        for wrong in (basic("wrong"), basic(""), {"Authorization": "Basic !"}):
            assert stranger.post(f"{BOUNCES}/postmark", json=body, headers=wrong).status_code == 401
        key = basic(made.secret.text)
        assert stranger.post(f"{BOUNCES}/postmark", json=body, headers=key).json()["ours"] == 1
        # Elsewhere a password is none, and the key has no other scope.
        assert stranger.get("/api/v1/alerts/alerts", headers=key).status_code == 401
        bearer = {"Authorization": f"Bearer {made.secret.text}"}
        assert stranger.get("/api/v1/alerts/alerts", headers=bearer).status_code == 403


def test_a_signature_is_needed_where_its_key_is_set(
    client: httpx.Client, app: FastAPI, monkeypatch: pytest.MonkeyPatch
):
    keys = {name: SecretStr("key") for name in ("bounce_mailgun_key", "bounce_sendgrid_key")}
    set_up(app, monkeypatch, **keys)
    for vendor, body in (("mailgun", of_mailgun()), ("sendgrid", of_sendgrid())):
        answer = client.post(f"{BOUNCES}/{vendor}", json=body)
        assert answer.status_code == 403
        assert f"SENTINEL_BOUNCE_{vendor.upper()}_KEY" in answer.json()["error"]["hint"]


def test_sns_is_believed_by_its_topic_and_its_signature(
    client: httpx.Client, app: FastAPI, store: Store, group: str,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    topic, asked = Topic(), list[str]()

    def fetched(url: str) -> bytes:
        asked.append(url)
        return topic.certificate

    def posted(message: dict[str, Any]) -> httpx.Response:
        # SNS says that it is plain text.
        return client.post(
            f"{BOUNCES}/ses", content=json.dumps(message), headers={"content-type": "text/plain"}
        )

    monkeypatch.setattr(sns, "fetched", fetched)
    told = json.loads(of_ses()["Message"])
    told["mail"]["headers"][0]["value"] = group
    message = topic.notifies(json.dumps(told))
    assert "SENTINEL_BOUNCE_SNS_TOPICS" in posted(message).json()["error"]["hint"]
    set_up(app, monkeypatch, bounce_sns_topics=f"arn:other, {ARN}")
    assert posted(message).json() == {"reports": 1, "ours": 1}
    assert posted(message).status_code == 200
    assert asked == [topic.where], "a certificate is fetched once"
    assert posted({**message, "Message": "{}"}).status_code == 403
    elsewhere = {**message, "SigningCertURL": "https://evil.example/x.pem"}
    assert posted(elsewhere).status_code == 403
    assert posted(topic.asks_to_confirm()).json() == {"reports": 0, "ours": 0}
    assert asked == [topic.where, SUBSCRIBE]
    assert len(waiting(store)) == 1


def test_a_body_that_is_none_of_a_vendor_s_says_so(client: httpx.Client):
    assert client.post(f"{BOUNCES}/sendgrid", json={}).status_code == 422
    assert client.post(f"{BOUNCES}/postmark", content=b"{").status_code == 400
    assert client.post(f"{BOUNCES}/postoffice", json={}).status_code == 422
    many = of_sendgrid() * 1001
    assert client.post(f"{BOUNCES}/sendgrid", json=many).status_code == 413


def test_a_bounce_after_a_thousand_other_events_of_a_request_is_read(
    client: httpx.Client, group: str
):
    opened = of_sendgrid(event="open") * 1001
    ours = of_sendgrid(**{"smtp-id": f"<m9.{group}@example.org>"})
    answer = client.post(f"{BOUNCES}/sendgrid", json=opened + ours)
    assert answer.json() == {"reports": 1, "ours": 1}


def test_a_request_is_refused_whole_where_too_many_reports_wait(
    client: httpx.Client, store: Store, group: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(posted_bounces, "MOST_WAITING", 1)
    named = {"smtp-id": f"<m9.{group}@example.org>"}
    two = of_sendgrid(**named) + of_sendgrid(**named, email="b@example.org")
    answer = client.post(f"{BOUNCES}/sendgrid", json=two)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "sentinel-relay" in answer.json()["error"]["hint"]
    assert waiting(store) == []
