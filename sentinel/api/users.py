"""Accounts of people over HTTP, for admins of all tenants: as `sentinel user` and `sentinel role`.

Creations take no `Idempotency-Key`, which would keep a plain hash of a body with a password; the
name of an account is unique, so that a repetition is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission, Principal, Role
from sentinel.access.passwords import LONGEST, SHORTEST
from sentinel.api.access import Acting
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.people import SignedIn
from sentinel.api.problems import responses
from sentinel.api.role_grants import RoleGrant, TeamName, TenantName, beyond_scopes, role_grants
from sentinel.api.shown_rules import store_of
from sentinel.store.access.people import People, PersonView

__all__ = ["router"]

router = APIRouter(prefix="/users", tags=["users"])

_NAME = "^([A-Za-z0-9][A-Za-z0-9._@+-]{0,98}[A-Za-z0-9]|[A-Za-z0-9])$"
UserName = Annotated[
    str, Path(pattern=_NAME, description="What the person logs in with.", examples=["maria"])
]
_Password = Annotated[
    str,
    Field(min_length=SHORTEST, max_length=LONGEST, description="Kept as an argon2 hash alone."),
]
_SHOWN: dict[int | str, dict[str, Any]] = {200: {"headers": ETAG, "description": "The account"}}
_TENANTS = Query(alias="tenant", max_length=50, description="Of the role; left out: all tenants.")
_TEAMS = Query(alias="team", max_length=50, description="Of the role; left out: all teams.")


class Place(BaseModel):
    """A role, and where it holds."""

    role: Role
    tenants: list[TenantName] | None = Field(
        None, min_length=1, max_length=50, description="Where; null: in all tenants."
    )
    teams: list[TeamName] | None = Field(
        None, min_length=1, max_length=50,
        description="For whose alerts and rules; null: for all teams.",
    )  # fmt: skip


class UserNew(Place):
    """An account to be made."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{
            "name": "maria", "display_name": "Maria López", "role": "responder",
            "tenants": ["acme"], "password": "seven green bicycles",
        }]
    })  # fmt: skip

    name: str = Field(pattern=_NAME, description="Capitals become small letters.")
    password: _Password
    display_name: str = Field("", max_length=200, description="As pages show it; else the name.")


class PasswordNew(BaseModel):
    """Another password."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"password": "eleven blue tricycles"}]}
    )

    password: _Password


class RoleNew(Place):
    """A role to be given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"role": "editor", "tenants": ["acme"]}]},
    )


class UserItem(BaseModel):
    """An account."""

    id: str
    name: str
    display_name: str
    state: Literal["active", "disabled"]
    grants: list[RoleGrant]
    has_password: bool
    issuer: str = Field(description="Of the OIDC provider; empty for an account with a password.")
    sessions: int = Field(description="Logins that have not ended.")
    created_at: datetime
    created_by: str
    password_at: datetime | None
    login_at: datetime | None = Field(description="Last login; null: never.")
    disabled_at: datetime | None


class UserList(BaseModel):
    """Accounts by name."""

    items: list[UserItem]
    next_cursor: str | None


@router.get("", summary="List accounts", responses=responses())
@needs(Permission.ADMINISTER, "users")
def list_users(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(pattern=_NAME, description="next_cursor of the previous page.")
    ] = None,
) -> UserList:
    """List the accounts of people by name, with their roles and how many sessions they have."""
    found = [one for one in _people(request).list() if cursor is None or one.name > cursor]
    return UserList(
        items=[_item(one) for one in found[:limit]],
        next_cursor=found[limit - 1].name if len(found) > limit else None,
    )


@router.post(
    "",
    summary="Make an account",
    status_code=201,
    responses={
        **responses(400, 409, 413),
        201: {"headers": ETAG, "description": "The account; Location is its address"},
    },
)
@needs(Permission.ADMINISTER, "users")
async def create(request: Request, response: Response, asked: UserNew, who: Acting) -> UserItem:
    """Make an account with a password and a role. The first one switches the dashboard's login on.

    Returns:
        The account; Location is its address.

    Raises:
        Problem: 403 for a key that is confined to areas
        Conflict: there is an account of that name
        ConfigurationError: the name or the password cannot be used
    """
    _give(who)
    people = _people(request)
    made = await _signed_in(request).with_password(
        lambda: people.create(
            asked.name, asked.role, password=asked.password, actor=who.name,
            display_name=asked.display_name, tenants=asked.tenants, teams=asked.teams,
        )
    )  # fmt: skip
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{made.name}"
    return _tagged(response, made)


@router.get("/{person}", summary="One account", responses={**responses(404), **_SHOWN})
@needs(Permission.ADMINISTER, "users")
def get(request: Request, response: Response, person: UserName) -> UserItem:
    """Return one account. A login of the person leaves its `ETag` as it is."""
    return _tagged(response, _people(request).get(person))


@router.delete(
    "/{person}", summary="Delete an account", status_code=204, responses=responses(404, 409, 412)
)
@needs(Permission.ADMINISTER, "users")
def delete(request: Request, person: UserName, who: Acting, if_match: IfMatch = None) -> None:
    """Remove an account with its roles and sessions. Timelines and the audit trail keep the name.

    The last account is not removed here, since that would switch the dashboard's login off.
    """
    _people(request).delete(person, actor=who.name, keeps_one=True, check=_matches(if_match))


