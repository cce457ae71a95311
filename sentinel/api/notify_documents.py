"""Documents of receivers, routes and silences over HTTP, and whose the rules are."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.document_bodies import Note
from sentinel.api.document_versions import of_document
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.receivers import everywhere
from sentinel.api.shown_rules import store_of
from sentinel.expression.yaml_document import MOST_LETTERS
from sentinel.notifications.notify_document import NotifyDocument, read_notify
from sentinel.notifications.notify_plan import Difference
from sentinel.store.notifications.notify_documents import apply_document, plan_document, state_of
from sentinel.store.notifications.owned_rules import owned_rules

__all__ = ["owners", "router"]

router = APIRouter(prefix="/notify", tags=["routes"])

_EXAMPLE = """receivers:
  - {name: db, channels: [inbox]}
route:
  receiver: default
  routes:
    - {matchers: [team="db"], receiver: db}
"""
Files = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=500)],
         Annotated[str, Field(max_length=MOST_LETTERS)]],
    Field(min_length=1, max_length=500, description="The YAML of each file, by its name."),
]  # fmt: skip


class PlanBody(BaseModel):
    """A document of receivers, routes, silences and time intervals, in one file or several."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"document": {"notify.yaml": _EXAMPLE}}]}
    )

    document: Files


class ApplyBody(PlanBody):
    """A document to apply, and why."""

    note: Note = ""


class DifferenceItem(BaseModel):
    """One thing that is added, changed or removed."""

    sign: Literal["+", "~", "-"]
    kind: str = Field(examples=["receiver", "route", "silence", "default", "time interval", "test"])
    name: str
    text: str


class Differences(BaseModel):
    """All of them; none where nothing changes."""

    differences: list[DifferenceItem]


@router.post(
    "/plan",
    summary="What a document of receivers, routes and silences would change",
    responses={**responses(400, 403, 413), 200: {"headers": ETAG, "description": "The plan"}},
    openapi_extra=described_as(PlanBody),
)
@needs(Permission.READ, "routes")
def plan(request: Request, response: Response, body: Body, who: Acting) -> Differences:
    """Compare a document with what is stored. Nothing is changed.

    The tag of the answer, as `If-Match` of `apply`, lets it change only what was compared here.

    Returns:
        The differences.
    """
    _also_receivers(who, Permission.READ)
    asked = read_as(PlanBody, body)
    store = store_of(request)
    document = of_document(lambda: read_notify(asked.document))
    _also_silences(who, Permission.READ, document)
    # First, so that what changes meanwhile makes the tag stale and not the differences.
    response.headers["ETag"] = _tag(state_of(store))
    return _shown(of_document(lambda: plan_document(store, document)))


@router.post(
    "/apply",
    summary="Apply a document of receivers, routes and silences",
    responses=responses(400, 403, 409, 412, 413),
    openapi_extra=described_as(ApplyBody),
)
@needs(Permission.EDIT, "routes")
def apply(request: Request, body: Body, who: Acting, if_match: IfMatch = None) -> Differences:
    """Make receivers, routes, silences and time intervals as a document says, or nothing of it.

    Only what differs is changed. Receivers and silences that were made elsewhere stay, and so do
    the routes where there is no `route:`. With `If-Match`, the document is refused where somebody
    changed any of them since it was planned.

    Returns:
        What was changed.
    """
    _also_receivers(who, Permission.EDIT)
    asked = read_as(ApplyBody, body)
    document = of_document(lambda: read_notify(asked.document))
    _also_silences(who, Permission.EDIT, document)
    return _shown(
        of_document(
            lambda: apply_document(
                store_of(request),
                document,
                actor=who.name,
                note=asked.note,
                check=lambda state: check_match(if_match, _tag(state)),
            )
        )
    )


class OwnerItem(BaseModel):
    """A rule and its owner."""

    tenant: str
    rule: str
    owner: str = Field(description="Empty where nobody owns it.")
    by: str = Field(description="What says so: rule, label, tag, or the pattern that matched.")
    team: str
    work_pool: str


class OwnerList(BaseModel):
    """Rules with their owners, by tenant and name."""

    items: list[OwnerItem]


owners = APIRouter(prefix="/owners", tags=["routes"])


@owners.get("", summary="Whose the rules are", responses=responses(403))
@needs(Permission.READ, "routes")
def list_owners(
    request: Request, unowned: Annotated[bool, Query(description="Only what nobody owns.")] = False
) -> OwnerList:
    """List the rules with their owners; with `unowned`, only those that nobody owns."""
    found = owned_rules(store_of(request), unowned=unowned)
    return OwnerList.model_validate({"items": msgspec.to_builtins(found)})


def _also_receivers(who: Acting, permission: Permission) -> None:
    """Refuse a key whose scopes have routes alone.

    Raises:
        Problem: 403
    """
    everywhere(who, permission)
    _also(who, permission, "receivers")


def _also_silences(who: Acting, permission: Permission, document: NotifyDocument) -> None:
    """Refuse a document with silences of a key whose scopes have none.

    Raises:
        Problem: 403
    """
    if document.silences is not None:
        _also(who, permission, "silences")


def _also(who: Acting, permission: Permission, area: str) -> None:
    if not who.may(permission, area):
        raise Problem(
            403,
            "forbidden",
            f"{who.name} may use only: {', '.join(sorted(who.scopes or ()))}",
            hint=f"A document has {area}, too: this needs the scope {area}:{permission}.",
        )


def _tag(state: str) -> str:
    return f'"{state}"'


def _shown(found: list[Difference]) -> Differences:
    return Differences.model_validate({"differences": msgspec.to_builtins(found)})
