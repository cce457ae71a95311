"""Requests about on-call: the document, who is on call, gaps, overrides and swaps.

```python
from sentinel.client import Client, oncall

with Client() as sentinel:
    for one in sentinel.do(oncall.now()).items:
        print(one.schedule, one.people, one.until)
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sentinel.client.alert_routes import Applied, Version, VersionPage
from sentinel.client.calls import BASE, Call

__all__ = [
    "Coverage", "Coverages", "Gap", "Load", "Override", "Overrides", "Shift", "Shifts", "Standing",
    "Standings", "Tried", "TriedPolicies", "active", "apply", "coverage", "now", "override",
    "overrides", "remove_override", "rollback", "shifts", "swap", "try_labels", "try_policy",
    "version", "versions",
]  # fmt: skip

_PATH = f"{BASE}/oncall"


class Standing(BaseModel):
    """Who is on call by a schedule, until when, and who is next."""

    schedule: str
    people: list[str]
    until: datetime | None
    following: list[str]
    timezone: str


class Standings(BaseModel):
    """Who is on call at a moment, by schedule."""

    at: datetime
    items: list[Standing]


class Shift(BaseModel):
    """A time in which the same people are on call."""

    schedule: str
    start: datetime
    end: datetime
    people: list[str]
    source: str
    timezone: str


class Shifts(BaseModel):
    """Shifts to come, by schedule, then by time."""

    items: list[Shift]


class Gap(BaseModel):
    """A time in which somebody must be on call and nobody is."""

    start: datetime
    end: datetime


class Load(BaseModel):
    """What falls on one person, in hours."""

    person: str
    hours: float
    night_hours: float
    weekend_hours: float
    shifts: int


class Coverage(BaseModel):
    """What a schedule lacks, and how evenly it falls on people."""

    schedule: str
    timezone: str
    gaps: list[Gap]
    loads: list[Load]
    overloaded: list[str]


class Coverages(BaseModel):
    """What each schedule lacks in the days to come."""

    items: list[Coverage]


class Override(BaseModel):
    """An override, or one side of a swap."""

    id: str
    schedule: str
    start: datetime
    end: datetime
    people: list[str]
    replaces: str
    reason: str
    swap: str
    made_by: str
    made_at: datetime


class Overrides(BaseModel):
    """Overrides in the order in which they were made."""

    items: list[Override]


class Tried(BaseModel):
    """What every step of a policy would do if nobody acknowledged."""

    policy: str
    why: str
    first_page: datetime
    steps: list[dict[str, Any]]
    cut: bool


class TriedPolicies(BaseModel):
    """What the policy of each group would do that an alert joins."""

    items: list[Tried]


def now(*, schedule: str = "", at: datetime | None = None) -> Call[Standings]:
    """Return the request for who is on call.

    Args:
        schedule: its name; empty for all
        at: another moment, timezone-aware; None for now

    Returns:
        The request.
    """
    asked = {"schedule": schedule, "at": None if at is None else at.isoformat()}
    return Call(Standings, "GET", f"{_PATH}/now", asked)


def shifts(*, schedule: str = "", days: int = 14) -> Call[Shifts]:
    """Return the request for the shifts to come; `schedule` empty for all."""
    return Call(Shifts, "GET", f"{_PATH}/shifts", {"schedule": schedule, "days": days})


def coverage(*, days: int = 30) -> Call[Coverages]:
    """Return the request for gaps and shares of the days to come."""
    return Call(Coverages, "GET", f"{_PATH}/coverage", {"days": days})


def overrides(*, schedule: str = "") -> Call[Overrides]:
    """Return the request for overrides that hold or are to come; `schedule` empty for all."""
    return Call(Overrides, "GET", f"{_PATH}/overrides", {"schedule": schedule})


def override(
    schedule: str, people: Sequence[str], start: datetime, end: datetime, *, replaces: str = "",
    reason: str = "",
) -> Call[Override]:  # fmt: skip
    """Return the request that puts people on call for a time.

    Args:
        schedule: its name
        people: their names; none for nobody
        start: timezone-aware
        end: timezone-aware
        replaces: one person; empty for everybody
        reason: kept with it

    Returns:
        The request.
    """
    body = {
        "schedule": schedule, "people": list(people), "start": start.isoformat(),
        "end": end.isoformat(), "replaces": replaces, "reason": reason,
    }  # fmt: skip
    return Call(Override, "POST", f"{_PATH}/overrides", body=body)


def swap(schedule: str, first: datetime, second: datetime, *, reason: str = "") -> Call[Overrides]:
    """Return the request that lets the people of two shifts take each other's.

    Args:
        schedule: its name
        first: a moment within one shift, timezone-aware
        second: a moment within the other
        reason: kept with it

    Returns:
        The request, whose answer has both sides.
    """
    body = {
        "schedule": schedule, "first": first.isoformat(), "second": second.isoformat(),
        "reason": reason,
    }  # fmt: skip
    return Call(Overrides, "POST", f"{_PATH}/swaps", body=body)


def remove_override(override_id: str) -> Call[Overrides]:
    """Return the request that takes an override back; of a swap, both sides."""
    return Call(Overrides, "DELETE", f"{_PATH}/overrides/{override_id}")


def try_policy(
    policy: str, *, severity: str = "critical", at: datetime | None = None
) -> Call[Tried]:
    """Return the request for whom a policy would page; `at` is the first page, None for now."""
    body = {"policy": policy, "severity": severity, "at": _moment(at)}
    return Call(Tried, "POST", f"{_PATH}/escalations/test", body=body)


def try_labels(
    labels: Mapping[str, str], *, severity: str | None = None, at: datetime | None = None
) -> Call[TriedPolicies]:
    """Return the request for whom an alert would page.

    Args:
        labels: of the alert; `rule` may name one that exists
        severity: None for the label `severity`, or critical
        at: time of the first page, timezone-aware; None for now

    Returns:
        The request.
    """
    body = {"labels": dict(labels), "severity": severity, "at": _moment(at)}
    return Call(TriedPolicies, "POST", f"{_PATH}/escalations/test", body=body)


def active() -> Call[Version]:
    """Return the request for the active document."""
    return Call(Version, "GET", _PATH)


def version(number: int) -> Call[Version]:
    """Return the request for one version of the document."""
    return Call(Version, "GET", f"{_PATH}/versions/{number}")


def versions(*, limit: int = 50, cursor: int | None = None) -> Call[VersionPage]:
    """Return the request for a page of versions, at most 500."""
    return Call(VersionPage, "GET", f"{_PATH}/versions", {"limit": limit, "cursor": cursor})


def apply(document: str, *, note: str = "", version: int | None = None) -> Call[Applied]:
    """Return the request that makes a document the active one.

    Args:
        document: YAML
        note: the reason
        version: number of the version that must be active; None for any, 0 for none

    Returns:
        The request; `do` raises `Conflict` where another version is active.
    """
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    body = {"document": document, "note": note}
    return Call(Applied, "PUT", _PATH, body=body, headers=headers)


def rollback(number: int, *, note: str = "") -> Call[Applied]:
    """Return the request that makes an earlier version active again; 0 for no document."""
    body = {"version": number, "note": note}
    return Call(Applied, "POST", f"{_PATH}/rollback", body=body)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
