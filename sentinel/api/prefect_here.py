"""Prefect's own client within a request, pointed at the server that the settings name."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from fastapi import Request

from sentinel.links import Addresses
from sentinel.settings import Settings

__all__ = ["prefect_here"]


@contextmanager
def prefect_here(request: Request) -> Generator[None]:
    """Point Prefect's client at the server of the settings while the block lasts.

    Args:
        request: whose application has the settings

    Yields:
        Nothing.
    """
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    settings = cast("Settings", request.app.state.settings)
    login = settings.prefect_auth_string.get_secret_value()
    own: dict[Any, Any] = {PREFECT_API_URL: Addresses.of(settings).prefect_api}
    with temporary_settings(updates={**own, PREFECT_API_AUTH_STRING: login} if login else own):
        yield
