"""API keys over HTTP: made, listed, rotated and revoked. A secret is in one response, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar, cast

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from sentinel.access import Grant, Permission, Principal, Role
from sentinel.access.areas import AREAS
from sentinel.api.access import Acting
from sentinel.api.known_keys import KnownKeys
from sentinel.api.needs import needs
from sentinel.api.paging import NEXT, PageLimit, page_of
from sentinel.api.problems import Problem, responses
from sentinel.api.role_grants import (
    RoleGrant,
    TeamName,
    TenantName,
    beyond_scopes,
    role_grants,
)
from sentinel.duration import Duration
from sentinel.errors import NotFound
from sentinel.store import Store
from sentinel.store.access.key_views import KeyView
from sentinel.store.access.keys import Keys, MadeKey

__all__ = ["router"]

router = APIRouter(prefix="/keys", tags=["keys"])
T = TypeVar("T")

_SCOPES = f"^({'|'.join(AREAS)})(:({'|'.join(Permission)}))?$"
KeyId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of the key.")]
Length = Annotated[
    Duration,
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,2}[smhd]$", "examples": ["90d"]}),
]


class KeySecretItem(BaseModel):
    """One secret of a key, by its prefix."""

    prefix: str
    created_at: datetime
    expires_at: datetime | None


class KeyItem(BaseModel):
    """An API key, without its secret."""

    id: str
    name: str
    state: Literal["active", "expired", "revoked"]
    grants: list[RoleGrant]
    scopes: list[str] = Field(description="Areas that it is confined to; empty for all.")
    secrets: list[KeySecretItem] = Field(
        description="The newest first; while the key is rotated, two of them are valid."
    )
    created_at: datetime
    created_by: str
    expires_at: datetime | None = Field(description="When the newest secret ends; null: never.")
    used_at: datetime | None = Field(description="Last use, to the minute; null: never.")
    revoked_at: datetime | None
    revoked_by: str


class KeyList(BaseModel):
    """A page of keys, by name."""

    items: list[KeyItem]
    next_cursor: str | None = Field(None, description=NEXT)


class KeyMade(BaseModel):
    """A key with its new secret."""

    key: KeyItem
    secret: str = Field(description="Shown this once: send it as Authorization: Bearer SECRET.")


class KeyRequest(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={
        "examples": [{
            "name": "grafana", "role": "responder", "tenants": ["acme"], "scopes": ["webhooks"],
            "expires_in": "90d",
        }]
    })  # fmt: skip

    name: str = Field(
        max_length=100,
        pattern="^([A-Za-z0-9][A-Za-z0-9._@ -]{0,98}[A-Za-z0-9]|[A-Za-z0-9])$",
        description="Of the program that uses it.",
    )
    role: Role
    tenants: list[TenantName] | None = Field(
        None, min_length=1, max_length=50, description="Where; null: in all tenants."
    )
    teams: list[TeamName] | None = Field(
        None, min_length=1, max_length=50,
        description="For whose alerts and rules; null: for all teams.",
    )  # fmt: skip
    scopes: list[Annotated[str, Field(pattern=_SCOPES)]] = Field(
        default_factory=list, max_length=50,
        description="Areas that it is confined to, each AREA or AREA:PERMISSION; empty: all.",
    )  # fmt: skip
    expires_in: Length | None = Field(None, description="How long it is valid; null: for ever.")


class RotateRequest(BaseModel):
    """How a key gets a new secret."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap": "1h"}]})

    overlap: Length = Field(
        timedelta(days=1), description="How long the secret before is accepted; 1d by default.",
        json_schema_extra={"default": "1d"},
    )  # fmt: skip
    expires_in: Length | None = Field(
        None, description="How long the new one is valid; null: as long as the one before was."
    )


def _keys(request: Request) -> Keys:
    return Keys(cast("Store", request.app.state.store))


@router.get("", summary="List API keys", responses=responses())
@needs(Permission.ADMINISTER, "keys", confined=True)
def list_keys(
    request: Request,
    who: Acting,
    revoked: Annotated[bool, Query(description="Those that were revoked, too.")] = False,
    limit: PageLimit = None,
    cursor: Annotated[
        str | None,
        Query(
            max_length=140, pattern="^[^\\u0000]{1,100}/[0-9a-f]{32}$",
            description="next_cursor of the previous page.",
        ),
    ] = None,
) -> KeyList:  # fmt: skip
    """List API keys by name, without their secrets: all that hold where the caller is an admin."""
    now = cast("Store", request.app.state.store).now()
    found = [one for one in _keys(request).list(revoked=revoked) if _is_in_reach(who, one)]
    after = None if cursor is None else tuple(cursor.rsplit("/", 1))
    page, last = page_of(found, lambda one: (one.name, one.id), limit, after)
    return KeyList(
        items=[_item(one, now) for one in page],
        next_cursor=None if last is None else f"{last.name}/{last.id}",
    )


