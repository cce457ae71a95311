"""Status pages over HTTP: their definitions and tokens. The pages themselves are public pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission, Principal
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, Tenant, described_as, read_as
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.shown_rules import store_of
from sentinel.api.whole_tenant import whole_tenant
from sentinel.links import status_address
from sentinel.services.status_page import PAGE_PATTERN, StatusPage
from sentinel.services.status_subscription import SubscriberKind
from sentinel.store.services.status_pages import StatusPages, StoredPage
from sentinel.store.services.status_subscribers import StatusSubscribers, Subscriber

__all__ = ["router"]

router = APIRouter(prefix="/status-pages", tags=["services"])
PageName = Annotated[
    str,
    Path(pattern=f"^({PAGE_PATTERN})$", description="Name of the page.", examples=["shop"]),
]
SubscriberId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="Id of the subscriber.", examples=["0" * 32])
]
_EXAMPLE: dict[str, Any] = {
    "name": "shop", "title": "Status of the shop", "public": True,
    "show": ["incidents", "slos"], "subscribe": ["email"],
    "components": [{"service": "checkout", "title": "Checkout"}],
}  # fmt: skip
_SHOWN = {200: {"headers": ETAG, "description": "The status page"}}


class StatusPageBody(StatusPage):
    """A status page to save."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class StatusPageItem(BaseModel):
    """A status page."""

    definition: StatusPage
    version: int
    saved_at: datetime
    saved_by: str
    url: str = Field(description="Where it is served; empty without SENTINEL_PUBLIC_URL.")
    written_at: datetime | None = Field(description="When the flow wrote it last.")
    has_token: bool = Field(description="Whether a private page can be read by a token.")
    subscribers: int = Field(description="How many are sent its public updates.")


class StatusPageList(BaseModel):
    """The status pages that the caller sees, by name."""

    items: list[StatusPageItem]


class StatusPageToken(BaseModel):
    """The token of a private page, which is shown only here."""

    token: str = Field(description="A secret: whoever has it reads the page.")
    url: str


class SubscriberItem(BaseModel):
    """A subscriber of a status page."""

    id: str
    kind: SubscriberKind
    who: str = Field(description="The address or URL, masked.", examples=["a…@example.org"])
    services: list[str] = Field(description="That they chose; empty for all.")
    asked_at: datetime
    confirmed_at: datetime | None = Field(description="Null while nobody opened the link.")
    refused: int = Field(description="Deliveries in a row that were given up; three end it.")


class SubscriberList(BaseModel):
    """The subscribers of a status page, the newest first."""

    items: list[SubscriberItem]


@router.get("", summary="List status pages", responses=responses())
@needs(Permission.READ, "services", confined=True)
def list_pages(request: Request, who: Acting, tenant: Tenant | None = None) -> StatusPageList:
    """List the status pages of the tenants that the caller sees."""
    found = _pages(request, who, Permission.READ).list(tenant)
    people = StatusSubscribers(store_of(request), who.scope(Permission.READ)).counts(tenant)
    return StatusPageList(
        items=[_item(request, one, people.get(one.definition.name, 0)) for one in found]
    )


@router.get("/{status_page}", summary="One status page", responses={**responses(404), **_SHOWN})
@needs(Permission.READ, "services", confined=True)
def get(request: Request, response: Response, status_page: PageName, who: Acting) -> StatusPageItem:
    """Return the definition of a status page, and when it was written last."""
    return _tagged(request, response, _pages(request, who, Permission.READ).get(status_page))


