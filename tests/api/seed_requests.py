"""Every literal HTTP request of the five documents whose users Sentinel takes over, as data.

A request is sent as the document writes it: method, path, headers and body. `{alert_id}`,
`{rule_id}` and other names in braces stand for an id, as they do there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = ["NEEDS_INCIDENT", "NEEDS_SLO", "NEEDS_TELEMETRY", "REQUESTS", "Asked"]

EVENT_DESK = "Sentinel Alerts, events and alerts management"
OPERATIONS = "Enterprise Alert Management System"
OBSERVABILITY = "iTechSmart Sentinel"
API_MONITORING = "SentryFlow"
AUDIT_EVENTS = "Alerting Service Implementation Summary"

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
"""What `curl -d` sends without a header of its own."""


class Asked(NamedTuple):
    """One request of a document, and the status that answers it."""

    document: str
    method: str
    path: str
    body: Any = None
    status: int = 200
    content_type: str = JSON
    holds: tuple[str, ...] = ()
    """Fields that the document reads from the answer, as dotted paths."""

    @property
    def content(self) -> bytes | None:
        """The body as it goes over the wire; None without one."""
        return None if self.body is None else json.dumps(self.body).encode()

    @property
    def name(self) -> str:
        """How a test shows it."""
        kind = "" if self.content_type == JSON else " (form)"
        return f"{self.document.split(',')[0][:24]}: {self.method} {self.path}{kind}"


_CPU = {
    "name": "High CPU Usage",
    "description": "CPU usage exceeds 85% for sustained period",
    "category": "system_health",
    "severity": "warning",
    "threshold_value": 85.0,
    "comparison_operator": ">",
    "evaluation_window_minutes": 5,
    "consecutive_violations": 2,
    "notification_channels": ["email", "slack"],
    "enabled": True,
}
_DISK = {
    "name": "Disk Space Warning",
    "description": "Monitor disk space usage",
    "category": "capacity",
    "severity": "warning",
    "threshold_value": 80.0,
    "comparison_operator": ">",
    "evaluation_window_minutes": 5,
    "notification_channels": ["email", "slack"],
}
_METRICS = [
    {
        "name": "custom_metric",
        "value": 95.5,
        "unit": "percent",
        "labels": {"service": "api", "environment": "prod"},
    }
]
_ALERT = {
    "service_name": "my-service",
    "alert_name": "high_latency",
    "alert_type": "threshold",
    "severity": "high",
    "title": "High latency detected",
    "description": "P95 latency exceeded 1000ms",
    "current_value": 1250.0,
    "threshold_value": 1000.0,
}
_TRACE = {
    "service_name": "my-service",
    "operation_name": "GET /api/users",
    "start_time": "2026-01-31T12:00:00",
    "end_time": "2026-01-31T12:00:01",
    "status_code": 200,
    "http_method": "GET",
    "http_url": "/api/users",
}
_POLICY = {
    "name": "Failed Login Alerts",
    "description": "Alert on multiple failed login attempts",
    "enabled": True,
    "rules": [
        {
            "field": "event_type",
            "operator": "eq",
            "value": "user_login",
            "case_sensitive": True,
        },
        {"field": "status", "operator": "eq", "value": "failed", "case_sensitive": True},
    ],
    "match_all": True,
    "severity": "high",
    "message_template": "Failed login attempt by user {user_id} from IP {ip_address}",
    "summary_template": "Failed login alert for {user_id}",
    "throttle_minutes": 5,
    "max_alerts_per_hour": 10,
    "providers": ["pagerduty-001", "slack-001"],
}
_PAGERDUTY = {
    "name": "Production PagerDuty",
    "provider_type": "pagerduty",
    "config": {
        "api_key": "your-pagerduty-api-key",
        "service_id": "your-service-id",
        "urgency": "high",
    },
}
_SLACK = {
    "name": "DevOps Slack",
    "provider_type": "slack",
    "config": {
        "webhook_url": "https://hooks.slack.com/services/YOUR/SLACK/WEBHOOK",
        "channel": "#alerts",
        "username": "Alert Bot",
    },
}
_EVENT = {"event_type": "user_login", "status": "failed", "user_id": "u-1"}
_SEARCH = "?query=error+database+connection&service_name=my-service&level=ERROR&limit=100"
_STATS = tuple(
    f"system_stats.{name}"
    for name in (
        "alerts_generated", "alerts_resolved", "notifications_sent", "notification_failures",
        "rule_evaluations",
    )
)  # fmt: skip

V1 = "/api/v1/alerts"
_ACT = f"{V1}/alerts/{{alert_id}}/actions"

_OPERATIONS = (
    ("POST", f"{V1}/rules", _CPU, 201),
    ("POST", _ACT, {"action": "acknowledge", "note": "Investigating the issue"}),
    ("POST", _ACT, {"action": "resolve", "note": "Fixed by restarting service"}),
    (
        "POST",
        _ACT,
        {"action": "suppress", "duration_minutes": 240, "reason": "Planned maintenance window"},
    ),
    ("GET", f"{V1}/alerts?severity=critical&limit=50"),
    ("GET", f"{V1}/alerts/{{alert_id}}"),
    ("POST", f"{V1}/rules", _DISK, 201),
    ("GET", f"{V1}/rules/{{rule_id}}"),
    ("PUT", f"{V1}/rules/{{rule_id}}", {"enabled": False, "threshold_value": 90.0}),
    ("DELETE", f"{V1}/rules/{{rule_id}}", None, 204),
    ("POST", f"{V1}/metrics", _METRICS),
    ("GET", f"{V1}/statistics?time_range_hours=24", None, 200, JSON,
     ("total_active_alerts", *_STATS)),
    ("GET", f"{V1}/statistics", None, 200, JSON, ("total_active_alerts", *_STATS)),
    ("POST", f"{V1}/test-notification", "email"),
    ("POST", f"{V1}/test-notification", "email", 200, FORM),
    ("GET", f"{V1}/health", None, 200, JSON, ("components",)),
    ("POST", "/webhook/grafana",
     {"alerts": [{"metric": "api_response_time", "value": 1250.0, "tags": {"service": "api"}}]}),
    ("POST", "/api/v1/admin/settings", {"key": "alert_debug_mode", "value": "true"}, 200, FORM,
     ("alert_debug_mode", "log_levels")),
    ("GET", "/admin/alerts/dashboard", None, 307),
)  # fmt: skip
_OBSERVABILITY = (
    ("GET", "/docs"),
    ("GET", "/health"),
    ("GET", "/suite-info"),
    ("POST", "/api/tracing/traces", _TRACE, 201),
    ("POST", "/api/tracing/spans"),
    ("GET", "/api/tracing/traces/{trace_id}"),
    ("GET", "/api/tracing/traces"),
    ("GET", "/api/tracing/services/{service_name}/dependencies"),
    ("GET", "/api/tracing/statistics"),
    ("GET", "/api/tracing/slow-traces"),
    ("POST", "/api/alerts", _ALERT, 201),
    ("POST", "/api/alerts/{alert_id}/acknowledge"),
    ("POST", "/api/alerts/{alert_id}/resolve"),
    ("POST", "/api/alerts/{alert_id}/silence"),
    ("GET", "/api/alerts/active"),
    ("GET", "/api/alerts/statistics"),
    ("GET", "/api/alerts/fatigue"),
    ("POST", "/api/logs/ingest"),
    ("GET", "/api/logs/search"),
    ("GET", f"/api/logs/search{_SEARCH}"),
    ("GET", "/api/logs/patterns"),
    ("GET", "/api/logs/statistics"),
    ("GET", "/api/logs/errors"),
    ("GET", "/api/logs/anomalies"),
    ("GET", "/api/logs/trace/{trace_id}"),
    ("POST", "/api/incidents"),
    ("POST", "/api/incidents/{incident_id}/status"),
    ("POST", "/api/incidents/{incident_id}/updates"),
    ("POST", "/api/incidents/{incident_id}/assign"),
    ("POST", "/api/incidents/{incident_id}/root-cause"),
    ("GET", "/api/incidents/active"),
    ("GET", "/api/incidents/{incident_id}/timeline"),
    ("GET", "/api/incidents/statistics"),
    ("GET", "/api/incidents/{incident_id}/post-mortem"),
    ("POST", "/api/slo"),
    ("POST", "/api/slo/{slo_id}/measurements"),
    ("GET", "/api/slo/{slo_id}/status"),
    ("GET", "/api/slo/{slo_id}/history"),
    ("GET", "/api/slo"),
    ("GET", "/api/slo/violations"),
    ("GET", "/api/slo/{slo_id}/predict"),
    ("GET", "/api/slo/report"),
)
_AUDIT = (
    ("POST", f"{V1}/policies", _POLICY, 201),
    ("GET", f"{V1}/policies"),
    ("GET", f"{V1}/policies/{{policy_id}}"),
    ("PUT", f"{V1}/policies/{{policy_id}}", {"severity": "critical"}),
    ("DELETE", f"{V1}/policies/{{policy_id}}", None, 204),
    ("POST", f"{V1}/providers", _PAGERDUTY, 201),
    ("POST", f"{V1}/providers", _SLACK, 201),
    ("GET", f"{V1}/providers"),
    ("PUT", f"{V1}/providers/{{provider_id}}", {"config": {"channel": "#ops"}}),
    ("DELETE", f"{V1}/providers/{{provider_id}}", None, 204),
    ("GET", f"{V1}/alerts"),
    ("GET", f"{V1}/alerts/{{alert_id}}"),
    ("PUT", f"{V1}/alerts/{{alert_id}}/acknowledge"),
    ("PUT", f"{V1}/alerts/{{alert_id}}/resolve"),
    ("POST", f"{V1}/process-event", _EVENT),
    ("POST", f"{V1}/process-event?tenant_id=default", _EVENT),
    ("GET", "/health"),
    ("GET", "/docs"),
)

_WRITTEN: dict[str, Sequence[Any]] = {
    OPERATIONS: _OPERATIONS, OBSERVABILITY: _OBSERVABILITY, AUDIT_EVENTS: _AUDIT,
}  # fmt: skip
REQUESTS = [Asked(document, *each) for document, every in _WRITTEN.items() for each in every]
"""In the order of the documents. The other two documents write no request."""

WITHOUT_REQUESTS = (EVENT_DESK, API_MONITORING)
"""Their users work with pages alone; API monitoring as a whole is issue 20."""

NEEDS_TELEMETRY = ("/api/tracing/", "/api/logs/")
"""Beginnings of the paths that need a telemetry store; test_telemetry_search has one."""

NEEDS_SLO = "/api/slo"
"""The beginning of the paths that need an SLO and a Prefect server; test_slos has both."""

NEEDS_INCIDENT = "/api/incidents"
"""The beginning of the paths that need an incident; test_incidents has one."""
