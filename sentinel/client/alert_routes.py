"""Requests about the routes of alerts, made once for both kinds of client.

```python
from sentinel.client import Client, alert_routes

with Client() as sentinel:
    active = sentinel.do(alert_routes.active())
    sentinel.do(alert_routes.apply(text, note="the db team has a pager", version=active.number))
```
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call
from sentinel.client.models import Tagged

__all__ = [
    "Applied",
    "Checked",
    "Difference",
    "DifferenceItem",
    "Differences",
    "OwnerItem",
    "OwnerPage",
    "Tried",
    "Version",
    "VersionPage",
    "active",
    "apply",
    "apply_files",
    "check",
    "diff",
    "owners",
    "plan",
    "rollback",
    "try_labels",
    "version",
    "versions",
]

_PATH = f"{BASE}/routes"


class Version(BaseModel):
    """A version of the routes; `document` is empty in lists. Number 0 where there never was one."""

    number: int
    document: str = ""
    digest: str
    note: str
    applied_by: str
    applied_at: datetime | None
    rolled_back_to: int | None


class VersionPage(BaseModel):
    """A page of versions, the active one first."""

    items: list[Version]
    next_cursor: int | None


class Applied(BaseModel):
    """The active version, and whether it is a new one."""

    number: int
    changed: bool


class Checked(BaseModel):
    """What a document holds, and which receivers and escalation policies it lacks."""

    routes: int
    tests: int
    missing_receivers: list[str]
    missing_policies: list[str] = []


class Tried(BaseModel):
    """The routes looked at on the way of an alert, and the groups that it would join."""

    looked_at: list[dict[str, Any]]
    ways: list[dict[str, Any]]


class Difference(BaseModel):
    """The alerts that a draft would have sent another way."""

    alerts: int
    cut: bool
    moved: list[dict[str, Any]]


class DifferenceItem(BaseModel):
    """One thing that is added (`+`), changed (`~`) or removed (`-`)."""

    sign: Literal["+", "~", "-"]
    kind: str
    name: str
    text: str


class Differences(Tagged):
    """What a document would change, or did; `version` of a plan is for `apply_files`."""

    differences: list[DifferenceItem]


class OwnerItem(BaseModel):
    """A rule and its owner, empty for nobody; `by` is what says so."""

    tenant: str
    rule: str
    owner: str
    by: str
    team: str
    work_pool: str


class OwnerPage(BaseModel):
    """All rules, by tenant and name."""

    items: list[OwnerItem]


def active() -> Call[Version]:
    """Return the request for the active routes."""
    return Call(Version, "GET", _PATH)


def version(number: int) -> Call[Version]:
    """Return the request for one version."""
    return Call(Version, "GET", f"{_PATH}/versions/{number}")


def versions(*, limit: int = 50, cursor: int | None = None) -> Call[VersionPage]:
    """Return the request for a page of versions, at most 500."""
    return Call(VersionPage, "GET", f"{_PATH}/versions", {"limit": limit, "cursor": cursor})


def apply(document: str, *, note: str = "", version: int | None = None) -> Call[Applied]:
    """Return the request that makes a document the active routes.

    Args:
        document: YAML; empty for no routes
        note: the reason
        version: number of the version that must be active; None for any, 0 for none

    Returns:
        The request; `do` raises `Conflict` where another version is active.
    """
    body = {"document": document, "note": note}
    return Call(Applied, "PUT", _PATH, body=body, headers=_only(version))


def rollback(number: int, *, note: str = "", version: int | None = None) -> Call[Applied]:
    """Return the request that makes an earlier version active again; 0 for no routes."""
    body = {"version": number, "note": note}
    return Call(Applied, "POST", f"{_PATH}/rollback", body=body, headers=_only(version))


def check(document: str) -> Call[Checked]:
    """Return the request that checks a document and runs its tests."""
    return Call(Checked, "POST", f"{_PATH}/check", body={"document": document})


def try_labels(
    labels: Mapping[str, str],
    *,
    at: datetime | None = None,
    messages: int = 3,
    document: str | None = None,
) -> Call[Tried]:
    """Return the request for the way of an alert.

    Args:
        labels: of the alert
        at: when it opens, timezone-aware; None for now
        messages: so many messages are looked for
        document: routes to try; None for those that are active

    Returns:
        The request.
    """
    moment = None if at is None else at.isoformat()
    body = {"labels": dict(labels), "at": moment, "messages": messages, "document": document}
    return Call(Tried, "POST", f"{_PATH}/test", body=body)


def diff(document: str, *, days: float = 7, most: int = 10_000) -> Call[Difference]:
    """Return the request that compares a document with the active routes over recent alerts."""
    body = {"document": document, "days": days, "most": most}
    return Call(Difference, "POST", f"{_PATH}/diff", body=body)


def plan(files: Mapping[str, str]) -> Call[Differences]:
    """Return the request for what a document of receivers and routes would change.

    Args:
        files: YAML, by the name that errors give

    Returns:
        The request.
    """
    return Call(Differences, "POST", f"{BASE}/notify/plan", body={"document": dict(files)})


def apply_files(
    files: Mapping[str, str], *, note: str = "", version: str = ""
) -> Call[Differences]:
    """Return the request that applies a document of receivers and routes.

    Args:
        files: YAML, by the name that errors give
        note: why, kept with the version of the routes
        version: of the plan, where nothing may have changed since

    Returns:
        The request; `do` raises `Conflict` where something has.
    """
    body = {"document": dict(files), "note": note}
    headers = {"If-Match": version} if version else {}
    return Call(Differences, "POST", f"{BASE}/notify/apply", body=body, headers=headers)


def owners(*, unowned: bool = False) -> Call[OwnerPage]:
    """Return the request for the rules with their owners; `unowned`: only those of nobody."""
    return Call(OwnerPage, "GET", f"{BASE}/owners", {"unowned": "true" if unowned else None})


def _only(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}
