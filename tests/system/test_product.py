"""The whole product: one real alert travels the whole way, a quiet hour's start, and bad days.

The tests of this file share one instance and run in order.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import secrets
import signal
import subprocess
from collections import Counter
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import text

from sentinel.store import Store
from sentinel.store.oncall.documents import OnCallDocuments
from tests.prefect_server import ROOT, Receiver
from tests.system.product import Product, none_of
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("system")]

SECRET = secrets.token_hex(16)
SOAKED = 80


@pytest.fixture(scope="module")
def receiver() -> Generator[Receiver]:
    with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A file system of 8 MB that a test may fill."""
    folder = tmp_path_factory.mktemp("disk")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0755", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def product(
    tmp_path_factory: pytest.TempPathFactory, receiver: Receiver, disk: Path
) -> Generator[Product]:
    folder = tmp_path_factory.mktemp("product")
    product = Product(folder)
    product.start()
    try:
        product.make_webhook("system-test", receiver.url, SECRET)
        store = product.store()
        store.receivers.set("system-test", ["inbox", "sentinel-webhook/system-test"])
        store.close()
        product.deploy(folder, _rule(disk))
        yield product
    finally:
        product.stop()


def _rule(disk: Path) -> dict[str, Any]:
    return {
        "name": "system-disk",
        "entrypoint": "flows.rules.disk_space",
        "work_pool": {"name": "sentinel"},
        "pull": [],
        "parameters": {
            "paths": [str(disk)],
            "rule": {
                "name": "system-disk",
                "every": "30s",
                "when": {"above": 80, "clear": 50},
                "severity": "high",
                "group_wait": "0s",
                "receivers": ["system-test"],
            },
        },
        "schedules": [
            {"slug": "every", "interval": 30, "anchor_date": "2026-01-01T00:00:03+00:00"}
        ],
    }


def _fill(disk: Path) -> None:
    (disk / "ballast").write_bytes(bytes(7 * 1024 * 1024))


def _clear(disk: Path) -> None:
    (disk / "ballast").unlink()


def _told(receiver: Receiver) -> list[dict[str, Any]]:
    """What the receiver got, each signature checked."""
    bodies: list[dict[str, Any]] = []
    for request in receiver.requests:
        expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
        assert request.headers["X-Sentinel-Signature-256"] == f"sha256={expected}"
        bodies.append(json.loads(request.body))
    return bodies


def _alerts(product: Product, **query: str) -> list[dict[str, Any]]:
    query = {"rule": "system-disk", **query}
    return product.api("GET", "/api/v1/alerts/alerts", params=query)["items"]


def _runs(product: Product, deployment: str) -> list[dict[str, Any]]:
    return product.prefect(
        "/flow_runs/filter",
        deployments={"name": {"any_": [deployment]}},
        flow_runs={"state": {"type": {"any_": ["COMPLETED"]}}},
    )


def test_one_real_alert_travels_the_whole_way(product: Product, disk: Path, receiver: Receiver):
    _fill(disk)
    (alert,) = product.eventually(lambda: _alerts(product, status="open"), "an alert opens", 180)
    assert str(disk) in alert["title"]

    # Its run in Prefect says what it found, and each is found from the other.
    (run,) = product.eventually(
        lambda: [r for r in _runs(product, "system-disk") if r["id"] == alert["flow_run_id"]],
        "its run ends",
    )
    assert run["state_name"] == "Firing"
    (event,) = product.eventually(
        lambda: [
            one
            for one in product.events("sentinel.alert.opened")
            if one["resource"]["prefect.resource.id"] == f"sentinel.alert.{alert['id']}"
        ],
        "its event is in Prefect",
    )
    related = {one["prefect.resource.role"]: one["prefect.resource.id"] for one in event["related"]}
    assert related["flow-run"] == f"prefect.flow-run.{run['id']}"
    assert set(related) >= {"flow-run", "deployment", "flow"}

    # The Automation started a run of notify, and that run delivered it.
    (first,) = product.eventually(lambda: _told(receiver), "a message is delivered", 180)
    assert (first["status"], first["alert_id"]) == ("open", alert["id"])
    store = product.store()
    # Its channel has the message a moment before the row says so.
    (by,) = product.eventually(lambda: _sent_by(store), "the delivery is kept as sent")
    (notify,) = product.eventually(
        lambda: [run for run in _runs(product, "notify") if run["id"] == by],
        f"run {by}, which has told, is one of notify and ends",
    )
    assert notify["created_by"]["type"] == "AUTOMATION"
    assert store.inbox.unread() >= 1
    store.close()

    # A person takes it on by the link in the message, the condition clears, and the resolve
    # reaches who was told.
    page = httpx.get(first["acknowledge_url"])
    assert (page.status_code, str(disk) in page.text) == (200, True)
    assert _alerts(product)[0]["status"] == "open"
    assert httpx.post(first["acknowledge_url"], data={"note": "mine"}).status_code == 200
    taken = _alerts(product)[0]
    assert taken["status"] == "acknowledged"
    assert taken["acknowledged_by"] == "link of receiver system-test"
    _clear(disk)
    product.eventually(lambda: _alerts(product)[0]["status"] == "resolved", "it resolves", 180)
    product.eventually(lambda: len(_told(receiver)) == 2, "the resolve is delivered", 180)
    last = _told(receiver)[-1]
    assert (last["status"], last["dedup_key"]) == ("resolved", first["dedup_key"])
    timeline = product.api("GET", f"/api/v1/alerts/alerts/{alert['id']}")["timeline"]
    assert [entry["kind"] for entry in timeline] == ["opened", "acknowledged", "resolved"]


