"""A message costs by what it names, not by what is open."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sentinel.store import Store
from sentinel.store.alerts import loading
from tests.api.senders import BASE, sent
from tests.databases import both_databases


def message(*numbers: int, status: str = "firing") -> dict[str, Any]:
    return {
        "alerts": [
            {"status": status, "labels": {"alertname": "Down", "instance": f"host-{n}"}}
            for n in numbers
        ]
    }


@both_databases
def test_only_the_alerts_that_a_message_names_are_read(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
):
    sent(client, "prometheus", message(*range(300)))
    read: list[str] = []
    state_of = loading.state_of

    def counted(row: Any) -> Any:
        read.append(row.fingerprint)
        return state_of(row)

    monkeypatch.setattr(loading, "state_of", counted)
    assert sent(client, "prometheus", message(7))["changed"] == 0
    assert sent(client, "prometheus", message(8, 9, status="resolved"))["changed"] == 2
    assert sent(client, "prometheus", message(300))["changed"] == 1
    assert len(read) == len(set(read)) == 3


@both_databases
def test_the_rule_fires_while_an_alert_is_open_that_the_message_does_not_name(
    client: httpx.Client, store: Store
):
    sent(client, "prometheus", message(1, 2))
    sent(client, "prometheus", message(1, status="resolved"))
    assert store.rules.get("prometheus").outcome == "firing"
    sent(client, "prometheus", message(2, status="resolved"))
    assert store.rules.get("prometheus").outcome == "ok"


@both_databases
def test_what_was_resolved_a_moment_ago_is_reopened(client: httpx.Client):
    sent(client, "prometheus", message(1, 2))
    sent(client, "prometheus", message(1, status="resolved"))
    assert sent(client, "prometheus", message(1))["changed"] == 1
    assert len(client.get(f"{BASE}/alerts").json()["items"]) == 2
