"""Puts the application together: what it opens at start, its routers, its error shape."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from sentinel.api import (
    access,
    alerts,
    events,
    health,
    heartbeats,
    inbox,
    metrics,
    problems,
    rules,
    statistics,
    webhooks,
)
from sentinel.api.limits import Limits
from sentinel.api.relay_thread import RelayThread
from sentinel.links import Addresses
from sentinel.prefect_client.client import PrefectApi
from sentinel.settings import Settings
from sentinel.settings import settings as settings_of_process
from sentinel.store import Store

__all__ = ["create_app"]

DESCRIPTION = """
Alerts, what is done to them, and the rules and messages around them.

Every address under `/api` needs the header `Authorization: Bearer TOKEN`. `X-Sentinel-User`
names the person it is done for. Whatever fails is answered in one shape:
`{"error": {"code", "message", "hint", "field"?, "request_id"}}`.
"""


def create_app(
    settings: Settings | None = None, *, store: Store | None = None, relay: bool = True
) -> FastAPI:
    """The application.

    Args:
        settings: those of the process unless given
        store: opened from the settings unless given; one that is given is not closed here
        relay: run the relay beside it, which publishes events and stands by for Prefect

    Raises:
        ConfigurationError: the token cannot be kept, or the database URL cannot be read
    """
    chosen = settings or settings_of_process()
    prefect = PrefectApi.of(chosen)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        standby = RelayThread(app.state.store, chosen) if relay else None
        app.state.standby = standby
        if standby is not None:
            standby.start()
        try:
            yield
        finally:
            if standby is not None:
                standby.stop()
            prefect.close()
            if store is None:
                app.state.store.close()

    app = FastAPI(
        title="Sentinel",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.settings = chosen
    app.state.token = access.token(chosen)
    app.state.store = store or Store.of(chosen)
    app.state.addresses = Addresses.of(chosen)
    app.state.standby = None
    app.state.prefect_healthy = prefect.healthy
    problems.install(app)
    app.add_middleware(Limits)

    api = APIRouter(prefix="/api/v1/alerts", dependencies=[access.Trusted])
    for noun in (alerts, events, heartbeats, inbox, metrics, rules, statistics, webhooks):
        api.include_router(noun.router)
    app.include_router(api)
    app.include_router(events.batches, prefix="/api/v1", dependencies=[access.Trusted])
    app.include_router(heartbeats.by_key)  # its address holds a key
    open_here = [Depends(access.local_or_trusted)]
    app.include_router(health.router, dependencies=open_here)
    app.include_router(_papers(app), dependencies=open_here)
    app.mount("/docs/static", StaticFiles(directory=Path(__file__).parent / "static"))
    return app


def _papers(app: FastAPI) -> APIRouter:
    """The description of the API, for programs and for people."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    def openapi() -> dict[str, Any]:
        return app.openapi()

    @router.get("/docs")
    def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Sentinel's API",
            # Served from here: a page of ours asks nothing of other hosts.
            swagger_js_url="/docs/static/swagger-ui-bundle.js",
            swagger_css_url="/docs/static/swagger-ui.css",
            swagger_favicon_url="data:,",
        )

    return router