def test_a_rule_that_was_built_by_clicks_in_the_dashboard_fires(product: Product):
    product.clicks("build", "clicked-cpu")
    (alert,) = product.eventually(
        lambda: _alerts(product, rule="clicked-cpu", status="open"), "the built rule fires", 180
    )
    row = product.api("GET", "/api/v1/alerts/rules/clicked-cpu")
    assert (row["owner"], row["health"]) == ("ui", "firing")
    product.clicks("delete", "clicked-cpu")
    closed = product.api("GET", f"/api/v1/alerts/alerts/{alert['id']}")
    assert (closed["status"], closed["resolution"]) == ("resolved", "rule_disabled")


def _sent_by(store: Any) -> list[str]:
    """Who has sent what went to channels other than the inbox; empty while something is sent."""
    rows = [row for row in _deliveries(store) if row["channel"] != "inbox"]
    return [row["by"] for row in rows] if {row["state"] for row in rows} == {"sent"} else []


def _deliveries(store: Any) -> list[dict[str, Any]]:
    with store.read() as connection:
        rows = connection.execute(
            text(
                "SELECT d.channel, d.state, d.by FROM delivery d JOIN alert_group g "
                "ON g.id = d.group_id WHERE g.route = 'system-test'"
            )
        )
        return [dict(row._mapping) for row in rows]


def test_the_demo_is_named_as_such_and_its_alerts_are_there(product: Product):
    shipped = {"demo-cpu", "demo-disk", "disk-space", "cpu-high", "system-disk"}

    def listed() -> list[dict[str, Any]]:
        return product.api("GET", "/api/v1/alerts/rules", params={"limit": 200})["items"]

    # A rule is listed from its first evaluation on.
    product.eventually(
        lambda: shipped <= {row["name"] for row in listed()}, "every rule was looked at"
    )
    assert shipped <= {row["name"] for row in product.sentinel("rule", "list")["items"]}
    demo = [
        row for row in product.sentinel("alert", "list")["items"] if row["rule"].startswith("demo-")
    ]
    assert demo
    assert {row["severity"] for row in demo} == {"info"}


@pytest.mark.long
def test_scheduled_runs_complete_none_late_and_no_log_has_a_traceback(product: Product):
    # From here on nothing else happens: the start itself, and the tests before, are not counted.
    began = datetime.now(UTC)

    def completed() -> list[dict[str, Any]]:
        runs = product.prefect(
            "/flow_runs/filter",
            flow_runs={
                "state": {"type": {"any_": ["COMPLETED"]}},
                "expected_start_time": {"after_": began.isoformat()},
            },
        )
        return [run for run in runs if run["auto_scheduled"]]

    product.eventually(lambda: len(completed()) >= SOAKED, f"{SOAKED} scheduled runs", 25 * 60)
    assert {run["state_name"] for run in completed()} <= {
        "OK", "Firing", "NothingDue", "Swept", "Notified"
    }  # fmt: skip
    assert product.prefect(
        "/flow_runs/filter", flow_runs={"state": {"type": {"any_": ["FAILED", "CRASHED"]}}}
    ) == []  # fmt: skip
    late = [
        one["resource"].get("prefect.resource.name")
        for one in product.events("prefect.flow-run.Late")
        if datetime.fromisoformat(one["occurred"]) > began
    ]
    assert late == []
    assert product.tracebacks() == {}


