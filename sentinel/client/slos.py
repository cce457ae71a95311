"""Requests about SLOs.

```python
from sentinel.client import Client, slos

with Client() as sentinel:
    sentinel.do(slos.measure("checkout", [{"good": 998, "total": 1000}]))
    print(sentinel.do(slos.status("checkout")).health)
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sentinel.client.calls import Call

__all__ = [
    "Measured", "Slo", "SloBudgets", "SloBurnRates", "SloHistory", "SloPage", "SloPredictions",
    "SloReport", "SloStatus", "SloViolations", "burn_rate", "create", "error_budget", "history",
    "listed", "measure", "predict", "read", "remove", "report", "save", "status", "violations",
]  # fmt: skip

_PATH = "/api/slo"


class Slo(BaseModel):
    """An SLO; its definition is as YAML has it."""

    definition: dict[str, Any]
    version: int
    saved_at: datetime
    saved_by: str
    rule: str
    status: dict[str, Any] = {}


class SloPage(BaseModel):
    """The SLOs that the caller sees, each with how it stands."""

    items: list[Slo]
    next_cursor: str | None = None


class SloStatus(BaseModel):
    """How an SLO stands: holds, at_risk, violated or not_enough_data."""

    name: str
    health: str
    counted_until: datetime | None
    objectives: list[dict[str, Any]]
    out_of_reach: list[dict[str, Any]] = []


class SloBudgets(BaseModel):
    """The error budget of each objective."""

    name: str
    budgets: list[dict[str, Any]]


class SloBurnRates(BaseModel):
    """How fast the budgets burn."""

    name: str
    burns: list[dict[str, Any]]


class SloHistory(BaseModel):
    """How each objective stood over time."""

    name: str
    objectives: list[dict[str, Any]]


class SloPredictions(BaseModel):
    """When each objective is violated."""

    name: str
    predictions: list[dict[str, Any]]


class SloViolations(BaseModel):
    """When SLOs were violated, the newest first."""

    items: list[dict[str, Any]]
    next_cursor: str | None = None


class SloReport(BaseModel):
    """A report as Markdown or HTML."""

    text: str
    next_cursor: str | None = None


class Measured(BaseModel):
    """How many measurements were added."""

    added: int


def listed(
    *, tenant: str | None = None, q: str = "", limit: int = 100, cursor: str | None = None
) -> Call[SloPage]:
    """Return the request for the SLOs that the caller sees, by tenant and name.

    Args:
        tenant: only those of this one; None for all
        q: words that the definition has
        limit: at most so many, up to 500
        cursor: `next_cursor` of the page before

    Returns:
        The request.
    """
    return Call(SloPage, "GET", _PATH,
                {"tenant": tenant, "q": q or None, "limit": limit, "cursor": cursor})  # fmt: skip


def create(definition: Mapping[str, Any]) -> Call[Slo]:
    """Return the request that creates an SLO with its rule."""
    return Call(Slo, "POST", _PATH, body=dict(definition))


def read(name: str, *, tenant: str = "default") -> Call[Slo]:
    """Return the request for one SLO."""
    return Call(Slo, "GET", f"{_PATH}/{name}", {"tenant": tenant})


def save(name: str, definition: Mapping[str, Any]) -> Call[Slo]:
    """Return the request that saves an SLO, or replaces the one of that name."""
    return Call(Slo, "PUT", f"{_PATH}/{name}", body=dict(definition))


def remove(name: str, *, tenant: str = "default") -> Call[Slo]:
    """Return the request that removes an SLO with its rule and its events."""
    return Call(Slo, "DELETE", f"{_PATH}/{name}", {"tenant": tenant})


def measure(
    name: str, measurements: Sequence[Mapping[str, Any]], *, tenant: str = "default"
) -> Call[Measured]:
    """Return the request that adds measurements.

    Args:
        name: of the SLO
        measurements: each with good, total, and at in RFC 3339 where it is not now
        tenant: whose it is

    Returns:
        The request. Sent twice, the measurements count twice.
    """
    body = {"measurements": [dict(one) for one in measurements]}
    return Call(Measured, "POST", f"{_PATH}/{name}/measurements", {"tenant": tenant}, body)


def status(name: str, *, tenant: str = "default") -> Call[SloStatus]:
    """Return the request for how an SLO stands."""
    return Call(SloStatus, "GET", f"{_PATH}/{name}/status", {"tenant": tenant})


def error_budget(name: str, *, tenant: str = "default") -> Call[SloBudgets]:
    """Return the request for the error budgets of an SLO."""
    return Call(SloBudgets, "GET", f"{_PATH}/{name}/error-budget", {"tenant": tenant})


def burn_rate(name: str, *, tenant: str = "default") -> Call[SloBurnRates]:
    """Return the request for the burn rates of an SLO."""
    return Call(SloBurnRates, "GET", f"{_PATH}/{name}/burn-rate", {"tenant": tenant})


def history(
    name: str, *, tenant: str = "default", since: datetime | None = None,
    until: datetime | None = None,
) -> Call[SloHistory]:  # fmt: skip
    """Return the request for how an SLO stood over time, by default in the last 30 days."""
    given = {"since": since, "until": until}
    params = {key: None if one is None else one.isoformat() for key, one in given.items()}
    return Call(SloHistory, "GET", f"{_PATH}/{name}/history", {"tenant": tenant, **params})


def predict(name: str, *, tenant: str = "default") -> Call[SloPredictions]:
    """Return the request for when the objectives of an SLO are violated."""
    return Call(SloPredictions, "GET", f"{_PATH}/{name}/predict", {"tenant": tenant})


def violations(
    *, tenant: str | None = None, days: int = 30, cursor: str | None = None
) -> Call[SloViolations]:
    """Return the request for when SLOs were violated; see `listed` for the cursor."""
    params = {"tenant": tenant, "days": days, "cursor": cursor}
    return Call(SloViolations, "GET", f"{_PATH}/violations", params)


def report(
    *, tenant: str | None = None, days: int = 30, cursor: str | None = None
) -> Call[SloReport]:
    """Return the request for a report, as one object with its Markdown; see `listed`."""
    params = {"tenant": tenant, "days": days, "format": "json", "cursor": cursor}
    return Call(SloReport, "GET", f"{_PATH}/report", params)
