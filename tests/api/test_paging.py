"""Short lists over HTTP have pages, as the long ones do."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sentinel.access import Role
from sentinel.api.paging import page_of
from sentinel.client import Client
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.api.served import TOKEN

BASE = "/api/v1/alerts"


def test_a_page_begins_after_the_one_before_whatever_was_added_or_removed():
    names = ["b", "B", "a", "c"]
    assert page_of(names, str, None) == (["B", "a", "b", "c"], None)
    assert page_of(names, str, 2) == (["B", "a"], "a")
    assert page_of(["B", "aa", "b", "c"], str, 2, "a") == (["aa", "b"], "b")
    assert page_of(names, str, 2, "a") == (["b", "c"], None)
    assert page_of(names, str, 2, "c") == ([], None)


@pytest.fixture
def several(store: Store) -> None:
    store.receivers.set("a", ["sentinel-email/z", "sentinel-email/a"])
    store.receivers.set("zz", ["inbox"])
    keys = Keys(store)
    before = keys.create("one", Role.VIEWER, actor="ada")
    keys.revoke(before.key.id, actor="ada")  # its name can be given again
    for name in ("one", "two"):
        keys.create(name, Role.VIEWER, actor="ada")


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    ("path", "more", "field", "there"),
    [
        ("receivers", {}, "name", ["a", "default", "zz"]),
        ("channels", {}, "channel", ["inbox", "sentinel-email/a", "sentinel-email/z"]),
        ("keys", {"revoked": True}, "name", ["one", "one", "two"]),
    ],
)
def test_pages_have_each_item_once(
    client: httpx.Client, path: str, more: dict[str, Any], field: str, there: list[str]
):
    def page(**params: Any) -> Any:
        answer = client.get(f"{BASE}/{path}", params={**more, **params})
        assert answer.status_code == 200, answer.text
        return answer.json()

    whole = page()
    assert ([one[field] for one in whole["items"]], whole["next_cursor"]) == (there, None)
    items, cursor = [], None
    for _ in there:
        part = page(limit=1, **({"cursor": cursor} if cursor else {}))
        items += part["items"]
        cursor = part["next_cursor"]
    assert (items, cursor) == (whole["items"], None)
    assert page(limit=500)["next_cursor"] is None
    for name, wrong in (("limit", 0), ("limit", 501), ("cursor", "\0")):
        refused = client.get(f"{BASE}/{path}", params={name: wrong})
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, name)


@pytest.mark.usefixtures("several")
def test_the_client_reads_pages(url: str):
    with Client(url, TOKEN) as sentinel:
        first = sentinel.receivers(limit=2)
        assert [one.name for one in first.items] == ["a", "default"]
        rest = sentinel.receivers(limit=2, cursor=first.next_cursor)
        assert ([one.name for one in rest.items], rest.next_cursor) == (["zz"], None)
        first = sentinel.keys(limit=1)
        rest = sentinel.keys(cursor=first.next_cursor)
        assert [one.name for one in (*first.items, *rest.items)] == ["one", "two"]
