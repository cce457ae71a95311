"""The catalog of services over HTTP, with the client: applied, edited, and how services stand."""

from __future__ import annotations

from typing import Any, TypeVar

import httpx
import pytest
from pydantic import BaseModel

from sentinel.client import services
from sentinel.client.calls import Call
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.services.catalog import Services
from tests.world import World

M = TypeVar("M", bound=BaseModel)
URL = "/api/v1/services"
WEB: dict[str, Any] = {"name": "web", "owner": "shop", "tier": 1, "depends_on": ["pay"]}
PAY: dict[str, Any] = {"name": "pay", "match": ["mount=/pay"]}


def test_services_are_applied_edited_and_removed(client: httpx.Client, store: Store):
    body = {"services": [WEB, PAY]}
    dry = client.post(f"{URL}/-/apply", json={**body, "dry_run": True})
    assert dry.status_code == 200, dry.text
    assert client.get(URL).json()["items"] == []
    done = client.post(f"{URL}/-/apply", json=body).json()
    assert done["changes"] == dry.json()["changes"]
    assert [one["change"] for one in done["changes"]] == ["created", "created"]

    found = client.get(f"{URL}/web")
    assert (found.headers["etag"], found.json()["definition"]["tier"]) == ('"1"', 1)
    stale = {"If-Match": '"1"'}
    changed = client.put(f"{URL}/web", json={**WEB, "tier": 2}, headers=stale)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"'), changed.text
    assert client.put(f"{URL}/web", json=WEB, headers=stale).status_code == 412
    assert client.delete(f"{URL}/web", headers=stale).status_code == 412
    assert client.put(f"{URL}/new", json={"name": "new"}, headers=stale).status_code == 412
    assert client.delete(f"{URL}/web").json()["definition"]["tier"] == 2
    assert client.get(f"{URL}/web").status_code == 404
    assert [one.definition.name for one in Services(store).list()] == ["pay"]


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"tier": 9}, 422, "tier: "),
        ({"name": "other"}, 422, "name: must be web, as in the address"),
        ({"colour": "red"}, 422, "colour"),
        ({"depends_on": ["web"]}, 422, "depends_on names web itself"),
        ({"aliases": ["pay"]}, 409, "the service 'pay' has the name 'pay' already"),
    ],
)
def test_what_is_no_service_is_refused_by_its_field(
    client: httpx.Client, change: dict[str, Any], status: int, said: str
):
    assert client.put(f"{URL}/pay", json=PAY).is_success
    answer = client.put(f"{URL}/web", json={**WEB, **change})
    assert (answer.status_code, said in answer.json()["error"]["message"]) == (status, True), (
        answer.text
    )
    twice = client.post(f"{URL}/-/apply", json={"services": [WEB, WEB]})
    assert (twice.status_code, "two services have the name 'web'" in twice.text) == (422, True)


def test_a_list_is_read_page_by_page(client: httpx.Client):
    names = ["a", "B", "c.d"]
    client.post(f"{URL}/-/apply", json={"services": [{"name": name} for name in names]})
    seen, cursor = list[str](), None
    while True:
        params = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = client.get(URL, params=params).json()
        seen += [one["definition"]["name"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["B", "a", "c.d"]


def test_the_clients_requests_say_how_services_stand(
    client: httpx.Client, store: Store, clock: FakeClock
):
    def done(call: Call[M]) -> M:
        answer = client.send(call.request(client))
        assert answer.is_success, answer.text
        assert call.answer is not None
        return call.answer.model_validate(answer.json())

    assert done(services.apply([WEB], dry_run=True)).dry_run
    done(services.save("web", WEB))
    done(services.save("pay", PAY))
    assert done(services.read("web")).definition["owner"] == "shop"
    assert [one.definition["name"] for one in done(services.listed()).items] == ["pay", "web"]
    World(store, clock, severity="high").sees({"/pay": 95})
    pay, web = done(services.affected()).items
    assert (pay.name, pay.severity, pay.alert_count) == ("pay", "high", 1)
    assert (web.severity, web.impaired_by) == (None, ["pay"])
    radius = done(services.blast_radius("pay"))
    assert (radius.affected[0]["path"], radius.tiers) == (["web", "pay"], {"1": 1})
    (edge,) = done(services.dependencies()).items
    assert (edge.caller, edge.callee, edge.source) == ("web", "pay", "declared")
    assert [one.service for one in done(services.readiness_of_all()).items] == ["pay", "web"]
    assert done(services.readiness("web")).score == 20
    assert done(services.remove("web")).version == 1
