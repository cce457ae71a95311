"""Saved views over HTTP: each person's own named filters of the pages."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.schemas import NO_NUL
from sentinel.api.shown_rules import store_of
from sentinel.store.saved_views import LONGEST_NAME, LONGEST_QUERY, view_name

__all__ = ["router"]

router = APIRouter(prefix="/views", tags=["saved views"])

Page = Annotated[
    Literal["live", "history", "logs", "traces"], Path(description="The page that it filters.")
]
ViewName = Annotated[
    str,
    Path(
        description="Its name, of printable characters.",
        min_length=1,
        max_length=LONGEST_NAME,
        examples=["Critical, mine"],
        json_schema_extra={"pattern": "^[!-~]([ -~]*[!-~])?$"},
    ),
]


class ViewBody(BaseModel):
    """The filter of a page."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"query": "q=team%3Adb&severity=critical"}]}
    )

    query: str = Field(
        max_length=LONGEST_QUERY, pattern=NO_NUL,
        description="The part of the page's address after the question mark.",
    )  # fmt: skip


class ViewItem(BaseModel):
    """A saved view."""

    page: str
    name: str
    query: str
    saved_at: datetime


class ViewList(BaseModel):
    """The saved views of whoever asks, by page and name."""

    items: list[ViewItem]


@router.get("", summary="List saved views", responses=responses())
@needs(Permission.READ, "views", confined=True)
def list_views(request: Request, who: Acting) -> ViewList:
    """List the caller's own saved views; a person has at most 100."""
    found = store_of(request).views.of(who.owner)
    return ViewList(
        items=[ViewItem.model_validate(one, from_attributes=True) for one in found]
    )  # fmt: skip


@router.put(
    "/{page}/{name:path}",
    summary="Save a view",
    responses={
        **responses(400, 404, 412, 413),  # a path of two lines is none
        200: {"headers": ETAG, "description": "The view as it is saved"},
    },
)
@needs(Permission.READ, "views", confined=True)
def save(
    request: Request,
    response: Response,
    page: Page,
    name: ViewName,
    asked: ViewBody,
    who: Acting,
    if_match: IfMatch = None,
) -> ViewItem:
    """Save a view of the caller's own, or replace the one of that name.

    Returns:
        The view.

    Raises:
        Problem: 412 where it was changed meanwhile, 422 for a name that no view can have
    """
    views = store_of(request).views
    if not view_name(name):
        raise Problem(422, "invalid", "name: must not be blank", field="name")
    views.save(
        who.owner,
        page,
        name,
        asked.query,
        actor=who.name,
        check=lambda was: check_match(if_match, _tag(was or "")),
    )
    response.headers["ETag"] = _tag(asked.query)
    return _of(request, who, page, name)


@router.delete("/{page}/{name:path}", summary="Remove a view", responses=responses(404))
@needs(Permission.READ, "views", confined=True)
def remove(request: Request, page: Page, name: ViewName, who: Acting) -> ViewItem:
    """Remove a view of the caller's own, and return it, so that it can be saved again."""
    found = _of(request, who, page, name)
    store_of(request).views.remove(who.owner, page, found.name, actor=who.name)
    return found


def _of(request: Request, who: Acting, page: str, name: str) -> ViewItem:
    for one in store_of(request).views.of(who.owner):
        if (one.page, one.name) == (page, view_name(name)):
            return ViewItem.model_validate(one, from_attributes=True)
    raise Problem(404, "not_found", f"there is no saved view {name!r}", hint="GET …/views.")


def _tag(query: str) -> str:
    return f'"{hashlib.sha256(query.encode()).hexdigest()[:32]}"'
