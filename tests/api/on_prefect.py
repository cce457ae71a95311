"""The API with a Prefect server that answers: its fixtures are in conftest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from sentinel.settings import Settings
from tests.prefect_server import PrefectServer

__all__ = ["deployments", "settings_of"]


def settings_of(app: FastAPI, **more: Any) -> Settings:
    """The settings of the application, with some others."""
    return app.state.settings.model_copy(update=more)


def deployments(server: PrefectServer) -> dict[str, Mapping[str, Any]]:
    """Return the deployments of the server by name."""
    return {one["name"]: one for one in server.api.deployments()}
