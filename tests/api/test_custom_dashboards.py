"""Custom dashboards over HTTP: each person's own, and of teams; with the client."""

from __future__ import annotations

from typing import TypeVar

import httpx
import pytest
from pydantic import BaseModel

from sentinel.access import Principal, Role
from sentinel.boards.document import BoardDocument, board_of
from sentinel.client import custom_dashboards
from sentinel.client.calls import Call
from sentinel.errors import NotFound, OutOfScope
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.custom_dashboards import MOST_BOARDS, Boards, Place

M = TypeVar("M", bound=BaseModel)
URL = "/api/v1/alerts/dashboards"
MARIA, BOB = ({"X-Sentinel-User": name} for name in ("maria", "bob"))
TILES = {"tiles": [{"kind": "count", "title": "Critical", "search": "severity:critical"}]}


def test_a_dashboard_is_saved_replaced_and_removed_by_its_owner(client: httpx.Client):
    first = client.put(f"{URL}/wall", json=TILES, headers=MARIA)
    assert first.status_code == 200, first.text
    assert (first.json()["saved_by"], first.json()["changes"]) == ("maria", True)
    assert first.json()["problem"] == ""
    assert first.json()["tiles"][0]["search"] == "severity:critical"
    assert client.get(f"{URL}/wall", headers=BOB).status_code == 404
    assert client.get(URL, headers=BOB).json()["items"] == []
    assert [one["name"] for one in client.get(URL, headers=MARIA).json()["items"]] == ["wall"]
    stale = {**MARIA, "If-Match": first.headers["ETag"]}
    assert client.put(f"{URL}/wall", json={"tiles": []}, headers=stale).is_success
    assert client.put(f"{URL}/wall", json=TILES, headers=stale).status_code == 412
    assert client.delete(f"{URL}/wall", headers=stale).status_code == 412
    assert client.delete(f"{URL}/wall", headers=MARIA).json()["tiles"] == []
    assert client.delete(f"{URL}/wall", headers=MARIA).status_code == 404
    refused = client.put(f"{URL}/wall", json={"tiles": [{"kind": "none"}]}, headers=MARIA)
    assert refused.status_code == 422
    assert "tiles" in refused.json()["error"]["message"]
    for tile, says in (
        ({"kind": "count", "search": "severity:(("}, "tiles.1.search"),
        ({"kind": "count", "search": "status:no"}, "tiles.1.search"),
        ({"kind": "table", "view": "severity=high&q=%28disk"}, "tiles.1.view"),
    ):
        tiles = [{"kind": "oncall"}, tile]
        refused = client.put(f"{URL}/wall", json={"tiles": tiles}, headers=MARIA)
        assert (refused.status_code, says in refused.text) == (422, True), refused.text
    team = client.put(f"{URL}/a/b ü", json=TILES, headers=MARIA, params={"team": "db"})
    assert (team.json()["tenant"], team.json()["team"]) == ("default", "db")
    assert client.get(f"{URL}/a/b ü", headers=BOB, params={"team": "db"}).is_success


def test_the_clients_requests_are_those(client: httpx.Client):
    def done(call: Call[M]) -> M:
        answer = client.send(call.request(client))
        assert answer.is_success, answer.text
        assert call.answer is not None
        return call.answer.model_validate(answer.json())

    tiles = [{"kind": "count", "search": "a"}]
    done(custom_dashboards.save_dashboard("a/b ü", tiles, team="db"))
    done(custom_dashboards.save_dashboard("own", tiles))
    assert len(done(custom_dashboards.dashboards()).items) == 2
    shared = done(custom_dashboards.dashboard("a/b ü", team="db"))
    assert (shared.team, shared.tiles[0]["search"]) == ("db", "a")
    assert done(custom_dashboards.remove_dashboard("own")).name == "own"


def test_a_teams_dashboard_is_seen_in_its_scope_and_changed_by_its_editors(store: Store):
    some = Place("acme", "db")
    document = board_of({"tiles": [{"kind": "count"}]})
    eva = Principal(name="eva", kind="person", role=Role.EDITOR, tenants=frozenset({"acme"}))
    vera = Principal(name="vera", kind="person", role=Role.VIEWER, tenants=frozenset({"acme"}))
    web = Principal(name="web", kind="person", role=Role.EDITOR, tenants=frozenset({"acme"}),
                    teams=frozenset({"web"}))  # fmt: skip
    other = Principal(name="otto", kind="person", role=Role.ADMIN, tenants=frozenset({"globex"}))
    Boards(store, eva).save("wall", some, document, actor="eva")
    for who in (vera, web, other):
        with pytest.raises(OutOfScope):
            Boards(store, who).save("wall", some, document, actor=who.name)
    assert [(one.name, one.changes) for one in Boards(store, vera).list()] == [("wall", False)]
    for who in (web, other):
        assert Boards(store, who).list() == []
        with pytest.raises(NotFound):
            Boards(store, who).get("wall", some)
        with pytest.raises(NotFound):
            Boards(store, who).remove("wall", some, actor=who.name)
    with pytest.raises(OutOfScope):
        Boards(store, vera).remove("wall", some, actor="vera")
    Boards(store, eva).remove("wall", some, actor="eva")
    rows = page(store, AuditFilter(actor="eva")).items
    assert [(one.action, one.tenant, one.object_name) for one in rows] == [
        ("dashboard.removed", "acme", "wall"), ("dashboard.saved", "acme", "wall"),
    ]  # fmt: skip


def test_there_are_only_so_many(store: Store):
    boards = Boards(store, Principal(name="ada", kind="person", role=Role.VIEWER))
    for number in range(MOST_BOARDS):
        boards.save(f"b{number}", Place(), BoardDocument(), actor="ada")
    boards.save("b1", Place(), BoardDocument(), actor="ada")
    with pytest.raises(Exception, match="Remove one first"):
        boards.save("one more", Place(), BoardDocument(), actor="ada")
