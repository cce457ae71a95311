"""Requests for custom dashboards, made once for both kinds of client."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = [
    "Dashboard",
    "DashboardPage",
    "dashboard",
    "dashboards",
    "remove_dashboard",
    "save_dashboard",
]


class Dashboard(BaseModel):
    """A custom dashboard."""

    name: str
    tenant: str
    team: str
    tiles: list[dict[str, Any]]
    saved_at: datetime
    saved_by: str
    changes: bool


class DashboardPage(BaseModel):
    """The dashboards that the caller sees."""

    items: list[Dashboard]


def dashboards() -> Call[DashboardPage]:
    """Return the request for the dashboards that the caller sees."""
    return Call(DashboardPage, "GET", f"{BASE}/dashboards")


def dashboard(name: str, *, team: str = "", tenant: str = "default") -> Call[Dashboard]:
    """Return the request for one dashboard; without a team, for one of the caller's own."""
    return Call(Dashboard, "GET", _path(name), _of(team, tenant))


def save_dashboard(
    name: str, tiles: Sequence[dict[str, Any]], *, team: str = "", tenant: str = "default"
) -> Call[Dashboard]:
    """Return the request that saves a dashboard, or replaces the one of that name."""
    body = {"tiles": list(tiles)}
    return Call(Dashboard, "PUT", _path(name), _of(team, tenant), body=body)


def remove_dashboard(name: str, *, team: str = "", tenant: str = "default") -> Call[Dashboard]:
    """Return the request that removes a dashboard."""
    return Call(Dashboard, "DELETE", _path(name), _of(team, tenant))


def _of(team: str, tenant: str) -> dict[str, str]:
    return {"team": team, "tenant": tenant} if team else {}


def _path(name: str) -> str:
    return f"{BASE}/dashboards/{quote(name, safe='')}"
