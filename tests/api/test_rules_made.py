"""Rules that are made over HTTP are Prefect deployments: created, changed, run, deleted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from sentinel.errors import PrefectUnreachable
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.made_rules import MadeRules
from tests.api.on_prefect import deployments, settings_of
from tests.api.seed_requests import REQUESTS, Asked
from tests.api.test_seed_requests import sent
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.prefect
RULES = "/api/v1/alerts/rules"
CPU, DISK = (one.body for one in REQUESTS if one.path.endswith("/rules") and one.body)
BUSY = {
    "name": "Always busy CPU",
    "threshold_value": -1,
    "comparison_operator": ">",
    "severity": "emergency",
    "parameters": {"seconds": 0.1},
}


def drop(server: PrefectServer, name: str) -> None:
    """Delete a deployment behind Sentinel's back."""
    with RolloutApi(server.url) as api:
        api.delete_deployment(deployments(server)[name]["id"])


def test_the_seeded_body_becomes_a_deployment_that_says_who_owns_it(
    desk: httpx.Client, prefect_server: PrefectServer
):
    answer = desk.post(RULES, json=CPU)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["id"], made["matched"], made["owner"]) == ("high-cpu-usage", "cpu_usage", "api")
    assert (made["severity"], made["given"]) == ("warning", CPU)
    assert answer.headers["location"] == f"{RULES}/high-cpu-usage"
    deployed = deployments(prefect_server)["high-cpu-usage"]
    assert deployed["entrypoint"] == "flows.rules.cpu_usage"
    assert deployed["labels"]["sentinel.owner"] == "api"
    assert deployed["work_pool_name"] == "sentinel"
    assert deployed["parameters"]["rule"]["when"] == {"above": 85.0}
    assert deployed["schedules"][0]["schedule"]["interval"] == 60
    assert made["deployment"]["id"] == deployed["id"]
    assert desk.get(f"{RULES}/high-cpu-usage").json()["health"] == "never_evaluated"


@pytest.mark.slow
def test_a_rule_that_was_made_runs_and_opens_an_alert(
    desk: httpx.Client, prefect_server: PrefectServer, database: str, tmp_path: Path
):
    made = desk.post(RULES, json=BUSY).json()
    run = prefect_server.api.run_deployment(made["deployment"]["id"])["id"]
    done = prefect_server.cli(
        "flow-run", "execute", run, cwd=tmp_path,  # Prefect copies the folder that it is in
        SENTINEL_DATABASE_URL=database, SENTINEL_HOME=str(tmp_path),
    )  # fmt: skip
    (alert,) = desk.get("/api/v1/alerts/alerts").json()["items"]
    assert (alert["rule"], alert["severity"]) == ("always-busy-cpu", "emergency"), done.stderr
    row = desk.get(f"{RULES}/always-busy-cpu").json()
    assert (row["source"], row["outcome"], row["live_alerts"]) == ("api", "firing", 1)

    assert desk.delete(f"{RULES}/always-busy-cpu").status_code == 204
    closed = desk.get(f"/api/v1/alerts/alerts/{alert['id']}").json()
    assert (closed["status"], closed["resolution"]) == ("resolved", "rule_disabled")
    assert "always-busy-cpu" not in deployments(prefect_server)
    assert desk.get(f"{RULES}/always-busy-cpu").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_gives_only_some_fields(
    desk: httpx.Client, prefect_server: PrefectServer, method: str
):
    desk.post(RULES, json=CPU)
    before = deployments(prefect_server)["high-cpu-usage"]
    answer = desk.request(
        method, f"{RULES}/high-cpu-usage", json={"enabled": False, "threshold_value": 90.0}
    )
    assert answer.status_code == 200, answer.text
    after = deployments(prefect_server)["high-cpu-usage"]
    assert after["id"] == before["id"]
    wanted = {**before["parameters"]["rule"], "when": {"above": 90.0}}
    assert after["parameters"]["rule"] == wanted
    assert answer.json()["enabled"] is False
    assert answer.json()["given"] == {**CPU, "enabled": False, "threshold_value": 90.0}
    again = desk.post(f"{RULES}/high-cpu-usage/enable").json()
    assert (again["enabled"], again["spec"]["when"]) == (True, {"above": 90.0})
    off = desk.post(f"{RULES}/high-cpu-usage/disable", json={"reason": "moved"}).json()
    assert (off["enabled"], off["switch_reason"]) == (False, "moved")


def test_a_version_that_somebody_changed_is_not_overwritten(desk: httpx.Client):
    desk.post(RULES, json=CPU)
    place = f"{RULES}/high-cpu-usage"
    read = desk.get(place).headers["etag"]
    first = desk.put(place, json={"threshold_value": 90}, headers={"If-Match": read})
    assert first.status_code == 200
    assert first.headers["etag"] not in ("", read)
    stale = desk.put(place, json={"threshold_value": 91}, headers={"If-Match": read})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "changed")
    assert desk.delete(place, headers={"If-Match": read}).status_code == 412
    assert desk.get(place).json()["spec"]["when"] == {"above": 90.0}
    assert desk.get(place).headers["etag"] == first.headers["etag"]


