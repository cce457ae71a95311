"""Who makes a request: authentication, and the principal that every route acts for.

The bearer token of the instance is an admin of all tenants. The header `X-Sentinel-User` names the
person who acts, which the timeline of an alert records.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from sentinel.access import Principal, Role
from sentinel.api.needs import check_needs
from sentinel.api.own_token import is_loopback
from sentinel.api.problems import Problem

__all__ = ["Acting", "Trusted", "local_or_trusted", "principal"]

MOST_OF_A_NAME = 100

_bearer = HTTPBearer(
    auto_error=False, description="The token in SENTINEL_API_TOKEN, or in the file home/api-token."
)


async def principal(
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
) -> Principal:
    """Authenticate a request, and check the permission that its route needs.

    Every route under /api depends on this. A coroutine, although it waits for nothing: FastAPI
    would call a function in a thread.

    Args:
        request: the request
        credentials: the bearer token, if sent
        user: the header `X-Sentinel-User`, if sent

    Returns:
        Who acts. With the token, its name is the header, else SENTINEL_USER, else `api`.

    Raises:
        Problem: 401 without the right token, 403 without the permission, 422 for an invalid name
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
    found = Principal(name=name or default or "api", kind="token", role=Role.ADMIN)
    check_needs(request, found)
    return found


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
    await principal(request, credentials)


Acting = Annotated[Principal, Depends(principal)]
"""Who acts, for the signature of a route."""
Trusted = Depends(principal)
"""The dependency of every router under /api."""