def test_a_worker_killed_in_the_middle_of_a_run_loses_and_doubles_nothing(
    product: Product, disk: Path, receiver: Receiver
):
    before = len(_told(receiver))
    _fill(disk)
    running = product.eventually(
        lambda: product.prefect(
            "/flow_runs/filter",
            deployments={"name": {"any_": ["system-disk"]}},
            flow_runs={"state": {"type": {"any_": ["RUNNING", "PENDING"]}}},
        ),
        "a run is under way",
    )
    assert running
    worker = product.child("worker")
    for process in [*worker.children(recursive=True), worker]:
        process.kill()
    (alert,) = product.eventually(lambda: _alerts(product, status="open"), "it opens anyway", 300)
    product.eventually(lambda: len(_told(receiver)) > before, "it is told anyway", 300)
    _clear(disk)
    product.eventually(lambda: not _alerts(product, status="open"), "it resolves", 300)
    product.eventually(lambda: _told(receiver)[-1]["status"] == "resolved", "and that is told", 300)
    said = [body["status"] for body in _told(receiver)[before:]]
    assert said == ["open", "resolved"]
    assert alert["id"] in {one["id"] for one in _alerts(product)}


def test_prefect_away_for_a_minute_while_a_condition_starts(
    product: Product, disk: Path, receiver: Receiver
):
    before = len(_told(receiver))
    server = product.child("prefect")
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        _fill(disk)
        asyncio.run(asyncio.sleep(60))  # the outage itself is what is tested, not a wait
    finally:
        for process in processes:
            process.resume()
    product.eventually(
        lambda: _alerts(product, status="open"), "it opens once Prefect is back", 300
    )
    product.eventually(lambda: len(_told(receiver)) > before, "and is told", 300)
    _clear(disk)
    product.eventually(lambda: _told(receiver)[-1]["status"] == "resolved", "and resolves", 300)
    assert [body["status"] for body in _told(receiver)[before:]] == ["open", "resolved"]


def test_a_page_leaves_at_the_time_that_was_set_when_its_group_opened(
    product: Product, tmp_path: Path
):
    store = product.store()
    store.receivers.set("system-pager", ["sentinel-webhook/system-test"])
    documents = OnCallDocuments(store)
    documents.apply(_policy("45s"), actor="test")
    body = {"alert_name": "escalates", "severity": "critical", "team": "system"}
    alert = product.api("POST", "/api/v1/alerts", json=body)["id"]
    product.eventually(lambda: _sent_pages(store)["1"], "the first level is paged")
    due = _moment(store, "SELECT due_at FROM escalation WHERE state = 'waiting'")

    # What is pending stands in Prefect as a scheduled run that an Automation made.
    def scheduled() -> list[dict[str, Any]]:
        return product.prefect(
            "/flow_runs/filter",
            deployments={"name": {"any_": ["escalate"]}},
            flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}},
        )

    (pending, *_) = product.eventually(scheduled, "a run is scheduled")
    assert pending["created_by"]["type"] == "AUTOMATION"

    # The policy is edited, the flow deployed again, the worker and the server killed.
    documents.apply(_policy("2h"), actor="test")
    entries = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    product.deploy(tmp_path, next(one for one in entries if one["name"] == "escalate"))
    for name in ("worker", "prefect"):
        child = product.child(name)
        for process in [*child.children(recursive=True), child]:
            process.kill()
    product.eventually(lambda: _sent_pages(store)["2"], "the second level is paged", 300)
    attempted = _moment(store, "SELECT attempted_at FROM escalation_page WHERE level = 2")
    assert timedelta(0) <= attempted - due <= timedelta(seconds=30)
    product.api("POST", f"/api/v1/alerts/alerts/{alert}/actions", json={"action": "resolve"})
    product.eventually(lambda: _sent_pages(store, "resolved"), "the end is told", 300)
    documents.rollback(0, actor="test")
    store.close()
    product.is_well()


def _policy(after: str) -> str:
    return f"""
people: {{ann: {{notify: [{{receiver: system-pager}}]}}}}
teams: {{system: {{people: [ann], escalation: system}}}}
escalation_policies:
  system: {{steps: [{{notify: person:ann}}, {{after: {after}, notify: person:ann}}]}}
"""


def _sent_pages(store: Store, kind: str = "page") -> Counter[str]:
    """How many pages of each level were sent."""
    query = "SELECT level FROM escalation_page WHERE state = 'sent' AND kind = :kind"
    with store.read() as connection:
        return Counter(str(row[0]) for row in connection.execute(text(query), {"kind": kind}))


def _moment(store: Store, query: str) -> datetime:
    with store.read() as connection:
        return connection.execute(text(query)).scalar_one()


def test_a_supervisor_that_is_killed_leaves_nothing_and_the_next_start_has_the_history(
    product: Product,
):
    started = product.processes()
    count = len(product.sentinel("alert", "list", "--history")["items"])
    product.end(signal.SIGKILL)
    eventually(lambda: none_of(started), "all that it started has ended")
    product.start()
    assert len(product.sentinel("alert", "list", "--history")["items"]) >= count
    assert os.path.exists(product.home.record)  # noqa: PTH110 - a plain look


def test_ctrl_c_stops_everything_it_started(product: Product):
    started = product.processes()
    assert started
    assert product.stop() == 0
    eventually(lambda: none_of(started), "all have ended", 30)
