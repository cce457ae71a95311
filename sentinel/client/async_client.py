"""The client whose methods are coroutines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel

from sentinel.alerts.actions import ActionName
from sentinel.alerts.view import AlertView
from sentinel.client import calls, models
from sentinel.client.calls import Call
from sentinel.client.connection import given, options_of, unreachable
from sentinel.notifications.why import AlertWhy

__all__ = ["AsyncClient"]

M = TypeVar("M", bound=BaseModel)


class AsyncClient:
    """A client of the HTTP API whose methods are coroutines.

    Every method may raise a `SentinelError`: `DatabaseUnreachable` where the API does not answer,
    `NotFound`, `Conflict`, or `ConfigurationError` for what the request should say otherwise.

    Args:
        url: of the API; by default SENTINEL_URL
        token: bearer token or API key; by default SENTINEL_TOKEN
        user: the person who acts, for a program that acts for people; an API key ignores it
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        user: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(**options_of(url, token, user), transport=transport)

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def _do(self, call: Call[M]) -> M | None:
        try:
            response = await self._http.send(call.request(self._http))
        except httpx.HTTPError as error:
            raise unreachable(self._http.base_url, error) from error
        return calls.read(call, response)

    async def download(self, call: Call[Any]) -> AsyncGenerator[bytes]:
        """Carry out a request of `sentinel.client.exports`, and yield the file as it arrives."""
        try:
            sent = await self._http.send(call.request(self._http), stream=True)
            async with aclosing(sent) as response:
                if not response.is_success:
                    await response.aread()
                    raise calls.error_of(response)
                async for part in response.aiter_bytes():
                    yield part
        except httpx.HTTPError as error:
            raise unreachable(self._http.base_url, error) from error

    async def do(self, call: Call[M]) -> M:
        """Carry out a request of `sentinel.client.resources`, and return its answer."""
        return given(await self._do(call))

    async def carry_out(self, call: Call[Any]) -> None:
        """Carry out a request whose answer has no body."""
        await self._do(call)

    async def alerts(
        self,
        *,
        status: Sequence[str] = (),
        severity: Sequence[str] = (),
        rule: str = "",
        assignee: str | None = None,
        q: str = "",
        tenant: str = "",
        live: bool = True,
        limit: int = 50,
        cursor: str | None = None,
    ) -> models.AlertPage:
        """Return a page of alerts.

        Args:
            status: as shown, several allowed
            severity: words, several allowed
            rule: name of the rule
            assignee: the person; empty for unassigned
            q: a search, as in the dashboard
            tenant: whose; empty for all that the token may see
            live: most urgent first and unresolved only; else newest first
            limit: most alerts of the page, up to 500
            cursor: `next_cursor` of the page before

        Returns:
            The page.
        """
        order = "live" if live else "history"
        params: dict[str, Any] = {
            "status": list(status), "severity": list(severity), "rule": rule, "q": q,
            "tenant": tenant, "order": order, "limit": limit, "cursor": cursor,
        }  # fmt: skip
        asked = calls.alerts(params, assignee)
        return given(await self._do(asked))

    async def alert(self, alert_id: str) -> models.AlertDetail:
        """Return one alert with its timeline; its id is 32 hex digits."""
        return given(await self._do(calls.alert(alert_id)))

    async def why(self, alert_id: str) -> AlertWhy:
        """Return why receivers are and were notified of an alert, or not."""
        return given(await self._do(calls.why(alert_id)))

    async def act(
        self,
        alert_id: str,
        action: ActionName,
        *,
        note: str = "",
        minutes: float | None = None,
        assignee: str | None = None,
        expected_version: int | None = None,
    ) -> models.Acted:
        """Act on an alert.

        Args:
            alert_id: of the alert
            action: its name
            note: a comment; of suppress, the reason
            minutes: of suppress, how long
            assignee: of assign, the person; empty unassigns
            expected_version: refuse another version of the alert

        Returns:
            The outcome, and the alert afterwards.

        Raises:
            Conflict: its state forbids it, or somebody changed it
        """
        body: dict[str, Any] = {
            "action": action, "note": note, "duration_minutes": minutes,
            "expected_version": expected_version,
        }  # fmt: skip
        asked = calls.act(alert_id, body, assignee)
        return given(await self._do(asked))

    async def create_alert(self, *, idempotency_key: str = "", **fields: Any) -> AlertView:
        """Create an alert, or count one occurrence more of the live one.

        Args:
            idempotency_key: of your own, so that a retry creates nothing
            **fields: alert_name, service_name, severity, title, current_value, labels and so on

        Returns:
            The alert.

        Raises:
            Conflict: orchestration dropped it or holds it back, so that no alert opened
        """
        return calls.opened(given(await self._do(calls.create_alert(fields, idempotency_key))))

    async def rules(self, *, tenant: str | None = None) -> models.RulePage:
        """Return all rules, or those of one tenant."""
        return given(await self._do(calls.rules(tenant)))

    async def rule(self, name: str, *, tenant: str = "default") -> models.Rule:
        """Return one rule."""
        return given(await self._do(calls.rule("GET", name, tenant, None, "")))

    async def create_rule(
        self, body: Mapping[str, Any], *, idempotency_key: str = ""
    ) -> models.Rule:
        """Create a rule.

        Args:
            body: its fields, or the words of other systems
            idempotency_key: of your own, so that a retry creates nothing

        Returns:
            The rule; `notes` say how the words were understood.
        """
        return given(await self._do(calls.create_rule(body, idempotency_key)))

    async def change_rule(
        self,
        name: str,
        body: Mapping[str, Any],
        *,
        tenant: str = "default",
        version: str = "",
    ) -> models.Rule:
        """Change the given fields of a rule.

        Args:
            name: of the rule
            body: the fields that change
            tenant: whose it is
            version: of the rule that was read; another one is refused

        Returns:
            The rule afterwards.
        """
        return given(await self._do(calls.rule("PATCH", name, tenant, dict(body), version)))

    async def delete_rule(self, name: str, *, tenant: str = "default", version: str = "") -> None:
        """Delete a rule with its deployment; with the `version` that was read, only that one."""
        await self._do(calls.rule("DELETE", name, tenant, None, version))

    async def switch_rule(
        self, name: str, *, on: bool, reason: str = "", tenant: str = "default"
    ) -> models.Rule:
        """Enable a rule, or disable it with a reason, and return it; a repetition is no error."""
        return given(await self._do(calls.switch_rule(name, tenant, on, reason)))

    async def silences(
        self, *, rule: str = "", ended: bool = False, cursor: str | None = None
    ) -> models.SilencePage:
        """Return the silences that are active, of one rule if given; `ended`: also the others."""
        return given(await self._do(calls.silences(rule, ended, cursor)))

    async def silence_rule(
        self, rule: str, *, minutes: float, reason: str = "", tenant: str = "default"
    ) -> models.Silence:
        """Notify nobody of the alerts of a rule for a time; Conflict where it is silenced."""
        body = {"rule": rule, "tenant": tenant, "duration_minutes": minutes, "reason": reason}
        return given(await self._do(calls.silence_rule(body)))

    async def end_silence(self, silence_id: str) -> models.Silence:
        """End a silence before its time, and return it."""
        return given(await self._do(calls.end_silence(silence_id)))

    async def receivers(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> models.ReceiverPage:
        """Return all receivers, or a page of at most `limit` of them."""
        return given(await self._do(calls.receivers(limit, cursor)))

    async def inbox(self, *, limit: int = 50, cursor: str | None = None) -> models.InboxPage:
        """Return a page of the inbox, newest first; at most 500 messages."""
        return given(await self._do(calls.inbox(limit, cursor)))

    async def audit(
        self,
        *,
        q: str = "",
        actor: str = "",
        actions: Sequence[str] = (),
        thing: str = "",
        since: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> models.AuditPage:
        """Return a page of changes.

        Args:
            q: words in the action, object, note or who
            actor: name of who acted
            actions: codes; one that ends in a dot is all that begin so
            thing: id or name of the object
            since: at or after this
            limit: most rows of the page, up to 500
            cursor: `next_cursor` of the page before

        Returns:
            The page, newest first.
        """
        moment = None if since is None else since.isoformat()
        params: dict[str, Any] = {
            "q": q, "actor": actor, "action": list(actions), "object": thing, "since": moment,
            "limit": limit, "cursor": cursor,
        }  # fmt: skip
        return given(await self._do(calls.audit(params)))

    async def audit_row(self, reference: str) -> models.AuditRow:
        """Return one change, by its number or id."""
        return given(await self._do(calls.audit_row(reference)))

    async def keys(
        self, *, revoked: bool = False, limit: int | None = None, cursor: str | None = None
    ) -> models.KeyPage:
        """Return the API keys without secrets, or a page of them; `revoked`: also those."""
        return given(await self._do(calls.keys(revoked, limit, cursor)))

    async def send_metrics(
        self, samples: Sequence[models.MetricSample], *, tenant: str = "default"
    ) -> int:
        """Store samples, and return how many were stored."""
        return given(await self._do(calls.metrics(samples, tenant))).accepted

    async def send_events(
        self, events: Sequence[Mapping[str, Any]], *, tenant: str = "default"
    ) -> int:
        """Store events, and return how many were new."""
        return given(await self._do(calls.events(events, tenant))).accepted

    async def statistics(self, *, hours: float = 24) -> models.Statistics:
        """Return the statistics of the last hours."""
        return given(await self._do(calls.statistics(hours)))

    async def health(self) -> models.Health:
        """Return the health by component, also while it is down."""
        return given(await self._do(calls.health()))
