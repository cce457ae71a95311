"""Keys of the consumers of an API over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from sentinel.api_usage.consumer_keys import consumer_of
from sentinel.clock import FakeClock


def made(client: httpx.Client, **more: object) -> dict[str, Any]:
    answer = client.post("/api/v1/keys", json={"name": "a", "consumer": "u", **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()


def verified(client: httpx.Client, key: object, **more: object) -> dict[str, Any]:
    answer = client.post("/api/v1/keys/verify", json={"key": key, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_gateway_verifies_a_key_and_its_permission(client: httpx.Client):
    key = made(client, plan="gold", permissions=["orders:read"], expires_in="90d")
    said = verified(client, key["secret"], permission="orders:read")
    assert (said["valid"], said["state"], said["consumer"], said["plan"]) == (
        True, "valid", "u", "gold",
    )  # fmt: skip
    assert verified(client, key["secret"], permission="orders:write")["state"] == "forbidden"
    assert verified(client, "anything") == {
        "valid": False, "state": "unknown", "key": None, "tenant": None, "name": None,
        "consumer": None, "plan": None, "permissions": [], "expires_at": None, "token": None,
    }  # fmt: skip


def test_a_consumer_key_is_no_token_of_sentinel(client: httpx.Client):
    key = made(client)
    answer = client.get("/api/v1/keys", headers={"Authorization": f"Bearer {key['secret']}"})
    assert answer.status_code == 401


def test_a_token_is_read_offline_for_15_minutes_at_most(client: httpx.Client, clock: FakeClock):
    key = made(client, plan="gold")
    token = verified(client, key["secret"], token_for="10h")["token"]
    public = client.get("/api/v1/keys/jwks").json()
    read = consumer_of(public, str(token), clock.now())
    assert read is not None
    assert (read.consumer, read.plan) == ("u", "gold")
    assert consumer_of(public, str(token), clock.now() + timedelta(minutes=16)) is None


def test_a_key_is_rotated_and_revoked(client: httpx.Client, clock: FakeClock):
    key = made(client)
    path = f"/api/v1/keys/{key['key']['id']}"
    new = client.post(f"{path}/rotate", json={"overlap": "1h"}).json()
    clock.forward(hours=2)
    assert verified(client, key["secret"])["state"] == "expired"
    assert verified(client, new["secret"])["valid"] is True
    assert client.post(f"{path}/revoke").json()["state"] == "revoked"
    assert verified(client, new["secret"]) | {"state": "revoked"} == verified(client, new["secret"])
    assert client.get("/api/v1/keys").json()["items"] == []
    assert len(client.get("/api/v1/keys", params={"revoked": True}).json()["items"]) == 1


def test_keys_are_listed_page_by_page_without_secrets(client: httpx.Client):
    secrets = [str(made(client, name=f"key {number}")["secret"]) for number in range(3)]
    first = client.get("/api/v1/keys", params={"limit": 2}).json()
    rest = client.get("/api/v1/keys", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    names = [one["name"] for one in (*first["items"], *rest["items"])]
    assert names == ["key 0", "key 1", "key 2"]
    assert not any(secret.split("_", 2)[2] in str((first, rest)) for secret in secrets)


def test_a_wrong_request_is_refused_by_the_name_of_its_field(client: httpx.Client):
    for wrong, field in (
        ({"name": " a"}, "name"), ({"plan": "a b"}, "plan"), ({"colour": "red"}, "colour"),
        ({"permissions": ["a b"]}, "permissions"), ({"expires_in": "soon"}, "expires_in"),
    ):  # fmt: skip
        answer = client.post("/api/v1/keys", json={"name": "a", **wrong})
        assert answer.status_code == 422
        assert field in answer.text
