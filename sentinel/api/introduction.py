"""What Sentinel is, and where its pages are, in the addresses that other systems have."""

from __future__ import annotations

from importlib import metadata
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.needs import needs, public
from sentinel.api.problems import responses
from sentinel.engine.suite_bodies import CAPABILITIES, DOES, NAME
from sentinel.links import Addresses

__all__ = ["pages", "router"]

router = APIRouter(tags=["health"])
pages = APIRouter(include_in_schema=False)


class Introduction(BaseModel):
    """The name and version of this service, what it does, and where its pages are."""

    name: str = Field(examples=["sentinel"])
    version: str = Field(examples=["0.1.0"])
    description: str = Field(description="What it does.", examples=[DOES])
    capabilities: list[str] = Field(
        description="The same in words that a suite's hub is sent.", examples=[list(CAPABILITIES)]
    )
    documentation: str = Field(description="Path of the API's documentation.")
    health: str = Field(description="Path of the health by component.")
    ready: str = Field(description="Path of the probe that needs no key.")
    metrics: str = Field(description="Path of the figures for Prometheus.")
    dashboard: str = Field(description="Address of the dashboard.")


@router.get(
    "/suite-info",
    summary="Name, version and pages",
    openapi_extra={"security": [{}]},
    responses=responses(),
)
@public("health", "other services of a suite have no key, and it names no component or secret")
def suite_info(request: Request) -> Introduction:
    """Return what this service is and does, and where its pages are; it needs no key.

    Returns:
        The name `sentinel`, its version, and paths. The pages themselves need a key.
    """
    return Introduction(
        name=NAME,
        version=metadata.version("sentinel-alerts"),
        description=DOES,
        capabilities=list(CAPABILITIES),
        documentation="/docs",
        health="/health",
        ready="/ready",
        metrics="/metrics",
        dashboard=cast("Addresses", request.app.state.addresses).dashboard,
    )


@pages.get("/admin/alerts/dashboard")
@needs(Permission.READ, "documentation", confined=True)
def dashboard(request: Request) -> RedirectResponse:
    """Lead to the dashboard, which is served at an address of its own."""
    return RedirectResponse(cast("Addresses", request.app.state.addresses).dashboard)
