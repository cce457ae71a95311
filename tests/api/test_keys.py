"""API keys at the door: accepted, expired, rotated, revoked, and made over HTTP."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.access import Role
from sentinel.api.known_keys import HELD_SECONDS, KnownKeys
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.api.served import Raised
from tests.waiting import eventually

KEYS = "/api/v1/alerts/keys"
ALERTS = "/api/v1/alerts/alerts"


def bearer(secret: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}", **more}


@pytest.fixture
def keys(store: Store) -> Keys:
    return Keys(store)


def test_a_key_may_do_what_its_role_allows(client: httpx.Client, keys: Keys, raised: Raised):
    (alert,) = raised("/data")
    body = {"action": "acknowledge"}
    for role, status in ((Role.VIEWER, 403), (Role.RESPONDER, 200)):
        made = keys.create(role.value, role, actor="ada")
        headers = bearer(made.secret.text)
        assert client.get(ALERTS, headers=headers).status_code == 200
        answer = client.post(f"{ALERTS}/{alert}/actions", json=body, headers=headers)
        assert answer.status_code == status
        if status == 403:
            error = answer.json()["error"]
            assert error["code"] == "forbidden"
            assert error["message"] == "viewer may not respond: its role is viewer"
            assert "role responder" in error["hint"]


def test_a_key_acts_under_its_own_name_and_says_for_whom(
    client: httpx.Client, keys: Keys, raised: Raised
):
    (alert,) = raised("/data")
    secret = keys.create("chat-bot", Role.RESPONDER, actor="ada").secret.text
    for headers, action in (
        (bearer(secret), "acknowledge"),
        (bearer(secret, **{"X-Sentinel-User": "eve"}), "unacknowledge"),
    ):
        path = f"{ALERTS}/{alert}/actions"
        assert client.post(path, json={"action": action}, headers=headers).status_code == 200
    timeline = client.get(f"{ALERTS}/{alert}").json()["timeline"]
    assert [one["actor"] for one in timeline[-2:]] == ["chat-bot", "eve via chat-bot"]


def test_scopes_confine_a_key_to_areas(client: httpx.Client, keys: Keys):
    made = keys.create("metrics-only", Role.ADMIN, actor="ada", scopes=["metrics"])
    headers = bearer(made.secret.text)
    assert client.get("/api/v1/alerts/metrics", headers=headers).status_code == 200
    answer = client.get(ALERTS, headers=headers)
    assert answer.status_code == 403
    assert "may use only: metrics" in answer.json()["error"]["message"]
    assert client.post(KEYS, json={"name": "a", "role": "viewer"}, headers=headers).is_error


def test_an_expired_key_is_refused_at_that_moment(
    client: httpx.Client, keys: Keys, clock: FakeClock
):
    made = keys.create("brief", Role.VIEWER, actor="ada", expires_in=timedelta(minutes=1))
    headers = bearer(made.secret.text)
    assert client.get(ALERTS, headers=headers).status_code == 200
    clock.forward(seconds=59)
    assert client.get(ALERTS, headers=headers).status_code == 200
    clock.forward(seconds=1)
    assert client.get(ALERTS, headers=headers).status_code == 401


@pytest.mark.parametrize("change", [slice(0, -1), slice(1, None)])
def test_a_key_that_is_not_whole_is_refused(client: httpx.Client, keys: Keys, change: slice):
    text = keys.create("a", Role.ADMIN, actor="ada").secret.text
    assert client.get(ALERTS, headers=bearer(text[change])).status_code == 401


def test_the_prefix_of_one_key_with_the_secret_of_another_is_refused(
    client: httpx.Client, keys: Keys
):
    one, other = (keys.create(name, Role.ADMIN, actor="ada").secret for name in ("a", "b"))
    mixed = one.text[:13] + other.text[13:]
    assert client.get(ALERTS, headers=bearer(mixed)).status_code == 401


def test_a_key_revoked_over_http_is_refused_at_once(client: httpx.Client):
    made = client.post(KEYS, json={"name": "robot", "role": "viewer"})
    assert made.status_code == 201
    headers = bearer(made.json()["secret"])
    assert client.get(ALERTS, headers=headers).status_code == 200
    revoked = client.post(f"{KEYS}/{made.json()['key']['id']}/revoke")
    assert revoked.json()["state"] == "revoked"
    assert client.get(ALERTS, headers=headers).status_code == 401


def test_a_key_revoked_elsewhere_is_refused_within_the_bound(
    app: FastAPI, client: httpx.Client, keys: Keys, store: Store
):
    now = 100.0
    app.state.keys.close()
    app.state.keys = KnownKeys(store, lambda: now)
    headers = bearer(keys.create("robot", Role.VIEWER, actor="ada").secret.text)
    assert client.get(ALERTS, headers=headers).status_code == 200
    keys.revoke("robot", actor="ada")  # as another process does
    now += HELD_SECONDS
    assert client.get(ALERTS, headers=headers).status_code == 401


def test_a_rotated_key_is_accepted_with_both_secrets_until_the_overlap_ends(
    client: httpx.Client, clock: FakeClock
):
    made = client.post(KEYS, json={"name": "robot", "role": "viewer"}).json()
    rotated = client.post(f"{KEYS}/{made['key']['id']}/rotate", json={"overlap": "1h"})
    assert rotated.status_code == 200
    old, new = bearer(made["secret"]), bearer(rotated.json()["secret"])
    assert [client.get(ALERTS, headers=one).status_code for one in (old, new)] == [200, 200]
    clock.forward(hours=1)
    assert [client.get(ALERTS, headers=one).status_code for one in (old, new)] == [401, 200]


def test_a_secret_is_in_one_response_alone(
    client: httpx.Client, caplog: pytest.LogCaptureFixture, store: Store
):
    caplog.set_level(logging.DEBUG)
    answer = client.post(KEYS, json={"name": "robot", "role": "editor", "tenants": ["red"]})
    assert answer.headers["Cache-Control"] == "no-store"
    secret, key = answer.json()["secret"], answer.json()["key"]
    client.get(ALERTS, headers=bearer(secret))
    client.get(ALERTS, headers=bearer(secret + "x"))
    shown = [client.get(KEYS).text, client.get(f"{KEYS}/{key['id']}").text, caplog.text]
    shown += [repr(row) for row in store.log.page()]
    for text in shown:
        assert secret not in text
        assert secret.split("_", 2)[2] not in text
    assert key["secrets"][0]["prefix"] in shown[0]


def test_the_last_use_is_shown(client: httpx.Client, keys: Keys, clock: FakeClock):
    headers = bearer(keys.create("robot", Role.VIEWER, actor="ada").secret.text)
    client.get(ALERTS, headers=headers)
    eventually(lambda: keys.get("robot").used_at == clock.now(), "the last use is written")
    assert client.get(KEYS).json()["items"][0]["used_at"] is not None


def test_nobody_gives_a_key_more_than_they_have(client: httpx.Client, keys: Keys):
    red = keys.create("red-admin", Role.ADMIN, actor="ada", tenants=["red"])
    headers = bearer(red.secret.text)

    def ask(**more: Any) -> int:
        body = {"name": "new", "role": "viewer", **more}
        return client.post(KEYS, json=body, headers=headers).status_code

    assert ask() == 403
    assert ask(tenants=["blue"]) == 403
    assert ask(tenants=["red", "blue"]) == 403
    assert ask(tenants=["red"], role="admin") == 201
    scoped = keys.create("scoped", Role.ADMIN, actor="ada", scopes=["keys", "alerts"])
    headers = bearer(scoped.secret.text)
    assert ask(name="b") == 403
    assert ask(name="b", scopes=["metrics"]) == 403
    assert ask(name="b", scopes=["alerts"]) == 201


@pytest.mark.parametrize("wider", [(), ("keys", "alerts"), ("alerts:read",)])
@pytest.mark.parametrize("change", ["rotate", "revoke"])
def test_a_confined_key_changes_none_with_wider_scopes(
    client: httpx.Client, keys: Keys, wider: tuple[str, ...], change: str
):
    """The secret that a rotation gives would do what the caller may not."""
    confined = keys.create("confined", Role.ADMIN, actor="ada", scopes=["keys"])
    other = keys.create("other", Role.VIEWER, actor="ada", scopes=wider).key
    headers = bearer(confined.secret.text)
    answer = client.post(f"{KEYS}/{other.id}/{change}", json={}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "confined may use only: keys"
    assert keys.get("other") == other
    within = keys.create("within", Role.VIEWER, actor="ada", scopes=["keys:read"]).key
    assert client.post(f"{KEYS}/{within.id}/{change}", json={}, headers=headers).is_success


def test_keys_of_other_tenants_are_as_unknown_ones(client: httpx.Client, keys: Keys):
    red = keys.create("red-admin", Role.ADMIN, actor="ada", tenants=["red"])
    blue = keys.create("blue", Role.VIEWER, actor="ada", tenants=["blue"]).key
    headers = bearer(red.secret.text)
    listed = client.get(KEYS, headers=headers).json()["items"]
    assert [one["name"] for one in listed] == ["red-admin"]
    for unknown in (blue.id, "0" * 32):
        answers = [
            client.get(f"{KEYS}/{unknown}", headers=headers),
            client.post(f"{KEYS}/{unknown}/revoke", headers=headers),
            client.post(f"{KEYS}/{unknown}/rotate", json={}, headers=headers),
        ]
        assert [one.status_code for one in answers] == [404, 404, 404]
    assert keys.get("blue").revoked_at is None


def test_only_an_admin_sees_keys(client: httpx.Client, keys: Keys):
    headers = bearer(keys.create("editor", Role.EDITOR, actor="ada").secret.text)
    assert client.get(KEYS, headers=headers).status_code == 403


def test_an_unknown_scope_or_field_is_refused_by_name(client: httpx.Client):
    answer = client.post(KEYS, json={"name": "a", "role": "viewer", "scopes": ["metric"]})
    assert answer.status_code == 422
    answer = client.post(KEYS, json={"name": "a", "role": "viewer", "tenant": "red"})
    assert answer.json()["error"]["message"] == "tenant: unknown field"
