"""The OpenAPI document of the API, made once in a process: some tests are one for each route."""

from __future__ import annotations

from functools import cache
from typing import Any

from sentinel.api import create_app
from sentinel.settings import Settings
from tests.api.served import TOKEN

__all__ = ["document"]


@cache
def document() -> dict[str, Any]:
    """The document, to read only."""
    settings = Settings.model_validate({"api_token": TOKEN, "database_url": "sqlite://"})
    return create_app(settings, relay=False).openapi()