@router.put(
    "/{status_page}",
    summary="Save a status page",
    responses={**responses(400, 403, 409, 412, 413), **_SHOWN},
    openapi_extra=described_as(StatusPageBody),
)
@needs(Permission.EDIT, "services", confined=True)
def save(
    request: Request, response: Response, status_page: PageName, body: Body, who: Acting,
    if_match: IfMatch = None,
) -> StatusPageItem:  # fmt: skip
    """Create a status page, or replace the one of that name; the flow writes it within a minute.

    Returns:
        The status page.

    Raises:
        Problem: 422 where the body names another page
    """
    definition = StatusPage.model_validate(read_as(StatusPageBody, body).model_dump())
    if definition.name != status_page:
        raise Problem(
            422, "invalid", f"name: must be {status_page}, as in the address", field="name"
        )
    whole_tenant(who, Permission.EDIT, definition.tenant)
    pages = _pages(request, who, Permission.EDIT)
    saved = pages.save(definition, actor=who.name, check=_matches(if_match))
    return _tagged(request, response, saved)


@router.delete("/{status_page}", summary="Remove a status page", responses=responses(404, 412))
@needs(Permission.EDIT, "services", confined=True)
def remove(
    request: Request, status_page: PageName, who: Acting, if_match: IfMatch = None
) -> StatusPageItem:
    """Remove a status page with the history of its components, and return it."""
    pages = _pages(request, who, Permission.EDIT)
    removed = pages.remove(status_page, actor=who.name, check=_matches(if_match))
    return _item(request, removed, 0)


@router.post(
    "/{status_page}/token",
    summary="Make the token of a private status page",
    status_code=201,
    responses=responses(404, 409),
)
@needs(Permission.EDIT, "services", confined=True)
def new_token(request: Request, status_page: PageName, who: Acting) -> StatusPageToken:
    """Make a token, in place of the one that there was.

    Returns:
        The token, which is shown once.
    """
    token = _pages(request, who, Permission.EDIT).new_token(status_page, actor=who.name)
    return StatusPageToken(token=token, url=_url(request, status_page))


@router.get(
    "/{status_page}/subscribers",
    summary="List the subscribers of a status page",
    responses=responses(404),
)
@needs(Permission.EDIT, "services", confined=True)
def list_subscribers(request: Request, status_page: PageName, who: Acting) -> SubscriberList:
    """List who is sent the public updates of a status page, and who has not confirmed yet."""
    found = StatusSubscribers(store_of(request), who.scope(Permission.EDIT)).list(status_page)
    return SubscriberList(items=[_subscriber(one) for one in found])


@router.delete(
    "/{status_page}/subscribers/{subscriber}",
    summary="Remove a subscriber of a status page",
    responses=responses(404),
)
@needs(Permission.EDIT, "services", confined=True)
def remove_subscriber(
    request: Request, status_page: PageName, subscriber: SubscriberId, who: Acting
) -> SubscriberItem:
    """End a subscription and delete it; they get no message about it."""
    people = StatusSubscribers(store_of(request), who.scope(Permission.EDIT))
    return _subscriber(people.remove(status_page, subscriber, actor=who.name))


def _subscriber(one: Subscriber) -> SubscriberItem:
    return SubscriberItem.model_validate(msgspec.structs.asdict(one))


def _pages(request: Request, who: Principal, permission: Permission) -> StatusPages:
    return StatusPages(store_of(request), who.scope(permission))


def _matches(if_match: str | None) -> Callable[[StoredPage | None], None]:
    return lambda there: check_match(if_match, '""' if there is None else f'"{there.version}"')


def _tagged(request: Request, response: Response, one: StoredPage) -> StatusPageItem:
    response.headers["ETag"] = f'"{one.version}"'
    people = StatusSubscribers(store_of(request)).counts(one.definition.tenant)
    return _item(request, one, people.get(one.definition.name, 0))


def _url(request: Request, name: str) -> str:
    return status_address(store_of(request).options.public_url, name)


def _item(request: Request, one: StoredPage, subscribers: int) -> StatusPageItem:
    return StatusPageItem(
        definition=one.definition, version=one.version, saved_at=one.saved_at,
        saved_by=one.saved_by, url=_url(request, one.definition.name), written_at=one.written_at,
        has_token=one.has_token, subscribers=subscribers,
    )  # fmt: skip
