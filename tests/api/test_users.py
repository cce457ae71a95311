"""Accounts over HTTP: made, locked, given roles and logged out by admins of all tenants."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.audit.queries import AuditFilter, page
from tests.api.served import called

URL = "/api/v1/alerts/users"
PASSWORD = "seven green bicycles"
MARIA = {
    "name": "Maria", "display_name": "Maria López", "role": "responder", "tenants": ["acme"],
    "password": PASSWORD,
}  # fmt: skip


def does(client: httpx.Client, method: str, path: str = "", status: int = 200, **sent: Any) -> Any:
    answer = client.request(method, f"{URL}{path}", **sent)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_an_account_is_made_logs_in_and_is_logged_out_at_once(
    app: FastAPI, client: httpx.Client, store: Store
):
    made = does(client, "POST", status=201, json=MARIA)
    assert (made["name"], made["state"], made["sessions"]) == ("maria", "active", 0)
    assert made["grants"] == [{"role": "responder", "tenants": ["acme"], "teams": None}]
    assert PASSWORD not in str(made)
    does(client, "POST", status=409, json=MARIA)
    login = {"name": "maria", "password": PASSWORD}
    with called(app) as hers:
        token = hers.post("/api/v1/alerts/login", json=login).json()["token"]
        hers.cookies.clear()
        hers.headers["Authorization"] = f"Bearer {token}"
        assert hers.get("/api/v1/alerts/me").json()["role"] == "responder"
        does(hers, "GET", status=403)
        does(client, "PUT", "/maria/roles", json={"role": "editor"})
        assert hers.get("/api/v1/alerts/me").json()["role"] == "editor"
        assert does(client, "GET", "/maria")["sessions"] == 1
        assert does(client, "DELETE", "/maria/sessions")["sessions"] == 0
        assert hers.get("/api/v1/alerts/me").status_code == 401
    left = does(client, "DELETE", "/maria/roles", params={"tenant": "acme"})
    assert left["grants"] == [{"role": "editor", "tenants": None, "teams": None}]
    does(client, "DELETE", "/maria/roles", 404, params={"tenant": "acme"})
    assert does(client, "POST", "/maria/disable")["state"] == "disabled"
    assert does(client, "POST", "/maria/enable")["state"] == "active"
    assert "last account" in does(client, "DELETE", "/maria", 409)["error"]["message"]
    recorded = [one.action for one in page(store, AuditFilter(actions=("person.",))).items]
    assert recorded == [
        "person.enabled", "person.disabled", "person.revoked", "person.sessions",
        "person.granted", "person.created",
    ]  # fmt: skip


def test_accounts_are_listed_by_page_and_deleted(client: httpx.Client):
    for name in ("ada", "bob", "cyd"):
        body = {"name": name, "role": "viewer", "password": PASSWORD}
        does(client, "POST", status=201, json=body)
    first = does(client, "GET", params={"limit": 2})
    assert [one["name"] for one in first["items"]] == ["ada", "bob"]
    rest = does(client, "GET", params={"cursor": first["next_cursor"]})
    assert ([one["name"] for one in rest["items"]], rest["next_cursor"]) == (["cyd"], None)
    does(client, "DELETE", "/bob", 204)
    does(client, "GET", "/bob", 404)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"password": "short"}, "password"),
        ({"password": "maria maria!"}, "little more than the name"),
        ({"role": "owner"}, "role"),
        ({"tenants": ["No Tenant"]}, "tenants.0"),
        ({"is_admin": True}, "is_admin"),
    ],
)
def test_what_no_account_can_have_is_refused_by_name(client: httpx.Client, body: Any, names: str):
    refused = does(client, "POST", status=422, json=MARIA | body)["error"]
    assert names in refused["message"]
    assert "seven green" not in str(refused)


def test_a_key_of_some_areas_gives_nobody_more_than_it_has(client: httpx.Client, store: Store):
    does(client, "POST", status=201, json=MARIA)
    key = Keys(store).create("hr", Role.ADMIN, actor="ada", scopes=["users"])
    client.headers["Authorization"] = f"Bearer {key.secret.text}"
    assert [one["name"] for one in does(client, "GET")["items"]] == ["maria"]
    does(client, "POST", "/maria/disable")
    for method, path, body in (
        ("POST", "", MARIA | {"name": "eve", "role": "admin"}),
        ("PUT", "/maria/roles", {"role": "admin"}),
        ("PUT", "/maria/password", {"password": "eleven blue tricycles"}),
        ("POST", "/maria/enable", None),
    ):
        assert "may use only: users" in does(client, method, path, 403, json=body)["error"][
            "message"
        ]  # fmt: skip


def test_a_version_that_somebody_changed_is_refused_by_every_edit(
    client: httpx.Client, clock: FakeClock
):
    client.post(URL, json=MARIA)
    read = client.get(f"{URL}/maria")
    edits = [
        ("PUT", "/maria/roles", {"role": "editor"}),
        ("DELETE", "/maria/roles?all=true", None),
        ("PUT", "/maria/password", {"password": "eleven blue tricycles"}),
        ("POST", "/maria/disable", None),
        ("POST", "/maria/enable", None),
        ("DELETE", "/maria", None),
    ]
    for method, path, body in edits:
        stale = {"If-Match": '"0f"'}
        refused = does(client, method, path, 412, json=body, headers=stale)["error"]
        assert (refused["code"], refused["field"]) == ("changed", "If-Match")
    assert does(client, "GET", "/maria") == read.json()
    tag = read.headers["ETag"]
    for method, path, body in edits[:5]:  # each edit makes another version, and answers with it
        clock.forward(seconds=1)
        done = client.request(method, f"{URL}{path}", json=body, headers={"If-Match": tag})
        assert done.status_code == 200, done.text
        assert done.headers["ETag"] != tag
        assert done.headers["ETag"] == client.get(f"{URL}/maria").headers["ETag"]
        does(client, method, path, 412, json=body, headers={"If-Match": tag})
        tag = done.headers["ETag"]


def test_a_login_makes_no_other_version_of_an_account(app: FastAPI, client: httpx.Client):
    tag = client.post(URL, json=MARIA).headers["ETag"]
    with called(app) as hers:
        login = {"name": "maria", "password": PASSWORD}
        assert hers.post("/api/v1/alerts/login", json=login).status_code == 200
    assert client.get(f"{URL}/maria").headers["ETag"] == tag
    assert does(client, "DELETE", "/maria/sessions")["sessions"] == 0
    assert client.get(f"{URL}/maria").headers["ETag"] == tag
