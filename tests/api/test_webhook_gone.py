"""What is gone at its sender did not recover: the reason, the timeline and the message say so."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest

from sentinel import Reading
from sentinel.checks.reading import checked
from sentinel.clock import FakeClock
from sentinel.errors import ReadingError
from sentinel.store import Store
from tests.api.senders import BASE, GRAFANA, sent, with_status
from tests.databases import both_databases
from tests.world import World


def resolved(reason: str) -> dict[str, Any]:
    """As Grafana sends it: the annotation is on the resolve only."""
    body = copy.deepcopy(with_status(GRAFANA, "resolved"))
    body["alerts"][0]["endsAt"] = "2026-02-01T00:00:00Z"
    if reason:
        body["alerts"][0]["annotations"]["grafana_state_reason"] = reason
    return body


@pytest.mark.parametrize(
    ("reason", "resolution"),
    [
        ("MissingSeries", "not_reported"),
        ("NoData", "not_reported"),
        ("Paused", "not_reported"),
        ("RuleDeleted", "removed"),
        ("Updated", "removed"),
        ("", "recovered"),
    ],
)
@both_databases
def test_grafanas_reason_is_taken_over(
    client: httpx.Client, store: Store, clock: FakeClock, reason: str, resolution: str
):
    store.receivers.set("default", ["inbox"])
    world = World(store, clock)
    sent(client, "grafana", GRAFANA)
    clock.forward(minutes=1)
    world.tells()
    assert sent(client, "grafana", resolved(reason))["changed"] == 1
    (item,) = client.get(f"{BASE}/alerts").json()["items"]
    assert (item["status"], item["resolution"]) == ("resolved", resolution)
    timeline = client.get(f"{BASE}/alerts/{item['id']}").json()["timeline"]
    assert timeline[-1]["reason"] == resolution
    clock.forward(minutes=6)
    world.tells()
    message = world.recorder.messages[-1][1]
    words = item["resolution_text"] if resolution != "recovered" else "resolved"
    assert message.title.startswith(f"[{words}]")


def test_keep_firing_for_does_not_hold_what_is_gone(store: Store, clock: FakeClock):
    world = World(store, clock, keep_firing_for="1h")
    world.sees({"/": 95})
    evaluation = world.evaluation({})
    evaluation.observation.readings.append(
        Reading(labels={"mount": "/"}, firing=False, gone="removed")
    )
    clock.forward(minutes=1)
    now = clock.now()
    store.apply(
        type(evaluation)(
            rule=world.rule, trigger="disk_space", slot=now, at=now,
            observation=evaluation.observation,
        )
    )  # fmt: skip
    assert [status for _, status in world.alerts()] == ["resolved"]


def test_only_a_good_reading_can_be_gone():
    with pytest.raises(ReadingError, match="gone='removed'"):
        checked(Reading(firing=True, gone="removed"))
