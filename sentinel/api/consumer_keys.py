"""Keys of the consumers of an API over HTTP: made, rotated, revoked, and verified by gateways."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from sentinel.access import Permission, Principal
from sentinel.api.access import Acting
from sentinel.api.bodies import Tenant
from sentinel.api.needs import needs
from sentinel.api.paging import NEXT
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL
from sentinel.api.shown_rules import store_of
from sentinel.api.whole_tenant import whole_tenant
from sentinel.api_usage.consumer_keys import LONGEST_TOKEN, KeyState, token_for
from sentinel.duration import Duration
from sentinel.store.api_usage.consumer_keys import ConsumerKeys, ConsumerKeyView, MadeConsumerKey
from sentinel.store.api_usage.signing_keys import SigningKeys
from sentinel.tenant import TENANT_PATTERN

__all__ = [
    "ConsumerKeyId", "ConsumerKeyItem", "ConsumerKeyMade", "Length", "Word", "key_item", "key_made",
    "router",
]  # fmt: skip

router = APIRouter(prefix="/keys", tags=["Consumer keys"])

ConsumerKeyId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="Id of the consumer key.")
]
Length = Annotated[
    Duration,
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,2}[smhd]$", "examples": ["90d"]}),
]
Word = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_.:/*-]{0,79}$")]
# What the store takes: printable, without spaces at the ends.
_TEXT = "^[!-~]([ -~]{0,98}[!-~])?$"


class ConsumerKeyItem(BaseModel):
    """A consumer key, without its secret."""

    id: str
    tenant: str
    name: str
    consumer: str = Field(description="Whose it is, in the words of the API.")
    plan: str
    permissions: list[str]
    state: KeyState
    prefixes: list[str] = Field(description="Of its secrets, the newest first.")
    expires_at: datetime | None = Field(description="When the newest secret ends; null: never.")
    created_at: datetime
    created_by: str
    used_at: datetime | None = Field(description="Last verified, to the minute; null: never.")
    revoked_at: datetime | None
    revoked_by: str


class ConsumerKeyList(BaseModel):
    """A page of consumer keys, by tenant and in each the oldest first."""

    items: list[ConsumerKeyItem]
    next_cursor: str | None = Field(None, description=NEXT)


class ConsumerKeyMade(BaseModel):
    """A consumer key with its new secret."""

    key: ConsumerKeyItem
    secret: str = Field(description="Shown this once; the consumer sends it to the API.")


class ConsumerKeyRequest(BaseModel):
    """A consumer key to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{
                "name": "build server", "consumer": "user-7", "plan": "gold",
                "permissions": ["orders:read"], "expires_in": "90d",
            }]
        },
    )  # fmt: skip

    name: str = Field(max_length=100, pattern=_TEXT, description="Unique in its tenant.")
    tenant: Annotated[str, Field(pattern=f"^({TENANT_PATTERN})$")] | None = Field(
        None, description="Of the API; null: the only one in reach, or default."
    )
    consumer: str = Field(
        "", max_length=100, pattern=f"^$|{_TEXT}", description="Whose it is, in the API's words."
    )
    plan: Word | None = None
    permissions: list[Word] = Field(default_factory=list, max_length=100)
    expires_in: Length | None = Field(None, description="How long it is valid; null: for ever.")


class ConsumerRotateRequest(BaseModel):
    """How a consumer key gets a new secret."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap": "1h"}]})

    overlap: Length = Field(
        timedelta(days=1), description="How long the secret before is accepted; 1d by default.",
        json_schema_extra={"default": "1d"},
    )  # fmt: skip
    expires_in: Length | None = Field(
        None, description="How long the new one is valid; null: as long as the one before was."
    )


class SignerRotateRequest(BaseModel):
    """How what signs offline tokens is replaced."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    at_once: bool = Field(False, description="Sign now, and end all tokens of keys before.")


class SignerRotated(BaseModel):
    """When the new key begins to sign."""

    signs_from: datetime


