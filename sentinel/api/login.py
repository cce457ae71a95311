"""Login, logout, and who is logged in."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Principal, Role
from sentinel.access.cookies import came_by_tls, ended_cookie, is_own_write, session_cookie
from sentinel.access.login_tokens import LENGTH
from sentinel.access.passwords import LONGEST
from sentinel.api.access import Acting
from sentinel.api.client_address import address_of
from sentinel.api.needs import public
from sentinel.api.people import SignedIn
from sentinel.api.problems import Problem, responses
from sentinel.api.role_grants import RoleGrant, role_grants, sorted_or_none
from sentinel.store.access.logins import Refused
from sentinel.store.access.sessions import FoundSession

__all__ = ["entrance", "router"]

router = APIRouter(tags=["login"])
entrance = APIRouter(tags=["login"])
"""What is asked before anybody is logged in."""


class LoginRequest(BaseModel):
    """A name and a password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "maria", "password": "seven green bicycles"}]},
    )

    name: Annotated[str, Field(min_length=1, max_length=100)]
    password: Annotated[str, Field(min_length=1, max_length=LONGEST)]


class Me(BaseModel):
    """Who makes a request, and what they may do."""

    name: str = Field(description="What timelines record.")
    display_name: str = Field(description="As pages show it; the name where there is no other.")
    kind: Literal["token", "key", "person", "local"]
    role: Role = Field(description="The highest of the roles.")
    grants: list[RoleGrant]
    scopes: list[str] | None = Field(
        description="Areas of the API that a key is confined to; null: all."
    )


class LoggedIn(BaseModel):
    """A login that succeeded. The cookie of the response holds the session."""

    person: Me
    token: str = Field(
        description="For programs of the person: send it as Authorization: Bearer TOKEN. It ends "
        "with the session."
    )
    expires_in: int = Field(description="Seconds for which the token is valid.")


def _people(request: Request) -> SignedIn:
    people: SignedIn = request.app.state.people
    return people


def _secure(request: Request) -> bool:
    url: str = request.app.state.addresses.dashboard
    return came_by_tls(request.url.scheme, request.headers, url)


@entrance.post("/login", summary="Log in", responses=responses(400, 413, 429))
@public("login", "nobody is logged in before")
async def log_in(request: Request, asked: LoginRequest, response: Response) -> LoggedIn:
    """Log in with a name and a password.

    The answer to an unknown name is that to a wrong password, and takes the same time. After five
    failures in a row a name must wait, each time longer, up to 15 minutes (429, `Retry-After`); an
    address after 30 failures with whatever names, each time 20 seconds. At an address from which a
    person logged in lately, failures elsewhere do not count.

    Returns:
        The person and a token. The cookie holds a new session, whatever cookie was sent.

    Raises:
        Problem: 401 for a wrong name or password, 403 from another site, 429 while it must wait
    """
    # A browser says which site it is on. Programs say nothing, and have no cookie to lose.
    says_where = "sec-fetch-site" in request.headers or "origin" in request.headers
    if says_where and not is_own_write(request.method, request.headers):
        raise Problem(
            403, "forbidden", "a login must come from a page of this server",
            hint="Log in on this server's own page.",
        )  # fmt: skip
    people = _people(request)
    begun = await people.log_in(asked.name, asked.password, address_of(request))
    if isinstance(begun, Refused):
        problem = _refused(begun)
        raise problem
    found = await people.of_cookie(begun.secret)
    if found is None:  # it was ended, or the account disabled, at this very moment
        raise Problem(401, "unauthorized", "this session ended", hint="Log in again.")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Set-Cookie"] = session_cookie(
        begun.secret, people.lifetime.absolute, secure=_secure(request)
    )
    return LoggedIn(
        person=_me(found.principal, found),
        token=people.token(found),
        expires_in=int(LENGTH.total_seconds()),
    )


def _refused(refused: Refused) -> Problem:
    seconds = math.ceil(refused.wait.total_seconds())
    if refused.verified:
        return Problem(
            401, "login_failed", "the name or the password is wrong",
            hint=f"Try again in {seconds} seconds." if seconds else "Check both, and try again.",
        )  # fmt: skip
    of_what = "of this name failed in a row" if refused.who == "name" else "failed at your address"
    return Problem(
        429, "login_locked", f"too many logins {of_what}",
        hint=f"Try again in {seconds} seconds.", headers={"Retry-After": str(seconds)},
    )  # fmt: skip


@router.post("/logout", status_code=204, summary="Log out", responses=responses())
@public("login", "everybody may end their own session")
async def log_out(request: Request, who: Acting) -> Response:
    """End the session of this request: its cookie and its tokens are refused at once, everywhere.

    A request with an API key or the token of the instance has no session, and nothing happens.

    Returns:
        Nothing; the browser forgets its cookie.
    """
    found: FoundSession | None = getattr(request.state, "session", None)
    if found is None or who.kind != "person":
        return Response(status_code=204)
    await _people(request).end(found.id)
    return Response(status_code=204, headers={"Set-Cookie": ended_cookie(secure=_secure(request))})


@router.get("/me", summary="Who am I", responses=responses())
@public("login", "everybody may see who they are")
async def me(request: Request, who: Acting) -> Me:
    """Return who makes this request, and what they may do."""
    return _me(who, getattr(request.state, "session", None))


def _me(who: Principal, found: FoundSession | None) -> Me:
    return Me(
        name=who.name, display_name=who.name if found is None else found.display_name,
        kind=who.kind, role=who.role, grants=role_grants(who.grants),
        scopes=sorted_or_none(who.scopes),
    )  # fmt: skip
