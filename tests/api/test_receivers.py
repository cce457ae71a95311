"""Receivers over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sentinel.prefect_client.blocks import ChannelBlock, ChannelBlocks
from sentinel.store import Store
from sentinel.store.oncall.documents import OnCallDocuments
from tests.databases import both_databases

RECEIVERS = "/api/v1/alerts/receivers"
NIGHT = {"channels": ["inbox", "sentinel-email/ops"]}


@both_databases
def test_a_receiver_is_made_read_changed_and_deleted(client: httpx.Client, store: Store):
    place = f"{RECEIVERS}/night-shift"
    assert client.put(place, json=NIGHT).json()["channels"] == NIGHT["channels"]
    assert store.receivers.all()["night-shift"] == NIGHT["channels"]
    tag = client.get(place).headers["etag"]
    changed = client.put(place, json={"channels": ["inbox"]}, headers={"If-Match": tag})
    assert changed.json()["channels"] == ["inbox"]
    stale = client.put(place, json=NIGHT, headers={"If-Match": tag})
    assert stale.status_code == 412
    names = [one["name"] for one in client.get(RECEIVERS).json()["items"]]
    assert names == ["default", "night-shift"]
    on_call = OnCallDocuments(store)
    on_call.apply("people: {ann: {notify: [{receiver: night-shift}]}}", actor="ann")
    assert client.delete(place).status_code == 409
    on_call.rollback(0, actor="ann")
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404
    assert client.delete(place).status_code == 404


def test_the_answer_names_channels_that_prefect_has_no_block_of(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
):
    place = f"{RECEIVERS}/night-shift"
    assert client.put(place, json=NIGHT).json()["missing"] is None, "Prefect does not answer"
    assert client.put(place, json={"channels": ["inbox"]}).json()["missing"] == []
    mail = ChannelBlock(id="1", ref="sentinel-email/ops", kind="sentinel-email", name="ops")

    def channels_of(_: ChannelBlocks) -> list[ChannelBlock]:
        return [mail]

    monkeypatch.setattr(ChannelBlocks, "channels", channels_of)
    channels = [*NIGHT["channels"], "sentinel-webhook/typo"]
    answer = client.put(place, json={"channels": channels}).json()
    assert (answer["channels"], answer["missing"]) == (channels, ["sentinel-webhook/typo"])
    assert client.get(place).json()["missing"] is None


@both_databases
@pytest.mark.parametrize("there", [True, False])
def test_of_several_changes_of_one_version_one_is_made(client: httpx.Client, there: bool):
    place = f"{RECEIVERS}/night-shift"
    none = '"e3b0c44298fc1c149afbf4c8996fb924"'  # of no channels
    tag = client.put(place, json=NIGHT).headers["etag"] if there else none

    def put(number: int) -> int:
        body = {"channels": [f"sentinel-email/ops-{number}"]}
        return client.put(place, json=body, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(put, range(6))) == [200, *[412] * 5]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channels": []}, "channels"),
        ({"channels": ["smoke signals"]}, "channels.0"),
        ({"channels": ["inbox"], "colour": "red"}, "colour"),
        ({}, "channels"),
    ],
)
def test_what_is_no_receiver_is_refused(client: httpx.Client, body: dict[str, Any], field: str):
    answer = client.put(f"{RECEIVERS}/night-shift", json=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert len(client.get(RECEIVERS).json()["items"]) == 1


def test_the_inbox_is_tested_without_prefect(client: httpx.Client):
    answer = client.post("/api/v1/alerts/test-notification", json="inbox")
    assert answer.json() == {
        "asked": "inbox", "success": True,
        "results": [{"channel": "inbox", "ok": True, "error": ""}],
    }  # fmt: skip
    (message,) = client.get("/api/v1/alerts/inbox").json()["items"]
    assert "Test message" in message["title"]


@pytest.mark.parametrize("body", [b'{"channel": "email"}', b'""', b"7", b"null"])
def test_what_names_no_channel_is_refused(client: httpx.Client, body: bytes):
    answer = client.post("/api/v1/alerts/test-notification", content=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "body")
