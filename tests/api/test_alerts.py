"""Alerts over HTTP, on both databases."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from sentinel import Reading
from sentinel.access import Role
from sentinel.checks.observation import Observation
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.oncall.documents import OnCallDocuments
from tests.api.served import Raised
from tests.databases import both_databases
from tests.world import World

URL = "/api/v1/alerts/alerts"


def act(client: httpx.Client, alert_id: str, action: str, **body: Any) -> Any:
    headers = {"X-Sentinel-User": body.pop("user", "maria")}
    return client.post(
        f"{URL}/{alert_id}/actions", json={"action": action, **body}, headers=headers
    )


@both_databases
def test_a_list_gives_alerts_with_links(client: httpx.Client, raised: Raised):
    (wanted,) = raised("/data", severity="warning")
    body = client.get(URL).json()
    assert body["next_cursor"] is None
    (alert,) = body["items"]
    assert (alert["id"], alert["status"]) == (wanted, "open")
    assert (alert["severity"], alert["rank"]) == ("warning", 3)
    assert alert["labels"] == {"mount": "/data"}
    assert alert["links"] == {
        "dashboard": f"http://127.0.0.1:8501/?alert={wanted}",
        "flow_run": "http://127.0.0.1:9/runs/flow-run/run-7",
        "evaluation": "http://127.0.0.1:9/runs/flow-run/run-7",
    }


@both_databases
def test_a_list_is_paged_by_cursor(client: httpx.Client, raised: Raised):
    ids = set(raised(*[f"/{number}" for number in range(5)]))
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        given = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        body = client.get(URL, params=given).json()
        seen += [alert["id"] for alert in body["items"]]
        cursor = body["next_cursor"]
    assert cursor is None
    assert len(seen) == 5
    assert set(seen) == ids


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"status": "acknowledged"}, ["/a"]),
        ({"status": ["acknowledged", "active"]}, ["/a", "/b"]),
        ({"severity": "emergency"}, ["/b"]),
        ({"rule": "other"}, ["/b"]),
        ({"category": "system"}, ["/a", "/b"]),
        ({"category": "market"}, []),
        ({"q": "OTHER"}, ["/b"]),
        ({"since": "2026-01-01T00:02:00Z"}, ["/b"]),
        ({"until": "2026-01-01T00:02:00+00:00"}, ["/a"]),
    ],
)
@both_databases
def test_a_list_is_filtered(client: httpx.Client, raised: Raised, asked: Any, expected: list[str]):
    (first,) = raised("/a")
    raised("/b", name="other", severity="critical")
    act(client, first, "acknowledge")
    found = client.get(URL, params=asked).json()["items"]
    assert sorted(alert["labels"]["mount"] for alert in found) == expected


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"status": "closed"}, None, "status 'closed' is none of"),
        ({"severity": "awful"}, None, "severity 'awful' is none of"),
        ({"limit": "0"}, "limit", "limit: "),
        ({"limit": "many"}, "limit", "limit: "),
        ({"cursor": "nonsense"}, None, "the cursor is not one of this list"),
        ({"since": "2026-01-01T00:00:00"}, "since", "timezone"),
        ({"since": "yesterday"}, "since", "since: "),
        ({"order": "random"}, "order", "order: "),
        ({"q": "a\x00b"}, "q", "NUL"),
    ],
)
@both_databases
def test_an_invalid_query_is_rejected(
    client: httpx.Client, asked: dict[str, str], field: str | None, said: str
):
    answer = client.get(URL, params=asked)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert said in error["message"]
    assert error.get("field") == field
    assert error["hint"]


def test_one_alert_has_its_timeline(client: httpx.Client, raised: Raised):
    (wanted,) = raised("/data")
    act(client, wanted, "acknowledge", note="on it")
    body = client.get(f"{URL}/{wanted}").json()
    assert [entry["kind"] for entry in body["timeline"]] == ["opened", "acknowledged"]
    assert body["timeline"][1]["actor"] == "maria"
    assert body["timeline"][1]["comment"] == "on it"


@pytest.mark.parametrize(("wanted", "status"), [("0" * 32, 404), ("abc", 422), ("0" * 31, 422)])
def test_an_alert_is_named_by_its_whole_id(client: httpx.Client, wanted: str, status: int):
    assert client.get(f"{URL}/{wanted}").status_code == status
    assert act(client, wanted, "resolve").status_code == status


def test_the_flow_run_of_an_alert_about_a_run_is_that_run(
    client: httpx.Client, store: Store, clock: FakeClock
):
    world = World(store, clock)
    url = "https://prefect.example.org/runs/flow-run/7"
    about = Reading(labels={"flow": "load"}, value=99, details={"run": "owl", "run_url": url})
    seen = Observation(readings=[about], state={})
    store.apply(msgspec.structs.replace(world.evaluation(run="run-1"), observation=seen))
    (alert,) = client.get("/api/v1/alerts/alerts").json()["items"]
    assert alert["links"]["flow_run"] == url
    assert alert["links"]["evaluation"].endswith("/run-1")
    assert client.get(f"/api/v1/alerts/alerts/{alert['id']}").json()["links"] == alert["links"]


def test_resolving_an_alert_that_still_holds_offers_a_snooze(client: httpx.Client, raised: Raised):
    (wanted,) = raised("/data")
    assert "reopens in 5m" in act(client, wanted, "resolve").json()["offer"]
    (other,) = raised("/srv")
    raised("/home", value=10)
    assert act(client, other, "resolve").json()["offer"] is None


def test_the_beginning_of_an_id_is_not_enough_to_act(client: httpx.Client, raised: Raised):
    (wanted,) = raised("/data")
    assert act(client, wanted[:20], "resolve").status_code == 422
    assert client.get(f"{URL}/{wanted}").json()["status"] == "open"


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        ("acknowledge", {"note": "mine"}, {"status": "acknowledged", "acknowledged_by": "maria"}),
        ("resolve", {}, {"status": "resolved", "resolved_by": "maria"}),
        (
            "suppress",
            {"duration_minutes": 30, "reason": "move"},
            {"status": "suppressed", "suppress_reason": "move",
             "suppressed_until": "2026-01-01T00:31:00Z"},
        ),
        ("assign", {"assignee": "lena"}, {"assignee": "lena", "status": "open"}),
        ("assign", {"assignee": ""}, {"assignee": ""}),
        ("comment", {"note": "hm"}, {"status": "open", "version": 2}),
    ],
)  # fmt: skip
@both_databases
def test_people_act(
    client: httpx.Client, raised: Raised, action: str, body: Any, expected: dict[str, Any]
):
    (wanted,) = raised("/data")
    answer = act(client, wanted, action, **body)
    assert answer.status_code == 200, answer.text
    kept = client.get(f"{URL}/{wanted}").json()
    assert {name: kept[name] for name in expected} == expected
    assert answer.json()["alert"]["version"] == kept["version"]


@both_databases
def test_what_was_done_can_be_taken_back(client: httpx.Client, raised: Raised):
    (wanted,) = raised("/data")
    act(client, wanted, "acknowledge")
    assert act(client, wanted, "unacknowledge").json()["alert"]["status"] == "open"
    act(client, wanted, "suppress", duration_minutes=5)
    assert act(client, wanted, "unsuppress").json()["alert"]["status"] == "open"
    act(client, wanted, "resolve")
    answer = act(client, wanted, "reopen", note="too soon").json()
    assert (answer["reason"], answer["alert"]["status"]) == ("reopened_manually", "open")
    last = client.get(f"{URL}/{wanted}").json()["timeline"][-1]
    assert (last["kind"], last["actor"], last["comment"]) == ("reopened", "maria", "too soon")


def test_what_is_open_again_already_is_not_reopened_beside_it(
    client: httpx.Client, raised: Raised, clock: FakeClock
):
    (first,) = raised("/data")
    act(client, first, "resolve")
    clock.forward(hours=1)
    raised("/data")
    (second,) = client.get(URL, params={"status": "open"}).json()["items"]
    answer = act(client, first, "reopen")
    assert answer.status_code == 409
    assert f"as alert {second['id']};" in answer.json()["error"]["message"]


def test_doing_again_what_is_so_changes_nothing(client: httpx.Client, raised: Raised):
    (wanted,) = raised("/data")
    first = act(client, wanted, "acknowledge").json()
    again = act(client, wanted, "acknowledge", user="lena").json()
    assert again["reason"] == "unchanged"
    assert again["alert"]["acknowledged_by"] == "maria"
    assert again["alert"]["version"] == first["alert"]["version"]


def test_without_a_name_the_settings_say_who_acts(client: httpx.Client, raised: Raised):
    (wanted,) = raised("/data")
    answer = client.post(f"{URL}/{wanted}/actions", json={"action": "acknowledge"})
    assert answer.json()["alert"]["acknowledged_by"] == "robot"


def test_a_state_that_forbids_it_is_a_conflict(client: httpx.Client, raised: Raised):
    (wanted,) = raised("/data")
    act(client, wanted, "resolve")
    answer = act(client, wanted, "acknowledge")
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert error["code"] == "refused"
    assert "it is resolved" in error["message"]


@both_databases
def test_an_action_on_an_older_version_changes_nothing(client: httpx.Client, raised: Raised):
    (wanted,) = raised("/data")
    act(client, wanted, "acknowledge")
    answer = act(client, wanted, "resolve", expected_version=1)
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == ("conflict", "expected_version")
    assert act(client, wanted, "resolve", expected_version=2).status_code == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "action: this field is required"),
        ({"action": "explode"}, "action: "),
        ({"action": "suppress"}, "suppress needs duration_minutes"),
        ({"action": "suppress", "duration_minutes": -1}, "duration_minutes: "),
        ({"action": "suppress", "duration_minutes": 1e12}, "duration_minutes: "),
        ({"action": "suppress", "duration_minutes": "soon"}, "duration_minutes: "),
        ({"action": "assign"}, "assign needs assignee"),
        ({"action": "comment", "note": "  "}, "comment needs note"),
        ({"action": "comment", "note": "a\x00b"}, "NUL"),
        ({"action": "resolve", "comment": "x"}, "comment: unknown field"),
        ({"action": "resolve", "note": "x" * 4001}, "note: "),
        ({"action": "resolve", "note": 5}, "note: "),
        (["resolve"], ""),
        (None, ""),
    ],
)
def test_an_invalid_body_changes_nothing(
    client: httpx.Client, raised: Raised, body: Any, said: str
):
    (wanted,) = raised("/data")
    answer = client.post(f"{URL}/{wanted}/actions", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]
    assert client.get(f"{URL}/{wanted}").json()["version"] == 1


@pytest.mark.parametrize("sent", [b"{", b"\xff\xfe", b'{"action": "resolve", "note": "\\ud800"}'])
def test_a_body_that_is_not_text_is_rejected(client: httpx.Client, raised: Raised, sent: bytes):
    (wanted,) = raised("/data")
    answer = client.post(
        f"{URL}/{wanted}/actions", content=sent, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("given", ["1700000000", "8400", "1e9", "2026-01-31", "12:00"])
def test_a_number_is_no_moment(client: httpx.Client, given: str):
    answer = client.get("/api/v1/alerts/alerts", params={"since": given})
    assert answer.status_code == 422
    assert "2026-01-31T12:00:00Z" in answer.json()["error"]["message"]


def test_an_invalid_name_is_rejected(client: httpx.Client, raised: Raised):
    (wanted,) = raised("/data")
    for name in ("x" * 101, "a\tb"):
        assert act(client, wanted, "resolve", user=name).status_code == 422


@both_databases
def test_the_store_keeps_what_the_api_did(client: httpx.Client, raised: Raised, store: Store):
    (wanted,) = raised("/data")
    act(client, wanted, "resolve", note="freed 40 GB")
    assert store.alerts.get(wanted).status == "resolved"
    assert store.alerts.timeline(wanted)[-1].comment == "freed 40 GB"


@both_databases
def test_me_in_a_search_is_who_asks(client: httpx.Client, store: Store, raised: Raised):
    marias, bobs, _ = raised("/marias", "/bobs", "/nobodys")
    act(client, marias, "assign", assignee="maria")
    act(client, bobs, "assign", assignee="bob")
    key = Keys(store).create("robot", Role.VIEWER, actor="ada").secret.text

    def found(user: str, search: str, **headers: str) -> list[str]:
        answer = client.get(URL, params={"q": search}, headers={"X-Sentinel-User": user, **headers})
        return sorted(alert["labels"]["mount"] for alert in answer.json()["items"])

    assert found("maria", "assignee:me") == ["/marias"]
    assert found("bob", "assignee:me") == ["/bobs"]
    assert found("carl", "assignee:me") == []
    assert found("maria", "-assignee:me") == ["/bobs", "/nobodys"]
    # A key asks for the person that it acts for.
    assert found("bob", "assignee:me", Authorization=f"Bearer {key}") == ["/bobs"]
    assert found("", "assignee:me", Authorization=f"Bearer {key}") == []


def test_why_receivers_are_notified_is_answered_in_codes_and_sentences(
    client: httpx.Client, raised: Raised
):
    (wanted,) = raised("/data")
    body = client.get(f"{URL}/{wanted}/why").json()
    (group,) = body["groups"]
    (inbox,) = group["channels"]
    assert (inbox["receiver"], inbox["channel"], inbox["send"]) == ("default", "inbox", False)
    assert inbox["reason"] == "group_wait"
    assert inbox["next_at"] == group["next_at"] is not None
    assert inbox["text"].startswith("Not notified now: waiting for more alerts")
    assert client.get(f"{URL}/{'0' * 32}/why").status_code == 404


def test_an_action_on_an_alert_that_is_deleted_after_it_was_done(
    client: httpx.Client, store: Store, raised: Raised, monkeypatch: pytest.MonkeyPatch
):
    (one,) = raised("/a")

    def gone(_: object) -> dict[str, object]:
        return {}

    monkeypatch.setattr(store.alerts, "some", gone)
    answer = client.post(f"{URL}/{one}/actions", json={"action": "acknowledge"})
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"alert '{one}' was deleted after acknowledge"
    assert store.alerts.get(one).status == "acknowledged"


def test_an_escalated_alert_says_its_level_and_is_found_by_its_status(
    client: httpx.Client, raised: Raised, store: Store
):
    (refused,) = raised("/nobody")
    answer = act(client, refused, "escalate")
    assert (answer.status_code, "no further level" in answer.text) == (409, True)
    store.receivers.set("pager", ["sentinel-webhook/pager"])
    OnCallDocuments(store).apply(
        "people: {ann: {notify: [{receiver: pager}]}}\n"
        "teams: {db: {people: [ann], escalation: slowly}}\n"
        "escalation_policies: {slowly: {steps: [{after: 1h, notify: person:ann}]}}\n",
        actor="ann",
    )
    (wanted,) = raised("/", name="other", team="db")
    act(client, wanted, "acknowledge")
    answer = act(client, wanted, "escalate", note="too big for me").json()
    assert (answer["reason"], answer["alert"]["status"]) == ("escalated_manually", "escalated")
    listed = client.get(URL, params={"status": "escalated"}).json()["items"]
    assert [(one["id"], one["escalation_level"]) for one in listed] == [(wanted, 1)]
    (one,) = client.get("/api/v1/alerts/oncall/escalations").json()["items"]
    assert (one["policy"], one["state"], one["level"], one["levels"], one["paged"]) == (
        "slowly", "waiting", 0, 1, []
    )  # fmt: skip
    assert [(page["person"], page["receiver"]) for page in one["following"]] == [("ann", "pager")]
    (group,) = client.get(f"{URL}/{wanted}/why").json()["groups"]
    assert (group["escalation"]["policy"], group["escalation"]["level"]) == ("slowly", 0)
    assert client.get(URL, params={"status": "open"}).json()["items"][0]["id"] == refused