class VerifyRequest(BaseModel):
    """What a request to an API came with."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"key": "snc_abcdefgh_…", "permission": "orders:read"}]},
    )

    key: str = Field(max_length=1000, description="As the consumer sent it.")
    permission: Word | None = Field(None, description="That it must have; null: any.")
    token_for: Length | None = Field(
        None,
        description="Also make a token that can be read offline, valid so long; 15m at most.",
    )


class VerifiedKey(BaseModel):
    """Whether a key may be used, and whose it is."""

    valid: bool
    state: KeyState
    key: str | None = Field(default=None, description="Id of the key.")
    tenant: str | None = None
    name: str | None = None
    consumer: str | None = None
    plan: str | None = None
    permissions: list[str] = Field(default_factory=list)
    expires_at: datetime | None = None
    token: str | None = Field(default=None, description="JWT that says the same; see /keys/jwks.")


class KeySetItem(BaseModel):
    """Public keys as a JWK Set (RFC 7517)."""

    keys: list[dict[str, Any]]


def _keys(request: Request, who: Principal, permission: Permission) -> ConsumerKeys:
    return ConsumerKeys(store_of(request), who.scope(permission))


@router.get("", summary="List consumer keys", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def list_consumer_keys(
    request: Request,
    who: Acting,
    tenant: Tenant | None = None,
    revoked: Annotated[bool, Query(description="Those that were revoked, too.")] = False,
    named: Annotated[
        str | None,
        Query(max_length=100, pattern=NO_NUL,
              description="Only those of this id, name or prefix of a secret."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Keys of a page.")] = 100,
    cursor: Annotated[
        str | None,
        Query(
            max_length=300, pattern="^[^\\u0000/]{1,100}/[0-9a-f]{32}$",
            description="next_cursor of the previous page.",
        ),
    ] = None,
) -> ConsumerKeyList:  # fmt: skip
    """List the keys of consumers by tenant, without their secrets."""
    now = store_of(request).now()
    after = None
    if cursor is not None:
        last_tenant, last_id = cursor.rsplit("/", 1)
        after = (last_tenant, last_id)
    found = _keys(request, who, Permission.READ).list(
        tenant=tenant, revoked=revoked, limit=limit + 1, after=after, named=named
    )
    page = found[:limit]
    more = f"{page[-1].tenant}/{page[-1].id}" if len(found) > limit else None
    return ConsumerKeyList(items=[key_item(one, now) for one in page], next_cursor=more)


@router.post(
    "", summary="Make a consumer key", status_code=201, responses=responses(400, 403, 409, 413)
)
@needs(Permission.EDIT, "usage", confined=True)
def create_consumer_key(
    request: Request, asked: ConsumerKeyRequest, who: Acting, response: Response
) -> ConsumerKeyMade:
    """Make a key for a consumer of an API. Its secret is in this response and nowhere else.

    It opens that API, never Sentinel's own.

    Returns:
        The key and its secret.
    """
    tenant = whole_tenant(who, Permission.EDIT, asked.tenant)
    made = _keys(request, who, Permission.EDIT).create(
        asked.name, tenant=tenant, actor=who.name, consumer=asked.consumer,
        plan=asked.plan or "", permissions=asked.permissions, expires_in=asked.expires_in,
    )  # fmt: skip
    return key_made(request, made, response)


@router.get("/jwks", summary="Public keys of offline tokens", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def offline_keys(request: Request) -> KeySetItem:
    """Return the keys by which a gateway reads tokens of `POST /keys/verify` without asking."""
    return KeySetItem(**SigningKeys(store_of(request)).public())


@router.post(
    "/jwks/rotate", summary="Replace what signs offline tokens", responses=responses(400, 403, 413)
)
@needs(Permission.ADMINISTER, "usage")
def rotate_signing_key(request: Request, asked: SignerRotateRequest, who: Acting) -> SignerRotated:
    """Make a new key for offline tokens. The set shows it at once, and it signs an hour later.

    So a gateway that reads /keys/jwks at least every hour never sees a token that it cannot read.
    `at_once` is for a key that leaked: it ends all tokens.

    Returns:
        When it begins to sign.
    """
    keys = SigningKeys(store_of(request))
    return SignerRotated(signs_from=keys.rotate(actor=who.name, at_once=asked.at_once))


@router.post("/verify", summary="Verify a consumer key", responses=responses(400, 413))
@needs(Permission.READ, "usage", confined=True)
def verify_consumer_key(request: Request, asked: VerifyRequest, who: Acting) -> VerifiedKey:
    """Say whether a consumer's key may be used now, and whose it is.

    Keys of tenants out of reach are unknown.

    Returns:
        What it says; 200 also for a key that is not valid.
    """
    keys = _keys(request, who, Permission.READ)
    found = keys.verify(asked.key, asked.permission)
    if found.who is None:
        return VerifiedKey(valid=False, state=found.state)
    one, token = found.who, None
    valid = found.state is KeyState.VALID
    if asked.token_for is not None and valid:
        now = store_of(request).now()
        token = token_for(
            SigningKeys(store_of(request)).current(), one, now, min(asked.token_for, LONGEST_TOKEN)
        )
    return VerifiedKey(
        valid=valid, state=found.state, key=one.key, tenant=one.tenant, name=one.name,
        consumer=one.consumer, plan=one.plan, permissions=list(one.permissions),
        expires_at=one.expires_at, token=token,
    )  # fmt: skip


@router.get("/{consumer_key_id}", summary="One consumer key", responses=responses(404))
@needs(Permission.READ, "usage", confined=True)
def get_consumer_key(
    request: Request, consumer_key_id: ConsumerKeyId, who: Acting
) -> ConsumerKeyItem:
    """Return one consumer key, without its secret."""
    found = _keys(request, who, Permission.READ).get(consumer_key_id)
    return key_item(found, store_of(request).now())


@router.post("/{consumer_key_id}/revoke", summary="Revoke a consumer key", responses=responses(404))
@needs(Permission.EDIT, "usage", confined=True)
def revoke_consumer_key(
    request: Request, consumer_key_id: ConsumerKeyId, who: Acting
) -> ConsumerKeyItem:
    """End a consumer key for good. Its offline tokens are accepted for 15 minutes at most."""
    found = _keys(request, who, Permission.EDIT).revoke(consumer_key_id, actor=who.name)
    return key_item(found, store_of(request).now())


@router.post(
    "/{consumer_key_id}/rotate",
    summary="Rotate a consumer key",
    responses=responses(400, 404, 409, 413),
)
@needs(Permission.EDIT, "usage", confined=True)
def rotate_consumer_key(
    request: Request, consumer_key_id: ConsumerKeyId, asked: ConsumerRotateRequest, who: Acting,
    response: Response,
) -> ConsumerKeyMade:  # fmt: skip
    """Give a consumer key a new secret; the one before is accepted for `overlap` longer."""
    made = _keys(request, who, Permission.EDIT).rotate(
        consumer_key_id, actor=who.name, overlap=asked.overlap, expires_in=asked.expires_in
    )
    return key_made(request, made, response)


def key_made(request: Request, made: MadeConsumerKey, response: Response) -> ConsumerKeyMade:
    """Return a key with its secret, which nothing between may keep."""
    # Neither a proxy nor a browser keeps what is shown once.
    response.headers["Cache-Control"] = "no-store"
    return ConsumerKeyMade(key=key_item(made.key, store_of(request).now()), secret=made.secret.text)


def key_item(one: ConsumerKeyView, now: datetime) -> ConsumerKeyItem:
    """Return a key as responses have it."""
    return ConsumerKeyItem(
        id=one.id, tenant=one.tenant, name=one.name, consumer=one.consumer, plan=one.plan,
        permissions=list(one.permissions), state=one.state(now),
        prefixes=[prefix for prefix, _ in one.prefixes],
        expires_at=one.prefixes[0][1] if one.prefixes else None,
        created_at=one.created_at, created_by=one.created_by, used_at=one.used_at,
        revoked_at=one.revoked_at, revoked_by=one.revoked_by,
    )  # fmt: skip
