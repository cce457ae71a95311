"""Health of Sentinel by component."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from sentinel.access import Permission
from sentinel.api.needs import needs, public
from sentinel.api.problems import responses
from sentinel.api.schemas import ComponentHealth, Health
from sentinel.engine.component_health import Component, prefect_state, relay_state
from sentinel.errors import DatabaseError, SchemaTooNew
from sentinel.links import Addresses
from sentinel.store import Store
from sentinel.store.database.migrate import schema_ready

__all__ = ["probe", "router", "within"]

router = APIRouter(tags=["health"])
within = APIRouter(tags=["health"])
"""The same among the alerts' paths, which need the token."""
probe = APIRouter(tags=["health"])

_FULL_SECONDS = 60.0
FULL = ComponentHealth(
    status="down", message="its disk is full, so nothing can be stored: free some space"
)
NOT_CHECKED = ComponentHealth(status="unknown", message="not checked: the database is down")


_RESPONSES = {**responses(), 503: {"model": Health, "description": "Database or schema is down"}}


@within.get("/health", summary="Health by component, with the token", responses=_RESPONSES)
@router.get(
    "/health",
    summary="Health by component",
    openapi_extra={"security": [{}]},  # or the token, which FastAPI names
    responses=_RESPONSES,
)
@needs(Permission.READ, "health", confined=True)
def health(request: Request, response: Response) -> Health:
    """Check database, schema, Prefect and relay.

    `down` with 503 if alerts cannot be stored; `degraded` with 200 if they can, but rules are not
    evaluated or notifications are delayed. Open on this machine; others need the token.

    Returns:
        The status of the whole and of each component.
    """
    store = cast("Store", request.app.state.store)
    parts = _stored(store)
    if parts["database"].status == "ok" and _is_full(request):
        parts["database"] = FULL
    parts["prefect"] = _prefect(
        cast("Addresses", request.app.state.addresses),
        cast("Callable[[], bool]", request.app.state.prefect_healthy),
    )
    down = any(parts[name].status != "ok" for name in ("database", "schema"))
    if down:
        response.status_code = 503
    whole = all(part.status == "ok" for part in parts.values())
    return Health(status="down" if down else "ok" if whole else "degraded", components=parts)


class Ready(BaseModel):
    """Whether this process can answer requests."""

    status: Literal["ok", "down"]


@probe.get(
    "/ready",
    summary="Whether requests can be answered",
    openapi_extra={"security": [{}]},
    responses={**responses(), 503: {"model": Ready, "description": "Database or schema is down"}},
)
@public("health", "probes of a container engine have no key, and it names no component")
def ready(request: Request, response: Response) -> Ready:
    """Answer 200 if the database answers and has this version's tables, else 503.

    For probes and load balancers: it needs no key, and says nothing about the components.

    Returns:
        `ok` or `down`.
    """
    parts = _stored(cast("Store", request.app.state.store))
    down = any(parts[name].status != "ok" for name in ("database", "schema"))
    if down:
        response.status_code = 503
    return Ready(status="down" if down else "ok")


def _is_full(request: Request) -> bool:
    """Return whether the database had no room a moment ago: reading works on a full disk."""
    full_at: float | None = getattr(request.app.state, "full_at", None)
    return full_at is not None and time.monotonic() - full_at < _FULL_SECONDS


def _stored(store: Store) -> dict[str, ComponentHealth]:
    ok = ComponentHealth(status="ok")
    try:
        ready = schema_ready(store.engine)
    except SchemaTooNew as error:
        schema = ComponentHealth(status="down", message=str(error))
        return {"database": ok, "schema": schema, "relay": NOT_CHECKED}
    except (DatabaseError, SQLAlchemyError) as error:
        # The driver's message may name hosts and users, so it goes to the log only.
        message = str(error) if isinstance(error, DatabaseError) else "the database does not answer"
        down = ComponentHealth(status="down", message=message)
        return {"database": down, "schema": NOT_CHECKED, "relay": NOT_CHECKED}
    if not ready:
        schema = ComponentHealth(
            status="down", message="the schema is of another version: run `sentinel db migrate`"
        )
        return {"database": ok, "schema": schema, "relay": NOT_CHECKED}
    return {"database": ok, "schema": ok, "relay": _shown(relay_state(store))}


def _shown(found: Component) -> ComponentHealth:
    """Return a component as this response has it."""
    if found.state == "ok":
        return ComponentHealth(status="ok")
    hint = found.hint[:1].lower() + found.hint[1:].rstrip(".")
    return ComponentHealth(status="down", message=f"{found.says}: {hint}", since=found.since)


def _prefect(addresses: Addresses, healthy: Callable[[], bool]) -> ComponentHealth:
    return _shown(prefect_state(healthy=healthy(), address=addresses.prefect_api))
