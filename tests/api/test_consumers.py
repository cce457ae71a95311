"""Consumers of an API register, log in and manage keys of their own over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from sentinel.clock import FakeClock

PATH = "/api/v1/consumers"
PASSWORD = "correct horse battery staple"


def rules(client: httpx.Client, **more: Any) -> None:
    given = {"enabled": True, "plans": ["free", "gold"], "permissions": ["orders:read"], **more}
    answer = client.put(f"{PATH}/rules", json=given)
    assert answer.status_code == 200, answer.text


def registered(client: httpx.Client, name: str = "ann@shop.example", **more: Any) -> httpx.Response:
    body = {"name": name, "password": PASSWORD, **more}
    return client.post(f"{PATH}/register", json=body, headers={"Authorization": ""})


def log_in(client: httpx.Client, name: str = "ann@shop.example", password: str = PASSWORD):
    body = {"name": name, "password": password}
    return client.post(f"{PATH}/login", json=body, headers={"Authorization": ""})


def mine(client: httpx.Client, name: str = "ann@shop.example") -> dict[str, str]:
    return {"Authorization": f"Bearer {log_in(client, name).json()['token']}"}


def test_nobody_registers_until_an_admin_lets_them(client: httpx.Client):
    closed = registered(client)
    assert closed.status_code == 404
    assert "Ask the owner of the API" in closed.json()["error"]["hint"]
    rules(client)
    assert registered(client).status_code == 201
    assert registered(client).status_code == 409
    assert registered(client, "bob@shop.example", plan="diamond").status_code == 422
    assert registered(client, "b", plan="gold").status_code == 422
    assert registered(client, "bob@shop.example", password="short").status_code == 422


def test_an_account_that_waits_makes_keys_when_it_is_approved_and_none_when_disabled(
    client: httpx.Client,
):
    rules(client)
    account = registered(client).json()
    assert (account["status"], account["plan"]) == ("waiting", "free")
    token = mine(client)
    refused = client.post(f"{PATH}/me/keys", json={"name": "laptop"}, headers=token)
    assert (refused.status_code, "not approved" in refused.text) == (409, True)
    assert client.post(f"{PATH}/{account['id']}/approve").json()["status"] == "active"
    made = client.post(
        f"{PATH}/me/keys", json={"name": "laptop", "permissions": ["orders:read"]}, headers=token
    )
    assert made.status_code == 201, made.text
    assert made.headers["Cache-Control"] == "no-store"
    secret = {"key": made.json()["secret"]}
    said = client.post("/api/v1/keys/verify", json=secret).json()
    assert (said["consumer"], said["plan"], said["permissions"]) == (
        "ann@shop.example", "free", ["orders:read"],
    )  # fmt: skip
    assert said["expires_at"] is not None
    assert client.post(f"{PATH}/{account['id']}/disable").status_code == 200
    assert client.post("/api/v1/keys/verify", json=secret).json()["state"] == "revoked"
    assert client.get(f"{PATH}/me", headers=token).status_code == 401
    assert log_in(client).status_code == 401


def test_keys_stay_within_the_rules_and_are_the_consumer_s_alone(client: httpx.Client):
    rules(client, approval=False, most_keys=1, longest_days=30)
    for name in ("ann@shop.example", "bob@shop.example"):
        assert registered(client, name).json()["status"] == "active"
    ann, bob = mine(client), mine(client, "bob@shop.example")
    keys = f"{PATH}/me/keys"
    for more in ({"permissions": ["orders:write"]}, {"expires_in": "31d"}, {"name": " a"},
                 {"plan": "gold"}):  # fmt: skip
        wrong = {"name": "a", **more}
        assert client.post(keys, json=wrong, headers=ann).status_code == 422, wrong
    key = client.post(keys, json={"name": "a"}, headers=ann).json()["key"]["id"]
    assert client.post(keys, json={"name": "b"}, headers=ann).status_code == 409
    assert client.post(keys, json={"name": "a"}, headers=bob).status_code == 201
    for step in ("rotate", "revoke"):
        refused = client.post(f"{keys}/{key}/{step}", json={}, headers=bob)
        assert refused.status_code == 404
    assert (
        client.post(f"{keys}/{key}/rotate", json={"overlap": "1h"}, headers=ann).status_code == 200
    )
    (listed,) = client.get(keys, headers=ann).json()["items"]
    assert (listed["id"], len(listed["prefixes"])) == (key, 2)
    assert client.post(f"{keys}/{key}/revoke", headers=ann).json()["state"] == "revoked"
    assert client.get(keys, headers=ann).json()["items"] == []


def test_a_consumer_s_token_opens_nothing_else_and_ends(client: httpx.Client, clock: FakeClock):
    rules(client, approval=False)
    registered(client)
    token = mine(client)
    assert client.get(f"{PATH}/me", headers=token).json()["name"] == "ann@shop.example"
    assert client.get("/api/v1/keys", headers=token).status_code == 401
    assert client.get(f"{PATH}/me").status_code == 401  # nor does a token of Sentinel open this
    assert client.post(f"{PATH}/logout", headers=token).status_code == 204
    assert client.get(f"{PATH}/me", headers=token).status_code == 401
    token = mine(client)
    clock.forward(hours=12)
    assert client.get(f"{PATH}/me", headers=token).status_code == 401


def test_guesses_must_wait_and_an_unknown_name_is_answered_the_same(
    client: httpx.Client, clock: FakeClock
):
    rules(client, approval=False)
    registered(client)
    for name in ("ann@shop.example", "nobody@shop.example"):
        said = [log_in(client, name, "wrong horse battery").status_code for _ in range(6)]
        assert said == [401] * 5 + [429]
    assert log_in(client).status_code == 429
    clock.forward(minutes=1)
    assert log_in(client).status_code == 200
    assert log_in(client, "Ann@Shop.example ").status_code == 200


def test_a_new_password_ends_every_session(client: httpx.Client):
    rules(client, approval=False)
    registered(client)
    token, other = mine(client), mine(client)
    path = f"{PATH}/me/password"
    wrong = client.post(path, json={"before": "x", "after": "another horse battery"}, headers=token)
    assert wrong.status_code == 401
    change = {"before": PASSWORD, "after": "another horse battery"}
    assert client.post(path, json=change, headers=token).status_code == 204
    assert client.get(f"{PATH}/me", headers=other).status_code == 401
    assert log_in(client).status_code == 401
    assert log_in(client, password="another horse battery").status_code == 200


def test_an_address_registers_a_few_times_an_hour_and_takes_no_consumer_s_name(
    client: httpx.Client,
):
    rules(client)
    made = client.post("/api/v1/keys", json={"name": "a", "consumer": "user-7"})
    assert made.status_code == 201
    assert registered(client, "User-7").status_code == 409
    statuses = [registered(client, f"user-{n}", password="short").status_code for n in range(10)]
    assert statuses == [422] * 9 + [429]
