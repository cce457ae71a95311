"""What Sentinel is, and where its pages are, in the addresses that other systems have."""

from __future__ import annotations

from importlib import metadata
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.links import Addresses

__all__ = ["pages", "router"]

router = APIRouter(tags=["health"])
pages = APIRouter(include_in_schema=False)


class Introduction(BaseModel):
    """The name and version of this service, and where its pages are."""

    name: str = Field(examples=["sentinel"])
    version: str = Field(examples=["0.1.0"])
    documentation: str = Field(description="Path of the API's documentation.")
    health: str = Field(description="Path of the health by component.")
    dashboard: str = Field(description="Address of the dashboard.")


@router.get(
    "/suite-info",
    summary="Name, version and pages",
    openapi_extra={"security": [{}]},  # or the token, which FastAPI names
    responses=responses(),
)
@needs(Permission.READ, "health", confined=True)
def suite_info(request: Request) -> Introduction:
    """Return what this service is. Open on this machine; others need the token."""
    return Introduction(
        name="sentinel",
        version=metadata.version("sentinel-alerts"),
        documentation="/docs",
        health="/health",
        dashboard=cast("Addresses", request.app.state.addresses).dashboard,
    )


@pages.get("/admin/alerts/dashboard")
@needs(Permission.READ, "documentation", confined=True)
def dashboard(request: Request) -> RedirectResponse:
    """Lead to the dashboard, which is served at an address of its own."""
    return RedirectResponse(cast("Addresses", request.app.state.addresses).dashboard)
