"""What consumers of an API do themselves over HTTP: register, log in, and manage their keys.

Their tokens begin with `sncs_`, and open these routes only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Request, Response

from sentinel.access.client_address import one_client
from sentinel.api.client_address import address_of
from sentinel.api.consumer_bodies import (
    ConsumerItem,
    ConsumerLoginBody,
    ConsumerPasswordBody,
    ConsumerRegisterBody,
    ConsumerSessionItem,
    OwnKeyBody,
    OwnKeyList,
    OwnKeyRotateBody,
    account_item,
    rules_body,
)
from sentinel.api.consumer_keys import (
    ConsumerKeyId,
    ConsumerKeyItem,
    ConsumerKeyMade,
    key_item,
    key_made,
)
from sentinel.api.needs import public
from sentinel.api.problems import Problem, responses
from sentinel.api.shown_rules import store_of
from sentinel.api_usage.matching import Caller, LimitSet
from sentinel.api_usage.self_service import KEYS, PASSWORDS, REGISTRATIONS
from sentinel.serving.password_places import NoPlace, PasswordPlaces
from sentinel.store.api_usage.consumer_accounts import AccountView, ConsumerAccounts
from sentinel.store.api_usage.consumer_self import ConsumerSelf, LoginRefused
from sentinel.store.api_usage.limit_states import LimitStates

__all__ = ["router"]

router = APIRouter(prefix="/consumers", tags=["Consumers"])
T = TypeVar("T")
_PLACES = PasswordPlaces()
_OPEN = "nobody is logged in before"
_OWN = "a consumer's token is looked at here, and opens no other route"


def _token(request: Request) -> str:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _consumer(request: Request) -> AccountView:
    found = ConsumerSelf(store_of(request)).account_of(_token(request))
    if found is None:
        raise Problem(
            401, "unauthorized", "this needs the token of a consumer's login",
            hint="POST /api/v1/consumers/login answers one.",
        )  # fmt: skip
    return found


Consumer = Annotated[AccountView, Depends(_consumer)]


@router.post(
    "/register", summary="Register as a consumer", status_code=201,
    responses=responses(400, 404, 409, 413, 429),
)  # fmt: skip
@public("usage", _OPEN)
def register(request: Request, asked: ConsumerRegisterBody) -> ConsumerItem:
    """Make an account for oneself, where the rules of the tenant let anybody.

    It waits for an approval where the rules want one. An address registers 10 times an hour.

    Returns:
        The account.

    Raises:
        Problem: 404 where nobody may, 429 while the address must wait
    """
    store = store_of(request)
    if ConsumerAccounts(store).rules(asked.tenant).enabled:
        address = one_client(address_of(request))
        _slowly(request, REGISTRATIONS, Caller(address=address), "registrations from your address")

    def work() -> AccountView:
        accounts = ConsumerAccounts(store)
        return accounts.register(asked.tenant, asked.name, asked.password, plan=asked.plan)

    return account_item(_with_password(request, work))


@router.post("/login", summary="Log in as a consumer", responses=responses(400, 413, 429))
@public("usage", _OPEN)
def log_in(request: Request, asked: ConsumerLoginBody, response: Response) -> ConsumerSessionItem:
    """Log in for 12 hours.

    An unknown name is answered as a wrong password is, in the same time. After five failures in a
    row a name must wait, each time longer; an address after 30.

    Returns:
        The account and a token.

    Raises:
        Problem: 401 for a wrong name or password, 429 while it must wait
    """
    consumers = ConsumerSelf(store_of(request))
    address = address_of(request)
    begun = _with_password(
        request, lambda: consumers.log_in(asked.tenant, asked.name, asked.password, address)
    )
    if isinstance(begun, LoginRefused):
        seconds = math.ceil(begun.wait.total_seconds())
        if begun.verified:
            raise Problem(
                401, "login_failed", "the name or the password is wrong",
                hint=f"Try again in {seconds} seconds." if seconds else "Check both.",
            )  # fmt: skip
        raise Problem(
            429, "login_locked", "too many logins failed",
            hint=f"Try again in {seconds} seconds.", headers={"Retry-After": str(seconds)},
        )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    return ConsumerSessionItem(
        token=begun.token, ends_at=begun.ends_at, account=account_item(begun.account)
    )


@router.post("/logout", summary="Log out as a consumer", status_code=204, responses=responses())
@public("usage", _OWN)
def log_out(request: Request, who: Consumer) -> Response:
    """End the session of this token."""
    _ = who  # who has none is refused
    ConsumerSelf(store_of(request)).log_out(_token(request))
    return Response(status_code=204)


@router.get("/me", summary="The consumer's own account", responses=responses())
@public("usage", _OWN)
def me(who: Consumer) -> ConsumerItem:
    """Return the account whose token this is."""
    return account_item(who)


@router.post(
    "/me/password", summary="Change the consumer's password", status_code=204,
    responses=responses(400, 413, 429),
)  # fmt: skip
@public("usage", _OWN)
def set_password(request: Request, asked: ConsumerPasswordBody, who: Consumer) -> Response:
    """Change the password; every session of the account ends, this one too. 10 tries an hour.

    Returns:
        Nothing.

    Raises:
        Problem: 401 where the password before is wrong, 429 after too many tries
    """
    _slowly(request, PASSWORDS, Caller(user=who.id), "changes of the password")
    consumers = ConsumerSelf(store_of(request))
    if not _with_password(request, lambda: consumers.set_password(who, asked.before, asked.after)):
        raise Problem(401, "login_failed", "the password before is wrong", field="before")
    return Response(status_code=204)


@router.get("/me/keys", summary="The consumer's own keys", responses=responses())
@public("usage", _OWN)
def own_keys(request: Request, who: Consumer) -> OwnKeyList:
    """List the consumer's keys, without their secrets, and what the rules allow."""
    store = store_of(request)
    found = ConsumerSelf(store).keys(who)
    rules = ConsumerAccounts(store).rules(who.tenant)
    now: datetime = store.now()
    return OwnKeyList(items=[key_item(one, now) for one in found], rules=rules_body(rules))