def test_only_the_fields_that_are_asked_for_come(desk: httpx.Client):
    desk.post(RULES, json=CPU)
    answer = desk.get(f"{RULES}/high-cpu-usage", params={"fields": "name,enabled"})
    assert answer.json() == {"name": "high-cpu-usage", "enabled": True}
    wrong = desk.get(f"{RULES}/high-cpu-usage", params={"fields": "nam"})
    assert (wrong.status_code, "did you mean name?" in wrong.text) == (422, True)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"name": "Revenue", "threshold_value": 1}, "fits no shipped check"),
        ({"name": "cpu", "treshold_value": 1}, "treshold_value"),
        ({"name": "cpu", "threshold_value": "85"}, "threshold_value"),
        ({"name": "cpu", "trigger": "cpu_usage", "parameters": {"x": 1}}, "no parameter 'x'"),
        ({"name": "cpu", "description": "{{ $HOME }}"}, "{{"),
        ({"name": "cpu", "work_pool": "nowhere"}, "nowhere"),
        ({"name": "slow", "trigger": "metric_threshold", "parameters": {"metric": "m"}}, "when"),
        ({"threshold_value": 1}, "name"),
        (
            {**CPU, "escalation_rules": {"channels": ["Nowhere"], "on_call_schedule": "nights"}},
            "no receiver 'nowhere'; there is default",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    desk: httpx.Client, prefect_server: PrefectServer, body: dict[str, Any], says: str
):
    before = deployments(prefect_server).keys()
    answer = desk.post(RULES, json=body)
    assert answer.status_code == 422, answer.text
    assert says in answer.text
    assert deployments(prefect_server).keys() == before
    assert desk.get(RULES).json()["items"] == []


def test_two_rules_of_one_name_are_refused(desk: httpx.Client, prefect_server: PrefectServer):
    assert desk.post(RULES, json=CPU).status_code == 201
    again = desk.post(RULES, json=CPU)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    other = desk.post(RULES, json={**CPU, "tenant": "acme"})
    assert other.status_code == 409
    assert deployments(prefect_server)["high-cpu-usage"]["parameters"]["rule"].get("tenant") is None


