"""Rules, statistics, the inbox and health over HTTP, on both databases."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from sentinel.access import EVERYTHING, Role
from sentinel.access.security_events import SECURITY_TENANT
from sentinel.api import create_app
from sentinel.clock import FakeClock
from sentinel.engine.self_watch import SelfWatch
from sentinel.event_policies.self_watch import POLICIES
from sentinel.notifications.channel import Message
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.access.within import Within
from sentinel.store.audit.queries import AuditFilter, page
from tests.api.served import Raised, caller, served
from tests.databases import both_databases
from tests.world import World

BASE = "/api/v1/alerts"


@both_databases
def test_rules_say_what_they_last_found(client: httpx.Client, raised: Raised, store: Store):
    raised("/data", severity="high")
    raised("/", name="quiet", value=5.0)
    store.rules.disable("quiet", actor="maria", reason="noise")
    quiet, disk = sorted(
        client.get(f"{BASE}/rules").json()["items"], key=lambda rule: rule["live_alerts"]
    )
    assert (disk["name"], disk["outcome"], disk["live_alerts"]) == ("disk", "firing", 1)
    assert (quiet["enabled"], quiet["switched_by"]) == (False, "maria")
    assert disk["spec"]["when"]["above"] == 90
    assert client.get(f"{BASE}/rules", params={"tenant": "other"}).json()["items"] == []
    first = client.get(f"{BASE}/rules", params={"limit": 1, "fields": "name"}).json()
    assert first == {"items": [{"name": "disk"}], "next_cursor": "default/disk"}
    rest = client.get(f"{BASE}/rules", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert ([one["name"] for one in rest["items"]], rest["next_cursor"]) == (["quiet"], None)


@both_databases
def test_rules_of_self_watch_are_listed_after_those_of_people(
    client: httpx.Client, clock: FakeClock, store: Store
):
    SelfWatch(store).evaluate(store.now())
    for tenant in ("default", "zeta"):
        World(store, clock, name="own", tenant=tenant).sees({"/": 5})
    count = len(POLICIES) + 1
    tenants = ["default", "zeta", *[SECURITY_TENANT] * count]
    assert [one.tenant for one in store.rules.list()] == tenants
    assert [one.tenant for one in Within(store, EVERYTHING).scoped_rules.list()] == tenants
    listed, more = list[tuple[str, str]](), dict[str, str]()
    while True:
        answer = client.get(f"{BASE}/rules", params={"limit": 2, **more}).json()
        listed += [(one["tenant"], one["name"]) for one in answer["items"]]
        if answer["next_cursor"] is None:
            break
        more = {"cursor": answer["next_cursor"]}
    assert [tenant for tenant, _ in listed] == tenants
    assert listed[2:] == sorted(set(listed[2:]))


@both_databases
def test_statistics_count_what_happened(client: httpx.Client, raised: Raised):
    first, _ = raised("/a", "/b", severity="critical")
    client.post(f"{BASE}/alerts/{first}/actions", json={"action": "resolve"})
    body = client.get(f"{BASE}/statistics", params={"hours": 1}).json()
    assert (body["total_active_alerts"], body["critical_alerts"]) == (1, 1)
    assert body["unacknowledged_alerts"] == 1
    stats = body["system_stats"]
    assert (stats["alerts_generated"], stats["alerts_resolved"]) == (2, 1)
    assert stats["rule_evaluations"] == 1


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "1e9"])
def test_hours_have_bounds(client: httpx.Client, hours: str):
    assert client.get(f"{BASE}/statistics", params={"hours": hours}).status_code == 422


def message(number: int, clock: FakeClock) -> Message:
    return Message(
        id=f"m{number}", group_id="g", dedup_key="g", at=clock.now() + timedelta(seconds=number),
        status="firing", reason="first", reason_text="first notification",
        receiver="default", title=f"message {number}", severity="high",
        firing=1, resolved=0, alerts=[], url="",
    )  # fmt: skip


@both_databases
def test_the_inbox_is_read_newest_first(client: httpx.Client, store: Store, clock: FakeClock):
    for number in range(3):
        store.inbox.put(message(number, clock))
    store.inbox.mark_read(["m0"])
    first = client.get(f"{BASE}/inbox", params={"limit": 2}).json()
    assert [item["title"] for item in first["items"]] == ["message 2", "message 1"]
    assert first["unread"] == 2
    rest = client.get(f"{BASE}/inbox", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["title"] for item in rest["items"]] == ["message 0"]
    assert rest["next_cursor"] is None
    assert client.get(f"{BASE}/inbox", params={"cursor": "x"}).status_code == 422


@both_databases
def test_messages_are_found_and_marked_as_read(
    client: httpx.Client, store: Store, clock: FakeClock
):
    for number in range(3):
        store.inbox.put(message(number, clock))
    found = client.get(f"{BASE}/inbox", params={"q": "MESSAGE 1"}).json()["items"]
    assert [one["id"] for one in found] == ["m1"]
    resolved = client.get(f"{BASE}/inbox", params={"status": "resolved"}).json()["items"]
    assert [one["id"] for one in resolved] == []
    assert client.post(f"{BASE}/inbox/read", json={"ids": ["m1", "none"]}).json() == {"marked": 1}
    unread = client.get(f"{BASE}/inbox", params={"unread": True}).json()
    assert ([one["id"] for one in unread["items"]], unread["unread"]) == (["m2", "m0"], 2)
    key = Keys(store).create("red", Role.RESPONDER, actor="ada", tenants=["red"]).secret.text
    theirs = {"Authorization": f"Bearer {key}"}
    assert client.post(f"{BASE}/inbox/read", json={"ids": None}, headers=theirs).json() == {
        "marked": 0
    }
    assert client.post(f"{BASE}/inbox/read", json={"ids": None}).json() == {"marked": 2}
    (row, _) = page(store, AuditFilter(actions=("inbox.read",))).items
    assert (row.actor, row.after) == ("robot", {"count": 2, "ids": "all"})
    assert client.post(f"{BASE}/inbox/read", json={}).status_code == 422


@both_databases
def test_health_names_every_part(client: httpx.Client, store: Store):
    answer = client.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "degraded"
    assert body["components"]["database"]["status"] == "ok"
    assert body["components"]["schema"]["status"] == "ok"
    assert "does not answer" in body["components"]["prefect"]["message"]
    assert "sentinel relay" in body["components"]["relay"]["message"]

    store.leases.take("relay", "somebody", timedelta(seconds=10))
    assert client.get("/health").json()["components"]["relay"]["status"] == "ok"


@contextmanager
def over(settings: Settings, url: str) -> Generator[httpx.Client]:
    """An API over some database."""
    store = Store(url)
    token = settings.api_token.get_secret_value()
    with (
        served(create_app(settings, store=store, relay=False)) as at,
        caller(at, Authorization=f"Bearer {token}") as client,
    ):
        yield client
    store.close()


def test_a_database_that_is_down_is_reported_and_is_not_an_internal_error(settings: Settings):
    with over(settings, "postgresql://nobody:secret@127.0.0.1:9/none") as client:
        health = client.get("/health")
        assert health.status_code == 503
        assert health.json()["status"] == "down"
        assert health.json()["components"]["database"]["status"] == "down"
        assert "secret" not in health.text
        ready = client.get("/ready", headers={"Authorization": ""})
        assert (ready.status_code, ready.json()) == (503, {"status": "down"})
        for path in ("alerts", "rules", "inbox", "statistics", f"alerts/{'0' * 32}"):
            answer = client.get(f"{BASE}/{path}")
            assert answer.status_code == 503, path
            assert answer.json()["error"]["code"] == "unavailable"
            assert "secret" not in answer.text


def test_a_probe_needs_no_key_to_ask_whether_requests_are_answered(
    settings: Settings, store: Store
):
    with over(settings, store.engine.url.render_as_string(hide_password=False)) as client:
        answer = client.get("/ready", headers={"Authorization": ""})
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_database_without_tables_is_reported(settings: Settings, tmp_path: Path):
    with over(settings, f"sqlite:///{tmp_path / 'empty.db'}") as client:
        health = client.get("/health")
        assert health.status_code == 503
        assert "sentinel db migrate" in health.json()["components"]["schema"]["message"]
        assert client.get(f"{BASE}/alerts").status_code == 503


@both_databases
def test_the_relay_runs_beside_the_api(settings: Settings, store: Store):
    beside = Store(store.engine.url.render_as_string(hide_password=False))
    app = create_app(settings, store=beside, relay=True)
    with served(app) as at, caller(at) as client:
        deadline = time.monotonic() + 60
        while client.get("/health").json()["components"]["relay"]["status"] != "ok":
            assert time.monotonic() < deadline, "no relay took the lease"
            time.sleep(0.05)
    assert beside.leases.holder("relay") is None
    beside.close()
