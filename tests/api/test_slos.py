"""SLOs over HTTP: each is a rule of its own, and says how it stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.api.known_keys import KnownKeys
from sentinel.clock import FakeClock
from sentinel.slo.definition import definition_of
from sentinel.store import Store
from sentinel.store.approvals.separation import Separation
from sentinel.store.slo import slos
from sentinel.store.slo.slos import Measurement, Slos
from tests.api.on_prefect import deployments
from tests.api.seed_requests import NEEDS_SLO, REQUESTS
from tests.api.test_pending_changes import key_of
from tests.prefect_server import PrefectServer

SLO: dict[str, Any] = {"name": "checkout", "team": "shop", "objectives": [{"target": 99.0}]}
PLACE = "/api/slo/checkout"


@pytest.mark.prefect
def test_an_slo_is_made_changed_and_removed_with_its_rule(
    desk: httpx.Client,
    prefect_server: PrefectServer,
    on_prefect: FastAPI,
    monkeypatch: pytest.MonkeyPatch,
):
    store: Store = on_prefect.state.store
    on_prefect.state.keys = KnownKeys(store)
    maria, bob = key_of(store, "maria"), key_of(store, "bob")
    answer = desk.post("/api/slo", json=SLO)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["rule"], answer.headers["location"]) == ("slo-checkout", PLACE)
    deployed = deployments(prefect_server)["slo-checkout"]
    assert deployed["entrypoint"] == "flows.rules.slo_burn_rate"
    assert deployed["parameters"]["slo"] == "checkout"
    assert deployed["labels"]["sentinel.owner"] == "api"
    assert desk.post("/api/slo", json=SLO).status_code == 409

    # What people changed of the rule stays.
    desk.patch("/api/v1/alerts/rules/slo-checkout", json={"cooldown_minutes": 5})
    before = desk.get("/api/v1/alerts/rules/slo-checkout").json()["spec"]
    stale = desk.put(PLACE, json=SLO, headers={"If-Match": '"7"'})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "changed")
    changed = desk.put(PLACE, json={**SLO, "team": "web"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"'), changed.text
    after = desk.get("/api/v1/alerts/rules/slo-checkout").json()["spec"]
    assert after == {**before, "team": "web"}

    # Who changes what it alerts on needs a second person, as who changes its rule does.
    Separation(store).switch("default", on=True, actor="root")
    looser = {**SLO, "team": "web", "objectives": [{"target": 50.0}]}
    waits = desk.put(PLACE, json=looser, headers=maria)
    assert waits.status_code == 202, waits.text
    assert desk.get(PLACE).json()["definition"]["objectives"][0]["target"] == 99.0
    place = f"/api/v1/alerts/pending-changes/{waits.json()['pending_change']['id']}"
    assert desk.post(f"{place}/approve", headers=bob).json()["status"] == "applied"
    assert desk.put(PLACE, json=looser, headers=maria).status_code == 200
    Separation(store).switch("default", on=False, actor="root")

    # One that is refused leaves no rule behind, whenever it is refused.
    monkeypatch.setattr(slos, "MOST_SLOS", 1)
    for late in (False, True):
        if late:
            monkeypatch.setattr(Slos, "refuse_too_many", Slos.list)
        refused = desk.post("/api/slo", json={**SLO, "name": "further"})
        assert "there are 1 SLOs already" in refused.text
        assert "slo-further" not in deployments(prefect_server)
    assert desk.delete(PLACE).status_code == 200
    assert desk.get(PLACE).status_code == 404
    assert "slo-checkout" not in deployments(prefect_server)


@pytest.mark.prefect
def test_the_literal_requests_of_an_observability_platform_are_answered(desk: httpx.Client):
    """The document writes no bodies: one of ours goes with what makes or measures."""
    bodies: dict[str, Any] = {
        "/api/slo": SLO,
        "/api/slo/{slo_id}/measurements": {"measurements": [{"good": 9, "total": 9}]},
    }  # fmt: skip
    asked = [one for one in REQUESTS if one.path.startswith(NEEDS_SLO)]
    assert len(asked) == 8
    for one in asked:
        path = one.path.replace("{slo_id}", "checkout")
        body = bodies[one.path] if one.method == "POST" else None
        answer = desk.request(one.method, path, json=body)
        expected = 201 if one.method == "POST" else 200
        assert answer.status_code == expected, (one.name, answer.text)
    assert desk.delete(PLACE).status_code == 200


def test_what_prefect_cannot_be_asked_about_is_not_stored(client: httpx.Client, store: Store):
    answer = client.post("/api/slo", json=SLO)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert Slos(store).list() == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**SLO, "objectives": []}, "objectives: must have at least 1 entry"),
        ({**SLO, "name": "other"}, "name: must be checkout, as in the address"),
        ({**SLO, "indicator": {"kind": "magic"}}, "indicator: must be"),
    ],
)
def test_what_is_no_slo_is_refused_by_its_field(
    client: httpx.Client, body: dict[str, Any], said: str
):
    answer = client.put(PLACE, json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith(said)


def test_measurements_become_status_budget_burn_history_violations_report_and_prediction(
    client: httpx.Client, store: Store, clock: FakeClock
):
    now = clock.set(datetime(2026, 11, 30, 12, tzinfo=UTC))
    Slos(store).save(definition_of(SLO), actor="ann")
    assert client.get(f"{PLACE}/status").json()["health"] == "not_enough_data"
    hours = [
        {"good": 98 if one < 24 else 100, "total": 100,
         "at": (now - timedelta(hours=one + 1)).isoformat()}
        for one in range(24 * 10)
    ]  # fmt: skip
    key = {"Idempotency-Key": "first"}
    for _ in range(2):
        sent = client.post(f"{PLACE}/measurements", json={"measurements": hours}, headers=key)
        assert (sent.status_code, sent.json()) == (201, {"added": 240})
    status = client.get(f"{PLACE}/status").json()
    assert status["health"] == "holds"
    (budget,) = client.get(f"{PLACE}/error-budget").json()["budgets"]
    assert (budget["bad_events"], budget["budget_events"]) == (48, pytest.approx(240))
    assert budget["budget_left"] == pytest.approx(0.8)
    burns = client.get(f"{PLACE}/burn-rate").json()["burns"]
    assert [(one["kind"], one["fires"]) for one in burns] == [("page", False), ("ticket", False)]
    assert burns[1]["pairs"][0]["long"] == pytest.approx(2)
    (history,) = client.get(f"{PLACE}/history").json()["objectives"]
    assert history["points"][-1]["budget_left"] == pytest.approx(0.8)
    assert client.get(
        f"{PLACE}/history", params={"since": "2027-01-01T00:00:00Z"}
    ).status_code == 400  # fmt: skip
    (prediction,) = client.get(f"{PLACE}/predict").json()["predictions"]
    assert 0 <= prediction["probability"] <= 1
    assert client.get("/api/slo/violations").json()["items"] == []

    worse = [{"good": 0, "total": 100, "at": (now - timedelta(hours=5)).isoformat()}] * 3
    client.post(f"{PLACE}/measurements", json={"measurements": worse})
    (violation,) = client.get("/api/slo/violations").json()["items"]
    assert (violation["name"], violation["end"]) == ("checkout", None)
    assert client.get(f"{PLACE}/predict").json()["predictions"][0]["probability"] == 1
    report = client.get("/api/slo/report").text
    assert "1 SLOs, 1 objectives: 1 violated." in report
    page = client.get("/api/slo/report", params={"format": "html"})
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<td>checkout</td>" in page.text


def test_lists_are_read_by_page_and_by_words(client: httpx.Client, store: Store):
    for number in range(5):
        team = "shop" if number % 2 else "web"
        Slos(store).save(definition_of({**SLO, "name": f"s{number}", "team": team}), actor="ann")
        Slos(store).measure(f"s{number}", [Measurement(0, 100, store.now() - timedelta(hours=2))])
    for path in ("/api/slo", "/api/slo/violations"):
        names, cursor = list[str](), None
        for size in (2, 2, 1):
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = client.get(path, params=params).json()
            assert len(page["items"]) == size
            names += [one.get("definition", one)["name"] for one in page["items"]]
            cursor = page["next_cursor"]
        assert (sorted(names), cursor) == ([f"s{number}" for number in range(5)], None)
    found = client.get("/api/slo", params={"q": "TEAM Shop"}).json()["items"]
    assert [one["definition"]["name"] for one in found] == ["s1", "s3"]
    report = client.get("/api/slo/report", params={"limit": 2, "format": "json"}).json()
    assert report["next_cursor"] == "default/s1"
    assert "There are further SLOs, after default/s1." in report["text"]
    rest = client.get("/api/slo/report", params={"cursor": "default/s1"}).text
    assert "3 SLOs" in rest
    assert "further SLOs" not in rest
    assert client.get("/api/slo", params={"limit": 0}).status_code == 422


def test_a_status_names_alerts_that_cannot_fire(client: httpx.Client, store: Store):
    Slos(store).save(definition_of(SLO), actor="ann")
    now = store.now()
    days = [Measurement(1, 1, now - timedelta(days=one)) for one in range(1, 9)]
    Slos(store).measure("checkout", days)
    found = client.get(f"{PLACE}/status").json()["out_of_reach"]
    assert [(one["kind"], one["long_seconds"] / 3600) for one in found] == [
        ("page", 1), ("page", 6), ("ticket", 24), ("ticket", 72),
    ]  # fmt: skip
    assert (found[3]["most_events"], found[3]["needs_events"]) == (4, 10)
