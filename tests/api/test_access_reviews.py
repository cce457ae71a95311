"""Access reviews and separation of duties over HTTP."""

from __future__ import annotations

import httpx

from sentinel.access import Role
from sentinel.store import Store
from tests.api.test_pending_changes import key_of

ACCESS = "/api/v1/alerts/access"


def test_a_person_certifies_who_has_which_role(client: httpx.Client, store: Store):
    maria = key_of(store, "maria", Role.ADMIN)
    now = client.get(ACCESS).json()
    assert [(one["kind"], one["name"], one["role"]) for one in now["items"]] == [
        ("person", "maria", "admin"), ("key", "key of maria", "admin"),
    ]  # fmt: skip
    assert now["due_at"] is not None
    assert client.post(f"{ACCESS}/reviews", json={"comment": "seen"}).status_code == 403
    assert client.post(f"{ACCESS}/reviews", json={"comment": " "}, headers=maria).status_code == 422
    made = client.post(f"{ACCESS}/reviews", json={"comment": "all are needed"}, headers=maria)
    assert made.status_code == 201, made.text
    review = made.json()
    assert (review["certified_by"], review["count"], review["problem"]) == ("maria", 2, "")
    assert [one["name"] for one in review["entries"]] == ["maria", "key of maria"]
    assert client.get(f"{ACCESS}/reviews/{review['id']}").json() == review
    (listed,) = client.get(f"{ACCESS}/reviews").json()["items"]
    assert listed == {
        name: one for name, one in review.items() if name not in ("entries", "problem")
    }
    editor = key_of(store, "bob", Role.EDITOR)
    assert client.get(ACCESS, headers=editor).status_code == 403


def test_separation_of_duties_is_switched(client: httpx.Client):
    for body in ({"on": True, "tenant": "acme", "reason": "policy 7"}, {"on": True}):
        assert client.put(f"{ACCESS}/separation", json=body).status_code == 200
    found = client.get(f"{ACCESS}/separation").json()["items"]
    assert [(one["tenant"], one["switched_by"]) for one in found] == [
        (None, "robot"), ("acme", "robot"),
    ]  # fmt: skip
    left = client.put(f"{ACCESS}/separation", json={"on": False}).json()["items"]
    assert [one["tenant"] for one in left] == ["acme"]
    assert client.put(f"{ACCESS}/separation", json={"on": True, "tenant": "A B"}).status_code == 422
