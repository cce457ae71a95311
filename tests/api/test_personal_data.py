"""Personal data over HTTP: exported and erased by admins of all tenants, and by nobody else."""

from __future__ import annotations

from typing import Any

import httpx

from sentinel.access import Role
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.access.people import People
from sentinel.store.audit.queries import AuditFilter, page
from tests.api.served import Raised

URL = "/api/v1/alerts/people"


def post(client: httpx.Client, verb: str, body: Any, **more: Any) -> httpx.Response:
    return client.post(f"{URL}/{verb}", json=body, **more)


def test_a_name_is_exported_erased_and_never_found_again(
    client: httpx.Client, store: Store, raised: Raised
):
    (alert,) = raised("/data")
    act = f"/api/v1/alerts/alerts/{alert}/actions"
    body = {"action": "acknowledge", "note": "on it"}
    assert client.post(act, json=body, headers={"X-Sentinel-User": "maria"}).status_code == 200
    found = post(client, "export", {"name": "maria"}).json()
    assert found["name"] == "maria"
    assert [one["acknowledged_by"] for one in found["tables"]["alert"]] == ["maria"]
    assert [one["action"] for one in found["tables"]["audit"]] == ["alert.acknowledge"]
    erased = post(client, "erase", {"name": "maria"}).json()
    assert erased["erased"] == "maria"
    assert erased["pseudonym"].startswith("erased-")
    shown = client.get(f"/api/v1/alerts/alerts/{alert}")
    assert (erased["pseudonym"] in shown.text, "maria" in shown.text) == (True, False)
    assert post(client, "export", {"name": "maria"}).status_code == 404
    rows = page(store, AuditFilter(actions=("person.",))).items
    assert [(one.action, one.actor, one.door) for one in rows] == [
        ("person.erased", "robot", "api"), ("person.exported", "robot", "api")
    ]  # fmt: skip


def test_who_has_an_account_is_not_erased(client: httpx.Client, store: Store):
    People(store).create("ada", Role.VIEWER, password="seven green bicycles", actor="root")
    refused = post(client, "erase", {"name": "ada"})
    assert (refused.status_code, "ada has an account" in refused.text) == (409, True)
    exported = post(client, "export", {"name": "ada"})
    assert exported.json()["tables"]["person"][0]["name"] == "ada"
    assert "argon2" not in exported.text


def test_only_admins_of_all_tenants_read_or_erase_a_name(client: httpx.Client, store: Store):
    for name, role, tenants in (
        ("editor", Role.EDITOR, None), ("confined", Role.ADMIN, ["acme"])
    ):  # fmt: skip
        key = Keys(store).create(name, role, actor="ada", tenants=tenants).secret.text
        for verb in ("export", "erase"):
            more = {"headers": {"Authorization": f"Bearer {key}"}}
            assert post(client, verb, {"name": "ada"}, **more).status_code == 403
    for body in ({"name": " ada"}, {"name": ""}, {"name": "a\0b"}, {}, {"name": "a", "all": True}):
        assert post(client, "erase", body).status_code == 422, body
    assert page(store, AuditFilter(actions=("person.",))).items == []
