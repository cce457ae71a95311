"""Where the client connects to, and what it says when nothing answers."""

from __future__ import annotations

import os
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from sentinel.errors import ConfigurationError, DatabaseUnreachable
from sentinel.settings.secure import given_secret

__all__ = ["given", "options_of", "unreachable"]

M = TypeVar("M", bound=BaseModel)
TIMEOUT = 30.0


def options_of(url: str | None, token: str | None, user: str) -> dict[str, Any]:
    """Return the arguments of httpx's client.

    Args:
        url: of the API; None for SENTINEL_URL
        token: bearer token or key; None for SENTINEL_TOKEN, which may stand in a file or in Vault
        user: the person who acts; empty for none

    Returns:
        Address, headers and timeout.

    Raises:
        ConfigurationError: there is no address, it is none, or the token cannot be read
    """
    address = (url if url is not None else os.environ.get("SENTINEL_URL", "")).rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"{address!r} is no address of Sentinel's API",
            hint="Give it, or set SENTINEL_URL: http://127.0.0.1:8400",
        )
    secret = token if token is not None else given_secret("SENTINEL_TOKEN")
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    if user:
        headers["X-Sentinel-User"] = user
    return {"base_url": address, "headers": headers, "timeout": TIMEOUT}


def given(answer: M | None) -> M:
    """Return the answer of a route that always has one.

    Args:
        answer: as it was read

    Returns:
        The same.

    Raises:
        DatabaseUnreachable: it was empty
    """
    if answer is None:
        raise DatabaseUnreachable("the API gave an empty answer", hint="Is it Sentinel's API?")
    return answer


def unreachable(url: httpx.URL, error: httpx.HTTPError) -> DatabaseUnreachable:
    """Return the error that says that nothing answers at `url`."""
    return DatabaseUnreachable(
        f"Sentinel's API at {url} does not answer ({type(error).__name__})",
        hint="Check SENTINEL_URL, and that it runs.",
    )
