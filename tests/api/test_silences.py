"""Silences over HTTP: of a rule, for a time, in the tenants and teams of whoever asks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.audit.queries import AuditFilter, page
from tests.api.served import TOKEN, Raised
from tests.databases import both_databases

URL = "/api/v1/alerts/silences"


def made(client: httpx.Client, status: int = 201, **body: Any) -> Any:
    answer = client.post(URL, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


@both_databases
def test_a_rule_is_silenced_listed_and_heard_again(
    client: httpx.Client, raised: Raised, clock: FakeClock, store: Store
):
    (alert,) = raised("/a")
    answer = client.post(URL, json={"rule": "disk", "duration_minutes": 30, "reason": "work"})
    silence = answer.json()
    assert (silence["silenced"], silence["state"], silence["matchers"]) == (
        1, "active", ['rule="disk"']
    )  # fmt: skip
    where = answer.headers["Location"]
    assert client.get(where).json()["reason"] == "work"
    assert store.alerts.get(alert).status == "suppressed"
    assert "silenced already" in made(client, 409, rule="disk", duration_minutes=5)["error"][
        "message"
    ]  # fmt: skip
    assert client.delete(where).json()["ended_by"] == "robot"
    assert client.delete(where).json()["state"] == "ended"
    assert store.alerts.get(alert).status == "open"
    assert client.get(URL).json()["items"] == []
    actions = [one.action for one in page(store, AuditFilter(object="disk")).items]
    assert actions == ["rule.unsilenced", "rule.silenced"]
    until = (clock.now() + timedelta(minutes=5)).isoformat()
    later = made(client, rule="disk", until=until)
    clock.forward(minutes=6)
    first = client.get(URL, params={"ended": True, "limit": 1}).json()
    assert [(one["id"], one["state"]) for one in first["items"]] == [(later["id"], "expired")]
    more = client.get(URL, params={"ended": True, "cursor": first["next_cursor"]}).json()
    assert ([one["id"] for one in more["items"]], more["next_cursor"]) == ([silence["id"]], None)


@both_databases
def test_a_silence_of_others_is_as_unknown_one(client: httpx.Client, store: Store, raised: Raised):
    raised("/a", tenant="red", team="db")
    raised("/b", tenant="blue", team="db", name="other")
    theirs = made(client, rule="other", tenant="blue", duration_minutes=5)
    for key, hidden in (("red", 1), ("web", 1), ("db", 0)):
        grant: Any = {"tenants": ["red"]} if key == "red" else {"teams": [key]}
        secret = Keys(store).create(key, Role.RESPONDER, actor="ada", **grant).secret.text
        client.headers["Authorization"] = f"Bearer {secret}"
        assert len(client.get(URL).json()["items"]) == 1 - hidden
        assert client.get(f"{URL}/{theirs['id']}").status_code == (404 if hidden else 200)
        assert client.delete(f"{URL}/{theirs['id']}").status_code == (404 if hidden else 200)
        status = 404 if key == "web" else 201
        made(client, status, rule="disk", tenant="red", duration_minutes=5)
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        for one in client.get(URL, params={"tenant": "red"}).json()["items"]:
            client.delete(f"{URL}/{one['id']}")


@both_databases
def test_what_matchers_match_is_previewed_silenced_extended_and_expired(
    client: httpx.Client, raised: Raised, clock: FakeClock
):
    raised("/a", "/b")
    sets = ['mount="/a"', 'mount="/c", rule="disk"']
    found = client.post(f"{URL}/preview", json={"matchers": sets}).json()
    assert (found["count"], [one["labels"]["mount"] for one in found["alerts"]]) == (1, ["/a"])
    assert client.get(URL).json()["items"] == []
    start = clock.now() + timedelta(hours=1)
    asked = {"matchers": sets, "duration_minutes": 30, "starts_at": start.isoformat()}
    answer = client.post(URL, json={**asked, "reason": "work"})
    silence = answer.json()
    assert answer.status_code == 201, answer.text
    assert (silence["state"], silence["silenced"], silence["rule"]) == ("pending", 1, "")
    assert silence["matchers"] == sets
    assert datetime.fromisoformat(silence["until"]) == start + timedelta(minutes=30)
    where, tag = answer.headers["Location"], answer.headers["ETag"]
    assert client.get(where).headers["ETag"] == tag
    assert [one["id"] for one in client.get(URL).json()["items"]] == [silence["id"]]
    clock.set(start)
    changed = client.patch(where, json={"duration_minutes": 90}, headers={"If-Match": tag})
    assert changed.json()["state"] == "active"
    assert datetime.fromisoformat(changed.json()["until"]) == start + timedelta(minutes=90)
    again = client.patch(where, json={"duration_minutes": 5}, headers={"If-Match": tag})
    assert again.status_code == 412
    ended = client.delete(where).json()
    assert (ended["state"], ended["ended_by"]) == ("ended", "robot")
    assert client.patch(where, json={"duration_minutes": 5}).status_code == 409
    always = {"weekly": {"timezone": "Europe/Berlin"}}
    again = made(client, matchers=sets, duration_minutes=60, recurrence=always, maintenance=True)
    assert (again["recurrence"], again["maintenance"]) == (always, True)
    assert again["muting_until"] == again["until"]
    refused = made(client, 422, matchers=sets, duration_minutes=60, recurrence={"weekly": {"a": 1}})
    assert "recurrence.weekly" in refused["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status", "names"),
    [
        ({"rule": "disk"}, 422, "either duration_minutes or until"),
        ({"rule": "disk", "duration_minutes": 5, "until": "2027-01-01T00:00:00Z"}, 422, "either"),
        ({"rule": "disk", "until": "2020-01-01T00:00:00Z"}, 422, "past"),
        ({"rule": "disk", "until": "2036-01-01T00:00:00Z"}, 422, "366 days"),
        ({"rule": "disk", "until": 5}, 422, "until"),
        ({"rule": "disk", "duration": 5}, 422, "duration"),
        ({"rule": "nothing", "duration_minutes": 5}, 404, "nothing"),
        ({"duration_minutes": 5}, 422, "either rule or matchers"),
        ({"rule": "disk", "matchers": ['a="b"'], "duration_minutes": 5}, 422, "either rule or"),
        ({"matchers": ['a=~".*"'], "duration_minutes": 5}, 422, "none of these labels"),
        ({"matchers": ["a"], "duration_minutes": 5}, 422, "cannot be read"),
        (
            {"rule": "disk", "duration_minutes": 5, "starts_at": "2030-01-01T00:00:00Z"},
            422,
            "needs matchers",
        ),
    ],
)
def test_what_cannot_be_silenced_is_refused_by_name(
    client: httpx.Client, raised: Raised, body: Any, status: int, names: str
):
    raised("/a")
    assert names in made(client, status, **body)["error"]["message"]