@router.put(
    "/{person}/password",
    summary="Set a password",
    responses={**responses(400, 404, 412, 413), **_SHOWN},
)
@needs(Permission.ADMINISTER, "users")
async def set_password(
    request: Request,
    response: Response,
    person: UserName,
    asked: PasswordNew,
    who: Acting,
    if_match: IfMatch = None,
) -> UserItem:
    """Give an account another password. This ends its sessions and its lockout.

    Returns:
        The account.

    Raises:
        Problem: 403 for a key that is confined to areas
        NotFound: there is no such account
        ConfigurationError: the password cannot be used
    """
    _give(who)
    people = _people(request)
    people_threads = _signed_in(request)
    changed = await people_threads.with_password(
        lambda: people.set_password(
            person, asked.password, actor=who.name, check=_matches(if_match)
        )
    )
    return _tagged(response, changed)


@router.post(
    "/{person}/disable", summary="Disable an account", responses={**responses(404, 412), **_SHOWN}
)
@needs(Permission.ADMINISTER, "users")
def disable(
    request: Request,
    response: Response,
    person: UserName,
    who: Acting,
    if_match: IfMatch = None,
) -> UserItem:
    """Lock an account and end its sessions at once, everywhere."""
    changed = _people(request).disable(person, actor=who.name, check=_matches(if_match))
    return _tagged(response, changed)


@router.post(
    "/{person}/enable", summary="Enable an account", responses={**responses(404, 412), **_SHOWN}
)
@needs(Permission.ADMINISTER, "users")
def enable(
    request: Request,
    response: Response,
    person: UserName,
    who: Acting,
    if_match: IfMatch = None,
) -> UserItem:
    """Let an account be used again, and end its lockout."""
    _give(who)
    changed = _people(request).enable(person, actor=who.name, check=_matches(if_match))
    return _tagged(response, changed)


@router.delete(
    "/{person}/sessions", summary="End all sessions", responses={**responses(404), **_SHOWN}
)
@needs(Permission.ADMINISTER, "users")
def end_sessions(request: Request, response: Response, person: UserName, who: Acting) -> UserItem:
    """End all sessions of an account at once: pages, cookies and tokens. It may log in again."""
    return _tagged(response, _people(request).end_sessions(person, actor=who.name))


@router.put(
    "/{person}/roles",
    summary="Grant a role",
    responses={**responses(400, 404, 412, 413), **_SHOWN},
)
@needs(Permission.ADMINISTER, "users")
def grant(
    request: Request,
    response: Response,
    person: UserName,
    asked: RoleNew,
    who: Acting,
    if_match: IfMatch = None,
) -> UserItem:
    """Give a person a role; it replaces the one that they have in the same tenants and teams.

    Open sessions have it from their next request on.

    Returns:
        The account.
    """
    _give(who)
    changed = _people(request).grant(
        person, asked.role, actor=who.name, tenants=asked.tenants, teams=asked.teams,
        check=_matches(if_match),
    )  # fmt: skip
    return _tagged(response, changed)


@router.delete(
    "/{person}/roles", summary="Revoke a role", responses={**responses(404, 412), **_SHOWN}
)
@needs(Permission.ADMINISTER, "users")
def revoke(
    request: Request,
    response: Response,
    person: UserName,
    who: Acting,
    tenants: Annotated[list[TenantName] | None, _TENANTS] = None,
    teams: Annotated[list[TeamName] | None, _TEAMS] = None,
    every: Annotated[
        bool, Query(alias="all", description="All roles, wherever they were granted.")
    ] = False,
    if_match: IfMatch = None,
) -> UserItem:
    """Take the role from a person that was granted in exactly these tenants and teams."""
    changed = _people(request).revoke(
        person, actor=who.name, tenants=tenants or None, teams=teams or None, all_roles=every,
        check=_matches(if_match),
    )  # fmt: skip
    return _tagged(response, changed)


def _give(who: Principal) -> None:
    """Refuse a key of some areas, since an account may do what the key itself may not.

    Raises:
        Problem: 403
    """
    if not who.covers_scopes(()):
        problem = beyond_scopes(who, "An account may do more: use a key without scopes.")
        raise problem


def _people(request: Request) -> People:
    return People(store_of(request))


def _signed_in(request: Request) -> SignedIn:
    people: SignedIn = request.app.state.people
    return people


def _item(person: PersonView) -> UserItem:
    fields: dict[str, Any] = {
        name: getattr(person, name) for name in UserItem.model_fields if name != "grants"
    }
    return UserItem(**fields, grants=role_grants(person.grants))


def _tagged(response: Response, person: PersonView) -> UserItem:
    """Return an account as it is shown, and send the tag of its version."""
    response.headers["ETag"] = _tag(person)
    return _item(person)


def _matches(if_match: str | None) -> Callable[[PersonView], None]:
    return lambda person: check_match(if_match, _tag(person))


def _tag(person: PersonView) -> str:
    """Return the tag of what an admin changes, so that a login of the person makes no other one."""
    edited = msgspec.structs.replace(person, sessions=0, login_at=None)
    return f'"{hashlib.sha256(msgspec.json.encode(edited)).hexdigest()[:32]}"'