@router.post("", summary="Make an API key", status_code=201, responses=responses(400, 409, 413))
@needs(Permission.ADMINISTER, "keys", confined=True)
def create_key(request: Request, asked: KeyRequest, who: Acting, response: Response) -> KeyMade:
    """Make an API key. Its secret is in this response and nowhere else.

    Nobody can give a key more than they may do themselves.

    Returns:
        The key and its secret.

    Raises:
        Problem: 403 for a role, tenant, team or scope beyond the caller's own
    """
    of = (None if one is None else frozenset(one) for one in (asked.tenants, asked.teams))
    if not who.covers(Grant(asked.role, *of)):
        raise Problem(
            403, "forbidden", f"{who.name} is not an admin of all that this key would hold for",
            hint="Name only tenants and teams in which you are an admin.", field="tenants",
        )  # fmt: skip
    if not who.covers_scopes(asked.scopes):
        problem = beyond_scopes(who, "Name only scopes that you have yourself.", field="scopes")
        raise problem
    made = _keys(request).create(
        asked.name, asked.role, actor=who.name, tenants=asked.tenants, teams=asked.teams,
        scopes=asked.scopes, expires_in=asked.expires_in,
    )  # fmt: skip
    return _made(request, made, response)


@router.get("/{key_id}", summary="One API key", responses=responses(404))
@needs(Permission.ADMINISTER, "keys", confined=True)
def get_key(request: Request, key_id: KeyId, who: Acting) -> KeyItem:
    """Return one API key, without its secret."""
    found = _reached(request, key_id, who)
    return _item(found, cast("Store", request.app.state.store).now())


@router.post("/{key_id}/revoke", summary="Revoke an API key", responses=responses(404))
@needs(Permission.ADMINISTER, "keys", confined=True)
def revoke_key(request: Request, key_id: KeyId, who: Acting) -> KeyItem:
    """End an API key for good. This process refuses it at once, others within five seconds."""
    _changeable(request, key_id, who)
    found = _changed(request, lambda keys: keys.revoke(key_id, actor=who.name))
    return _item(found, cast("Store", request.app.state.store).now())


@router.post(
    "/{key_id}/rotate",
    summary="Give an API key a new secret",
    responses=responses(400, 404, 409, 413),
)
@needs(Permission.ADMINISTER, "keys", confined=True)
def rotate_key(
    request: Request, key_id: KeyId, who: Acting, response: Response, asked: RotateRequest
) -> KeyMade:
    """Give an API key a new secret, while the one before is accepted for `overlap` longer."""
    _changeable(request, key_id, who)
    made = _changed(
        request,
        lambda keys: keys.rotate(
            key_id, actor=who.name, overlap=asked.overlap, expires_in=asked.expires_in
        ),
    )
    return _made(request, made, response)


def _reached(request: Request, key_id: str, who: Principal) -> KeyView:
    found = _keys(request).get(key_id)
    if not _is_in_reach(who, found) or found.id != key_id:
        raise NotFound(
            f"there is no key {key_id!r}",
            hint="See which there are: sentinel key list, or GET /api/v1/alerts/keys",
        )
    return found


def _changeable(request: Request, key_id: str, who: Principal) -> None:
    """Refuse to change a key with wider scopes: its new secret would do what the caller may not."""
    if not who.covers_scopes(_reached(request, key_id, who).scopes):
        problem = beyond_scopes(who, "Ask an admin whose key has all scopes of that one.")
        raise problem


def _changed(request: Request, change: Callable[[Keys], T]) -> T:
    done = change(_keys(request))
    cast("KnownKeys", request.app.state.keys).forget()
    return done


def _is_in_reach(who: Principal, key: KeyView) -> bool:
    return all(who.covers(grant) for grant in key.grants)


def _made(request: Request, made: MadeKey, response: Response) -> KeyMade:
    response.headers["Cache-Control"] = "no-store"
    now = cast("Store", request.app.state.store).now()
    return KeyMade(key=_item(made.key, now), secret=made.secret.text)


def _item(key: KeyView, now: datetime) -> KeyItem:
    fields: dict[str, Any] = {
        name: getattr(key, name) for name in KeyItem.model_fields
        if name not in ("state", "grants", "secrets", "scopes")
    }  # fmt: skip
    return KeyItem(
        **fields, state=key.state(now), scopes=list(key.scopes),
        grants=role_grants(key.grants),
        secrets=[
            KeySecretItem(
                prefix=one.prefix, created_at=one.created_at, expires_at=one.expires_at
            )
            for one in key.secrets
        ],
    )  # fmt: skip
