"""Opsgenie, through its Alert API: one alert for the life of a group, named by its alias.

Fields: https://github.com/opsgenie/opsgenie-go-sdk-v2 (718e135); limits:
https://docs.opsgenie.com/docs/alerts-and-alert-fields and .../alert-api-continued (read on
2026-11-29). That details have at most 8,000 characters together is unverified, for the page of the
create request could not be read. A request is answered with 202 before it is carried out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field, SecretStr

from blocks.http_channel import HttpChannel, HttpRequest, timeout_field
from blocks.message_text import alert_lines, clipped, fitted, is_resolved
from sentinel.notifications.channel import Message, all_acknowledged
from sentinel.notifications.reasons import Reason

_PRIORITIES = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}
_MOST_MESSAGE, _MOST_ALIAS, _MOST_DESCRIPTION = 130, 512, 15_000
_MOST_TAGS, _MOST_TAG, _MOST_DETAILS, _MOST_NOTE = 20, 50, 8_000, 25_000


class Opsgenie(HttpChannel):
    """Creates, acknowledges and closes one alert for each group of alerts."""

    _block_type_name = "Sentinel Opsgenie"
    _block_type_slug = "sentinel-opsgenie"
    _description = "Creates one Opsgenie alert for a group of alerts, and closes it."
    _what = "Opsgenie"
    _fix = (
        "Use the API key of an API integration that may create alerts, and the URL of its region."
    )
    _fixes: ClassVar[Mapping[int, str]] = {
        401: "Save the integration's API key again, and use the URL of its region.",
        403: "Switch the integration on, and say there that it may create and update alerts.",
    }
    _changes_priority: ClassVar[bool] = True

    api_key: SecretStr = Field(
        title="API key", description="Of an integration of type API.", min_length=1
    )
    url: str = Field(
        default="https://api.opsgenie.com",
        title="URL",
        description="In the EU region, https://api.eu.opsgenie.com.",
    )
    timeout: float = timeout_field()

    def _requests(self, message: Message) -> Iterator[HttpRequest]:
        alias = message.dedup_key[:_MOST_ALIAS]
        note = {"source": "Sentinel", "user": "Sentinel", "note": message.reason_text[:_MOST_NOTE]}
        if is_resolved(message):
            yield self._asked(f"/{quote(alias, safe='')}/close?identifierType=alias", note)
        elif all_acknowledged(message):
            yield self._asked(f"/{quote(alias, safe='')}/acknowledge?identifierType=alias", note)
        else:
            priority = _PRIORITIES.get(message.severity, "P5")
            yield self._asked("", {**note, **_alert(message), "alias": alias, "priority": priority})
            if self._changes_priority and message.reason == Reason.SEVERITY_ROSE:
                # A create of an alert that is open only counts it.
                path = f"/{quote(alias, safe='')}/priority?identifierType=alias"
                yield self._asked(path, {"priority": priority}, "PUT")

    def _asked(self, path: str, body: dict[str, Any], method: str = "POST") -> HttpRequest:
        return HttpRequest(
            url=f"{self.url.rstrip('/')}/v2/alerts{path}",
            body=body,
            headers={"Authorization": f"GenieKey {self.api_key.get_secret_value()}"},
            method=method,
        )


def _alert(message: Message) -> dict[str, Any]:
    worst = message.alerts[0] if message.alerts else None
    total = message.firing + message.resolved
    text = fitted(alert_lines(message, 100), _MOST_DESCRIPTION - len(message.url) - 1, total)
    labels: dict[str, str] = {}
    for name, value in worst.labels.items() if worst else ():
        if sum(map(len, [*labels, *labels.values(), name, value])) <= _MOST_DETAILS:
            labels[name] = value
    tags = [clipped(one, _MOST_TAG) for one in (message.severity, worst.category if worst else "")]
    return {
        "message": clipped(message.title, _MOST_MESSAGE) or "alert",
        "description": f"{text}\n{message.url}",
        "details": labels,
        "tags": [one for one in tags if one][:_MOST_TAGS],
    }
