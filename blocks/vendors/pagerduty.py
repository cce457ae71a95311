"""PagerDuty, through Events API v2: one incident for the life of a group.

Fields: https://github.com/PagerDuty/api-schema reference/events-v2/openapiv3.json (91a06fb); limits
and response codes: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ and
/overview/ (their source at 9422439); EU region: https://support.pagerduty.com/docs/safelist-ips
(read on 2026-11-29). A service may be told to take its urgency from the severity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.message_text import (
    alert_lines,
    clipped,
    fitted,
    is_resolved,
    links_of,
    resources_of,
)
from sentinel.notifications.channel import Message, all_acknowledged

_SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "warning"}
_MOST_SUMMARY, _MOST_KEY, _MOST_TEXT = 1024, 255, 10_000


class PagerDuty(HttpChannel):
    """Opens, acknowledges and resolves one incident for each group of alerts."""

    _block_type_name = "Sentinel PagerDuty"
    _block_type_slug = "sentinel-pagerduty"
    _description = "Opens one PagerDuty incident for a group of alerts, and resolves it."
    _what = "PagerDuty"
    _fix = "Use the integration key of an Events API v2 integration of the service."
    _fixes: ClassVar[Mapping[int, str]] = dict.fromkeys(
        (404, 410), "Check the URL: that of the EU region is another one."
    )

    routing_key: SecretStr = Field(
        title="Integration key",
        description="Of an integration of type Events API v2.",
        min_length=1,
    )
    url: str = Field(
        default="https://events.pagerduty.com/v2/enqueue",
        title="URL",
        description="In the EU region, https://events.eu.pagerduty.com/v2/enqueue.",
    )
    urgency: Literal["high", "low"] = Field(
        default="high", title="Urgency", description="low reports no severity above warning."
    )
    timeout: float = timeout_field()

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        action = "acknowledge" if all_acknowledged(message) else "trigger"
        event: dict[str, Any] = {
            "routing_key": self.routing_key.get_secret_value(),
            "event_action": "resolve" if is_resolved(message) else action,
            "dedup_key": message.dedup_key[:_MOST_KEY],
        }
        if event["event_action"] == "trigger":
            event |= {"payload": self._payload(message), "client": "Sentinel",
                      "client_url": message.url, "links": _links(message)}  # fmt: skip
        yield HttpRequest(url=self.url, body=event)

    def _payload(self, message: Message) -> dict[str, Any]:
        severity = _SEVERITIES.get(message.severity, "info")
        if self.urgency == "low" and severity in ("critical", "error"):
            severity = "warning"
        worst = message.alerts[0] if message.alerts else None
        lines, total = alert_lines(message, 100), message.firing + message.resolved
        source = next(iter(resources_of(worst)), worst.rule) if worst else message.group_id
        labels = (
            fitted([f"{k}={v}" for k, v in worst.labels.items()], 5_000, len(worst.labels))
            if worst
            else ""
        )
        return {
            "summary": clipped(message.title, _MOST_SUMMARY) or "alert",
            "source": clipped(source, _MOST_KEY) or "sentinel",
            "severity": severity,
            "timestamp": message.at.isoformat(),
            "custom_details": {
                "reason": message.reason_text,
                "alerts": fitted(lines, _MOST_TEXT, total),
                "description": clipped(worst.description, _MOST_TEXT) if worst else "",
                "labels": labels,
            },
        }


def _links(message: Message) -> list[dict[str, str]]:
    found = links_of(message.alerts[0])[:5] if message.alerts else []
    return [{"href": url, "text": name} for name, url in found]
