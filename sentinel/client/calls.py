"""The requests of the client, made once for both of its kinds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from pydantic import BaseModel

from sentinel.alerts.view import AlertView
from sentinel.client import models
from sentinel.errors import (
    ConfigurationError,
    Conflict,
    DatabaseUnreachable,
    NotFound,
    SentinelError,
    TooManyRequests,
)
from sentinel.notifications.why import AlertWhy
from sentinel.rules.approval import ChangeWaits

__all__ = ["Call", "error_of", "read"]

M = TypeVar("M", bound=BaseModel)
BASE = "/api/v1/alerts"


class Call(msgspec.Struct, Generic[M], frozen=True):
    """One request, and the model of its answer.

    Attributes:
        answer: of a success; None where there is no body
        method, path: of the request
        params: of its address; those that are None are left out
        body: as JSON; bytes are sent as they are
        headers: beside those of the client
        statuses: answers that are no error although they are none of 2xx
        wait: seconds to wait for the answer, where it takes longer than others
    """

    answer: type[M] | None
    method: str
    path: str
    params: Mapping[str, Any] = {}
    body: Any = None
    headers: Mapping[str, str] = {}
    statuses: tuple[int, ...] = ()
    wait: float | None = None

    def request(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Return the request, for a client that has the address and the token."""
        given = {name: one for name, one in self.params.items() if one is not None}
        is_text = isinstance(self.body, bytes)
        content = self.body if is_text or self.body is None else msgspec.json.encode(self.body)
        kind = {} if content is None else {"Content-Type": "application/json"}
        timeout = client.timeout if self.wait is None else httpx.Timeout(self.wait)
        return client.build_request(
            self.method, self.path, params=given, content=content,
            headers={**kind, **self.headers}, timeout=timeout,
        )  # fmt: skip


def read(call: Call[M], response: httpx.Response) -> M | None:
    """Return the answer to a call.

    Args:
        call: that was made
        response: to it, whole

    Returns:
        The model; None where there is no body.

    Raises:
        SentinelError: the API refused it, as `error_of` says
        ChangeWaits: nothing changed yet, since a second person has to approve it
    """
    if not response.is_success and response.status_code not in call.statuses:
        problem = error_of(response)
        raise problem
    if response.status_code == 202 and (waits := _waits(response)) is not None:
        raise waits
    if call.answer is None or not response.content:
        return None
    answer = call.answer.model_validate_json(response.content)
    if isinstance(answer, models.Tagged):
        return answer.model_copy(update={"version": response.headers.get("ETag", "")})
    return answer


def _waits(response: httpx.Response) -> ChangeWaits | None:
    """Return the error of a change that waits for a second person; None for another answer."""
    try:
        body: Mapping[str, Any] = response.json()
        return ChangeWaits(
            str(body["message"]), hint=str(body["hint"]), change=str(body["pending_change"]["id"])
        )
    except (ValueError, KeyError, TypeError):
        return None


def error_of(response: httpx.Response) -> SentinelError:
    """Return the error that a response reports.

    Args:
        response: which is no success

    Returns:
        `NotFound` for 404, `Conflict` for 409 and 412, `DatabaseUnreachable` for 502 to 504,
        `TooManyRequests` for 408 and 429, `ConfigurationError` for what the request should have
        said otherwise.
    """
    try:
        error: Mapping[str, Any] = response.json()["error"]
        message, hint = str(error["message"]), str(error.get("hint") or "")
    except (ValueError, KeyError, TypeError):
        message = f"{response.url.host} answered {response.status_code} {response.reason_phrase}"
        hint = "Is this the address of Sentinel's API?"
    status = response.status_code
    if status == 404:
        return NotFound(message, hint=hint)
    if status in (409, 412):
        return Conflict(message, hint=hint)
    if status in (502, 503, 504):
        return DatabaseUnreachable(message, hint=hint)
    if status in (408, 429):
        return TooManyRequests(message, hint=hint)
    if status < 500:
        return ConfigurationError(message, hint=hint)
    return SentinelError(message, hint=hint)


def alerts(params: Mapping[str, Any], assignee: str | None) -> Call[models.AlertPage]:
    given = {name: one for name, one in params.items() if one not in (None, "", [])}
    if assignee is not None:  # an empty one means unassigned
        given["assignee"] = assignee
    return Call(models.AlertPage, "GET", f"{BASE}/alerts", given)


def alert(alert_id: str) -> Call[models.AlertDetail]:
    return Call(models.AlertDetail, "GET", f"{BASE}/alerts/{quote(alert_id, safe='')}")


