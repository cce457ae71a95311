"""Versions of a document over HTTP: read, applied, listed and rolled back, the same for each kind.

Routes and on-call have them. A change with `If-Match` is made only to the version of that tag.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.document_bodies import (
    MOST_NUMBER,
    DocumentApplied,
    DocumentBody,
    DocumentRollback,
    DocumentVersionDetail,
    DocumentVersionItem,
    DocumentVersionList,
)
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.receivers import everywhere
from sentinel.api.shown_rules import store_of
from sentinel.errors import ConfigurationError, NotFound
from sentinel.store import Store
from sentinel.store.documents.versioned import Applied, Check, VersionedDocuments

__all__ = ["DocumentDoor", "add_versions", "of_document"]

Number = Annotated[int, Path(ge=1, le=MOST_NUMBER, description="Number of the version.")]
_TAGGED = {"headers": ETAG, "description": "The version"}


class DocumentDoor(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of document is served.

    Attributes:
        documents: makes its versions of a store
        area: of the API
        noun: as within a sentence, such as `the on-call document`
        body: of a document to apply
        about: what applying a document does besides
        read: the permission to see a document; its numbers and reasons need only `read`
    """

    documents: Callable[[Store], VersionedDocuments[Any]]
    area: str
    noun: str
    body: type[DocumentBody]
    about: str
    read: Permission


def add_versions(router: APIRouter, door: DocumentDoor) -> None:
    """Add the routes of one kind of document.

    Args:
        router: gets them below its own prefix
        door: the kind
    """

    def documents(request: Request) -> VersionedDocuments[Any]:
        return door.documents(store_of(request))

    @router.get(
        "",
        summary=f"The active version of {door.noun}",
        description=f"Return the active version of {door.noun}; number 0 where there is none.",
        responses={**responses(403), 200: _TAGGED},
    )
    @needs(door.read, door.area)
    def read(request: Request, response: Response) -> DocumentVersionDetail:
        try:
            found = DocumentVersionDetail.model_validate(documents(request).version().model_dump())
        except NotFound:
            found = DocumentVersionDetail(
                number=0, note="", applied_by="", applied_at=None, rolled_back_to=None, digest="",
                document="",
            )  # fmt: skip
        response.headers["ETag"] = _tag(found.number)
        return found

    @router.put(
        "",
        summary=f"Apply {door.noun}",
        description=f"{door.about} The same document again changes nothing.",
        responses={**responses(400, 403, 412, 413), 200: _TAGGED},
        openapi_extra=described_as(door.body),
    )
    @needs(Permission.EDIT, door.area)
    def apply(
        request: Request, response: Response, body: Body, who: Acting, if_match: IfMatch = None
    ) -> DocumentApplied:
        asked = read_as(door.body, body)
        everywhere(who, Permission.EDIT)

        def work() -> Applied:
            return documents(request).apply(
                asked.document, actor=who.name, note=asked.note, check=_matches(if_match)
            )

        return _applied(response, of_document(work))

    @router.get(
        "/versions",
        summary=f"Every version of {door.noun}",
        description="List the versions that were applied, the active one first.",
        responses=responses(403),
    )
    @needs(Permission.READ, door.area)
    def history(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: Annotated[
            int | None,
            Query(ge=1, le=MOST_NUMBER, description="next_cursor of the previous page."),
        ] = None,
    ) -> DocumentVersionList:
        found = documents(request).history(limit + 1, cursor)
        items = [DocumentVersionItem.model_validate(one.model_dump()) for one in found[:limit]]
        return DocumentVersionList(
            items=items, next_cursor=items[-1].number if len(found) > limit else None
        )

    @router.get(
        "/versions/{number}",
        summary=f"One version of {door.noun}",
        description="Return one version with its document.",
        responses=responses(403, 404),
    )
    @needs(door.read, door.area)
    def version(request: Request, number: Number) -> DocumentVersionDetail:
        found = documents(request).version(number)
        return DocumentVersionDetail.model_validate(found.model_dump())

    @router.post(
        "/rollback",
        summary=f"Roll {door.noun} back",
        description="Make an earlier version active again, as a new version.",
        responses={**responses(400, 403, 404, 409, 412, 413), 200: _TAGGED},
        openapi_extra=described_as(DocumentRollback),
    )
    @needs(Permission.EDIT, door.area)
    def rollback(
        request: Request, response: Response, body: Body, who: Acting, if_match: IfMatch = None
    ) -> DocumentApplied:
        asked = read_as(DocumentRollback, body)
        everywhere(who, Permission.EDIT)
        done = documents(request).rollback(
            asked.version, actor=who.name, note=asked.note, check=_matches(if_match)
        )
        return _applied(response, done)


T = TypeVar("T")


def of_document(work: Callable[[], T]) -> T:
    """Return what work on a document returns.

    Args:
        work: that may raise `ConfigurationError`

    Returns:
        What it returns.

    Raises:
        Problem: 422, of the field `document`
    """
    try:
        return work()
    except ConfigurationError as error:
        raise Problem(422, "invalid", error.message, hint=error.hint, field="document") from None


def _applied(response: Response, done: Applied) -> DocumentApplied:
    response.headers["ETag"] = _tag(done.number)
    return DocumentApplied(number=done.number, changed=done.changed)


def _matches(if_match: str | None) -> Check:
    return lambda active: check_match(if_match, _tag(active))


def _tag(number: int) -> str:
    return f'"{number}"'
