"""The API's documentation: the OpenAPI document, and a page for people."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from sentinel.access import Permission
from sentinel.api.needs import needs

__all__ = ["documentation_of"]


def documentation_of(app: FastAPI) -> APIRouter:
    """Return the routes of the API's documentation: OpenAPI, and a page for people.

    Args:
        app: that is described

    Returns:
        The router.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    @needs(Permission.READ, "documentation", confined=True)
    def openapi() -> dict[str, Any]:
        return app.openapi()

    @router.get("/docs")
    @needs(Permission.READ, "documentation", confined=True)
    def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Sentinel API",
            # Served from here, so that the page makes no requests to other hosts.
            swagger_js_url="/docs/static/swagger-ui-bundle.js",
            swagger_css_url="/docs/static/swagger-ui.css",
            swagger_favicon_url="data:,",
        )

    return router
