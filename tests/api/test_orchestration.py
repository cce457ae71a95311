"""Orchestration over HTTP: what becomes of a posted alert, and who may change the rules."""

from __future__ import annotations

import httpx

BASE = "/api/v1/alerts"
RULES = """
rules:
  - {name: held, matchers: kind="slow", hold: 10m}
  - {name: noise, matchers: kind="noise", drop: true}
  - {name: owner, set: {owner: shop, severity: low}}
"""


def test_a_posted_alert_is_answered_with_what_orchestration_did(client: httpx.Client):
    done = client.put(f"{BASE}/orchestration", json={"document": RULES, "note": "n"})
    assert (done.status_code, done.json()) == (200, {"number": 1, "changed": True})

    def posted(kind: str) -> tuple[int, dict[str, object]]:
        body = {"alert_name": "Down", "severity": "high", "labels": {"kind": kind}}
        answer = client.post("/api/alerts", json=body)
        return answer.status_code, answer.json()

    status, held = posted("slow")
    assert (status, held["outcome"], held["rule"]) == (202, "held", "held")
    assert posted("noise") == (202, {"outcome": "dropped", "rule": "noise", "until": None})
    status, alert = posted("other")
    assert (status, alert["severity"], alert["team"]) == (201, "low", "shop")
    why = client.get(f"{BASE}/alerts/{alert['id']}/why").json()
    assert why["orchestration"] == [
        "Rule 'owner' of orchestration version 1 set owner to 'shop'; "
        "set severity to 'low' (was 'high')."
    ]
    listed = client.get(f"{BASE}/orchestration/incoming", params={"limit": 2}).json()
    rest = client.get(
        f"{BASE}/orchestration/incoming", params={"cursor": listed["next_cursor"]}
    ).json()
    states = {one["labels"]["kind"]: one["state"] for one in [*listed["items"], *rest["items"]]}
    assert states == {"slow": "held", "noise": "dropped", "other": "passed"}


def test_rules_that_cannot_be_used_are_refused_with_their_place(client: httpx.Client):
    wrong = {"document": "rules:\n- {name: a, when: labels.x >}\n"}
    for method, path in (("PUT", ""), ("POST", "/check"), ("POST", "/replay"), ("POST", "/shadow")):
        answer = client.request(method, f"{BASE}/orchestration{path}", json=wrong)
        assert answer.status_code == 422, path
        assert "line 2, column 13: rules.0.when" in answer.text
    assert client.get(f"{BASE}/orchestration").json()["number"] == 0
    stale = client.put(
        f"{BASE}/orchestration", json={"document": RULES}, headers={"If-Match": '"7"'}
    )
    assert stale.status_code == 412
    assert client.get(f"{BASE}/orchestration/incoming?cursor=x").status_code == 422
