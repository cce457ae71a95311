"""What Alertmanager and Grafana send, as their documentation shows it, and how it is sent."""

from __future__ import annotations

import copy
from typing import Any

import httpx

__all__ = ["ALERTMANAGER", "BASE", "GRAFANA", "OLDER", "sent", "shown", "with_status"]

BASE = "/api/v1/alerts"

# prometheus.io/docs/alerting/latest/configuration/#webhook_config, version 4.
ALERTMANAGER: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}/{severity="critical"}:{alertname="ProbeFailure"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "sentinel",
    "groupLabels": {"alertname": "ProbeFailure"},
    "commonLabels": {"alertname": "ProbeFailure", "severity": "critical"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example.org:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {
                "alertname": "ProbeFailure",
                "instance": f"https://{name}.example.org",
                "job": "http_checks",
                "severity": "critical",
            },
            "annotations": {"summary": f"Probe failed: {name}", "description": "Down for 5m."},
            "startsAt": "2026-01-01T00:00:00.828Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=probe_success",
            "fingerprint": "1a30ba71cca2921f",
        }
        for name in ("one", "two")
    ],
}

# grafana.com/docs/grafana/latest/alerting/…/webhook-notifier/
GRAFANA: dict[str, Any] = {
    "receiver": "My Super Webhook",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "High memory usage", "team": "blue", "zone": "us-1"},
            "annotations": {
                "description": "The system has high memory usage",
                "runbook_url": "https://myrunbook.com/runbook/1234",
                "summary": "This alert was triggered for zone us-1",
            },
            "startsAt": "2021-10-12T09:51:03.157076+02:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://play.grafana.org/alerting/1afz29v7z/edit",
            "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "https://play.grafana.org/alerting/silence/new",
            "dashboardURL": "",
            "panelURL": "",
            "values": {"B": 44.23943737541908, "C": 1},
        }
    ],
    "groupLabels": {},
    "commonLabels": {"team": "blue"},
    "commonAnnotations": {},
    "externalURL": "https://play.grafana.org/",
    "version": "1",
    "groupKey": "{}:{}",
    "truncatedAlerts": 0,
    "title": "[FIRING:1]  (blue)",
    "state": "alerting",
    "message": "**Firing**\n\nLabels:\n - alertname = T2",
}

# grafana.com/docs/grafana/v7.5/alerting/notifications/#webhook
OLDER: dict[str, Any] = {
    "dashboardId": 1,
    "evalMatches": [{"value": 1, "metric": "Count", "tags": {"host": "a"}}],
    "imageUrl": "https://grafana.com/assets/img/blog/mixed_styles.png",
    "message": "Notification Message",
    "orgId": 1,
    "panelId": 2,
    "ruleId": 1,
    "ruleName": "Panel Title alert",
    "ruleUrl": "http://localhost:3000/d/hZ7BuVbWz/test-dashboard",
    "state": "alerting",
    "tags": {"tag name": "tag value"},
    "title": "[Alerting] Panel Title alert",
}


def sent(client: httpx.Client, sender: str, body: Any, **query: str) -> dict[str, Any]:
    answer = client.post(f"{BASE}/webhooks/{sender}", json=body, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(client: httpx.Client) -> list[tuple[str, str, str]]:
    items = client.get(f"{BASE}/alerts").json()["items"]
    return sorted((one["title"], one["severity"], one["status"]) for one in items)


def with_status(body: dict[str, Any], status: str) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    changed["status"] = changed["alerts"][0]["status"] = status
    changed["alerts"][0]["endsAt"] = "2026-01-01T00:10:00Z"
    return changed
