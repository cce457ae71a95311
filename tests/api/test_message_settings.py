"""Limits and templates of messages over HTTP."""

from __future__ import annotations

import httpx

from sentinel.access import Role
from sentinel.notifications.notify_document import read_notify
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.notifications.notify_documents import apply_document

BASE = "/api/v1/alerts"
DOCUMENT = """
receivers:
  - {name: ops, channels: [inbox], per_minute: 5, templates: {all: {title: "{title}"}}}
channel_limits: {inbox: 50}
"""
OPS = f"{BASE}/receivers/ops"


def test_limits_are_shown_set_and_reset(client: httpx.Client, store: Store):
    assert client.put(f"{OPS}/limit", json={"per_minute": 7}).status_code == 404
    store.receivers.set("ops", ["inbox", "sentinel-webhook/ops"])
    assert client.get(OPS).json()["messages_per_minute"] == 100
    done = client.put(f"{OPS}/limit", json={"per_minute": 7}).json()
    assert done == {"name": "ops", "messages_per_minute": 7, "own": True}
    shown = {one["name"]: one for one in client.get(f"{BASE}/receivers").json()["items"]}
    assert (shown["ops"]["messages_per_minute"], shown["ops"]["limit_source"]) == (7, "ui")
    assert client.get(OPS).headers["ETag"]
    assert client.put(f"{OPS}/limit", json={"per_minute": -1}).status_code == 422
    assert client.put(f"{OPS}/limit", json={"per_minute": None}).json() == {
        "name": "ops", "messages_per_minute": 100, "own": False,
    }  # fmt: skip
    limits = f"{BASE}/channels/limits"
    body = {"channel": "sentinel-webhook/ops", "per_minute": 0}
    assert client.put(limits, json={**body, "channel": "inbox/none"}).status_code == 404
    assert client.put(limits, json=body).json()["messages_per_minute"] == 0
    channels = {one["channel"]: one for one in client.get(f"{BASE}/channels").json()["items"]}
    assert channels["sentinel-webhook/ops"]["messages_per_minute"] == 0
    assert channels["inbox"]["messages_per_minute"] == 100
    assert [channels[one]["limit_source"] for one in ("sentinel-webhook/ops", "inbox")] == [
        "ui", "default"
    ]  # fmt: skip
    rows = page(store, AuditFilter(actions=("receiver.limited", "channel.limited"))).items
    assert [(one.action, one.actor) for one in rows] == [
        ("channel.limited", "robot"), ("receiver.limited", "robot"), ("receiver.limited", "robot"),
    ]  # fmt: skip


def test_all_silences_are_announced_to_a_receiver_that_says_so(client: httpx.Client, store: Store):
    store.receivers.set("ops", ["inbox"])
    url = f"{OPS}/announcements"
    assert client.get(OPS).json()["announce_silences"] is False
    for wanted in (True, False):
        done = client.put(url, json={"announce_silences": wanted}).json()
        assert done == {"name": "ops", "announce_silences": wanted}
        assert client.get(OPS).json()["announce_silences"] is wanted
    assert client.put(url, json={"announce_silences": "yes"}).status_code == 422


def test_templates_are_set_listed_and_removed(client: httpx.Client, store: Store):
    url = f"{OPS}/templates"
    assert client.get(url).status_code == 404
    store.receivers.set("ops", ["inbox", "sentinel-webhook/ops"])
    assert client.get(url).json() == {"items": []}
    assert client.put(url, json={"title": "{group_severity}: {title}"}).status_code == 200
    own = {"channel": "sentinel-webhook/ops", "text": "{title}\n{url}"}
    assert [one["channel"] for one in client.put(url, json=own).json()["items"]] == [
        "", "sentinel-webhook/ops",
    ]  # fmt: skip
    wrong = client.put(url, json={"title": "{nothing}"})
    assert (wrong.status_code, "nothing" in wrong.text) == (422, True)
    assert client.put(url, json={"channel": "x/y", "title": "a"}).status_code == 422
    secret = Keys(store).create("eve", Role.VIEWER, actor="ada").secret.text
    viewer = {"Authorization": f"Bearer {secret}"}
    assert client.delete(url, headers=viewer).status_code == 403
    assert client.get(url, headers=viewer).json() == client.get(url).json()
    left = client.delete(url, params={"channel": "sentinel-webhook/ops"}).json()["items"]
    assert left == [
        {"channel": "", "title": "{group_severity}: {title}", "text": "", "source": "ui"}
    ]
    assert client.delete(url).json() == {"items": []}


def test_what_the_document_in_git_set_says_so(client: httpx.Client, store: Store):
    document = read_notify({"n": DOCUMENT})
    apply_document(store, document, actor="ci")
    assert client.get(OPS).json()["limit_source"] == "file"
    (channel,) = (
        one for one in client.get(f"{BASE}/channels").json()["items"] if one["channel"] == "inbox"
    )
    assert channel["limit_source"] == "file"
    (template,) = client.get(f"{OPS}/templates").json()["items"]
    assert (template["channel"], template["source"]) == ("", "file")
    client.put(f"{OPS}/limit", json={"per_minute": 7})
    assert client.get(OPS).json()["limit_source"] == "ui"
