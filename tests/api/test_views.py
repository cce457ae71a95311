"""Saved views over HTTP: each person's own."""

from __future__ import annotations

import httpx
import pytest

URL = "/api/v1/alerts/views"
MARIA, BOB = ({"X-Sentinel-User": name} for name in ("maria", "bob"))


def test_a_view_is_saved_replaced_and_removed_by_its_owner(client: httpx.Client):
    first = client.put(f"{URL}/live/Critical, mine", json={"query": "q=a"}, headers=MARIA)
    assert (first.status_code, first.json()["name"]) == (200, "Critical, mine")
    other = client.put(f"{URL}/history/last/week", json={"query": "span=7d"}, headers=MARIA)
    assert other.json()["name"] == "last/week"
    names = [one["name"] for one in client.get(URL, headers=MARIA).json()["items"]]
    assert names == ["last/week", "Critical, mine"]
    assert client.get(URL, headers=BOB).json()["items"] == []
    assert client.delete(f"{URL}/live/Critical, mine", headers=BOB).status_code == 404
    stale = {**MARIA, "If-Match": first.headers["ETag"]}
    assert client.put(f"{URL}/live/Critical, mine", json={"query": "q=b"}, headers=stale).is_success
    again = client.put(f"{URL}/live/Critical, mine", json={"query": "q=c"}, headers=stale)
    assert again.status_code == 412
    removed = client.delete(f"{URL}/live/Critical, mine", headers=MARIA)
    assert removed.json()["query"] == "q=b"
    assert client.delete(f"{URL}/live/Critical, mine", headers=MARIA).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("live/x", {"query": "q", "shared": True}, "shared"),
        ("overview/x", {"query": "q"}, "page"),
        ("live/%20", {"query": "q"}, "name"),
        ("live/%1b", {"query": "q"}, "no name for a view"),
        ("live/x", {"query": "q" * 2001}, "query"),
    ],
)
def test_what_no_view_can_be_is_refused_by_name(
    client: httpx.Client, path: str, body: object, names: str
):
    answer = client.put(f"{URL}/{path}", json=body)
    assert answer.status_code == 422
    assert names in answer.json()["error"]["message"]
