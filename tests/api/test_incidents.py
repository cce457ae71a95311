"""Incidents over HTTP: opened, worked, resolved, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.incidents.policies import IncidentPolicyDocuments
from tests.api.seed_requests import NEEDS_INCIDENT, REQUESTS
from tests.api.served import Raised

URL = "/api/v1/incidents"
NEW: dict[str, Any] = {"title": "Checkout is slow", "severity": "sev2", "service_name": "shop"}


def opened(client: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = client.post(URL, json={**NEW, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_incident_is_opened_from_an_alert_worked_and_resolved(
    client: httpx.Client, raised: Raised, clock: FakeClock
):
    (alert,) = raised("/data")
    key = {"Idempotency-Key": "one"}
    first = client.post(URL, json={"alerts": [alert], "gather_by": ["mount"]}, headers=key)
    again = client.post(URL, json={"alerts": [alert], "gather_by": ["mount"]}, headers=key)
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    one = first.json()
    place = f"{URL}/{one['id']}"
    assert (first.headers["location"], first.headers["etag"]) == (place, '"1"')
    assert (one["matchers"], one["alerts"]) == (['mount="/data"'], 1)
    assert client.get(f"{place}/alerts").json()["items"][0]["id"] == alert
    assert client.get(URL, params={"alert": alert}).json()["items"][0]["id"] == one["id"]

    assert client.post(f"{place}/assign", json={"assignee": "ann", "role": "commander"}).is_success
    stale = client.patch(place, json={"title": "Disk"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "changed")
    edited = client.patch(place, json={"title": "Disk", "severity": "sev1"},
                          headers={"If-Match": '"2"'})  # fmt: skip
    assert (edited.headers["etag"], edited.json()["severity"]) == ('"3"', "critical")
    sent = client.post(f"{place}/updates", json={"message": "on it", "receivers": ["default"]})
    assert sent.status_code == 201, sent.text
    assert client.post(f"{place}/root-cause", json={"root_cause": "A job."}).is_success
    assert client.get(f"{URL}/active").json()["items"][0]["roles"] == {"commander": "ann"}
    clock.forward(minutes=10)
    done = client.post(f"{place}/status", json={"status": "resolved", "comment": "cleaned up"})
    assert (done.json()["status"], done.json()["resolved_by"]) == ("resolved", "robot")
    assert client.get(f"{URL}/active").json()["items"] == []
    twice = client.post(f"{place}/status", json={"status": "resolved"})
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "conflict")

    figures = client.get(f"{URL}/statistics").json()
    assert (figures["opened"], figures["mtta"], figures["mttr"]) == (1, 0.0, 600.0)
    assert set(figures["definitions"]) == {"MTTA", "MTTR"}
    sources = {each["source"] for each in client.get(f"{place}/timeline").json()["items"]}
    assert {"incident", "alert"} <= sources
    gone = client.delete(f"{place}/alerts/{alert}").json()
    assert gone["alerts"] == 0


def test_the_literal_requests_of_an_observability_platform_are_answered(client: httpx.Client):
    """The document writes no bodies: one of ours goes with what changes something."""
    bodies: dict[str, Any] = {
        "/api/incidents": NEW,
        "/api/incidents/{incident_id}/status": {"status": "identified"},
        "/api/incidents/{incident_id}/updates": {"message": "Half of the orders fail."},
        "/api/incidents/{incident_id}/assign": {"assignee": "ann"},
        "/api/incidents/{incident_id}/root-cause": {"root_cause": "A full disk."},
    }
    asked = [one for one in REQUESTS if one.path.startswith(NEEDS_INCIDENT)]
    assert len(asked) == 9
    incident = opened(client)["id"]
    for one in asked:
        path = one.path.replace("{incident_id}", incident)
        body = bodies[one.path] if one.method == "POST" else None
        answer = client.request(one.method, path, json=body)
        creates = one.path.endswith(("/incidents", "/updates")) and one.method == "POST"
        assert answer.status_code == (201 if creates else 200), (one.name, answer.text)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "title: it is missing"),
        ({**NEW, "severity": "sev9"}, 422, "severity: must be"),
        ({**NEW, "colour": "red"}, 422, "colour: "),
        ({**NEW, "matchers": ["="]}, 422, "the matchers '=' cannot be read"),
        ({**NEW, "runbook": "1. [x](prefect:y)"}, 422, "names no deployment"),
        ({**NEW, "war_room": "javascript:alert(1)"}, 422, "war_room: must be an address"),
        ({**NEW, "receivers": ["nobody"]}, 422, "there is no receiver nobody"),
        ({**NEW, "roles": {"king": "ann"}}, 422, "roles.king"),
        ({**NEW, "alerts": ["0" * 32]}, 404, "there is no alert"),
    ],
)  # fmt: skip
def test_what_is_no_incident_is_refused_by_its_field(
    client: httpx.Client, body: dict[str, Any], status: int, said: str
):
    answer = client.post(URL, json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]
    assert client.get(URL).json()["items"] == []


def test_lists_have_pages_and_filters(client: httpx.Client):
    ids = [opened(client, severity=word)["id"] for word in ("sev4", "sev3", "sev1")]
    page = client.get(URL, params={"limit": 2}).json()
    rest = client.get(URL, params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [one["id"] for one in (*page["items"], *rest["items"])] == ids[::-1]
    assert rest["next_cursor"] is None
    found = client.get(URL, params={"min_severity": "sev3", "status": "investigating"}).json()
    assert [one["id"] for one in found["items"]] == ids[:0:-1]
    assert client.get(URL, params={"q": "no such"}).json()["items"] == []


def test_a_runbook_that_runs_deployments_is_written_by_editors(client: httpx.Client, store: Store):
    made = Keys(store).create("bot", Role.RESPONDER, actor="root")
    who = {"Authorization": f"Bearer {made.secret.text}"}
    runs = {**NEW, "runbook": "1. [x](prefect:a/b)"}
    assert client.post(URL, json=runs, headers=who).status_code == 403
    one = client.post(URL, json={**NEW, "runbook": "1. Look"}, headers=who).json()
    changed = client.patch(f"{URL}/{one['id']}", json={"runbook": runs["runbook"]}, headers=who)
    assert changed.status_code == 403
    assert client.patch(f"{URL}/{one['id']}", json={"title": "x"}, headers=who).status_code == 200


def test_a_step_that_needs_an_approval_runs_once_whoever_may_approves_it(
    client: httpx.Client, store: Store, raised: Raised
):
    document = (
        "policies: [{name: disks, min_severity: low, approval: {role: admin}, "
        "runbook: '1. [Clear](prefect:clear/prod)'}]"
    )
    IncidentPolicyDocuments(store).apply(document, actor="ann")
    raised("/data")
    (one,) = client.get(f"{URL}/active").json()["items"]
    place = f"{URL}/{one['id']}/runbook/steps/1"
    made = Keys(store).create("guest", Role.RESPONDER, actor="ann")
    responder = {"Authorization": f"Bearer {made.secret.text}"}
    (step,) = client.post(place, json={"act": "run"}, headers=responder).json()["steps"]
    assert (step["status"], step["approval"]["role"]) == ("waits", "admin")
    assert step["expires_at"] is not None
    refused = client.post(place, json={"act": "approve"}, headers=responder)
    assert refused.status_code == 403, refused.text
    assert "the role admin" in refused.json()["error"]["message"]
    (step,) = client.post(place, json={"act": "approve"}).json()["steps"]
    assert step["status"] == "wanted"  # Prefect does not answer here
    again = client.post(place, json={"act": "reject"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


def test_a_step_waits_where_prefect_does_not_answer(client: httpx.Client):
    one = opened(client, runbook="1. Look\n2. [Restart](prefect:restart/prod)")
    place = f"{URL}/{one['id']}/runbook"
    done = client.post(f"{place}/steps/1", json={"act": "done"}).json()
    assert [step["status"] for step in done["steps"]] == ["done", "open"]
    key = {"Idempotency-Key": "once"}
    waits = client.post(f"{place}/steps/2", json={"act": "run"}, headers=key)
    assert waits.status_code == 200, waits.text
    assert waits.json()["steps"][1]["status"] == "wanted"
    assert waits.json()["steps"][1]["error"]
    again = client.post(f"{place}/steps/2", json={"act": "run"}, headers=key)
    assert (again.status_code, again.json()) == (200, waits.json())
    assert client.post(f"{place}/steps/2", json={"act": "run"}).status_code == 409
    assert client.post(f"{place}/steps/1", json={"act": "run"}).status_code == 409
    assert client.post(f"{place}/steps/9", json={"act": "run"}).status_code == 404


def test_action_items_and_the_post_mortem_are_kept(client: httpx.Client):
    place = f"{URL}/{opened(client)['id']}"
    item = client.post(f"{place}/action-items", json={"title": "Watch", "due": "2026-12-24"})
    assert item.status_code == 201, item.text
    done = client.patch(f"{place}/action-items/{item.json()['id']}", json={"done": True})
    assert done.json()["done_by"] == "robot"
    generated = client.get(f"{place}/post-mortem")
    assert (generated.json()["version"], generated.headers["etag"]) == (0, '"0"')
    assert "- [x] Watch, due 2026-12-24" in generated.json()["document"]
    saved = client.put(f"{place}/post-mortem", json={"document": "Ours."},
                       headers={"If-Match": '"0"'})  # fmt: skip
    assert (saved.status_code, saved.headers["etag"]) == (200, '"1"')
    assert client.put(f"{place}/post-mortem", json={"document": "Theirs."},
                      headers={"If-Match": '"0"'}).status_code == 412  # fmt: skip
    assert client.get(f"{place}/post-mortem").json()["document"] == "Ours."
    anew = client.get(f"{place}/post-mortem", params={"generated": True}).json()
    assert "# Post-mortem: Checkout is slow" in anew["document"]
    assert len(client.get(f"{place}/post-mortem/versions").json()["items"]) == 1


def test_policies_are_applied_and_rolled_back(client: httpx.Client, raised: Raised):
    place = f"{URL}/policies"
    assert client.get(place).json()["number"] == 0
    document = "policies: [{name: disks, min_severity: info}]"
    assert client.put(place, json={"document": document}).json() == {"number": 1, "changed": True}
    bad = client.put(place, json={"document": "policies: [{}]"})
    assert (bad.status_code, bad.json()["error"]["field"]) == (422, "document")
    raised("/data")
    (one,) = client.get(f"{URL}/active").json()["items"]
    assert (one["policy"], one["opened_by"]) == ("disks", "")
    assert client.post(f"{place}/rollback", json={"version": 0}).json()["number"] == 2
