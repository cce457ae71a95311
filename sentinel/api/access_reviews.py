"""Access reviews and separation of duties over HTTP, for admins of the whole instance."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.access.review import AccessEntry
from sentinel.api.access import Acting
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL
from sentinel.api.scoped import within
from sentinel.settings import Settings
from sentinel.store.access.reviews import Reviews, ReviewView
from sentinel.store.approvals.separation import Separation
from sentinel.tenant import TENANT_PATTERN

__all__ = ["router"]

router = APIRouter(prefix="/access", tags=["access"])


class AccessItem(BaseModel):
    """One role of a person or a key."""

    kind: Literal["person", "key"]
    id: str
    name: str = Field(examples=["maria"])
    role: str = Field(description="Empty for an account without any role.", examples=["editor"])
    tenant: str | None = Field(description="Where it holds; null for all tenants.")
    team: str | None = Field(description="For whose alerts and rules; null for all teams.")
    since: datetime = Field(description="When it was granted in this form.")
    granted_by: str
    used_at: datetime | None = Field(
        description="Last login or use of a session, or last use of the key; null for never."
    )
    state: str = Field(examples=["active"])
    scopes: list[str] = Field(description="Areas that a key is confined to; empty for all.")


class AccessNow(BaseModel):
    """Who has which role now."""

    items: list[AccessItem]
    due_at: datetime | None = Field(
        description="When the next review is due; null where nobody has a role."
    )


class ReviewItem(BaseModel):
    """A review that somebody certified."""

    id: str
    at: datetime
    certified_by: str
    comment: str
    count: int = Field(description="How many roles there were.")
    digest: str = Field(description="SHA-256 hash of the entries, which the audit trail has too.")


class ReviewDetail(ReviewItem):
    """A review with its entries."""

    entries: list[AccessItem]
    problem: str = Field(
        description="How the entries differ from what was certified; empty where they do not."
    )


class ReviewList(BaseModel):
    """Reviews, newest first; at most 500."""

    items: list[ReviewItem]


class Certificate(BaseModel):
    """What was looked at."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"comment": "removed two leavers; the rest is needed"}]},
    )

    comment: Annotated[
        str, Field(min_length=1, max_length=2000, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$")
    ]


class SeparatedItem(BaseModel):
    """A tenant in which separation of duties is on."""

    tenant: str | None = Field(description="Null for all tenants.")
    switched_at: datetime
    switched_by: str


class SeparatedList(BaseModel):
    """Where separation of duties is on."""

    items: list[SeparatedItem]


class SeparationBody(BaseModel):
    """Switches separation of duties."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"tenant": "acme", "on": True, "reason": "policy 7"}]},
    )

    tenant: Annotated[str, Field(pattern=f"^({TENANT_PATTERN})$")] | None = Field(
        None, description="Null for all tenants."
    )
    on: bool
    reason: Annotated[str, Field(max_length=500, json_schema_extra={"pattern": NO_NUL})] = ""


@router.get("", summary="Who has which role", responses=responses())
@needs(Permission.ADMINISTER, "access")
def present(request: Request) -> AccessNow:
    """List who has which role where, since when, and when it was last used: people and keys."""
    reviews = Reviews(within(request).store)
    settings: Settings = request.app.state.settings
    return AccessNow(
        items=[_item(one) for one in reviews.present()],
        due_at=reviews.due(settings.access_review_every),
    )


@router.get("/reviews", summary="List access reviews", responses=responses())
@needs(Permission.ADMINISTER, "access")
def list_reviews(request: Request) -> ReviewList:
    """List the reviews that were certified, newest first."""
    return ReviewList(items=[_review(one) for one in Reviews(within(request).store).list()])


@router.post(
    "/reviews",
    summary="Certify an access review",
    status_code=201,
    responses=responses(400, 409, 413),
)
@needs(Permission.ADMINISTER, "access")
def certify(request: Request, who: Acting, body: Certificate) -> ReviewDetail:
    """Certify that one has reviewed who has which role; what there is now is kept.

    A person certifies: one who is logged in, or whoever made the key. The token of the instance
    is no person (403).

    Returns:
        The review. Nobody can change it: the hash of its entries is in the audit trail.
    """
    made = Reviews(within(request).store).certify(actor=who.name, comment=body.comment)
    return _detail(made)


@router.get("/reviews/{review_id}", summary="Read an access review", responses=responses(404))
@needs(Permission.ADMINISTER, "access")
def read(
    request: Request,
    review_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of the review.")],
) -> ReviewDetail:
    """Return a review with its entries, compared with the audit trail."""
    return _detail(Reviews(within(request).store).get(review_id))


@router.get("/separation", summary="Where separation of duties is on", responses=responses())
@needs(Permission.ADMINISTER, "access")
def list_separated(request: Request) -> SeparatedList:
    """List the tenants in which changes to critical rules need a second person."""
    return _separated(request)


@router.put("/separation", summary="Switch separation of duties", responses=responses(400, 413))
@needs(Permission.ADMINISTER, "access")
def separate(request: Request, who: Acting, body: SeparationBody) -> SeparatedList:
    """Switch separation of duties on or off, in a tenant or in all; a repetition changes nothing.

    Returns:
        Where it is on now.
    """
    Separation(within(request).store).switch(
        body.tenant, on=body.on, actor=who.name, reason=body.reason
    )
    return _separated(request)


def _separated(request: Request) -> SeparatedList:
    found = Separation(within(request).store).list()
    return SeparatedList(items=[SeparatedItem(**msgspec.structs.asdict(one)) for one in found])


def _item(one: AccessEntry) -> AccessItem:
    return AccessItem.model_validate({**msgspec.structs.asdict(one), "scopes": list(one.scopes)})


def _fields(view: ReviewView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in ReviewItem.model_fields}


def _review(view: ReviewView) -> ReviewItem:
    return ReviewItem(**_fields(view))


def _detail(view: ReviewView) -> ReviewDetail:
    entries = [_item(one) for one in view.entries]
    return ReviewDetail(**_fields(view), entries=entries, problem=view.problem)
