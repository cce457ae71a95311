"""What is answered at once is answered as the first time, and to whom it may be answered."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sentinel.access import Role
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.api.served import TOKEN, Raised, called

BASE = "/api/v1/alerts"
LISTS = f"{BASE}/alerts"


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_a_query_that_was_valid_before_sees_what_changed(client: httpx.Client, raised: Raised):
    query = f"{LISTS}?status=open&limit=5"
    assert client.get(query).json()["items"] == []
    (one,) = raised("/a")
    assert [item["id"] for item in client.get(query).json()["items"]] == [one]
    client.put(f"{BASE}/{one}/acknowledge").raise_for_status()
    assert client.get(query).json()["items"] == []


def test_the_same_query_of_another_route_is_another(client: httpx.Client, raised: Raised):
    (one,) = raised("/a")
    client.put(f"{BASE}/{one}/resolve").raise_for_status()
    for _ in range(2):
        for query in ("", "?limit=9"):
            assert client.get(f"{BASE}/active{query}").json()["items"] == []
            assert [item["id"] for item in client.get(f"{LISTS}{query}").json()["items"]] == [one]


def test_a_query_is_valid_for_nobody_who_may_not_ask_it(
    app: FastAPI, client: httpx.Client, store: Store, raised: Raised
):
    (one,) = raised("/a")
    queries = [LISTS, f"{LISTS}?limit=7", f"{LISTS}/{one}"]
    for query in queries:
        client.get(query).raise_for_status()
    elsewhere = Keys(store).create("k", Role.VIEWER, actor="t", tenants=["other"]).secret.text
    metrics = Keys(store).create("m", Role.ADMIN, actor="t", scopes=["metrics"]).secret.text
    with called(app) as nobody:
        assert [code(nobody.get(query)) for query in queries] == [(401, "unauthorized")] * 3
        strange = {"Authorization": f"Bearer {TOKEN}", "X-Sentinel-User": "a" * 101}
        found = [code(nobody.get(query, headers=strange)) for query in queries]
        assert found == [(422, "invalid")] * 3
    with called(app, Authorization=f"Bearer {elsewhere}") as other:
        assert [other.get(query).json()["items"] for query in queries[:2]] == [[], []]
        assert code(other.get(queries[2])) == (404, "not_found")
        assert code(other.put(f"{BASE}/{one}/acknowledge")) == (403, "forbidden")
    with called(app, Authorization=f"Bearer {metrics}") as narrow:
        assert [code(narrow.get(query)) for query in queries] == [(403, "forbidden")] * 3


def test_me_is_whoever_asks_the_same_query(app: FastAPI, client: httpx.Client, raised: Raised):
    (one,) = raised("/a")
    assign = {"action": "assign", "assignee": "lena"}
    client.post(f"{LISTS}/{one}/actions", json=assign).raise_for_status()
    for who, count in (("lena", 1), ("omar", 0), ("lena", 1)):
        headers = {"X-Sentinel-User": who}
        asked = client.get(LISTS, params={"q": "assignee:me"}, headers=headers)
        assert len(asked.json()["items"]) == count


def test_a_known_path_says_what_it_does_not_know(client: httpx.Client, raised: Raised):
    (one,) = raised("/a")
    for _ in range(2):
        assert client.get(f"{LISTS}/{one}").status_code == 200
        assert code(client.get(f"{LISTS}/{'0' * 32}")) == (404, "not_found")
        assert code(client.get(f"{LISTS}/{one}?x=1")) == (422, "invalid")
        assert code(client.get(f"{LISTS}/{one.upper()}x")) == (422, "invalid")
        assert code(client.get(f"{LISTS}?limit=0")) == (422, "invalid")
        assert code(client.get(f"{LISTS}?x=1")) == (422, "invalid")
        wrong = client.delete(f"{LISTS}/{one}")
        assert (code(wrong), wrong.headers["allow"]) == ((405, "method_not_allowed"), "GET")
        assert code(client.get(f"{BASE}/nothing/{one}")) == (404, "not_found")


def test_a_star_in_a_path_is_no_id(app: FastAPI, client: httpx.Client, raised: Raised):
    (one,) = raised("/a")
    paths = [
        ("GET", f"{LISTS}/{{}}"), ("PUT", f"{BASE}/{{}}/acknowledge"),
        ("POST", f"{LISTS}/{{}}/actions"),
    ]  # fmt: skip
    body = {"action": "comment", "note": "x"}
    for method, path in paths:
        json = body if method == "POST" else None
        client.request(method, path.format(one), json=json).raise_for_status()
        assert client.request(method, path.format("*"), json=json).status_code == 422
        with called(app) as nobody:
            assert code(nobody.request(method, path.format("*"), json=json)) == (
                401, "unauthorized",
            )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 200),
        (b'{"note": "on it"}', "application/json", 200),
        (b'{"note": "on it"}', "application/json; charset=utf-8", 200),
        (b'{"note": 7}', "application/json", 422),
        (b'{"nota": "x"}', "application/json", 422),
        (b"{", "application/json", 400),
        (b'{"note": "on it"}', "text/plain", 422),
    ],
)
def test_an_acknowledgement_is_read_as_any_body_is(
    client: httpx.Client, raised: Raised, content: bytes, kind: str, status: int
):
    (one,) = raised("/a")
    headers = {"Content-Type": kind}
    found = client.put(f"{BASE}/{one}/acknowledge", content=content, headers=headers)
    assert found.status_code == status
    shown = client.get(f"{LISTS}/{one}").json()
    assert shown["status"] == ("acknowledged" if status == 200 else "open")
    assert shown["acknowledge_comment"] == ("on it" if status == 200 and content else "")


def test_an_event_goes_to_the_tenant_that_the_query_names(client: httpx.Client, store: Store):
    event: dict[str, Any] = {"id": "a"}
    for query in ("", "", "?tenant_id=other"):
        client.post(f"{BASE}/process-event{query}", json=event).raise_for_status()
    assert store.events.count() == store.events.count("other") == 1


def test_requests_have_ids_of_their_own(client: httpx.Client):
    ids = {client.get(LISTS).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    given = client.get(LISTS, headers={"X-Request-Id": "mine"})
    assert given.headers.get_list("x-request-id") == ["mine"]
    refused = client.get(f"{LISTS}?x=1", headers={"X-Request-Id": "mine"})
    assert refused.headers.get_list("x-request-id") == ["mine"]
