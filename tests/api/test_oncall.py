"""On-call over HTTP: the document, who is on call, overrides, swaps and whom a page would reach."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.engine.paging import escalate_due
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.databases import both_databases
from tests.world import Recorder

URL = "/api/v1/alerts/oncall"
DOCUMENT = """
people:
  ann: {notify: [{receiver: pager}, {receiver: pager-sms, after: 5m}]}
  ben: {notify: [{receiver: pager}]}
schedules:
  primary:
    layers: [{name: weekly, rotation: {people: [ann, ben], handoff: 2026-01-05T09:00}}]
escalation_policies:
  default: {steps: [{notify: schedule:primary}, {after: 10m, notify: person:ben}]}
"""
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def furnished(client: httpx.Client, store: Store, clock: FakeClock) -> None:
    clock.set(MONDAY + timedelta(hours=1))
    for name in ("pager", "pager-sms"):
        store.receivers.set(name, ["inbox"])
    assert client.put(URL, json={"document": DOCUMENT}).json() == {"number": 1, "changed": True}


@both_databases
def test_a_document_is_applied_read_and_rolled_back(
    client: httpx.Client, store: Store, clock: FakeClock
):
    none = client.get(URL)
    assert (none.json()["number"], none.headers["ETag"]) == (0, '"0"')
    refused = client.put(URL, json={"document": DOCUMENT})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "document")
    assert "there is no receiver pager" in refused.text
    furnished(client, store, clock)
    body = {"document": DOCUMENT.replace("[ann, ben]", "[ben, ann]"), "note": "ben begins"}
    assert client.put(URL, json=body, headers={"If-Match": '"0"'}).status_code == 412
    assert client.put(URL, json=body, headers={"If-Match": '"1"'}).headers["ETag"] == '"2"'
    assert client.post(f"{URL}/rollback", json={"version": 1}).json()["number"] == 3
    items = client.get(f"{URL}/versions").json()["items"]
    assert [(one["number"], one["note"]) for one in items] == [(3, ""), (2, "ben begins"), (1, "")]
    older = client.get(f"{URL}/versions", params={"limit": 1, "cursor": 3}).json()
    assert ([one["number"] for one in older["items"]], older["next_cursor"]) == ([2], 2)
    assert client.get(f"{URL}/versions/1").json()["document"] == DOCUMENT
    assert client.get(f"{URL}/versions/9").status_code == 404


@both_databases
def test_who_is_on_call_now_and_next_is_read_with_overrides_and_swaps(
    client: httpx.Client, store: Store, clock: FakeClock
):
    furnished(client, store, clock)
    (standing,) = client.get(f"{URL}/now").json()["items"]
    assert (standing["people"], standing["following"]) == (["ann"], ["ben"])
    assert standing["until"] == "2026-01-12T09:00:00Z"
    day = {"start": "2026-01-06T00:00:00Z", "end": "2026-01-07T00:00:00Z"}
    made = client.post(
        f"{URL}/overrides",
        json={"schedule": "primary", "people": ["ben"], "reason": "ill", **day},
    )
    assert made.status_code == 201
    week = {"first": "2026-01-12T12:00:00Z", "second": "2026-01-19T12:00:00Z"}
    swapped = client.post(f"{URL}/swaps", json={"schedule": "primary", **week})
    assert [one["people"] for one in swapped.json()["items"]] == [["ann"], ["ben"]]
    shifts = client.get(f"{URL}/shifts", params={"days": 21}).json()["items"]
    assert [(one["people"][0], one["source"]) for one in shifts] == [
        ("ann", "layer weekly"), ("ben", "override"), ("ann", "layer weekly"),
        ("ann", "override"), ("ben", "override"), ("ben", "layer weekly"),
    ]  # fmt: skip
    listed = client.get(f"{URL}/overrides", params={"schedule": "primary"}).json()["items"]
    assert [(one["made_by"], bool(one["swap"])) for one in listed] == [
        ("robot", False), ("robot", True), ("robot", True)
    ]  # fmt: skip
    text = client.get(f"{URL}/calendar.ics", params={"person": "ben", "days": 21})
    assert text.headers["content-type"].startswith("text/calendar")
    assert text.text.count("BEGIN:VEVENT") == 3
    for one in (listed[0], listed[1]):
        assert client.delete(f"{URL}/overrides/{one['id']}").status_code == 200
    assert client.get(f"{URL}/overrides").json() == {"items": []}
    assert client.delete(f"{URL}/overrides/{listed[0]['id']}").status_code == 404
    (covered,) = client.get(f"{URL}/coverage").json()["items"]
    assert (covered["gaps"], covered["overloaded"]) == ([], [])
    assert client.get(f"{URL}/now", params={"schedule": "nights"}).status_code == 404


def test_whom_a_policy_would_page_is_asked_without_notifying_anybody(
    client: httpx.Client, store: Store, clock: FakeClock
):
    furnished(client, store, clock)
    asked = {"policy": "default", "at": "2026-01-06T12:00:00Z"}
    steps = client.post(f"{URL}/escalations/test", json=asked).json()["steps"]
    pages = [(one["at"], one["receiver"], one["person"]) for step in steps for one in step["pages"]]
    assert pages == [
        ("2026-01-06T12:00:00Z", "pager", "ann"),
        ("2026-01-06T12:05:00Z", "pager-sms", "ann"),
        ("2026-01-06T12:10:00Z", "pager", "ben"),
    ]
    assert client.post(f"{URL}/escalations/test", json={"policy": "x"}).status_code == 404
    both: tuple[dict[str, Any], ...] = (
        {}, {"policy": "default", "labels": {}}, {"labels": None}
    )  # fmt: skip
    for wrong in both:
        assert client.post(f"{URL}/escalations/test", json=wrong).status_code == 422, wrong
    team = "teams: {db: {people: [ann], escalation: default}}"
    assert client.put(URL, json={"document": DOCUMENT + team}).status_code == 200
    asked = {"labels": {"team": "db", "severity": "high"}, "at": "2026-01-06T12:00:00Z"}
    (found,) = client.post(f"{URL}/escalations/test", json=asked).json()["items"]
    assert (found["policy"], found["why"]) == ("default", "escalation of the team db")
    assert found["steps"] == steps
    of_nobody = {"labels": {"team": "web", "severity": "loud"}}
    assert client.post(f"{URL}/escalations/test", json=of_nobody).json() == {"items": []}
    then = client.get(f"{URL}/now", params={"at": "2026-01-13T12:00:00Z"}).json()
    assert (then["items"][0]["people"], then["at"]) == (["ben"], "2026-01-13T12:00:00Z")


@both_databases
def test_a_drill_is_started_and_read(client: httpx.Client, store: Store, clock: FakeClock):
    furnished(client, store, clock)
    assert client.post(f"{URL}/drills", json={"team": "db"}).status_code == 404
    for escalation, answer in (("", 422), (", escalation: default", 201)):
        team = f"teams: {{db: {{people: [ann]{escalation}}}}}"
        assert client.put(URL, json={"document": DOCUMENT + team}).status_code == 200
        begun = client.post(f"{URL}/drills", json={"team": "db", "severity": "critical"})
        assert begun.status_code == answer, begun.text
    assert client.post(f"{URL}/drills", json={"team": "db"}).status_code == 409
    clock.forward(seconds=31)
    escalate_due(store, Recorder().channel_of, by="test")
    found = client.get(f"{URL}/drills/{begun.json()['id']}").json()
    assert (found["team"], found["status"], found["over"]) == ("db", "open", False)
    assert [(one["person"], one["channel"], one["state"]) for one in found["pages"]] == [
        ("ann", "inbox", "sent"), ("ann", "", "pending")
    ]  # fmt: skip
    assert (found["reached"], found["silent"]) == (["ann"], ["ann"])
    assert client.get(f"{URL}/drills/{'0' * 32}").status_code == 404
    assert client.get(f"{URL}/drills/latest", params={"team": "db"}).json() == found
    assert client.get(f"{URL}/drills/latest", params={"team": "web"}).status_code == 404


def test_a_responder_overrides_and_does_not_apply(
    client: httpx.Client, store: Store, clock: FakeClock
):
    furnished(client, store, clock)
    secret = Keys(store).create("eve", Role.RESPONDER, actor="ada").secret.text
    client.headers["Authorization"] = f"Bearer {secret}"
    body = {
        "schedule": "primary", "people": ["ben"], "start": "2026-01-06T00:00:00Z",
        "end": "2026-01-07T00:00:00Z",
    }  # fmt: skip
    assert client.post(f"{URL}/overrides", json=body).status_code == 201
    assert client.put(URL, json={"document": ""}).status_code == 403
    wrong = client.post(f"{URL}/overrides", json=body | {"people": ["zoe"]})
    assert (wrong.status_code, "no person 'zoe'" in wrong.text) == (422, True)


def test_a_calendar_feed_is_made_listed_and_revoked(
    client: httpx.Client, store: Store, clock: FakeClock
):
    furnished(client, store, clock)
    refused = client.post(f"{URL}/feeds", json={"person": "ann"})
    assert (refused.status_code, "SENTINEL_PUBLIC_URL" in refused.text) == (409, True)
    store.options = msgspec.structs.replace(store.options, public_url="https://ack.example.org")
    assert client.post(f"{URL}/feeds", json={"person": "zoe"}).status_code == 404
    assert client.post(f"{URL}/feeds", json={}).status_code == 422
    made = client.post(f"{URL}/feeds", json={"person": "ann"})
    assert made.status_code == 201
    assert made.json()["url"].startswith("https://ack.example.org/calendar/")
    (listed,) = client.get(f"{URL}/feeds").json()["items"]
    assert listed == {name: value for name, value in made.json().items() if name != "url"}
    assert client.delete(f"{URL}/feeds/{listed['id']}").status_code == 200
    assert client.delete(f"{URL}/feeds/{listed['id']}").status_code == 404
    assert client.get(f"{URL}/feeds").json() == {"items": []}
    odd = client.get(f"{URL}/calendar.ics", params={"person": "a\nb\rc"})
    assert (odd.status_code, "People: ann" in odd.text) == (404, True)
