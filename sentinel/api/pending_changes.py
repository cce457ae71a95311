"""Changes to critical rules that wait for a second person: listed and decided over HTTP.

Where separation of duties is on, a request that would change a critical rule is answered by 202
with the pending change, and changes nothing yet.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, FastAPI, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import NO_NUL
from sentinel.api.scoped import within
from sentinel.api.shown_rules import made_rules, store_of
from sentinel.rollout.approved_changes import ApprovedChanges
from sentinel.rules.approval import ChangeStatus, ChangeWaits
from sentinel.store.approvals.pending_changes import PendingChanges
from sentinel.store.approvals.pending_views import PendingView
from sentinel.tenant import TENANT_PATTERN

__all__ = ["WAITS", "install", "router"]

router = APIRouter(prefix="/pending-changes", tags=["rules"])

_BASE = "/api/v1/alerts/pending-changes"
ChangeId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of the pending change.")]


class FieldDifference(BaseModel):
    """A field that the change concerns."""

    field: str = Field(description="Dotted path.", examples=["rule.when.above"])
    before: Any = Field(description="When it was asked for; null where the field is not given.")
    after: Any = Field(description="As it is to be; null where it is to be left out.")


class PendingChangeItem(BaseModel):
    """A change to a critical rule that somebody asked for."""

    id: str
    tenant: str
    team: str
    rule: str = Field(examples=["payments-down"])
    kind: Literal["change", "enable", "disable", "delete", "deploy"]
    status: ChangeStatus
    asked_by: str = Field(description="The person; a key counts as whoever made it.")
    asked_as: str = Field(description="As timelines name them.", examples=["maria via deploy-bot"])
    asked_at: datetime
    expires_at: datetime
    reason: str
    decided_by: str = Field(description="Who approved, rejected or withdrew it.")
    decided_at: datetime | None
    comment: str
    differences: list[FieldDifference]


class PendingChangeList(BaseModel):
    """Pending changes, newest first; at most 500."""

    items: list[PendingChangeItem]


class Waits(BaseModel):
    """The answer to a request whose change waits: nothing has changed yet."""

    message: str = Field(
        examples=["disabling the rule 'payments-down' waits for the approval of a second person"]
    )
    hint: str
    pending_change: PendingChangeItem


class Comment(BaseModel):
    """Why it is decided so."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"comment": "checked with the team"}]}
    )

    comment: Annotated[str, Field(max_length=500, json_schema_extra={"pattern": NO_NUL})] = ""


WAITS: dict[int | str, dict[str, Any]] = {
    202: {"model": Waits, "description": "It waits for the approval of a second person"}
}
"""The response of routes that change rules, where separation of duties is on."""


@router.get("", summary="List pending changes", responses=responses())
@needs(Permission.READ, "rules", confined=True)
def list_changes(
    request: Request,
    status: Annotated[
        Literal["waiting", "all"], Query(description="Those that wait, or all that are kept.")
    ] = "waiting",
    rule: Annotated[
        str | None,
        Query(pattern=f"^({TENANT_PATTERN})$", description="Only changes of rules of this name."),
    ] = None,
) -> PendingChangeList:
    """List changes to critical rules, newest first."""
    found = within(request)
    changes = PendingChanges(found.store).list(
        waiting=status == "waiting", rule=rule or "", scope=found.scope
    )
    return PendingChangeList(items=[_item(one) for one in changes])


@router.get("/{change_id}", summary="Read a pending change", responses=responses(404))
@needs(Permission.READ, "rules", confined=True)
def read(request: Request, change_id: ChangeId) -> PendingChangeItem:
    """Return one change with its differences."""
    found = within(request)
    return _item(PendingChanges(found.store).get(change_id, found.scope))


@router.post(
    "/{change_id}/approve", summary="Approve a change", responses=responses(400, 404, 409, 413)
)
@needs(Permission.EDIT, "rules", confined=True)
def approve(
    request: Request, change_id: ChangeId, who: Acting, why: Comment | None = None
) -> PendingChangeItem:
    """Approve a change that somebody else asked for, and carry it out.

    The approval, the change and the audit rows are one transaction; of what Prefect holds, the
    change waits again where Prefect refuses it. Where Prefect's answer does not arrive, the change
    stays approved, and the same request completes it. It is refused (409) if the rule changed
    after the change was asked for; the message names each field.

    Returns:
        The change; `approved` and not yet `applied` where the next deploy applies it.
    """
    found = within(request)
    approved = ApprovedChanges(found.store, partial(made_rules, request))
    comment = why.comment if why else ""
    return _item(approved.approve(change_id, actor=who.name, comment=comment, scope=found.scope))


@router.post(
    "/{change_id}/reject", summary="Reject a change", responses=responses(400, 404, 409, 413)
)
@needs(Permission.EDIT, "rules", confined=True)
def reject(
    request: Request, change_id: ChangeId, who: Acting, why: Comment | None = None
) -> PendingChangeItem:
    """Reject a change that somebody else asked for; it is kept.

    Returns:
        The change.
    """
    found = within(request)
    comment = why.comment if why else ""
    return _item(
        PendingChanges(found.store).reject(
            change_id, actor=who.name, comment=comment, scope=found.scope
        )
    )


@router.post(
    "/{change_id}/withdraw", summary="Withdraw a change", responses=responses(400, 404, 409, 413)
)
@needs(Permission.EDIT, "rules", confined=True)
def withdraw(
    request: Request, change_id: ChangeId, who: Acting, why: Comment | None = None
) -> PendingChangeItem:
    """Withdraw a change that one asked for; it is kept.

    Returns:
        The change.
    """
    found = within(request)
    comment = why.comment if why else ""
    return _item(
        PendingChanges(found.store).withdraw(
            change_id, actor=who.name, comment=comment, scope=found.scope
        )
    )


def install(app: FastAPI) -> None:
    """Answer 202 with the pending change where a change waits for a second person.

    Args:
        app: whose routes raise `ChangeWaits`
    """

    def on_waits(request: Request, error: Exception) -> JSONResponse:
        waits = cast("ChangeWaits", error)
        found = PendingChanges(store_of(request)).get(waits.change)
        body = Waits(message=waits.message, hint=waits.hint, pending_change=_item(found))
        return JSONResponse(
            body.model_dump(mode="json"),
            status_code=202,
            headers={
                "Location": f"{_BASE}/{found.id}",
                "X-Request-Id": str(getattr(request.state, "request_id", "")),
            },
        )

    app.add_exception_handler(ChangeWaits, on_waits)


def _item(view: PendingView) -> PendingChangeItem:
    fields = {
        name: getattr(view, name)
        for name in PendingChangeItem.model_fields
        if name != "differences"
    }
    differences = [
        FieldDifference(field=one.field, before=one.before, after=one.after)
        for one in view.differences
    ]
    return PendingChangeItem(**fields, differences=differences)
