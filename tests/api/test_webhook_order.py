"""Messages of other systems that arrive late or out of order: their moments decide, not arrival."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sentinel.clock import FakeClock
from tests.api.senders import BASE, sent
from tests.databases import both_databases


def told(client: httpx.Client, *episodes: tuple[str, str]) -> dict[str, Any]:
    """Send one message; each alert in it is `(start, end)`, and fires where the end is empty."""
    alerts = [
        {
            "status": "resolved" if end else "firing",
            "labels": {"alertname": "Down", "instance": "db1"},
            "startsAt": f"2026-01-31T{start}:00.123456789Z",
            "endsAt": f"2026-01-31T{end}:00Z" if end else "0001-01-01T00:00:00Z",
        }
        for start, end in episodes
    ]
    return sent(client, "prometheus", {"version": "4", "alerts": alerts})


def statuses(client: httpx.Client) -> list[str]:
    return [one["status"] for one in client.get(f"{BASE}/alerts").json()["items"]]


@both_databases
def test_a_late_resolve_of_an_earlier_episode_leaves_the_alert_open(client: httpx.Client):
    told(client, ("08:30", ""))
    answer = told(client, ("08:00", "08:05"))
    assert (answer["changed"], answer["late"]) == (0, 1)
    assert statuses(client) == ["open"]
    assert told(client, ("08:30", "08:40"))["changed"] == 1
    assert statuses(client) == ["resolved"]


@both_databases
def test_an_old_firing_after_its_resolve_does_not_reopen_it(client: httpx.Client, clock: FakeClock):
    told(client, ("08:00", ""))
    told(client, ("08:00", "08:05"))
    clock.forward(minutes=4)
    answer = told(client, ("08:00", ""))
    assert (answer["changed"], answer["late"]) == (0, 1)
    assert statuses(client) == ["resolved"]


@both_databases
def test_a_firing_that_arrives_after_its_resolve_opens_nothing(client: httpx.Client):
    assert told(client, ("08:00", "08:05"))["changed"] == 0
    assert told(client, ("08:00", ""))["late"] == 1
    assert statuses(client) == []


@both_databases
@pytest.mark.parametrize("told_of_the_end", [True, False])
def test_the_episode_after_one_that_a_person_resolved_opens_at_once(
    client: httpx.Client, clock: FakeClock, told_of_the_end: bool
):
    """Its sender would repeat it in hours only, so that holding it would lose it."""
    clock.set(datetime(2026, 1, 31, 8, 1, tzinfo=UTC))
    told(client, ("08:00", ""))
    (alert,) = client.get(f"{BASE}/alerts").json()["items"]
    answer = client.post(f"{BASE}/alerts/{alert['id']}/actions", json={"action": "resolve"})
    answer.raise_for_status()
    clock.forward(minutes=1)
    assert told(client, ("08:00", ""))["changed"] == 0  # the same episode is held
    clock.forward(minutes=1)
    if told_of_the_end:
        told(client, ("08:00", "08:03"))
    clock.forward(minutes=1)
    assert told(client, ("08:04", ""))["changed"] == 1
    assert statuses(client) == ["open"]


@both_databases
def test_the_next_episode_reopens_the_alert(client: httpx.Client):
    told(client, ("08:00", ""))
    told(client, ("08:00", "08:05"))
    assert told(client, ("08:06", ""))["changed"] == 1
    assert statuses(client) == ["open"]


def test_an_old_firing_that_comes_long_after_the_resolve_is_believed(
    client: httpx.Client, clock: FakeClock
):
    # A sender tries again for minutes. After an hour it repeats what still burns, for example
    # after a network split in which Alertmanager took the alert for over.
    told(client, ("08:00", ""))
    told(client, ("08:00", "08:05"))
    clock.forward(hours=1)
    assert told(client, ("08:00", ""))["changed"] == 1
    assert "open" in statuses(client)


def test_the_later_episode_of_one_message_counts(client: httpx.Client):
    assert told(client, ("08:00", "08:05"), ("08:30", ""))["changed"] == 1
    assert statuses(client) == ["open"]
    # Two Alertmanagers behind one proxy: the end of this episode beside its own repeat.
    assert told(client, ("08:30", ""), ("08:30", "08:40"))["changed"] == 1
    assert statuses(client) == ["resolved"]


def test_a_repeat_of_an_earlier_episode_does_not_move_the_start_back(client: httpx.Client):
    told(client, ("08:30", ""))
    told(client, ("08:00", ""))
    assert told(client, ("08:00", "08:05"))["late"] == 1
    assert statuses(client) == ["open"]


def test_a_new_episode_whose_predecessors_end_was_never_sent_is_protected_too(
    client: httpx.Client,
):
    told(client, ("08:00", ""))
    told(client, ("08:30", ""))
    assert told(client, ("08:00", "08:05"))["late"] == 1
    assert statuses(client) == ["open"]


def test_a_resolve_without_moments_still_resolves(client: httpx.Client):
    told(client, ("08:00", ""))
    labels = {"alertname": "Down", "instance": "db1"}
    sent(client, "prometheus", {"alerts": [{"status": "resolved", "labels": labels}]})
    assert statuses(client) == ["resolved"]
