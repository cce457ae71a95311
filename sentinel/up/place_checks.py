"""Checks of `sentinel doctor` for what answers over HTTP: API, dashboard, public pages."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx

from sentinel.links import Addresses, host_in_url
from sentinel.settings import Settings
from sentinel.up.check import Check, not_here
from sentinel.up.home import Home
from sentinel.up.instance import running
from sentinel.up.public_address import public_address_state

__all__ = ["api_check", "dashboard_check", "public_pages_check"]


def api_check(settings: Settings, home: Home) -> Check:
    """Return whether the API answers, and each component of its health is OK."""
    url = f"{settings.scheme}://{host_in_url(settings.host)}:{settings.api_port}/health"
    try:
        # The certificate is for the name that people use, and nothing secret is sent.
        answer = httpx.get(url, timeout=5, verify=False)  # noqa: S501
    except httpx.HTTPError:
        return not_here("api", running(home) is not None, url)
    parts: dict[str, Any] = {}
    with contextlib.suppress(ValueError):
        parts = answer.json().get("components", {})
    bad = [f"{name}: {part['message']}" for name, part in parts.items() if part["status"] != "ok"]
    if answer.status_code == 200 and not bad:
        return Check(name="api", state="ok", says=url)
    says = "; ".join(bad) or f"{url} answered {answer.status_code}"
    return Check(name="api", state="wrong", says=says, hint=f"See {url}.")


def dashboard_check(settings: Settings, home: Home) -> Check:
    """Return whether the dashboard answers."""
    url = Addresses.of(settings).dashboard
    try:
        # As above.
        httpx.get(f"{url}/_stcore/health", timeout=5, verify=False).raise_for_status()  # noqa: S501
    except httpx.HTTPError:
        return not_here("dashboard", running(home) is not None, url)
    return Check(name="dashboard", state="ok", says=url)


def public_pages_check(settings: Settings, home: Home) -> Check:
    """Return whether the public pages answer where links in messages lead."""
    name = "public pages"
    if not settings.public_url:
        return Check(
            name=name, state="warning", says="messages have no link that acknowledges their alerts",
            hint="Set SENTINEL_PUBLIC_URL to where phones reach the public pages: "
            "docs/how-to/acknowledge-from-a-message.md",
        )  # fmt: skip
    host = host_in_url(settings.public_host)
    url = f"{settings.scheme}://{host}:{settings.public_port}/health"
    try:
        # As above.
        httpx.get(url, timeout=5, verify=False).raise_for_status()  # noqa: S501
    except httpx.HTTPError:
        return not_here(name, running(home) is not None, url)
    found = public_address_state(settings.public_url, url)
    return Check(name=name, state=found.state, says=found.says, hint=found.hint)
