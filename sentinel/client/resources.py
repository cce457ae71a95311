"""Requests for the further resources, made once for both kinds of client.

```python
from sentinel.client import Client, resources

with Client() as sentinel:
    done = sentinel.do(resources.act_on_many("acknowledge", matching={"rule": "disk-space"}))
    sentinel.do(resources.silence_rule("disk-space", minutes=60, reason="planned migration"))
```

`AsyncClient.do` takes the same and is awaited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.alerts.actions import ActionName
from sentinel.client.calls import BASE, Call
from sentinel.client.models import Receiver

__all__ = [
    "InboxPage",
    "MutedAlert",
    "Outcome",
    "Silence",
    "SilencePage",
    "SilencePreview",
    "Taken",
    "User",
    "UserPage",
    "View",
    "ViewPage",
    "act_on_many",
    "end_sessions",
    "end_silence",
    "extend_silence",
    "grant_role",
    "inbox",
    "make_user",
    "mark_read",
    "preview_silence",
    "receiver",
    "remove_view",
    "revoke_role",
    "save_view",
    "silence",
    "silence_matching",
    "silence_rule",
    "silences",
    "switch_user",
    "undo",
    "users",
    "views",
]


class Outcome(BaseModel):
    """What came of an action for one alert."""

    id: str
    outcome: str
    reason: str
    error: str


class Taken(BaseModel):
    """The outcome of an action on many alerts; `undo` holds what `undo` of this module takes."""

    matched: int
    more: bool
    changed: int
    unchanged: int
    refused: int
    outcomes: list[Outcome]
    undo: list[dict[str, Any]]
    offer: str | None
    preview: list[dict[str, Any]] | None


class Silence(BaseModel):
    """A silence of a rule, or by matchers; `silenced` counts the live alerts of a new one."""

    id: str
    tenant: str
    matchers: list[str]
    rule: str
    state: str
    starts_at: datetime
    until: datetime
    muting_until: datetime | None
    recurrence: dict[str, Any]
    maintenance: bool
    reason: str
    created_by: str
    ended_by: str
    silenced: int | None = None


class MutedAlert(BaseModel):
    """A firing alert that a silence would mute."""

    id: str
    title: str
    severity: str
    rule: str
    labels: dict[str, str]


class SilencePreview(BaseModel):
    """How many firing alerts a silence would mute, and the most severe of them."""

    count: int
    alerts: list[MutedAlert]


class SilencePage(BaseModel):
    """A page of silences, newest first."""

    items: list[Silence]
    next_cursor: str | None


class Message(BaseModel):
    """A message in the inbox."""

    id: str
    group_id: str
    at: datetime
    status: str
    title: str
    read_at: datetime | None


class InboxPage(BaseModel):
    """A page of messages, newest first."""

    items: list[Message]
    unread: int
    next_cursor: str | None


class Marked(BaseModel):
    """How many messages were unread until now."""

    marked: int


class View(BaseModel):
    """A saved view."""

    page: str
    name: str
    query: str


class ViewPage(BaseModel):
    """The saved views of whoever asks."""

    items: list[View]


class User(BaseModel):
    """An account."""

    name: str
    display_name: str
    state: str
    grants: list[dict[str, Any]]
    sessions: int


class UserPage(BaseModel):
    """A page of accounts, by name."""

    items: list[User]
    next_cursor: str | None


def act_on_many(
    action: ActionName,
    *,
    ids: Sequence[str] | None = None,
    matching: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    idempotency_key: str = "",
    **fields: Any,
) -> Call[Taken]:
    """Return the request for one action on many alerts.

    Args:
        action: its name
        ids: of the alerts; or
        matching: the fields that the alerts must match
        dry_run: change nothing
        idempotency_key: of your own, so that a retry acts once
        **fields: note, reason, duration_minutes, assignee, expected_versions

    Returns:
        The request, for `do`.
    """
    body: dict[str, Any] = {"action": action, "dry_run": dry_run, **fields}
    body |= {"ids": list(ids)} if ids is not None else {"matching": dict(matching or {})}
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    return Call(Taken, "POST", f"{BASE}/alerts/bulk", body=body, headers=headers)


def undo(step: Mapping[str, Any]) -> Call[Taken]:
    """Return the request for one of the steps in `Taken.undo`."""
    return Call(Taken, "POST", f"{BASE}/alerts/bulk", body=dict(step))


def silences(*, ended: bool = False, cursor: str | None = None) -> Call[SilencePage]:
    """Return the request for a page of silences; with `ended`, also those that are over."""
    given = {"ended": "true" if ended else None, "cursor": cursor}
    return Call(SilencePage, "GET", f"{BASE}/silences", given)


def silence_rule(
    rule: str, *, minutes: float, reason: str = "", tenant: str = "default", announce: bool = False
) -> Call[Silence]:
    """Return the request that silences a rule for some minutes.

    Args:
        rule: its name
        minutes: for how long
        reason: why
        tenant: whose the rule is
        announce: whether it is announced to the receivers that it mutes

    Returns:
        The request.
    """
    body: dict[str, Any] = {
        "rule": rule, "tenant": tenant, "duration_minutes": minutes, "reason": reason
    }  # fmt: skip
    if announce:
        body["announce"] = True
    return Call(Silence, "POST", f"{BASE}/silences", body=body)


def silence_matching(
    matchers: Sequence[str], *, minutes: float, starts_at: datetime | None = None, reason: str = "",
    recurrence: Mapping[str, Any] | None = None, maintenance: bool = False,
    tenant: str = "default", announce: bool = False,
) -> Call[Silence]:  # fmt: skip
    """Return the request that silences what one of the sets of matchers matches.

    Args:
        matchers: sets as Alertmanager writes them, such as `team="db", host=~"db-.*"`
        minutes: for how long, from the start
        starts_at: when it begins; None for now
        reason: why
        recurrence: the windows within which it mutes, `weekly` or `occurrences`; None for always
        maintenance: whether it is called a maintenance window
        tenant: whose alerts
        announce: whether it is announced to the receivers that it mutes

    Returns:
        The request.
    """
    body: dict[str, Any] = {
        "matchers": list(matchers), "tenant": tenant, "duration_minutes": minutes, "reason": reason
    }  # fmt: skip
    if starts_at is not None:
        body["starts_at"] = starts_at.isoformat()
    if recurrence:
        body["recurrence"] = dict(recurrence)
    if maintenance:
        body["maintenance"] = True
    if announce:
        body["announce"] = True
    return Call(Silence, "POST", f"{BASE}/silences", body=body)


def preview_silence(matchers: Sequence[str], *, tenant: str = "default") -> Call[SilencePreview]:
    """Return the request for the firing alerts that a silence would mute, without making it."""
    body = {"matchers": list(matchers), "tenant": tenant}
    return Call(SilencePreview, "POST", f"{BASE}/silences/preview", body=body)


def extend_silence(silence_id: str, *, minutes: float) -> Call[Silence]:
    """Return the request that lets a silence by matchers end so many minutes from now."""
    path = f"{BASE}/silences/{quote(silence_id, safe='')}"
    return Call(Silence, "PATCH", path, body={"duration_minutes": minutes})


def end_silence(silence_id: str) -> Call[Silence]:
    """Return the request that ends a silence before its time."""
    return Call(Silence, "DELETE", f"{BASE}/silences/{quote(silence_id, safe='')}")


def inbox(*, q: str = "", unread: bool = False, cursor: str | None = None) -> Call[InboxPage]:
    """Return the request for a page of the inbox."""
    given = {"q": q or None, "unread": "true" if unread else None, "cursor": cursor}
    return Call(InboxPage, "GET", f"{BASE}/inbox", given)


def silence(silence_id: str) -> Call[Silence]:
    """Return the request for one silence."""
    return Call(Silence, "GET", f"{BASE}/silences/{quote(silence_id, safe='')}")


def receiver(name: str) -> Call[Receiver]:
    """Return the request for one receiver."""
    return Call(Receiver, "GET", f"{BASE}/receivers/{quote(name, safe='')}")


def mark_read(ids: Sequence[str] | None) -> Call[Marked]:
    """Return the request that marks messages as read; None for all."""
    body = {"ids": None if ids is None else list(ids)}
    return Call(Marked, "POST", f"{BASE}/inbox/read", body=body)


def views() -> Call[ViewPage]:
    """Return the request for the saved views of whoever asks."""
    return Call(ViewPage, "GET", f"{BASE}/views")


def save_view(page: str, name: str, query: str) -> Call[View]:
    """Return the request that saves a view of a page, or replaces the one of that name."""
    return Call(View, "PUT", _view(page, name), body={"query": query})


def remove_view(page: str, name: str) -> Call[View]:
    """Return the request that removes a saved view."""
    return Call(View, "DELETE", _view(page, name))


def users(*, cursor: str | None = None) -> Call[UserPage]:
    """Return the request for a page of accounts."""
    return Call(UserPage, "GET", f"{BASE}/users", {"cursor": cursor})


def make_user(name: str, role: str, password: str, **fields: Any) -> Call[User]:
    """Return the request that makes an account; `fields` are display_name, tenants, teams."""
    body = {"name": name, "role": role, "password": password, **fields}
    return Call(User, "POST", f"{BASE}/users", body=body)


def switch_user(name: str, *, on: bool) -> Call[User]:
    """Return the request that enables or disables an account."""
    return Call(User, "POST", f"{_user(name)}/{'enable' if on else 'disable'}")


def end_sessions(name: str) -> Call[User]:
    """Return the request that ends all sessions of an account."""
    return Call(User, "DELETE", f"{_user(name)}/sessions")


def grant_role(
    name: str,
    role: str,
    *,
    tenants: Sequence[str] | None = None,
    teams: Sequence[str] | None = None,
) -> Call[User]:
    """Return the request that gives a person a role."""
    body = {"role": role, "tenants": tenants, "teams": teams}
    return Call(User, "PUT", f"{_user(name)}/roles", body=body)


def revoke_role(
    name: str, *, tenants: Sequence[str] | None = None, teams: Sequence[str] | None = None
) -> Call[User]:
    """Return the request that takes the role of exactly these tenants and teams from a person."""
    return Call(User, "DELETE", f"{_user(name)}/roles", {"tenant": tenants, "team": teams})


def _view(page: str, name: str) -> str:
    return f"{BASE}/views/{quote(page, safe='')}/{quote(name, safe='')}"


def _user(name: str) -> str:
    return f"{BASE}/users/{quote(name, safe='')}"
