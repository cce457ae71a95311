"""Limits of an API over HTTP: saved under a name, checked, and decided for gateways."""

from __future__ import annotations

from typing import Any

import httpx

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, every

SETS = "/api/v1/limit-sets"


def saved(client: httpx.Client, text: str, **headers: str) -> httpx.Response:
    return client.put(f"{SETS}/shop", json={"text": text, "note": "why"}, headers=headers)


def decided(client: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/limits/decide", json={"limit_set": "shop", **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_set_is_saved_read_listed_and_its_versions_are_kept(client: httpx.Client, store: Store):
    first = saved(client, "5/minute by key")
    assert (first.status_code, first.json()["version"], first.json()["changed"]) == (200, 1, True)
    assert first.json()["limits"][0]["text"] == (
        "5/minute counter by key named 5-per-minute-by-key"
    )
    again = saved(client, "5/minute by key")
    assert (again.json()["changed"], again.headers["ETag"]) == (False, first.headers["ETag"])
    assert saved(client, "6/minute by key").json()["version"] == 2
    assert client.get(f"{SETS}/shop").json()["text"] == "6/minute by key"
    versions = client.get(f"{SETS}/shop/versions").json()["items"]
    assert [(one["version"], one["note"]) for one in versions] == [(2, "why"), (1, "why")]
    assert [one["name"] for one in client.get(SETS).json()["items"]] == ["shop"]
    gone = client.delete(f"{SETS}/shop")
    assert gone.json()["text"] == "6/minute by key"
    assert client.get(f"{SETS}/shop").status_code == 404
    changes = [
        one for some in every(store, AuditFilter(object_kinds=("limit_set",))) for one in some
    ]
    assert sorted(one.action for one in changes) == [
        "limit_set.removed", "limit_set.saved", "limit_set.saved",
    ]  # fmt: skip


def test_two_editors_do_not_overwrite_each_other(client: httpx.Client):
    tag = saved(client, "5/minute").headers["ETag"]
    assert saved(client, "6/minute", **{"If-Match": tag}).status_code == 200
    late = saved(client, "7/minute", **{"If-Match": tag})
    assert (late.status_code, late.json()["error"]["field"]) == (412, "If-Match")
    assert client.delete(f"{SETS}/shop", headers={"If-Match": tag}).status_code == 412


def test_a_fault_is_refused_at_its_line_and_column(client: httpx.Client):
    refused = saved(client, "5/minute\n6/hour bye key")
    assert refused.status_code == 422
    error = refused.json()["error"]
    assert (error["field"], error["message"].partition(":")[0]) == ("text", "text")
    assert "line 2, column 8" in error["message"]
    assert client.get(f"{SETS}/shop").status_code == 404


def test_every_fault_of_a_text_is_found_without_saving(client: httpx.Client):
    found = client.post(
        f"{SETS}/check", json={"text": "1/minute by key; 2/eon # no\n3/hour by colour"}
    ).json()
    assert [(one["line"], one["column"]) for one in found["faults"]] == [(1, 20), (2, 11)]
    assert [one["name"] for one in found["limits"]] == ["1-per-minute-by-key"]
    assert found["valid"] is False


def test_a_dry_run_says_what_would_change_and_changes_nothing(client: httpx.Client):
    would = client.put(f"{SETS}/shop", json={"text": "5/minute"}, params={"dry_run": True})
    assert (would.json()["version"], would.json()["changed"]) == (1, True)
    assert client.get(f"{SETS}/shop").status_code == 404


def test_a_gateway_asks_and_gets_the_fields_for_its_client(client: httpx.Client):
    saved(client, "2/minute by key\n1/minute by key on /dear dry-run named dear")
    one = decided(client, key="k1", path="/dear")
    assert (one["allowed"], one["status"], one["retry_after"]) == (True, 200, None)
    assert one["fields"]["ratelimit-policy"] == '"2-per-minute-by-key";q=2;w=60'
    two = decided(client, key="k1", path="/dear")
    assert (two["allowed"], two["would_refuse"]) == (True, ["dear"])
    three = decided(client, key="k1", path="/else")
    assert (three["allowed"], three["status"]) == (False, 429)
    assert three["refused_by"] == ["2-per-minute-by-key"]
    assert three["fields"]["retry-after"] == str(three["retry_after"])
    assert decided(client, key="k2")["allowed"] is True
    missing = client.post("/api/v1/limits/decide", json={"limit_set": "none"})
    assert missing.status_code == 404


def test_limits_are_tried_over_the_request_log_of_their_tenant(
    telemetry_api: httpx.Client, clock: FakeClock
):
    at = clock.now().isoformat()
    rows = [
        {"timestamp": at, "service": "shop", "consumer": who, "path": "/orders", "status": 200}
        for who in ("ann", "ann", "ann", "bob")
    ]
    assert telemetry_api.post("/api/v1/requests", json=rows).status_code == 200
    clock.forward(seconds=1)
    asked = {"text": "2/minute by user", "query": "service:shop", "since": "1h"}
    tried = telemetry_api.post(f"{SETS}/simulate", json=asked)
    assert tried.status_code == 200, tried.text
    found = tried.json()
    assert (found["requests"], found["refused"], found["unlimited"]) == (4, 1, 0)
    assert found["callers"] == [{"caller": "ann", "requests": 3, "refused": 1}]
    for wrong, field in (({"text": "2/eon"}, "text"), ({"query": "status:many"}, "query"),
                         ({"since": "soon"}, "since")):  # fmt: skip
        refused = telemetry_api.post(f"{SETS}/simulate", json={**asked, **wrong})
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, field)