def why(alert_id: str) -> Call[AlertWhy]:
    return Call(AlertWhy, "GET", f"{BASE}/alerts/{quote(alert_id, safe='')}/why")


def act(alert_id: str, body: Mapping[str, Any], assignee: str | None) -> Call[models.Acted]:
    given = {name: one for name, one in body.items() if one not in (None, "")}
    if assignee is not None:  # an empty one unassigns
        given["assignee"] = assignee
    path = f"{BASE}/alerts/{quote(alert_id, safe='')}/actions"
    return Call(models.Acted, "POST", path, body=given)


def create_alert(body: Mapping[str, Any], key: str) -> Call[models.Posted]:
    return Call(models.Posted, "POST", BASE, body=dict(body), headers=_once(key))


def opened(posted: models.Posted) -> AlertView:
    """Return the alert that was posted; `Conflict` where orchestration let none open."""
    kept = posted.root
    if isinstance(kept, AlertView):
        return kept
    until = "" if kept.until is None else f" until {kept.until.isoformat()}"
    raise Conflict(
        f"no alert opened: the rule {kept.rule!r} of orchestration {kept.outcome} it{until}",
        hint="It was taken; do not post it again for that reason.",
    )


def rules(tenant: str | None) -> Call[models.RulePage]:
    return Call(models.RulePage, "GET", f"{BASE}/rules", {"tenant": tenant})


def rule(method: str, name: str, tenant: str, body: Any, version: str) -> Call[models.Rule]:
    headers = {"If-Match": version} if version else {}
    path = f"{BASE}/rules/{quote(name, safe='')}"
    return Call(models.Rule, method, path, {"tenant": tenant}, body, headers)


def create_rule(body: Mapping[str, Any], key: str) -> Call[models.Rule]:
    return Call(models.Rule, "POST", f"{BASE}/rules", body=dict(body), headers=_once(key))


def switch_rule(name: str, tenant: str, on: bool, reason: str) -> Call[models.Rule]:
    path = f"{BASE}/rules/{quote(name, safe='')}/{'enable' if on else 'disable'}"
    body = {"reason": reason} if reason and not on else None
    return Call(models.Rule, "POST", path, {"tenant": tenant}, body)


def silences(rule: str, ended: bool, cursor: str | None) -> Call[models.SilencePage]:
    given = {"rule": rule or None, "ended": ended or None, "limit": 500, "cursor": cursor}
    return Call(models.SilencePage, "GET", f"{BASE}/silences", given)


def silence_rule(body: Mapping[str, Any]) -> Call[models.Silence]:
    return Call(models.Silence, "POST", f"{BASE}/silences", body=dict(body))


def end_silence(silence_id: str) -> Call[models.Silence]:
    return Call(models.Silence, "DELETE", f"{BASE}/silences/{quote(silence_id, safe='')}")


def receivers(limit: int | None, cursor: str | None) -> Call[models.ReceiverPage]:
    given = {"limit": limit, "cursor": cursor}
    return Call(models.ReceiverPage, "GET", f"{BASE}/receivers", given)


def inbox(limit: int, cursor: str | None) -> Call[models.InboxPage]:
    return Call(models.InboxPage, "GET", f"{BASE}/inbox", {"limit": limit, "cursor": cursor})


def audit(params: Mapping[str, Any]) -> Call[models.AuditPage]:
    given = {name: one for name, one in params.items() if one not in (None, "", [])}
    return Call(models.AuditPage, "GET", f"{BASE}/audit", given)


def audit_row(reference: str) -> Call[models.AuditRow]:
    return Call(models.AuditRow, "GET", f"{BASE}/audit/{quote(reference, safe='')}")


def keys(revoked: bool, limit: int | None, cursor: str | None) -> Call[models.KeyPage]:
    given = {"revoked": revoked or None, "limit": limit, "cursor": cursor}
    return Call(models.KeyPage, "GET", f"{BASE}/keys", given)


def metrics(samples: Sequence[models.MetricSample], tenant: str) -> Call[models.Accepted]:
    return Call(models.Accepted, "POST", f"{BASE}/metrics", {"tenant": tenant}, list(samples))


def events(given: Sequence[Mapping[str, Any]], tenant: str) -> Call[models.Accepted]:
    return Call(models.Accepted, "POST", "/api/v1/events", {"tenant": tenant}, list(given))


def statistics(hours: float) -> Call[models.Statistics]:
    return Call(models.Statistics, "GET", f"{BASE}/statistics", {"hours": hours})


def health() -> Call[models.Health]:
    return Call(models.Health, "GET", f"{BASE}/health", statuses=(503,))


def _once(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key} if key else {}