def test_while_prefect_is_down_nothing_is_half_made(
    desk: httpx.Client, on_prefect: FastAPI, monkeypatch: pytest.MonkeyPatch
):
    desk.post(RULES, json=DISK)
    key = {"Idempotency-Key": "a-key"}
    place, up = f"{RULES}/disk-space-warning", on_prefect.state.settings
    on_prefect.state.settings = settings_of(on_prefect, prefect_api_url="http://127.0.0.1:9/api")
    try:
        down = desk.post(RULES, json=CPU, headers=key)
        assert (down.status_code, down.json()["error"]["code"]) == (503, "unavailable")
        assert desk.put(place, json={"threshold_value": 1}).status_code == 503
        assert desk.delete(place).status_code == 503
        read = desk.get(place).json()
        assert (read["spec"]["when"], read["deployment"]) == ({"above": 80.0}, None)
        # The switch is Sentinel's own.
        assert desk.put(place, json={"enabled": False}).json()["enabled"] is False
    finally:
        on_prefect.state.settings = up
    assert [one["name"] for one in desk.get(RULES).json()["items"]] == ["disk-space-warning"]

    def goes_away(*_: Any, **__: Any) -> None:
        raise PrefectUnreachable("Prefect went away")

    with monkeypatch.context() as broken:
        broken.setattr(MadeRules, "apply_change", goes_away)
        assert desk.post(RULES, json=CPU, headers=key).status_code == 503
    made = desk.post(RULES, json=CPU, headers=key)
    assert made.status_code == 201, made.text
    again = desk.post(RULES, json=CPU, headers=key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (made.json(), "true")


def test_what_a_crash_left_of_a_rule_the_same_request_completes(
    desk: httpx.Client, on_prefect: FastAPI, prefect_server: PrefectServer
):
    desk.post(RULES, json=CPU)
    store = on_prefect.state.store
    with store.write() as connection:  # its row, as if the process had died before it was written
        connection.exec_driver_sql("DELETE FROM rule")
    assert desk.post(RULES, json=CPU).status_code == 201
    drop(prefect_server, "high-cpu-usage")
    assert desk.post(RULES, json=CPU).status_code == 201
    assert "high-cpu-usage" in deployments(prefect_server)


@pytest.mark.slow
def test_a_rule_of_a_file_is_read_and_switched_and_changed_where_it_belongs(
    desk: httpx.Client, prefect_server: PrefectServer, tmp_path: Path
):
    exported = export_of(desk)
    entry: dict[str, Any] = {**exported["deployments"][0], "name": "filed-cpu"}
    entry["parameters"]["rule"]["name"] = "filed-cpu"
    prefect_server.deploy(tmp_path, entry)
    answer = desk.put(f"{RULES}/filed-cpu", json={"threshold_value": 1})
    assert (answer.status_code, "deployment file" in answer.text) == (409, True)
    assert desk.delete(f"{RULES}/filed-cpu").status_code == 409
    assert desk.get(f"{RULES}/filed-cpu").json()["owner"] == "file"
    drop(prefect_server, "filed-cpu")


def export_of(desk: httpx.Client) -> dict[str, Any]:
    desk.post(RULES, json=CPU)
    answer = desk.get(f"{RULES}/high-cpu-usage/prefect.yaml")
    assert answer.status_code == 200, answer.text
    return yaml.safe_load(answer.text)


def test_a_rule_that_was_made_is_an_entry_of_a_file(desk: httpx.Client):
    (entry,) = export_of(desk)["deployments"]
    assert (entry["name"], entry["entrypoint"]) == ("high-cpu-usage", "flows.rules.cpu_usage")
    assert entry["parameters"]["rule"]["when"] == {"above": 85.0}
    assert (entry["schedules"][0]["slug"], entry["schedules"][0]["interval"]) == ("every", 60)


OF_RULES = [one for one in REQUESTS if "/rules" in one.path]


def test_every_literal_request_about_rules_is_answered(desk: httpx.Client):
    made = ""
    for asked in OF_RULES:
        answer = sent(desk, Asked(*asked), rule_id=made)
        assert answer.status_code == asked.status, (asked.name, answer.text)
        if asked.status == 201:
            made = answer.json()["id"]


def test_a_rule_is_tried_on_sample_data_and_nothing_is_kept(desk: httpx.Client):
    values = [{"value": 70}, *({"value": value} for value in (91, 92, 93, 94, 95, 96, 97)),
              {"value": 40}]  # fmt: skip
    answer = desk.post(f"{RULES}/test", json={"rule": CPU, "samples": values})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["evaluations"], found["bad"], found["series"]) == (9, 7, 1)
    (alert,) = found["alerts"]
    (spell,) = alert["spells"]
    assert (alert["severity"], spell["reason"]) == ("warning", "recovered")
    assert desk.get(RULES).json()["items"] == []
    assert desk.get("/api/v1/alerts/alerts").json()["items"] == []


def test_two_series_at_one_moment_are_one_evaluation(desk: httpx.Client):
    at = "2026-01-31T12:00:00Z"
    samples = [{"value": 99, "at": at, "labels": {"host": host}} for host in ("a", "b")]
    body = {"rule": {"name": "cpu", "threshold_value": 85}, "samples": samples}
    found = desk.post(f"{RULES}/test", json=body).json()
    assert (found["evaluations"], len(found["alerts"])) == (1, 2)
    far = [{"value": 1, "at": f"20{year}-01-31T12:00:00Z"} for year in ("26", "27")]
    assert desk.post(f"{RULES}/test", json={**body, "samples": far}).status_code == 422


def test_a_rule_and_a_change_of_it_are_backtested_on_what_was_stored(
    desk: httpx.Client, on_prefect: FastAPI
):
    rule = {"name": "Slow API", "metric": "latency", "threshold_value": 500}
    assert desk.post(RULES, json=rule).status_code == 201
    now = on_prefect.state.store.now()
    samples = [
        {"name": "latency", "value": 600, "timestamp": (now - timedelta(minutes=m)).isoformat()}
        for m in range(1, 30)
    ]
    desk.post("/api/v1/alerts/metrics", json=samples)
    found = desk.post(f"{RULES}/slow-api/backtest", json={"hours": 1})
    assert found.status_code == 200, found.text
    assert len(found.json()["alerts"]) == 1
    changed = {"hours": 1, "changes": {"threshold_value": 700}}
    assert desk.post(f"{RULES}/slow-api/backtest", json=changed).json()["alerts"] == []
    assert desk.get(f"{RULES}/slow-api").json()["spec"]["when"] == {"above": 500}
    assert desk.post(f"{RULES}/nothing/backtest", json={}).status_code == 404


def test_a_rule_with_an_idempotency_key_is_made_once(desk: httpx.Client):
    keyed = {"Idempotency-Key": "make-cpu"}
    first = desk.post(RULES, json=CPU, headers=keyed)
    again = desk.post(RULES, json=CPU, headers=keyed)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["etag"] == first.headers["etag"]
    assert desk.post(RULES, json=DISK, headers=keyed).status_code == 422
