"""The audit trail over HTTP: for admins, within their tenants, never changed."""

from __future__ import annotations

import httpx

from sentinel.access import Role
from sentinel.alerts.actions import Comment
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.audit.chaining import chain
from tests.world import World

AUDIT = "/api/v1/alerts/audit"


def test_who_acted_with_which_kind_of_credentials_is_recorded(
    client: httpx.Client, outsider: httpx.Client, store: Store, clock: FakeClock
):
    world = World(store, clock)
    world.sees({"/": 95})
    (alert,) = world.ids()
    acted = {"action": "comment", "note": "by token"}
    actions = f"/api/v1/alerts/alerts/{alert}/actions"
    assert client.post(actions, json=acted, headers={"X-Sentinel-User": "ada"}).is_success
    key = Keys(store).create("bot", Role.RESPONDER, actor="ada")
    bearer = {"Authorization": f"Bearer {key.secret.text}"}
    assert client.post(actions, json={**acted, "note": "by key"}, headers=bearer).is_success
    rows = client.get(AUDIT, params={"action": "alert."}).json()["items"]
    assert [(row["actor"], row["kind"], row["door"], row["note"]) for row in rows] == [
        ("bot", "key", "api", "by key"), ("ada", "token", "api", "by token"),
    ]  # fmt: skip
    assert rows[0]["words"] == "commented on"


def test_rows_are_read_by_page_and_filtered(client: httpx.Client, store: Store):
    for number in range(5):
        store.receivers.set(f"r{number}", ["inbox"], actor="ada" if number % 2 else "grace")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        found = client.get(AUDIT, params=params).json()
        seen += [row["object_name"] for row in found["items"]]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert seen == ["r4", "r3", "r2", "r1", "r0"]

    def of(**params: str) -> list[str]:
        return [row["object_name"] for row in client.get(AUDIT, params=params).json()["items"]]

    assert of(actor="GRACE") == ["r4", "r2", "r0"]
    assert of(object="r3") == ["r3"]
    assert of(q="receiver r1") == ["r1"]
    assert of(action="receiver.removed") == []
    assert of(until="2020-01-01T00:00:00Z") == []
    assert client.get(AUDIT, params={"cursor": "x"}).status_code == 422
    assert client.get(AUDIT, params={"action": "x"}).status_code == 422


def test_an_alert_is_found_in_the_command_that_acted_on_many(
    client: httpx.Client, store: Store, clock: FakeClock
):
    world = World(store, clock)
    world.sees({"/": 95, "/data": 95})
    store.act(world.ids(), Comment(actor="ada", comment="both"))
    (row,) = client.get(AUDIT, params={"object": world.ids()[0]}).json()["items"]
    assert row["after"]["count"] == 2


def test_an_admin_of_one_tenant_sees_its_changes_alone(
    client: httpx.Client, store: Store, clock: FakeClock
):
    for tenant in ("red", "blue"):
        world = World(store, clock, name=f"disk-{tenant}", tenant=tenant)
        world.sees({"/": 10})
        store.rules.disable(f"disk-{tenant}", actor="ada", tenant=tenant)
    store.receivers.set("ops", ["inbox"], actor="ada")
    key = Keys(store).create("red-admin", Role.ADMIN, actor="ada", tenants=["red"])
    bearer = {"Authorization": f"Bearer {key.secret.text}"}
    rows = client.get(AUDIT, headers=bearer).json()["items"]
    assert [row["object_name"] for row in rows] == ["disk-red"]
    all_rows = client.get(AUDIT).json()["items"]
    assert len(all_rows) == 4
    for row in all_rows:
        found = client.get(f"{AUDIT}/{row['id']}", headers=bearer)
        assert found.status_code == (200 if row["tenant"] == "red" else 404)
    assert client.get(f"{AUDIT}/verification", headers=bearer).status_code == 403


def test_nobody_but_an_admin_reads_it_and_nobody_writes_it(client: httpx.Client, store: Store):
    key = Keys(store).create("editor", Role.EDITOR, actor="ada")
    bearer = {"Authorization": f"Bearer {key.secret.text}"}
    for path in ("", "/verification", "/1"):
        assert client.get(AUDIT + path, headers=bearer).status_code == 403
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, f"{AUDIT}/1").status_code == 405


def test_the_chain_is_verified_against_an_end_of_before(client: httpx.Client, store: Store):
    store.receivers.set("ops", ["inbox"], actor="ada")
    chain(store)
    found = client.get(f"{AUDIT}/verification").json()
    assert (found["ok"], found["rows"], found["problems"]) == (True, 1, [])
    kept = {"head": [found["head"], f"1:{'0' * 64}"]}
    assert client.get(f"{AUDIT}/verification", params={"head": found["head"]}).json()["ok"]
    assert not client.get(f"{AUDIT}/verification", params=kept).json()["ok"]
    row = client.get(f"{AUDIT}/1").json()
    assert (row["seq"], row["hash"], row["after"]) == (
        1, found["head"].partition(":")[2], {"channels": ["inbox"]},
    )  # fmt: skip
