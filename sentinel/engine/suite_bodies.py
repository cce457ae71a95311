"""What a suite's Enterprise Hub and Ninja are sent: registration, health and errors. Pure.

Bodies have states and names of Sentinel's own components, and no text from anywhere else: what a
component says may name hosts, addresses and people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sentinel.engine.component import Component
from sentinel.store.database.component_reports import State

__all__ = [
    "CAPABILITIES", "DOES", "NAME", "TYPE", "Service", "error_body", "health_body",
    "hub_registration", "new_errors", "ninja_registration", "pause_after",
]  # fmt: skip

NAME, TYPE = "sentinel", "observability"
DOES = "Alert and event management: checks, alerts, on-call, incidents, logs and traces."
CAPABILITIES = (
    "alerting", "incident_management", "log_aggregation", "distributed_tracing", "slo_tracking",
)  # fmt: skip
EVERY = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=30)
_IN_WORDS: dict[State, str] = {
    "ok": "healthy", "note": "healthy", "warning": "degraded", "wrong": "unhealthy",
}  # fmt: skip


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The service that is registered.

    Attributes:
        version: of Sentinel
        host: name or address under which other machines reach its API
        port: of its API
    """

    version: str
    host: str
    port: int


def hub_registration(service: Service) -> dict[str, Any]:
    """Return what a hub registers, at `/api/integration/register`.

    Args:
        service: what is registered

    Returns:
        The body.
    """
    return {
        **ninja_registration(service), "host": service.host, "port": service.port,
        "health_endpoint": "/health", "metadata": {"description": DOES},
    }  # fmt: skip


def ninja_registration(service: Service) -> dict[str, Any]:
    """Return what Ninja registers, at `/api/suite-control/register`.

    Args:
        service: what is registered

    Returns:
        The body.
    """
    return {
        "service_name": NAME, "service_type": TYPE, "version": service.version,
        "capabilities": list(CAPABILITIES),
    }  # fmt: skip


def health_body(parts: Iterable[Component], now: datetime) -> dict[str, Any]:
    """Return the health that a hub is sent, at `/api/integration/health`.

    Args:
        parts: the components
        now: the present moment

    Returns:
        The body. `status` is `degraded` where a component is unhealthy and else `healthy`: a relay
        without its database sends nothing.
    """
    checks = {one.name: _IN_WORDS[one.state] for one in parts}
    whole = "degraded" if "unhealthy" in checks.values() else "healthy"
    return {"service_name": NAME, "status": whole, "timestamp": _text(now), "checks": checks}


def error_body(part: Component, now: datetime) -> dict[str, Any]:
    """Return the error that Ninja is sent of one component, at `/api/suite-control/error`.

    Args:
        part: a component that is wrong
        now: the present moment

    Returns:
        The body. Its message does not say why: the page *Health* does.
    """
    since = None if part.since is None else _text(part.since)
    return {
        "service_name": NAME,
        "error_type": f"component.{part.name.replace(' ', '_')}",
        "error_message": f"The component {part.name} is wrong; GET /health and the page Health "
        "say why.",
        "severity": "high",
        "timestamp": _text(now),
        "context": {"component": part.name, "since": since},
    }  # fmt: skip


def pause_after(failures: int, asked: float = 0.0) -> timedelta:
    """Return for how long one that failed is left alone.

    Args:
        failures: how many times in a row
        asked: seconds for which it asked to be left alone; 0 for none

    Returns:
        Twice as long after each failure, from half a minute to half an hour.
    """
    pause = min(EVERY * 2 ** min(max(failures - 1, 0), 10), LONGEST_PAUSE)
    return max(pause, timedelta(seconds=asked))


def new_errors(parts: Sequence[Component], sent: set[str]) -> list[Component]:
    """Return the components that are wrong and of which no error was sent yet.

    Args:
        parts: all components
        sent: names of those of which one was sent while they have been wrong

    Returns:
        Those to send.
    """
    return [one for one in parts if one.state == "wrong" and one.name not in sent]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
