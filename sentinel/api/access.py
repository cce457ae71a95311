"""Who makes a request: authentication, and the principal that every route acts for.

The bearer token of the instance is an admin of all tenants; an API key has the roles it was given.
The header `X-Sentinel-User` names the person who acts, which the timeline of an alert records: for
a key as `PERSON via KEY`.
"""

from __future__ import annotations

import base64
import math
import secrets
from typing import Annotated

import msgspec
from fastapi import Depends, Header, Request, Security
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase

from sentinel.access import Principal, Role
from sentinel.access.outside_tokens import AccountDisabled, TokenRefused
from sentinel.api.issuer_keys import FAILED_SECONDS, KeysUnavailable, OutsideTokens
from sentinel.api.known_keys import KnownKeys
from sentinel.api.needs import check_needs, needed_by
from sentinel.api.own_token import is_loopback
from sentinel.api.people import person_of_cookie, person_of_token
from sentinel.api.problems import Problem
from sentinel.audit.origin import Origin, acting_as

__all__ = ["Acting", "Trusted", "acting", "by_key", "local_or_trusted", "principal"]

MOST_OF_A_NAME = 100
_SCHEMES = ("bearer", "geniekey")
"""Schemes of the header `Authorization` that carry a key; the latter is Opsgenie's."""
_BY_PASSWORD = ("bounces",)
"""Areas whose callers are vendors, which send no bearer token."""
_OPSGENIE = "/opsgenie/"
_OF_OTHERS = ("/alertmanager/", "/icinga/", "/nagios/nsca")
"""Paths that other systems' senders know, some of which send HTTP Basic alone."""

_DESCRIPTION = "An API key, or the token in SENTINEL_API_TOKEN or in the file home/api-token."
_bearer = HTTPBearer(auto_error=False, description=_DESCRIPTION)
User = Annotated[
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
]


class _Access(SecurityBase):
    """The one dependency of every route under /api: authenticates, and checks the permission.

    It is the security scheme itself, so that a request solves one dependency and not two.
    """

    def __init__(self) -> None:
        self.model = HTTPBearerModel(description=_DESCRIPTION)
        self.scheme_name = "HTTPBearer"

    async def __call__(self, request: Request, user: User = None) -> Principal:
        """Authenticate a request, and check the permission that its route needs.

        A key that was not used lately is read from the database first.

        Args:
            request: the request
            user: the header `X-Sentinel-User`, if sent

        Returns:
            Who acts. With the token, its name is the header, else SENTINEL_USER, else `api`; with
            a key, the key's name; with a session's cookie or login token, the person.

        Raises:
            Problem: 401 without the right token, 403 without the permission, 422 for an invalid
                name, 503 while the keys of the outside issuer cannot be fetched
        """
        authorization = request.headers.get("authorization")
        scheme, _, given = (authorization or "").partition(" ")
        if not given or scheme.lower() not in _SCHEMES:
            password = _password(request, scheme, given)
            if password is not None:
                found = await _by_bearer(request, password, user)
            else:
                found = await _by_cookie(request, sent=authorization is not None)
        else:
            found = await _by_bearer(request, given, user)
        return _admitted(request, found)


principal = _Access()


async def by_key(request: Request, given: str) -> Principal:
    """Authenticate a request whose sender has its API key elsewhere than in a header.

    Args:
        request: with its route found
        given: the key

    Returns:
        Who acts; its permission is checked.

    Raises:
        Problem: as of `principal`
    """
    request.state.key_sent = True
    return _admitted(request, await _by_bearer(request, given, None))


def _admitted(request: Request, found: Principal) -> Principal:
    request.state.principal = found
    check_needs(request, found)
    acting_as(Origin("api", found.kind, found.id))
    return found


