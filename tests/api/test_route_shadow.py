"""A draft of the routes beside the active ones, over HTTP."""

from __future__ import annotations

import httpx

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.notifications.route_shadow import follow_shadow
from tests.api.served import Raised

URL = "/api/v1/alerts/routes/shadow"
DRAFT = 'route: {receiver: default, routes: [{matchers: [mount="/a"], receiver: disks}]}'


def test_a_draft_is_started_reported_and_stopped(
    client: httpx.Client, store: Store, clock: FakeClock, raised: Raised
):
    assert client.get(URL).status_code == 404
    wrong = client.post(URL, json={"document": "route: {colour: red}"})
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (422, "document")
    store.receivers.set("disks", ["inbox"])
    begun = client.post(URL, json={"document": DRAFT, "note": "disks"})
    assert begun.status_code == 200
    assert (begun.json()["started_by"], begun.json()["stopped_at"]) == ("robot", None)
    assert client.post(URL, json={"document": DRAFT}).status_code == 409
    raised("/a", "/b", group_wait="0s")
    clock.forward(minutes=2)
    follow_shadow(store)
    found = client.get(URL, params={"days": 1}).json()
    assert (found["alerts"], found["running"]) == (2, True)
    by_name = {one["receiver"]: one for one in found["receivers"]}
    assert (by_name["disks"]["notified"], by_name["disks"]["only_draft"]) == (1, 1)
    assert (by_name["default"]["active"], by_name["default"]["only_active"]) == (2, 1)
    assert by_name["disks"]["examples"][0]["kind"] == "draft"
    secret = Keys(store).create("eve", Role.VIEWER, actor="ada").secret.text
    viewer = {"Authorization": f"Bearer {secret}"}
    assert client.get(URL, headers=viewer).status_code == 200
    assert client.delete(URL, headers=viewer).status_code == 403
    assert client.delete(URL).json()["stopped_by"] == "robot"
    assert client.delete(URL).status_code == 404
