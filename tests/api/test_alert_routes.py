"""The routes of alerts over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sentinel.access import Role
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.notifications.routes import Routes
from tests.api.served import Raised
from tests.databases import both_databases

URL = "/api/v1/alerts/routes"
TREE = """
route:
  receiver: default
  routes:
    - matchers: [mount="/a", tenant="default", 'category=~".+"']
      receiver: disks
      active_time_intervals: [office]
time_intervals:
  - name: office
    time_intervals: [{times: [{start_time: "09:00", end_time: "17:00"}]}]
tests:
  - {labels: {mount: /a}, receivers: disks}
"""


@both_databases
def test_routes_are_applied_read_rolled_back_and_audited(client: httpx.Client, store: Store):
    none = client.get(URL)
    assert (none.json()["number"], none.headers["ETag"]) == (0, '"0"')
    refused = client.put(URL, json={"document": TREE})
    assert refused.status_code == 422
    assert refused.json()["error"]["field"] == "document"
    assert "there is no receiver disks" in refused.text
    checked = client.post(f"{URL}/check", json={"document": TREE}).json()
    assert checked == {
        "routes": 2, "tests": 1, "missing_receivers": ["disks"], "missing_policies": [],
    }  # fmt: skip
    paging = {"document": "route: {receiver: default, escalation: night}"}
    assert client.post(f"{URL}/check", json=paging).json()["missing_policies"] == ["night"]
    for draft, what in ((TREE, "receiver disks"), (paging["document"], "escalation policy night")):
        unknown = client.post(f"{URL}/shadow", json={"document": draft})
        assert (unknown.status_code, f"there is no {what}" in unknown.text) == (422, True)
    store.receivers.set("disks", ["inbox"])
    body = {"document": TREE, "note": "disks"}
    done = client.put(URL, json=body, headers={"If-Match": '"0"'})
    assert (done.json(), done.headers["ETag"]) == ({"number": 1, "changed": True}, '"1"')
    assert client.put(URL, json=body, headers={"If-Match": '"0"'}).status_code == 412
    assert client.put(URL, json=body).json() == {"number": 1, "changed": False}
    shown = client.get(URL, params={"fields": "document,applied_by"}).json()
    assert shown == {"document": TREE, "applied_by": "robot"}
    back = {"version": 0, "note": "loud"}
    stale = client.post(f"{URL}/rollback", json=back, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    assert client.post(f"{URL}/rollback", json=back).json() == {"number": 2, "changed": True}
    assert client.post(f"{URL}/rollback", json={"version": 9}).status_code == 404
    first = client.get(f"{URL}/versions", params={"limit": 1}).json()
    assert [(one["number"], one["rolled_back_to"]) for one in first["items"]] == [(2, 0)]
    more = client.get(f"{URL}/versions", params={"cursor": first["next_cursor"]}).json()
    assert ([one["note"] for one in more["items"]], more["next_cursor"]) == (["disks"], None)
    assert client.get(f"{URL}/versions/1").json()["document"] == TREE
    assert client.get(f"{URL}/versions/3").status_code == 404
    rows = page(store, AuditFilter(actions=("routes.applied",))).items
    assert [(one.actor, one.note) for one in rows] == [("robot", "loud"), ("robot", "disks")]


@both_databases
def test_a_draft_is_tried_and_compared_and_nothing_is_kept(
    client: httpx.Client, raised: Raised, store: Store
):
    raised("/a", "/b")
    asked = {
        "labels": {"mount": "/a", "rule": "disk"}, "at": "2026-01-01T18:00:00Z", "messages": 1,
        "document": TREE,
    }  # fmt: skip
    found = client.post(f"{URL}/test", json=asked).json()
    assert [one["matched"] for one in found["looked_at"]] == [True, True]
    (way,) = found["ways"]
    assert (way["receivers"], way["labels"], way["muted"]) == (["disks"], {"rule": "disk"}, True)
    assert way["steps"][-1]["at"] == "2026-01-02T09:00:00Z"
    (own,) = client.post(f"{URL}/test", json={"labels": {"mount": "/a"}}).json()["ways"]
    assert own["receivers"] == ["default"]
    moved = client.post(f"{URL}/diff", json={"document": TREE, "days": 1}).json()
    assert (moved["alerts"], moved["cut"]) == (2, False)
    assert [(one["before"], one["after"], one["alerts"]) for one in moved["moved"]] == [
        (["default"], ["disks"], 1)
    ]
    cut = client.post(f"{URL}/diff", json={"document": TREE, "days": 1, "most": 1}).json()
    assert (cut["alerts"], cut["cut"]) == (1, True)
    assert client.get(URL).json()["number"] == 0


def test_a_viewer_tries_and_does_not_apply(client: httpx.Client, store: Store):
    secret = Keys(store).create("eve", Role.VIEWER, actor="ada").secret.text
    client.headers["Authorization"] = f"Bearer {secret}"
    assert client.post(f"{URL}/test", json={"labels": {}}).status_code == 200
    assert client.put(URL, json={"document": ""}).status_code == 403
    assert client.post(f"{URL}/rollback", json={"version": 0}).status_code == 403


def test_a_document_is_planned_and_applied_by_who_may_change_receivers_too(
    client: httpx.Client, store: Store
):
    notify = URL.replace("routes", "notify")
    text = "receivers: [{name: disks, channels: [inbox]}]\n" + TREE
    body: dict[str, Any] = {"document": {"notify.yaml": text}}
    planned = client.post(f"{notify}/plan", json=body).json()["differences"]
    assert planned[0] == {"sign": "+", "kind": "receiver", "name": "disks", "text": "inbox"}
    routes_only = Keys(store).create("ci", Role.EDITOR, actor="ada", scopes=["routes"])
    both = Keys(store).create("ci2", Role.EDITOR, actor="ada", scopes=["routes", "receivers"])
    for key, status in ((routes_only, 403), (both, 200)):
        given = {"Authorization": f"Bearer {key.secret.text}"}
        answer = client.post(f"{notify}/apply", json={**body, "note": "a"}, headers=given)
        assert answer.status_code == status
    assert answer.json()["differences"] == planned
    assert client.post(f"{notify}/plan", json=body).json() == {"differences": []}
    muted: dict[str, Any] = {"document": {"s": (
        "silences: [{name: move, matchers: [team=db], until: 2026-06-01T00:00:00Z}]"
    )}}  # fmt: skip
    given = {"Authorization": f"Bearer {both.secret.text}"}
    for verb in ("plan", "apply"):
        refused = client.post(f"{notify}/{verb}", json=muted, headers=given)
        assert (refused.status_code, "silences:" in refused.text) == (403, True)
    tag = client.post(f"{notify}/plan", json=muted).headers["ETag"]
    store.receivers.set("other", ["inbox"])
    stale = client.post(f"{notify}/apply", json=muted, headers={"If-Match": tag})
    assert stale.status_code == 412
    assert client.post(f"{notify}/apply", json=muted).json()["differences"][0]["name"] == "move"
    (silence,) = client.get(URL.replace("routes", "silences")).json()["items"]
    assert silence["declared"] == "move"
    listed = client.get(URL.replace("routes", "receivers")).json()["items"]
    assert {one["name"]: one["source"] for one in listed} == {
        "default": "ui", "disks": "file", "other": "ui",
    }  # fmt: skip
    assert client.get(URL.replace("routes", "receivers/disks")).json()["source"] == "file"
    wrong = client.post(f"{notify}/apply", json={"document": {"a": "x: y"}})
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (422, "document")


BOMB = "a: &a [x, x]\n" + "".join(
    f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, one in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (TREE.replace("receivers: disks}", "receivers: other}"), "notifies disks, not other"),
        ("route: [", "no YAML"),
        ("route: {colour: red}", "colour"),
        (BOMB, "more than 500,000 parts"),
        ("route: &r {routes: [*r]}", "holds itself"),
    ],
)
def test_what_is_wrong_with_a_document_is_named(client: httpx.Client, document: str, names: str):
    for way, verb in ((client.put, ""), (client.post, "/check")):
        answer: Any = way(f"{URL}{verb}", json={"document": document})
        error = answer.json()["error"]
        assert (answer.status_code, error["field"]) == (422, "document")
        assert names in error["message"]


def test_a_document_is_applied_only_to_what_it_was_compared_with(
    client: httpx.Client, store: Store
):
    url = "/api/v1/alerts/notify"
    text = "receivers: [{name: db, channels: [inbox]}]\nroute: {receiver: default}"
    body = {"document": {"notify.yaml": text}}
    planned = client.post(f"{url}/plan", json=body)
    tag = {"If-Match": planned.headers["ETag"]}
    assert client.post(f"{url}/plan", json=body).headers["ETag"] == planned.headers["ETag"]
    store.receivers.set("web", ["inbox"], actor="eve")
    assert client.post(f"{url}/apply", json=body, headers=tag).status_code == 412
    assert set(store.receivers.all()) == {"default", "web"}
    tag = {"If-Match": client.post(f"{url}/plan", json=body).headers["ETag"]}
    assert len(client.post(f"{url}/apply", json=body, headers=tag).json()["differences"]) == 2
    assert client.post(f"{url}/apply", json=body, headers=tag).status_code == 412
    assert client.post(f"{url}/apply", json=body).json() == {"differences": []}
    tag = {"If-Match": client.post(f"{url}/plan", json=body).headers["ETag"]}
    Routes(store).rollback(0, actor="eve")
    assert client.post(f"{url}/apply", json=body, headers=tag).status_code == 412
