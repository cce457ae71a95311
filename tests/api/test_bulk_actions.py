"""One action on many alerts over HTTP: by ids, on all that match, previewed and undone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from sentinel.access import Role
from sentinel.errors import DatabaseError
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.database.tables import GROUP
from sentinel.store.notifications.outbox import Outbox
from tests.api.served import Raised
from tests.databases import both_databases

GROUPS = select(GROUP).order_by(GROUP.c.id)
URL = "/api/v1/alerts/alerts"


def bulk(client: httpx.Client, action: str, *, status: int = 200, **body: Any) -> Any:
    answer = client.post(f"{URL}/bulk", json={"action": action, **body})
    assert answer.status_code == status, answer.text
    return answer.json()


def statuses(client: httpx.Client, ids: list[str]) -> list[str]:
    return [client.get(f"{URL}/{one}").json()["status"] for one in ids]


@both_databases
def test_each_alert_has_its_own_outcome_and_what_changed_can_be_undone(
    client: httpx.Client, raised: Raised
):
    one, two, three = raised("/a", "/b", "/c")
    bulk(client, "acknowledge", ids=[one])
    newer = client.get(f"{URL}/{two}").json()["version"]
    bulk(client, "comment", ids=[two], note="seen")
    unknown = "f" * 32
    done = bulk(
        client, "acknowledge", note="mine", ids=[one, two, three, unknown],
        expected_versions={two: newer},
    )  # fmt: skip
    assert {each["id"]: each["outcome"] for each in done["outcomes"]} == {
        one: "unchanged", two: "conflict", three: "changed", unknown: "not_found"
    }  # fmt: skip
    assert (done["matched"], done["changed"], done["unchanged"], done["refused"]) == (4, 1, 1, 2)
    assert statuses(client, [one, two, three]) == ["acknowledged", "open", "acknowledged"]
    (undo,) = done["undo"]
    assert client.post(f"{URL}/bulk", json=undo).json()["changed"] == 1
    assert statuses(client, [one, two, three]) == ["acknowledged", "open", "open"]
    again = client.post(f"{URL}/bulk", json=undo).json()
    assert again["outcomes"][0]["outcome"] == "conflict"


@both_databases
def test_all_that_match_are_previewed_and_then_acted_on(client: httpx.Client, raised: Raised):
    raised("/a", "/b")
    raised("/c", name="other", severity="critical")
    matching = {"rule": "disk", "q": "mount:/a OR mount:/b", "since": "2020-01-01T00:00:00Z"}
    shown = bulk(client, "suppress", duration_minutes=30, matching=matching, dry_run=True)
    assert (shown["matched"], shown["changed"], shown["outcomes"]) == (2, 0, [])
    ids = [one["id"] for one in shown["preview"]]
    assert statuses(client, ids) == ["open", "open"]
    done = bulk(client, "suppress", duration_minutes=30, reason="work", matching=matching)
    assert sorted(one["id"] for one in done["outcomes"]) == sorted(ids)
    assert statuses(client, ids) == ["suppressed", "suppressed"]
    ended = bulk(client, "unsuppress", ids=ids)
    for undo in ended["undo"]:
        assert undo["duration_minutes"] == 30
        client.post(f"{URL}/bulk", json=undo)
    assert statuses(client, ids) == ["suppressed", "suppressed"]
    assert bulk(client, "resolve", matching={"severity": ["critical"]})["changed"] == 1
    assert bulk(client, "acknowledge", matching={"status": ["open"]})["matched"] == 0


def test_alerts_are_marked_as_noise_with_a_reason_and_that_is_undone(
    client: httpx.Client, raised: Raised, store: Store
):
    ids = raised("/a", "/b")
    with store.read() as connection:
        before = connection.execute(GROUPS).all()
    refused = client.post(f"{URL}/bulk", json={"action": "mark_noise", "ids": ids})
    assert refused.status_code == 422
    assert "mark_noise needs note" in refused.text
    done = bulk(client, "mark_noise", note="flaps", ids=ids)
    assert [one["reason"] for one in done["outcomes"]] == ["marked_noise", "marked_noise"]
    seen = client.get(f"{URL}/{ids[0]}").json()
    assert (seen["noise_reason"], seen["status"]) == ("flaps", "open")
    assert (seen["timeline"][-1]["kind"], seen["timeline"][-1]["comment"]) == (
        "marked_noise", "flaps",
    )  # fmt: skip
    bulk(client, "mark_noise", note="too low", ids=ids[:1])
    (undo,) = done["undo"]
    assert (undo["action"], undo["note"]) == ("unmark_noise", "undo")
    undone = client.post(f"{URL}/bulk", json=undo).json()
    assert sorted(one["outcome"] for one in undone["outcomes"]) == ["changed", "conflict"]
    again = bulk(client, "unmark_noise", ids=ids[:1])
    assert again["undo"][0]["note"] == "too low"
    newest = page(store, AuditFilter(), limit=1).items[0]
    assert (newest.action, newest.before, newest.after) == (
        "alert.unmark_noise", {"noise_reason": "too low"}, {"noise_reason": ""},
    )  # fmt: skip
    with store.read() as connection:  # nobody is notified of a mark
        assert connection.execute(GROUPS).all() == before


def test_a_resolve_of_what_still_fires_offers_a_suppression(client: httpx.Client, raised: Raised):
    ids = raised("/a", "/b")
    done = bulk(client, "resolve", ids=ids)
    assert [one["still_firing"] for one in done["outcomes"]] == [True, True]
    assert "Suppress it" in done["offer"]
    assert [one["action"] for one in done["undo"]] == ["reopen"]


def test_a_repeated_request_is_carried_out_once(client: httpx.Client, raised: Raised):
    (one,) = raised("/a")
    sent = {"action": "comment", "note": "once", "ids": [one]}
    answers = [
        client.post(f"{URL}/bulk", json=sent, headers={"Idempotency-Key": "k1"}) for _ in "ab"
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    timeline = client.get(f"{URL}/{one}").json()["timeline"]
    assert [entry["comment"] for entry in timeline].count("once") == 1


def test_a_request_that_the_database_broke_off_did_nothing_and_is_worked_on_again(
    client: httpx.Client, raised: Raised, monkeypatch: pytest.MonkeyPatch
):
    one, two = raised("/a", "/b")
    bulk(client, "unacknowledge", ids=[one])
    bulk(client, "acknowledge", ids=[two])
    versions = {each: client.get(f"{URL}/{each}").json()["version"] for each in (one, two)}
    assert len(set(versions.values())) == 2
    add = Outbox.add

    def goes_away(*given: Any) -> None:  # after both alerts were written
        add(*given)
        raise DatabaseError("the disk is full")

    sent = {"action": "resolve", "ids": [one, two], "expected_versions": versions}
    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "add", goes_away)
        first = client.post(f"{URL}/bulk", json=sent, headers={"Idempotency-Key": "k2"})
    assert first.status_code == 503
    assert statuses(client, [one, two]) == ["open", "acknowledged"]
    second, third = (
        client.post(f"{URL}/bulk", json=sent, headers={"Idempotency-Key": "k2"}) for _ in range(2)
    )
    assert "Idempotent-Replayed" not in second.headers
    assert statuses(client, [one, two]) == ["resolved", "resolved"]
    assert third.headers["Idempotent-Replayed"] == "true"
    assert third.json() == second.json()


@both_databases
def test_alerts_out_of_reach_are_as_unknown_ones(
    client: httpx.Client, store: Store, raised: Raised
):
    (ours,) = raised("/a", tenant="red")
    (theirs,) = raised("/b", tenant="blue", name="other")
    key = Keys(store).create("red", Role.RESPONDER, actor="ada", tenants=["red"])
    client.headers["Authorization"] = f"Bearer {key.secret.text}"
    done = bulk(client, "acknowledge", ids=[ours, theirs])
    assert [one["outcome"] for one in done["outcomes"]] == ["changed", "not_found"]
    assert bulk(client, "resolve", ids=[theirs], dry_run=True)["preview"] == []
    assert bulk(client, "resolve", matching={})["matched"] == 1
    assert store.alerts.get(theirs).status == "open"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "either ids or matching"),
        ({"ids": ["0" * 32], "matching": {}}, "either ids or matching"),
        ({"ids": None, "matching": {}}, "either ids or matching"),
        ({"matching": {"sverity": ["high"]}}, "matching.sverity"),
        ({"matching": {}, "expected_versions": {"0" * 32: 1}}, "go with ids"),
        ({"matching": {"status": ["gone"]}}, "'gone'"),
        ({"ids": ["0" * 31]}, "ids.0"),
        ({"ids": [f"{number:032x}" for number in range(10_001)]}, "ids"),
        ({"ids": ["0" * 32], "assigne": "maria"}, "assigne"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(client: httpx.Client, body: Any, names: str):
    assert names in bulk(client, "acknowledge", status=422, **body)["error"]["message"]
