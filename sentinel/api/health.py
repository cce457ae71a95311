"""Whether Sentinel can do its work, part by part."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from sentinel.api.problems import responses
from sentinel.api.schemas import ComponentHealth, Health
from sentinel.errors import DatabaseError, SchemaTooNew
from sentinel.links import Addresses
from sentinel.store import Store
from sentinel.store.database.migrate import schema_ready

__all__ = ["router"]

router = APIRouter(tags=["health"])

NOT_ASKED = ComponentHealth(status="unknown", message="not asked, as the database is down")


@router.get(
    "/health",
    summary="Health by component",
    responses={**responses(), 503: {"model": Health, "description": "It cannot do its work"}},
)
def health(request: Request, response: Response) -> Health:
    """Database, schema, Prefect and relay.

    `down` and 503 where alerts cannot be kept; `degraded` and 200 where they can, but nobody
    checks or tells. Open on this machine; from others it needs the token.
    """
    store = cast("Store", request.app.state.store)
    parts = _stored(store)
    parts["prefect"] = _prefect(
        cast("Addresses", request.app.state.addresses),
        cast("Callable[[], bool]", request.app.state.prefect_healthy),
    )
    down = any(parts[name].status != "ok" for name in ("database", "schema"))
    if down:
        response.status_code = 503
    whole = all(part.status == "ok" for part in parts.values())
    return Health(status="down" if down else "ok" if whole else "degraded", components=parts)


def _stored(store: Store) -> dict[str, ComponentHealth]:
    ok = ComponentHealth(status="ok")
    try:
        ready = schema_ready(store.engine)
    except SchemaTooNew as error:
        schema = ComponentHealth(status="down", message=str(error))
        return {"database": ok, "schema": schema, "relay": NOT_ASKED}
    except (DatabaseError, SQLAlchemyError) as error:
        # What the driver says may name hosts and users: it goes to the log, not to the caller.
        said = str(error) if isinstance(error, DatabaseError) else "it does not answer"
        down = ComponentHealth(status="down", message=said)
        return {"database": down, "schema": NOT_ASKED, "relay": NOT_ASKED}
    if not ready:
        schema = ComponentHealth(
            status="down", message="its tables are not of this version: `sentinel up` migrates them"
        )
        return {"database": ok, "schema": schema, "relay": NOT_ASKED}
    if store.leases.holder("relay") is None:
        relay = ComponentHealth(
            status="down",
            message="no relay runs, so events wait and nobody stands by: start `sentinel relay`",
        )
        return {"database": ok, "schema": ok, "relay": relay}
    return {"database": ok, "schema": ok, "relay": ok}


def _prefect(addresses: Addresses, healthy: Callable[[], bool]) -> ComponentHealth:
    if healthy():
        return ComponentHealth(status="ok")
    return ComponentHealth(
        status="down",
        message=f"{addresses.prefect_api} does not answer: start it, or set PREFECT_API_URL",
    )
