"""Authentication of API requests, and the person they act for.

There is one bearer token. It authenticates the caller; the header `X-Sentinel-User` names the
person who acts, which the timeline of an alert records.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from sentinel.api.problems import Problem
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings

__all__ = ["Caller", "Trusted", "caller", "check_bind", "is_loopback", "local_or_trusted", "token"]

TOKEN_FILE = "api-token"  # noqa: S105 - the name of the file, not a token
MOST_OF_A_NAME = 100

_bearer = HTTPBearer(
    auto_error=False, description="The token in SENTINEL_API_TOKEN, or in the file home/api-token."
)


def token(settings: Settings) -> str:
    """Return the bearer token: the configured one, else the one in a file under home.

    The file is created with a random token if it does not exist.

    Args:
        settings: the settings of the process

    Returns:
        The token.

    Raises:
        ConfigurationError: the file cannot be read or written
    """
    given = settings.api_token.get_secret_value().strip()
    if given:
        return given
    path = settings.resolved_home() / TOKEN_FILE
    try:
        return _read(path) or _make(path)
    except OSError as error:
        raise ConfigurationError(
            f"the API token cannot be stored in {path}: {error.strerror}",
            hint="Set SENTINEL_API_TOKEN, or SENTINEL_HOME to a writable folder.",
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def _make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(32)
    # Written completely under another name first, so that two processes that start at once both
    # read the same token.
    own = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(made + "\n")
        try:
            os.link(own, path)
        except FileExistsError:
            # An empty file holds no token.
            if not _read(path):
                own.replace(path)
    finally:
        own.unlink(missing_ok=True)
    return _read(path)


def is_loopback(host: str) -> bool:
    """Return whether `host` is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_bind(settings: Settings) -> None:
    """Refuse to listen for other machines without a configured token.

    Raises:
        ConfigurationError: the host is not loopback and no token is set
    """
    if is_loopback(settings.host) or settings.api_token.get_secret_value().strip():
        return
    raise ConfigurationError(
        f"the API will not listen on {settings.host} for other machines without a token",
        hint="Set SENTINEL_API_TOKEN to a long secret, or SENTINEL_HOST to 127.0.0.1.",
    )


async def caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    user: Annotated[
        str | None,
        Header(
            alias="X-Sentinel-User",
            description="The person who acts; the timeline of the alert records the name.",
            # What of ISO 8859-1, which headers are, can be printed.
            json_schema_extra={
                "pattern": "^[ -~\u00a1-\u00ac\u00ae-\u00ff]*$",
                "maxLength": MOST_OF_A_NAME,
            },
        ),
    ] = None,
) -> str:
    """Authenticate a request; every route under /api depends on this.

    A coroutine, although it waits for nothing: FastAPI would call a function in a thread.

    Args:
        request: the request
        credentials: the bearer token, if sent
        user: the header `X-Sentinel-User`, if sent

    Returns:
        The name of the person who acts: the header, else SENTINEL_USER, else `api`.

    Raises:
        Problem: 401 without the right token, 422 for an invalid name
    """
    if credentials is None:
        raise Problem(
            401,
            "unauthorized",
            "this request needs a bearer token",
            hint="Send the header Authorization: Bearer TOKEN.",
        )
    wanted: str = request.app.state.token
    given = credentials.credentials.encode("utf-8", "surrogateescape")
    if not secrets.compare_digest(given, wanted.encode()):
        raise Problem(
            401,
            "unauthorized",
            "the bearer token is wrong",
            hint="Use SENTINEL_API_TOKEN of the API's process, or the content of home/api-token.",
        )
    name = (user or "").strip()
    if len(name) > MOST_OF_A_NAME or not name.isprintable():
        raise Problem(
            422,
            "invalid",
            f"X-Sentinel-User must be printable and at most {MOST_OF_A_NAME} characters",
            field="X-Sentinel-User",
        )
    default: str = request.app.state.settings.user
    return name or default or "api"


async def local_or_trusted(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> None:
    """Allow health and documentation from this machine; from others with the token.

    Raises:
        Problem: 401 from another machine without the right token
    """
    if request.client is not None and is_loopback(request.client.host):
        return
    await caller(request, credentials)


Caller = Annotated[str, Depends(caller)]
Trusted = Depends(caller)