def _password(request: Request, scheme: str, given: str) -> str | None:
    """Return the password of HTTP Basic, for routes whose callers can send nothing else.

    Args:
        request: its route is found
        scheme: of the header `Authorization`
        given: what follows it

    Returns:
        The password, which is an API key; None for a route that takes none.

    Raises:
        Problem: 401 without one, in the words of HTTP Basic, for which Amazon SNS waits
    """
    needed = needed_by(request.scope["endpoint"])
    known = needed is not None and needed.area in _BY_PASSWORD
    if not known and not (scheme and request.url.path.startswith(_OF_OTHERS)):
        return None
    try:
        text = base64.b64decode(given, validate=True) if scheme.lower() == "basic" else b""
    except ValueError:
        text = b""
    password = text.partition(b":")[2].decode("utf-8", "surrogateescape")
    if password:
        return password
    raise Problem(
        401,
        "unauthorized",
        "this request needs an API key, as a bearer token or as the password of HTTP Basic",
        hint="Give the vendor an address such as https://sentinel:KEY@host/….",
        headers={"WWW-Authenticate": 'Basic realm="sentinel"'},
    )


async def _by_cookie(request: Request, *, sent: bool) -> Principal:
    # A header that is no bearer token is refused as such, whatever cookie comes with it.
    if not sent and (person := await person_of_cookie(request)) is not None:
        return person
    if request.url.path.startswith(_OPSGENIE):
        raise Problem(
            401, "unauthorized", "this request needs an API key",
            hint="Send the header Authorization: GenieKey KEY.",
        )  # fmt: skip
    raise Problem(
        401,
        "unauthorized",
        "this request needs a bearer token",
        hint="Send the header Authorization: Bearer TOKEN; sentinel --url reads SENTINEL_TOKEN.",
    )


async def _by_bearer(request: Request, given: str, user: str | None) -> Principal:
    token: str = request.app.state.token
    if secrets.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode()):
        default: str = request.app.state.settings.user
        return Principal(name=_name(user) or default or "api", kind="token", role=Role.ADMIN)
    keys: KnownKeys = request.app.state.keys
    key = await keys.principal(given)
    if key is None:
        if (person := await person_of_token(request, given)) is not None:
            return person
        key = await _outside(request, given)
    if key is None:
        request.state.key_name = keys.name_of(given)
        raise Problem(
            401,
            "unauthorized",
            "the bearer token is wrong",
            hint="Use an API key that is valid, SENTINEL_API_TOKEN of the API's process, or "
            "the content of home/api-token.",
        )
    name = _name(user)
    # The program says for whom it acts; what it is cannot be hidden by that.
    if not name:
        return key
    return msgspec.structs.replace(key, name=f"{name} via {key.name}", acts_for=name)


def acting(request: Request) -> Principal:
    """Return who makes this request, once `Trusted` of its router has found out.

    For routes that are asked often: a parameter `Acting` costs each request as much as the check.

    Args:
        request: of a route under /api

    Returns:
        The principal.

    Raises:
        AttributeError: the router does not depend on `Trusted`
    """
    found: Principal = request.state.principal
    return found


async def _outside(request: Request, given: str) -> Principal | None:
    """Return whose token of the outside issuer it is; None where it is no JWT, or none is set."""
    outside: OutsideTokens | None = request.app.state.outside
    if outside is None:
        return None
    try:
        return await outside.principal(given)
    except KeysUnavailable:
        raise Problem(
            503, "unavailable", "the issuer's keys could not be fetched",
            hint="Try again soon. The log of the API says why.",
            headers={"Retry-After": str(math.ceil(FAILED_SECONDS))},
        ) from None  # fmt: skip
    except TokenRefused as error:
        hint = "Get a new one from the issuer, for the audience of this API."
        if isinstance(error, AccountDisabled):
            hint = "Ask an admin to enable it: sentinel user enable"
        raise Problem(
            401, "unauthorized", f"the token is not accepted: {error}", hint=hint
        ) from None


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
    request: Request, _described: Annotated[object, Security(_bearer)], user: User = None
) -> None:
    """Allow health and documentation from this machine; from others with the token.

    Raises:
        Problem: 401 from another machine without the right token, 422 for an invalid name
    """
    if request.client is not None and is_loopback(request.client.host):
        _name(user)
        return
    await principal(request, user)


Acting = Annotated[Principal, Depends(principal)]
"""Who acts, for the signature of a route."""
Trusted = Depends(principal)
"""The dependency of every router under /api."""
