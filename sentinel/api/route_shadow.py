"""The draft of the routes that runs beside the active ones, over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.document_versions import of_document
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.receivers import everywhere
from sentinel.api.route_bodies import RoutesBody
from sentinel.api.shown_rules import store_of
from sentinel.schema.route_shadow import RouteShadow
from sentinel.store.notifications.route_shadow import start_shadow, stop_shadow
from sentinel.store.notifications.route_shadow_report import shadow_report

__all__ = ["router"]

router = APIRouter(prefix="/routes/shadow", tags=["routes"])


class ShadowItem(BaseModel):
    """A draft that runs beside the active routes, or ran."""

    id: str
    digest: str = Field(description="SHA-256 of the document.")
    note: str
    started_by: str
    started_at: datetime
    stopped_by: str
    stopped_at: datetime | None


class ShadowExampleItem(BaseModel):
    """An alert with which draft and active routes do not do the same."""

    alert_id: str
    title: str
    opened_at: datetime
    kind: str = Field(
        description="draft where only the draft names the receiver, active where only the active "
        "routes do, held where both do and the draft does not notify."
    )
    reason: str = Field(description="Reason code of the draft's last decision.")
    reason_text: str


class ShadowReceiverItem(BaseModel):
    """What the draft does for one receiver, in numbers of alerts."""

    receiver: str = Field(description="Empty for nobody.")
    notified: int = Field(description="Alerts of which the draft would have notified it.")
    held: int = Field(description="Alerts that it would not have been notified of so far.")
    waiting: int = Field(description="Alerts whose first notification is not due yet.")
    groups: int = Field(description="Conversations that the draft would have had with it.")
    active: int = Field(description="Alerts that the active routes send its way.")
    active_notified: int = Field(description="Those of them in whose groups it was notified.")
    only_draft: int
    only_active: int
    reasons: dict[str, int] = Field(description="Alerts it is not notified of, by reason code.")
    examples: list[ShadowExampleItem]


class ShadowReportDetail(BaseModel):
    """What a draft would have done with the alerts that opened within a period."""

    id: str
    running: bool
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    note: str
    since: datetime
    until: datetime = Field(description="Alerts that opened later have not been looked at yet.")
    alerts: int
    receivers: list[ShadowReceiverItem]


@router.post(
    "",
    summary="Run a draft of the routes beside the active ones",
    responses=responses(400, 403, 409, 413),
    openapi_extra=described_as(RoutesBody),
)
@needs(Permission.EDIT, "routes")
def start(request: Request, body: Body, who: Acting) -> ShadowItem:
    """Record of each alert that opens from now on whom the draft would have notified.

    The draft has no effect: nobody is notified by it. One draft runs at a time.

    Returns:
        The draft.
    """
    asked = read_as(RoutesBody, body)
    everywhere(who, Permission.EDIT)
    store = store_of(request)
    return _item(
        of_document(lambda: start_shadow(store, asked.document, actor=who.name, note=asked.note))
    )


@router.get(
    "", summary="What the draft of the routes would have done", responses=responses(403, 404)
)
@needs(Permission.READ, "routes")
def report(
    request: Request,
    days: Annotated[
        float | None,
        Query(gt=0, le=366, description="Only alerts of the last days; by default since its start"),
    ] = None,
) -> ShadowReportDetail:
    """Return what the draft that runs, or ran last, would have done, by receiver."""
    store = store_of(request)
    since = None if days is None else store.now() - timedelta(days=days)
    found = shadow_report(store, since)
    return ShadowReportDetail.model_validate(msgspec.to_builtins(found))


@router.delete("", summary="Stop the draft of the routes", responses=responses(403, 404))
@needs(Permission.EDIT, "routes")
def stop(request: Request, who: Acting) -> ShadowItem:
    """Stop the draft; what it would have done can still be read.

    Returns:
        The draft.
    """
    everywhere(who, Permission.EDIT)
    return _item(stop_shadow(store_of(request), actor=who.name))


def _item(found: RouteShadow) -> ShadowItem:
    return ShadowItem.model_validate(found.model_dump())
