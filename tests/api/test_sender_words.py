"""What a sender says of its alert reaches people: texts, links, team and start, in every place."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from blocks import mail_text, slack_text, webhook
from dashboard import serializers
from dashboard.view_models import Details
from sentinel.clock import FakeClock
from sentinel.evaluation.alert_text import wording
from sentinel.links import Addresses
from sentinel.notifications.channel import Message
from sentinel.rules.rule import Rule
from sentinel.store import Store
from tests.api.senders import BASE, GRAFANA, OLDER, sent
from tests.cli.conftest import run
from tests.cli.shell import Run
from tests.world import World

__all__ = ["run"]

STARTED = datetime(2025, 12, 31, 23, tzinfo=UTC)

# As a Prometheus 3 sends it through Alertmanager.
SAID: dict[str, Any] = {
    "version": "4",
    "externalURL": "https://am.example.org",
    "alerts": [
        {
            "status": "firing",
            "labels": {
                "alertname": "D", "severity": "critical", "team": "db", "instance": "db1:9100",
            },
            "annotations": {
                "summary": "s",
                "description": "restarted 7 times <b>&*bold*",
                "runbook_url": "https://r.example.org/x",
                "status": "odd",
                "bad": "javascript:alert(1)",
            },
            "startsAt": "2025-12-31T23:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://p.example.org/g?g0.expr=up&g0.tab=1",
            "fingerprint": "1a30ba71cca2921f",
        }
    ],
}  # fmt: skip


@pytest.fixture
def told(client: httpx.Client, store: Store, clock: FakeClock) -> Message:
    """The message about the alert of `SAID`."""
    store.receivers.set("default", ["inbox"])
    sent(client, "prometheus", SAID)
    clock.forward(minutes=1)
    world = World(store, clock)
    world.tells()
    ((_, message),) = world.recorder.messages
    return message


def shown(client: httpx.Client) -> dict[str, Any]:
    (item,) = client.get(f"{BASE}/alerts").json()["items"]
    return client.get(f"{BASE}/alerts/{item['id']}").json()


def test_the_api_has_the_senders_words(client: httpx.Client):
    sent(client, "prometheus", SAID)
    found = shown(client)
    assert found["title"] == "s"
    assert found["description"] == "restarted 7 times <b>&*bold*"
    assert found["team"] == "db"
    assert datetime.fromisoformat(found["started_at"]) == STARTED
    assert found["annotations"] == {
        "runbook_url": "https://r.example.org/x", "status": "odd", "bad": "javascript:alert(1)",
        "source_url": "https://p.example.org/g?g0.expr=up&g0.tab=1",
    }  # fmt: skip


def test_slack_has_them_and_escapes_them(told: Message):
    (text,) = [
        block["text"]["text"]
        for block in slack_text.payload_of(told)["attachments"][0]["blocks"]
        if "D" in block.get("text", {}).get("text", "")
    ]
    assert "restarted 7 times &lt;b&gt;&amp;" in text
    assert "<https://r.example.org/x|runbook>" in text
    assert "<https://p.example.org/g?g0.expr=up&amp;g0.tab=1|source>" in text
    assert "javascript:" not in text
    assert f"<!date^{STARTED.timestamp():.0f}^" in text


def test_mail_has_them_and_escapes_them(told: Message):
    html = mail_text.html_of(told)
    assert "restarted 7 times &lt;b&gt;&amp;*bold*" in html
    assert 'href="https://r.example.org/x"' in html
    assert "javascript:" not in html
    assert "since 2025-12-31 23:00 UTC" in html
    text = mail_text.text_of(told)
    assert "restarted 7 times" in text
    assert "https://p.example.org/g?g0.expr=up&g0.tab=1" in text


def test_the_webhook_has_them_for_machines(told: Message):
    body = webhook.body_of(told)
    assert body["description"] == "restarted 7 times <b>&*bold*"
    assert body["annotations"]["runbook_url"] == "https://r.example.org/x"
    assert body["affected_resources"] == ["db1:9100"]
    (alert,) = body["alerts"]
    assert (alert["team"], str(alert["started_at"])[:13].replace("T", " ")) == (
        "db", "2025-12-31 23",
    )  # fmt: skip


def test_the_drawer_has_them(client: httpx.Client, store: Store):
    sent(client, "prometheus", SAID)
    found = store.alerts.get(shown(client)["id"])
    addresses = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")
    details = Details(alert=found, timeline=[], readings=None, similar=[], at=store.now())
    alert = serializers.details(details, addresses)["alert"]
    assert alert["description"] == "restarted 7 times <b>&*bold*"
    assert ("Runbook", "https://r.example.org/x") in alert["links"]
    assert ("Source", "https://p.example.org/g?g0.expr=up&g0.tab=1") in alert["links"]
    assert ("Bad", "javascript:alert(1)") in alert["annotations"]
    assert alert["started"] == STARTED.timestamp() * 1000
    assert alert["team"] == "db"


def test_alert_show_has_them(
    client: httpx.Client, store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
):
    url = store.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("SENTINEL_DATABASE_URL", url)
    sent(client, "prometheus", SAID)
    code, out, _ = run("alert", "show", shown(client)["id"])
    assert code == 0
    for said in ("restarted 7 times", "https://r.example.org/x", "https://p.example.org/g", "db"):
        assert said in out
    assert "open, critical" in out  # an annotation called `status` does not take its place
    assert "started" in out


def test_grafanas_links_come_along(client: httpx.Client):
    body = copy.deepcopy(GRAFANA)
    links = {
        f"{name}URL": f"https://g.example.org/{name}"
        for name in ("dashboard", "panel", "silence", "image", "generator")
    }
    body["alerts"][0] |= links
    sent(client, "grafana", body)
    found = shown(client)["annotations"]
    for name in ("dashboard", "panel", "silence", "image"):
        assert found[f"{name}_url"] == f"https://g.example.org/{name}"
    assert found["source_url"] == "https://g.example.org/generator"
    assert found["runbook_url"] == "https://myrunbook.com/runbook/1234"


def test_grafanas_older_message_is_its_description(client: httpx.Client):
    sent(client, "grafana", OLDER)
    found = shown(client)
    assert found["description"] == "Notification Message"
    assert found["annotations"]["image_url"].endswith("mixed_styles.png")
    assert found["annotations"]["source_url"] == OLDER["ruleUrl"]


def test_without_words_the_description_is_empty_and_not_that_of_the_webhook(client: httpx.Client):
    sent(client, "prometheus", {"alerts": [{"labels": {"alertname": "Bare"}}]})
    found = shown(client)
    assert (found["title"], found["description"], found["started_at"]) == ("Bare", "", None)


def test_words_that_change_while_it_fires_are_followed(client: httpx.Client):
    sent(client, "prometheus", SAID)
    body = copy.deepcopy(SAID)
    body["alerts"][0]["annotations"] = {"summary": "s", "description": "restarted 8 times"}
    sent(client, "prometheus", body)
    found = shown(client)
    assert found["description"] == "restarted 8 times"
    assert set(found["annotations"]) == {"source_url"}


def test_the_rules_own_texts_and_team_win(store: Store, clock: FakeClock):
    from sentinel import Reading

    reading = Reading(
        labels={"host": "a"}, firing=True, summary="own title", team="db",
        annotations={"description": "own", "runbook": "https://own.example", "x": "y"},
    )  # fmt: skip
    rule = Rule.model_validate(
        {"name": "r", "annotations": {"description": "rule's {host}", "runbook": "https://rule"}}
    )
    title, description, others = wording(rule, reading, "high", "", clock.now())
    assert (title, description) == ("own title", "rule's a")
    assert others == {"runbook": "https://rule", "x": "y"}