@router.post(
    "/me/keys", summary="Make a key of one's own", status_code=201,
    responses=responses(400, 409, 413, 429),
)  # fmt: skip
@public("usage", _OWN)
def create_own_key(
    request: Request, asked: OwnKeyBody, who: Consumer, response: Response
) -> ConsumerKeyMade:
    """Make a key within the rules of the tenant. Its secret is in this response alone.

    An account makes and rotates 60 times an hour.

    Returns:
        The key and its secret.
    """
    _slowly(request, KEYS, Caller(user=who.id), "new keys and secrets")
    made = ConsumerSelf(store_of(request)).create_key(
        who, asked.name, permissions=asked.permissions, expires_in=asked.expires_in
    )
    return key_made(request, made, response)


@router.post(
    "/me/keys/{consumer_key_id}/rotate", summary="Rotate a key of one's own",
    responses=responses(400, 404, 409, 413, 429),
)  # fmt: skip
@public("usage", _OWN)
def rotate_own_key(
    request: Request, consumer_key_id: ConsumerKeyId, asked: OwnKeyRotateBody, who: Consumer,
    response: Response,
) -> ConsumerKeyMade:  # fmt: skip
    """Give a key a new secret; the one before is accepted for `overlap` longer.

    The rules of the tenant are those of now: it is valid no longer than they allow, and refused
    where they no longer have a permission of the key.

    Returns:
        The key and its new secret.
    """
    _slowly(request, KEYS, Caller(user=who.id), "new keys and secrets")
    made = ConsumerSelf(store_of(request)).rotate_key(who, consumer_key_id, asked.overlap)
    return key_made(request, made, response)


@router.post(
    "/me/keys/{consumer_key_id}/revoke", summary="Revoke a key of one's own",
    responses=responses(404),
)  # fmt: skip
@public("usage", _OWN)
def revoke_own_key(
    request: Request, consumer_key_id: ConsumerKeyId, who: Consumer
) -> ConsumerKeyItem:
    """End a key for good."""
    store = store_of(request)
    return key_item(ConsumerSelf(store).revoke_key(who, consumer_key_id), store.now())


def _slowly(request: Request, limits: LimitSet, caller: Caller, what: str) -> None:
    """Refuse what somebody does too often: each leaves rows, or is a guess."""
    decision = LimitStates(store_of(request)).decide(limits.asks(caller))
    if not decision.allowed:
        raise Problem(
            429, "too_many_requests", f"too many {what}",
            hint=f"Try again in {decision.retry_after} seconds.",
            headers={"Retry-After": str(decision.retry_after)},
        )  # fmt: skip


def _with_password(request: Request, work: Callable[[], T]) -> T:
    """Do work that hashes passwords, a few at once.

    Args:
        request: for whom
        work: that does

    Returns:
        What it returns.

    Raises:
        Problem: 429 where too many of its address wait, 503 where too many of all do
    """
    try:
        with _PLACES.taken(one_client(address_of(request))):
            return work()
    except NoPlace as error:
        status, kind, what = (
            (429, "too_many_requests", "too many logins at once from your address")
            if error.of_address
            else (503, "busy", "too many logins at once")
        )
        raise Problem(
            status, kind, what, hint="Try again in a few seconds.", headers={"Retry-After": "5"}
        ) from None
