"""Who makes a request: authentication, and the principal that every route acts for.

The bearer token of the instance is an admin of all tenants; an API key has the roles it was given.
The header `X-Sentinel-User` names the person who acts, which the timeline of an alert records: for
a key as `PERSON via KEY`.
"""

from __future__ import annotations

import secrets
from typing import Annotated

import msgspec
from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from sentinel.access import Principal, Role
from sentinel.access.outside_tokens import TokenRefused
from sentinel.api.issuer_keys import OutsideTokens
from sentinel.api.known_keys import KnownKeys
from sentinel.api.needs import check_needs
from sentinel.api.own_token import is_loopback
from sentinel.api.people import person_of_cookie, person_of_token
from sentinel.api.problems import Problem
from sentinel.audit.origin import Origin, acting_as

__all__ = ["Acting", "Trusted", "local_or_trusted", "principal"]

MOST_OF_A_NAME = 100

_bearer = HTTPBearer(
    auto_error=False,
    description="An API key, or the token in SENTINEL_API_TOKEN or in the file home/api-token.",
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

    Every route under /api depends on this. A key that was not used lately is read from the
    database first.

    Args:
        request: the request
        credentials: the bearer token, if sent
        user: the header `X-Sentinel-User`, if sent

    Returns:
        Who acts. With the token, its name is the header, else SENTINEL_USER, else `api`; with a
        key, the key's name; with a session's cookie or login token, the person.

    Raises:
        Problem: 401 without the right token, 403 without the permission, 422 for an invalid name
    """
    if credentials is None:
        # A header that is no bearer token is refused as such, whatever cookie comes with it.
        sent = "authorization" in request.headers
        if not sent and (person := await person_of_cookie(request)) is not None:
            check_needs(request, person)
            acting_as(Origin("api", person.kind))
            return person
        raise Problem(
            401,
            "unauthorized",
            "this request needs a bearer token",
            hint="Send the header Authorization: Bearer TOKEN.",
        )
    given = credentials.credentials
    token: str = request.app.state.token
    if secrets.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode()):
        default: str = request.app.state.settings.user
        name = _name(user) or default or "api"
        found = Principal(name=name, kind="token", role=Role.ADMIN)
    elif (person := await person_of_token(request, given)) is not None:
        found = person
    else:
        keys: KnownKeys = request.app.state.keys
        key = await keys.principal(given) or await _outside(request, given)
        if key is None:
            raise Problem(
                401,
                "unauthorized",
                "the bearer token is wrong",
                hint="Use an API key that is valid, SENTINEL_API_TOKEN of the API's process, or "
                "the content of home/api-token.",
            )
        name = _name(user)
        # The program says for whom it acts; what it is cannot be hidden by that.
        found = msgspec.structs.replace(key, name=f"{name} via {key.name}") if name else key
    check_needs(request, found)
    acting_as(Origin("api", found.kind))
    return found


async def _outside(request: Request, given: str) -> Principal | None:
    """Return whose token of the outside issuer it is; None where it is no JWT, or none is set."""
    outside: OutsideTokens | None = request.app.state.outside
    if outside is None:
        return None
    try:
        return await outside.principal(given)
    except TokenRefused as error:
        raise Problem(
            401, "unauthorized", f"the token is not accepted: {error}",
            hint="Get a new one from the issuer, for the audience of this API.",
        ) from None  # fmt: skip


def _name(user: str | None) -> str:
    """Return the name in the header `X-Sentinel-User`; empty without one."""
    name = (user or "").strip()
    if len(name) > MOST_OF_A_NAME or not name.isprintable():
        raise Problem(
            422,
            "invalid",
            f"X-Sentinel-User must be printable and at most {MOST_OF_A_NAME} characters",
            field="X-Sentinel-User",
        )
    return name


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
