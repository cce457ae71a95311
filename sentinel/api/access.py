"""Who may use the API, and in whose name they act.

There is one bearer token. It says that the caller is trusted; `X-Sentinel-User` says which
person it acts for, which the timeline of an alert keeps.
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
    auto_error=False, description="The token in SENTINEL_API_TOKEN, or the one in home/api-token."
)


def token(settings: Settings) -> str:
    """The bearer token: the one set, else the one kept under home, made where there is none.

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
            f"the API's token cannot be kept in {path}: {error.strerror}",
            hint="Set SENTINEL_API_TOKEN, or SENTINEL_HOME to a folder that can be written.",
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def _make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(32)
    # Written whole under another name first: of two processes that start at once, both read
    # the one that came first.
    own = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(made + "\n")
        try:
            os.link(own, path)
        except FileExistsError:
            # An empty file is nobody's token.
            if not _read(path):
                own.replace(path)
    finally:
        own.unlink(missing_ok=True)
    return _read(path)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_bind(settings: Settings) -> None:
    """Refuse to listen for other machines without a token that somebody chose.

    Raises:
        ConfigurationError: the host is not loopback and no token is set
    """
    if is_loopback(settings.host) or settings.api_token.get_secret_value().strip():
        return
    raise ConfigurationError(
        f"the API will not listen on {settings.host} for other machines without a token",
        hint="Set SENTINEL_API_TOKEN to a long secret, or SENTINEL_HOST to 127.0.0.1.",
    )


def caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    user: Annotated[
        str | None,
        Header(
            alias="X-Sentinel-User",
            description="The person it is done for, as the alert's timeline names them.",
        ),
    ] = None,
) -> str:
    """Who acts; every route under /api depends on it.

    Raises:
        Problem: 401 without the right token, 422 for a name that is none
    """
    if credentials is None:
        raise Problem(
            401,
            "unauthorized",
            "this needs a bearer token",
            hint="Send the header Authorization: Bearer TOKEN.",
        )
    wanted: str = request.app.state.token
    given = credentials.credentials.encode("utf-8", "surrogateescape")
    if not secrets.compare_digest(given, wanted.encode()):
        raise Problem(
            401,
            "unauthorized",
            "the bearer token is not the right one",
            hint="It is in SENTINEL_API_TOKEN of the API's process, or in home/api-token.",
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


def local_or_trusted(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> None:
    """Health and documentation: open on this machine, with the token from others.

    Raises:
        Problem: 401
    """
    if request.client is not None and is_loopback(request.client.host):
        return
    caller(request, credentials)


Caller = Annotated[str, Depends(caller)]
Trusted = Depends(caller)
